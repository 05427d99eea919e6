package night

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/usurper/usurper/harness/night/entry"
)

// keep moves the directory of a run that was not valid beside the night's other files,
// and returns where it is. It has the run's number in its name, so that a run which is made
// again, since the night was killed at this point, takes the place of the first. A run
// that has none leaves what it said, if anything.
func (n *Night) keep(j Job, e *entry.Entry, work string) (string, error) {
	if e.Class == entry.Valid || j.Control != "" {
		return "", nil
	}
	from := e.Dir
	if from == "" { // it broke; there is a directory if it came so far
		from = unfinished(work)
	}
	to := filepath.Join(n.Dir, fmt.Sprintf("%04d-seed%d", j.Number, j.Seed))
	if err := os.RemoveAll(to); err != nil {
		return "", fmt.Errorf("keep a run: %w", err)
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
	e.Why = strings.ReplaceAll(e.Why, from, to)
	Point(n.Dir, latest, filepath.Base(to))
	return to, nil
}

// unfinished finds the run directory of a run that did not say where it is.
func unfinished(work string) string {
	dirs, _ := filepath.Glob(filepath.Join(quoteGlob(work), "*-seed*"))
	if len(dirs) == 0 {
		return ""
	}
	return dirs[0]
}
