package entry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// What a night's directory holds: its entries, its facts, and what is locked (flock) by the
// night that goes on, which writes its process there.
const (
	LogFile   = "runs.jsonl"
	FactsFile = "facts.json"
	LockFile  = "lock"
)

// Facts are what is known of a night, or of one shard of it, besides its entries. They
// are written when it begins and again whenever they change.
type Facts struct {
	Format int       `json:"format"` // [Format]
	Night  string    `json:"night"`  // as in its entries
	Seed   uint64    `json:"seed"`   // the base seed
	Begun  time.Time `json:"begun"`
	// Ended is when it ended, zero while it goes on or if it was killed.
	Ended time.Time `json:"ended,omitzero"`
	// Stopped says in one line why it ended before its plan did: "interrupted". Empty if
	// it did not.
	Stopped string `json:"stopped,omitempty"`

	// Command is how it was called, without the name of the program.
	Command []string `json:"command,omitempty"`
	// Shard is this one of Shards, both from 1; 1 of 1 is a night that is not cut.
	Shard  int `json:"shard"`
	Shards int `json:"shards"`

	// What this shard was asked for. Runs counts neither controls nor repetitions; 0 is as
	// many as there is time for. For is nanoseconds of wall time, 0 without a bound.
	// Failures is after how many invalid runs it ends, 0 for never.
	Runs     int           `json:"runs,omitempty"`
	For      time.Duration `json:"for,omitempty"`
	Failures int           `json:"failures,omitempty"`
	// Cells are those of the matrix that this shard was to run at least once.
	Cells []string `json:"cells,omitempty"`
	// MaxUnknown is the share of runs, 0 to 1, that may be unknown in a night that shows
	// something.
	MaxUnknown float64 `json:"max_unknown"`

	// Controls are the known-bad configurations by which the night shows that it can see.
	Controls []Control `json:"controls,omitempty"`
	// Doubts are reasons, one printable line each, not to trust the night's silence that
	// neither its entries nor the rest of the facts tell.
	Doubts []string `json:"doubts,omitempty"`
}

// Control is how a known-bad configuration stands. It is red if Red is set, green if it
// was tried in vain, and otherwise untried.
type Control struct {
	Name    string `json:"name"`    // as [Entry.Control]
	Checker string `json:"checker"` // that is to call it invalid
	// Red is when it was last seen invalid with this build: tonight, or not long ago.
	Red   time.Time `json:"red,omitzero"`
	Tries int       `json:"tries"` // tonight
	// Broken counts the tries that came to no verdict for the harness's sake.
	Broken int `json:"broken,omitempty"`
	// Untried says in one line why it was not tried, or in vain for the harness's sake, if
	// it should have been.
	Untried string `json:"untried,omitempty"`
}

// WriteFacts writes the facts of the night in a directory, in the place of those that
// are there. A reader, and who is killed in its midst, has either the old or the new.
func WriteFacts(dir string, f Facts) error {
	f.Format = Format
	text, err := json.MarshalIndent(f, "", "  ")
	if err == nil {
		err = replace(filepath.Join(dir, FactsFile), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the night's facts: %w", err)
	}
	return nil
}

// replace writes a file that is whole at any moment.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // of no effect once it is renamed
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// ReadFacts reads the facts of the night in a directory.
func ReadFacts(dir string) (Facts, error) {
	var f Facts
	path := filepath.Join(dir, FactsFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, "latest", FactsFile)); err == nil {
			return f, fmt.Errorf("%s is a folder of nights: name one of them, such as %s", dir, filepath.Join(dir, "latest"))
		}
		return f, fmt.Errorf("%s is no directory of a night: it has no %s: %w", dir, FactsFile, err)
	}
	if err != nil {
		return f, fmt.Errorf("read the night's facts: %w", err)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return f, fmt.Errorf("%s: these are no facts of a night: %w", path, err)
	}
	if f.Format > Format {
		return f, fmt.Errorf("%s: format %d is newer than this usurper, which knows %d: use a newer one", path, f.Format, Format)
	}
	return f, nil
}
