package finding

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/reproduce"
	"github.com/usurper/usurper/harness/results"
)

// Examples is how many runs are kept of a finding.
const Examples = 3

// Files of kept runs that say where they are from.
const (
	runFile     = "run.json"     // of an example: a [Sighting]
	minimalFile = "minimal.json" // of a smallest plan: a [Minimal]
)

// Minimal is the smallest plan that was found for a finding.
type Minimal struct {
	Form string `json:"form"` // see [Form]
	Plan string `json:"plan"`
	Of   string `json:"of"` // the example that was shrunk
	// Reproduced of Runs runs of the plan broke the rule in the same way; Measured if
	// they were made for that alone, else it flatters the plan.
	Reproduced int    `json:"reproduced"`
	Runs       int    `json:"runs"`
	Measured   bool   `json:"measured"`
	Before     string `json:"before"` // faults, length, nodes, clients and rate of the example
	After      string `json:"after"`
	Dir        string `json:"dir,omitempty"` // of a kept run of it
}

// Example is a run that was kept.
type Example struct {
	Name string   `json:"name"`
	Dir  string   `json:"dir"`
	Run  Sighting `json:"run"`
}

// Keep keeps the run of an entry as an example of what it is a finding for, packed,
// unless there are [Examples] already. The last place is for a run that broke other rules
// besides than the ones before, which may be another bug. It tells whether the run is an
// example now. The entry's Dir has to be there still, and may be removed then.
func (s *Store) Keep(e entry.Entry) (bool, error) {
	sig, ok := SignatureOf(e)
	if !ok {
		return false, fmt.Errorf("keep an example: run %d of %s is no finding", e.Number, e.Night)
	}
	if err := s.begin(); err != nil {
		return false, err
	}
	id, _, err := s.folder(sig)
	if err != nil {
		return false, err
	}
	name := fmt.Sprintf("%s-%d-%s", slug(e.Night), e.Number, digest(fmt.Append(nil, e.Seed, e.Started.UTC(), e.Cell))[:6])
	switch there := s.kept(id, examplesDir); {
	case slices.Contains(there, name):
		return true, nil
	case len(there) >= Examples, len(there) == Examples-1 && s.known(id, there, &e):
		return false, nil
	}
	if err := write(s.path(id, signatureFile), sig); err != nil {
		return false, err
	}
	dir, err := results.Open(e.Dir)
	if err != nil {
		return false, fmt.Errorf("keep an example: %w", err)
	}
	return true, s.pack(dir, s.path(id, examplesDir, name), runFile, sighting(&e))
}

// known tells whether one of the examples broke the same rules.
func (s *Store) known(id string, examples []string, e *entry.Entry) bool {
	broke := sighting(e).Broke
	return slices.ContainsFunc(examples, func(name string) bool {
		var run Sighting
		return read(s.path(id, examplesDir, name, runFile), &run) == nil && slices.Equal(run.Broke, broke)
	})
}

// workPrefix begins the names of directories in which somebody is at work.
const workPrefix = ".work-"

// pack makes a kept run of a run directory, beside which a file says what it is. It comes
// to its place whole, or not at all.
func (s *Store) pack(dir results.Dir, to, file string, about any) error {
	work, err := os.MkdirTemp(s.dir, workPrefix)
	if err != nil {
		return fmt.Errorf("keep an example: %w", err)
	}
	defer os.RemoveAll(work)
	kept, _, err := reproduce.KeepSmall(dir, work, filepath.Base(to))
	if err != nil {
		return err
	}
	if err := kept.WriteJSON(file, about); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("keep an example: %w", err)
	}
	if err := os.Rename(kept.String(), to); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("keep an example: %w", err)
	}
	return nil // whoever was faster has kept the same
}

// kept lists the directories of kept runs in a part of a folder.
func (s *Store) kept(folder, part string) []string {
	names, _ := list(s.path(folder, part)) // none if it cannot be read
	return slices.DeleteFunc(names, func(name string) bool { return !isFolder(s.path(folder, part, name)) })
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Tried is an attempt to repeat an example, or to shrink it.
type Tried struct {
	What    What          `json:"what"`
	Of      string        `json:"of"` // the example
	Night   string        `json:"night,omitempty"`
	Begun   time.Time     `json:"begun"`
	Elapsed time.Duration `json:"elapsed"` // nanoseconds
	// Reproduced of Runs runs broke the rule in the same way again.
	Reproduced int    `json:"reproduced"`
	Runs       int    `json:"runs"`
	Others     string `json:"others,omitempty"`  // what was broken instead
	Problem    string `json:"problem,omitempty"` // why it came to nothing
	Harness    string `json:"harness,omitempty"`
}

// What is done to an example.
type What string

// Repeat replays it, Shrink looks for its smallest plan.
const (
	Repeat What = "repeat"
	Shrink What = "shrink"
)
