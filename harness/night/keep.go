package night

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/finding"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/seen"
)

// keep moves the directory of a run that was not valid beside the night's other files,
// and returns where it is. It has the run's number in its name, so that a run which is made
// again, since the night was killed at this point, takes the place of the first. A run
// that has none leaves what it said, if anything. Of runs of a kind it keeps the first
// few, most of them; 0 for all.
func (n *Night) keep(j Job, e *entry.Entry, work string, most int) (string, error) {
	from := e.Dir
	if from == "" { // it broke; there is a directory if it came so far
		from = unfinished(work)
	}
	to := filepath.Join(n.Dir, fmt.Sprintf("%04d-seed%d", j.Number, j.Seed))
	if from != "" {
		e.Why = strings.ReplaceAll(e.Why, from, filepath.Base(to)) // from will be gone
	}
	if e.Class == entry.Valid || j.Control != "" || most > 0 && n.kept(kind(e)) >= most {
		return "", nil
	}
	if err := os.RemoveAll(to); err != nil {
		return "", fmt.Errorf("keep a run: %w", err)
	}
	if e.Class == entry.Broken && from != "" && size(from) > brokenMost {
		from = "" // what fills disks is not kept
	}
	if from == "" {
		if e.Class != entry.Broken {
			return "", nil
		}
		from = filepath.Join(work, "said")
		if err := os.Mkdir(from, 0o755); err != nil {
			return "", fmt.Errorf("keep a run: %w", err)
		}
	}
	if e.Class == entry.Broken {
		os.Rename(filepath.Join(work, saidFile), filepath.Join(from, saidFile)) // there may be none
	}
	if err := os.Rename(from, to); err != nil {
		return "", fmt.Errorf("keep a run: %w", err)
	}
	repage(to)
	Point(n.Dir, latest, filepath.Base(to))
	return to, nil
}

// repage makes the page of a run anew that has moved: it names commands by where the run
// is. A night does not end because one cannot be made: the page from before is there.
func repage(path string) {
	dir, err := results.Open(path)
	if err != nil {
		return // it broke before it had a history
	}
	var report checker.Report
	if dir.ReadJSON(results.VerdictFile, &report) == nil {
		_ = seen.Write(dir, report)
	}
}

// brokenMost is how many bytes the directory of a broken run may have that is kept.
const brokenMost = 256 << 20

// kind is what runs have in common of which a few are enough: what they are a finding
// for, or why they were no valid ones, up to numbers.
func kind(e *entry.Entry) string {
	if sig, ok := finding.SignatureOf(*e); ok {
		return string(e.Class) + " " + sig.ID()
	}
	return string(e.Class) + " " + digits.ReplaceAllString(e.Why, "0")
}

var digits = regexp.MustCompile(`[0-9]+`)

// kept counts the runs of a kind that the night has kept.
func (n *Night) kept(of string) (count int) {
	for i := range n.entries {
		if e := &n.entries[i]; e.Dir != "" && kind(e) == of {
			count++
		}
	}
	return count
}

// unfinished finds the run directory of a run that did not say where it is.
func unfinished(work string) string {
	dirs, _ := filepath.Glob(filepath.Join(quoteGlob(work), "*-seed*"))
	if len(dirs) == 0 {
		return ""
	}
	return dirs[0]
}
