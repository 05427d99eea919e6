package seen

import (
	"bytes"
	"fmt"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/picture/page"
	"github.com/usurper/usurper/harness/results"
)

// Write leaves the page of a run in its directory, in the place of one that is there.
func Write(dir results.Dir, report checker.Report) error {
	p, err := Picture(dir, report)
	if err != nil {
		return err
	}
	return Save(dir, &p)
}

// Save leaves the page of a picture in a run directory, in the place of one that is there.
func Save(dir results.Dir, p *picture.Picture) error {
	var b bytes.Buffer
	if err := page.Write(&b, p); err != nil {
		return fmt.Errorf("write %s: %w", results.PageFile, err)
	}
	return dir.WriteText(results.PageFile, b.String())
}
