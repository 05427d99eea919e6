package finding

import (
	"os"
	"time"
)

// minimalFile is what a directory of a smallest plan says of it, beside the kept run.
const minimalFile = "minimal.json"

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
	Size       string `json:"size"`
	Dir        string `json:"-"` // of the kept run
}

// Tried is an attempt to repeat an example, or to shrink it.
type Tried struct {
	What    string        `json:"what"` // repeat or shrink
	Of      string        `json:"of"`   // the example
	Night   string        `json:"night,omitempty"`
	Begun   time.Time     `json:"begun"`
	Elapsed time.Duration `json:"elapsed"`
	// Reproduced of Runs runs broke the rule in the same way again.
	Reproduced int    `json:"reproduced"`
	Runs       int    `json:"runs"`
	Others     string `json:"others,omitempty"`  // what else was broken instead
	Problem    string `json:"problem,omitempty"` // why it came to nothing
	System     string `json:"system,omitempty"`
}

// kept lists the directories of kept runs in a part of a folder.
func (s *Store) kept(folder, part string) []string {
	names, _ := list(s.path(folder, part)) // none if it cannot be read
	return names
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
