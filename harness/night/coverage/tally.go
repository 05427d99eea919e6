package coverage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Format is the version of the tallies that this package writes.
const Format = 1

// Tally is what some runs covered.
type Tally struct {
	Format int `json:"format"` // [Format]
	Runs   int `json:"runs"`
	// Settings counts runs by what their histories could tell.
	Settings map[Setting]int `json:"settings,omitempty"`
	// Themes says what runs covered by what their plan was about; a run of several themes
	// is in each.
	Themes map[string]Theme `json:"themes,omitempty"`
	// Kinds counts faults by kind.
	Kinds map[string]Kind `json:"kinds,omitempty"`
	// Cells has those in which a fault bit.
	Cells map[Cell]Count `json:"cells,omitempty"`
	// Situations has those of [Situations] that could be seen, by name.
	Situations map[string]Seen `json:"situations,omitempty"`
	States     States          `json:"states"`
}

// Theme is what the runs covered whose plan had a theme.
type Theme struct {
	Runs int `json:"runs"`
	// Cells counts the runs that hit a cell; nil in a tally that [Of] returned, whose cells
	// they are.
	Cells map[Cell]int `json:"cells,omitempty"`
}

// Kind counts faults of a kind.
type Kind struct {
	Put int `json:"put"` // in force
	Bit int `json:"bit"` // with evidence
}

// Count says how often a cell was hit.
type Count struct {
	Runs  int `json:"runs"`
	Times int `json:"times"`
}

// Seen says how often a situation came up.
type Seen struct {
	Could int `json:"could"` // runs whose history would have shown it
	Runs  int `json:"runs"`  // runs in which it came up
	// First is the name of the first of these: the shortest, and of those the least in
	// order of text.
	First string `json:"first,omitempty"`
}

// Setting is how many members a run had, and what its history told of.
type Setting struct {
	Members int
	tells   tells
}

func newTally() Tally {
	return Tally{
		Format: Format, Settings: make(map[Setting]int), Themes: make(map[string]Theme), Kinds: make(map[string]Kind),
		Cells: make(map[Cell]Count), Situations: make(map[string]Seen),
	}
}

// Sum returns what all the runs of the tallies covered. A run that is in two of them
// counts twice.
func Sum(tallies ...Tally) Tally {
	sum := newTally()
	for _, t := range tallies {
		sum.Add(t)
	}
	return sum
}

// Add adds other runs.
func (t *Tally) Add(o Tally) {
	if t.Format == 0 {
		*t = newTally()
	}
	t.Runs += o.Runs
	for k, n := range o.Settings {
		t.Settings[k] += n
	}
	for k, n := range o.Themes {
		if n.Cells == nil && o.Runs == 1 {
			n.Cells = make(map[Cell]int, len(o.Cells))
			for c := range o.Cells {
				n.Cells[c] = 1
			}
		}
		t.Themes[k] = t.Themes[k].add(n)
	}
	for k, n := range o.Kinds {
		sum := t.Kinds[k]
		t.Kinds[k] = Kind{sum.Put + n.Put, sum.Bit + n.Bit}
	}
	for k, n := range o.Cells {
		sum := t.Cells[k]
		t.Cells[k] = Count{sum.Runs + n.Runs, sum.Times + n.Times}
	}
	for k, n := range o.Situations {
		sum := t.Situations[k]
		sum.Could, sum.Runs = sum.Could+n.Could, sum.Runs+n.Runs
		if sum.First == "" || n.First != "" && before(n.First, sum.First) {
			sum.First = n.First
		}
		t.Situations[k] = sum
	}
	t.States.add(o.States)
}

func (h Theme) add(o Theme) Theme {
	sum := Theme{h.Runs + o.Runs, make(map[Cell]int, len(h.Cells))}
	maps.Copy(sum.Cells, h.Cells)
	for c, n := range o.Cells {
		sum.Cells[c] += n
	}
	return sum
}

// before orders names of runs, so that 9 is before 10.
func before(a, b string) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}

// hit counts that a fault of the one run bit there.
func (t *Tally) hit(c Cell) {
	n := t.Cells[c]
	t.Cells[c] = Count{1, n.Times + 1}
}

// words are what a setting can tell of, in the order of their bits.
func words() []string {
	return []string{"leaders", "votes", "logs", "snapshots", "changes", "processes", "clients", "traces"}
}

// String is "5 leaders votes": the members, and what was told of.
func (s Setting) String() string {
	text := []string{strconv.Itoa(s.Members)}
	for i, word := range words() {
		if s.tells>>i&1 == 1 {
			text = append(text, word)
		}
	}
	return strings.Join(text, " ")
}

// MarshalText is String.
func (s Setting) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what String returns.
func (s *Setting) UnmarshalText(text []byte) error {
	fields := strings.Fields(string(text))
	if len(fields) == 0 {
		return errors.New("a setting is a number of members and what was told of them, not empty")
	}
	n, err := strconv.Atoi(fields[0])
	if err != nil || n < 0 || n > maxMembers {
		return fmt.Errorf("setting %q: want a number of members first", text)
	}
	*s = Setting{Members: n}
	for _, word := range fields[1:] {
		i := slices.Index(words(), word)
		if i < 0 {
			return fmt.Errorf("setting %q: this usurper does not know %q", text, word)
		}
		s.tells |= 1 << i
	}
	return nil
}

// Parse reads the JSON of a tally, such as an entry of a night has.
func Parse(b []byte) (Tally, error) {
	var version struct{ Format int }
	if err := json.Unmarshal(b, &version); err != nil {
		return Tally{}, fmt.Errorf("read coverage: %w", err)
	}
	if version.Format < 1 || version.Format > Format {
		return Tally{}, fmt.Errorf("read coverage: format %d, this usurper knows 1 to %d: use a newer one", version.Format, Format)
	}
	t := newTally()
	if err := json.Unmarshal(b, &t); err != nil {
		return Tally{}, fmt.Errorf("read coverage: %w", err)
	}
	return t, nil
}

// Load reads the tally of earlier runs at path, an empty one if there is no such file.
func Load(path string) (Tally, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newTally(), nil
	}
	if err != nil {
		return Tally{}, fmt.Errorf("read coverage: %w", err)
	}
	t, err := Parse(b)
	if err != nil {
		return Tally{}, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// Save writes a tally to path, whole or not at all.
func (t Tally) Save(path string) error {
	b, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("write coverage: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write coverage: %w", err)
	}
	defer os.Remove(f.Name()) // gone once it has its name
	_, err = bytes.NewReader(append(b, '\n')).WriteTo(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write coverage %s: %w", path, err)
	}
	return nil
}
