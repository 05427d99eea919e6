package seen

import (
	"bytes"
	"fmt"
	"io"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/picture/page"
	"github.com/usurper/usurper/harness/picture/still"
	"github.com/usurper/usurper/harness/results"
)

// Write leaves the page of a run, and its still picture, in its directory, in the place of
// those that are there.
func Write(dir results.Dir, report checker.Report) error {
	p, err := Picture(dir, report)
	if err != nil {
		return err
	}
	return Save(dir, &p)
}

// Save leaves the page of a picture, and the still picture, in a run directory, in the
// place of those that are there.
func Save(dir results.Dir, p *picture.Picture) error {
	for _, file := range []struct {
		name  string
		write func(io.Writer, *picture.Picture) error
	}{{results.PageFile, page.Write}, {results.StillFile, still.Write}} {
		var b bytes.Buffer
		if err := file.write(&b, p); err != nil {
			return fmt.Errorf("write %s: %w", file.name, err)
		}
		if err := dir.WriteText(file.name, b.String()); err != nil {
			return err
		}
	}
	return nil
}
