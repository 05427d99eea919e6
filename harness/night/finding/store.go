package finding

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/night/entry"
)

// Format is the version of the files that this package writes.
const Format = 1

// The files of a store. Nobody rewrites what another night, shard or machine wrote, so
// that git merges stores by taking the files of both:
//
//	usurper-findings.json                that this is a store, and its format
//	nights/NIGHT-1-of-4-0a1b2c.json      how often each cell was run in a shard of a night
//	votes-3f9a2c11/                      a finding
//	  signature.json
//	  seen/NIGHT-1-of-4-0a1b2c.json      where it was seen there
//	  examples/NIGHT-17-0a1b2c/          a kept run
//	  tried/NIGHT-repeat-EXAMPLE.json    how often an example was repeated
//	  minimal/FORM-EXAMPLE/              a kept run of the plan that is left of an example
//	  label.json, mute.json              what people said
const (
	markFile      = "usurper-findings.json"
	nightsDir     = "nights"
	signatureFile = "signature.json"
	seenDir       = "seen"
	examplesDir   = "examples"
	triedDir      = "tried"
	minimalDir    = "minimal"
	labelFile     = "label.json"
	muteFile      = "mute.json"
)

// ErrNotAStore is the error of a directory that holds something else.
var ErrNotAStore = errors.New("is no directory of findings")

// Store is a directory of findings. Several processes may use one at a time.
type Store struct{ dir string }

type mark struct {
	Format int `json:"format"`
}

// Is tells whether a directory says of itself that it is a store.
func Is(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, markFile))
	return err == nil
}

// Open opens the store in a directory. One that is not there, or empty, becomes a store
// once something is written to it; one that holds something else is refused.
func Open(dir string) (*Store, error) {
	var m mark
	err := read(filepath.Join(dir, markFile), &m)
	switch {
	case err == nil && m.Format > Format:
		return nil, fmt.Errorf("%s: format %d is newer than this usurper, which knows %d: use a newer one", dir, m.Format, Format)
	case err == nil && m.Format < 1:
		return nil, fmt.Errorf("%s %w: %s names no format", dir, ErrNotAStore, markFile)
	case err == nil:
		return &Store{dir}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("open findings: %w", err)
	}
	names, err := list(dir)
	if err != nil {
		return nil, fmt.Errorf("open findings: %w", err)
	}
	if len(names) > 0 {
		return nil, fmt.Errorf("%s %w: it has %s and no %s: name another with --findings", dir, ErrNotAStore, names[0], markFile)
	}
	return &Store{dir}, nil
}

// Dir is the directory.
func (s *Store) Dir() string { return s.dir }

func (s *Store) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// begin makes the directory a store.
func (s *Store) begin() error { return write(s.path(markFile), mark{Format}) }

// night is what a shard of a night ran.
type night struct {
	Night string    `json:"night"`
	Begun time.Time `json:"begun"`
	// Runs counts, by cell, the runs that could have shown something.
	Runs     map[string]int `json:"runs"`
	Systems  []string       `json:"systems,omitempty"`
	Harness  []string       `json:"harness,omitempty"`
	LastSeen time.Time      `json:"last"` // when the last of its runs began
}

// seen is where a finding was seen in a shard of a night.
type seen struct {
	Night string    `json:"night"`
	Begun time.Time `json:"begun"` // the night
	// Runs counts, by cell, the runs that showed it, also beside another finding.
	Runs map[string]int `json:"runs"`
	// Main counts those of them that are this finding's and no other's.
	Main int `json:"main"`
	// Also counts, by finding, what else these showed.
	Also    map[string]int `json:"also,omitempty"`
	First   Sighting       `json:"first"`
	Last    Sighting       `json:"last"`
	Systems []string       `json:"systems,omitempty"`
	Harness []string       `json:"harness,omitempty"`
	Text    string         `json:"text"` // of the first
}

// Sighting is a run that showed a finding.
type Sighting struct {
	Night   string    `json:"night"`
	Number  int       `json:"number"` // in the night
	Seed    uint64    `json:"seed"`
	Cell    string    `json:"cell"`
	Time    time.Time `json:"time"`
	System  string    `json:"system,omitempty"`
	Harness string    `json:"harness,omitempty"`
	Args    []string  `json:"args,omitempty"` // of usurper, to make the run again
	Broke   []string  `json:"broke"`          // all rules that it broke, with their checkers, sorted
}

func sighting(e *entry.Entry) Sighting {
	var broke []string
	for _, b := range e.Breaches {
		broke = with(broke, b.Checker+": "+b.Rule)
	}
	return Sighting{e.Night, e.Number, e.Seed, e.Cell, e.Started, e.System, e.Harness, e.Args, broke}
}

// shardName is the name of what one process, and those that take its place after a
// crash, know of a night.
func shardName(f entry.Facts) string {
	text := fmt.Sprintf("%s\n%d/%d\n%d\n%s", f.Night, f.Shard, f.Shards, f.Seed, f.Begun.UTC().Format(time.RFC3339Nano))
	return fmt.Sprintf("%s-%d-of-%d-%s", slug(f.Night), max(f.Shard, 1), max(f.Shards, 1), digest([]byte(text))[:6])
}

// Put takes what a shard of a night has run so far, all of it, in the order of its log.
// To put it again, with more or the same runs, replaces what it said before. A merged
// night is put shard by shard, or not at all if its stores are merged.
func (s *Store) Put(f entry.Facts, log []entry.Entry) error {
	if err := s.begin(); err != nil {
		return err
	}
	name := shardName(f) + ".json"
	n := night{Night: f.Night, Begun: f.Begun, Runs: make(map[string]int)}
	all := make(map[string]*seen)
	var order []Signature
	for i := range log {
		e := &log[i]
		if !judged(e) {
			continue
		}
		n.add(e)
		order = s.sight(f, e, all, order)
	}
	for _, sig := range order {
		id, known, err := s.folder(sig)
		if err != nil {
			return err
		}
		here := all[sig.ID()]
		if here.Main == 0 && !known {
			continue // nothing that is not told of another finding
		}
		if err := write(s.path(id, signatureFile), sig); err != nil {
			return err
		}
		if err := write(s.path(id, seenDir, name), here); err != nil {
			return err
		}
	}
	return write(s.path(nightsDir, name), n)
}

func (n *night) add(e *entry.Entry) {
	n.Runs[e.Cell]++
	n.Systems, n.Harness = with(n.Systems, e.System), with(n.Harness, e.Harness)
	n.LastSeen = later(n.LastSeen, e.Started)
}

// sight notes what a run showed.
func (s *Store) sight(f entry.Facts, e *entry.Entry, all map[string]*seen, order []Signature) []Signature {
	main := Primary(e.Breaches)
	for i, b := range e.Breaches {
		sig := signature(e, b)
		id := sig.ID()
		here := all[id]
		if here == nil {
			here = &seen{Night: f.Night, Begun: f.Begun, Runs: make(map[string]int), First: sighting(e), Text: b.Text}
			all[id], order = here, append(order, sig)
		}
		here.Runs[e.Cell]++
		here.Last = sighting(e)
		here.Systems, here.Harness = with(here.Systems, e.System), with(here.Harness, e.Harness)
		if i != main {
			continue
		}
		here.Main++
		for j, o := range e.Breaches {
			if j == main {
				continue
			}
			if here.Also == nil {
				here.Also = make(map[string]int)
			}
			here.Also[o.Checker+": "+o.Rule]++
		}
	}
	return order
}

// folder is that of a signature, and whether it is there. Should another signature have
// the same ID, this one has a longer one.
func (s *Store) folder(sig Signature) (id string, known bool, err error) {
	for n := digits; n <= 64; n += digits {
		id = sig.id(n)
		var there Signature
		err := read(s.path(id, signatureFile), &there)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return id, false, nil
		case err != nil || there == sig: // what is damaged is written again
			return id, true, nil
		}
	}
	return "", false, fmt.Errorf("findings: %s has the ID of another one: %s", sig, s.dir)
}

// with adds a word to a sorted list, unless it is empty or there.
func with(list []string, word string) []string {
	i, found := slices.BinarySearch(list, word)
	if found || word == "" {
		return list
	}
	return slices.Insert(list, i, word)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Merge takes over what another store has and this one lacks. Of what both have, this
// one's stays; so does what people said here. Of the examples of a finding the earliest
// stay, as many as there may be. It may be done again, and in any order, without harm.
func (s *Store) Merge(from *Store) error {
	if err := s.begin(); err != nil {
		return err
	}
	if err := s.mergeFiles(from); err != nil {
		return err
	}
	names, err := list(s.dir)
	if err != nil {
		return fmt.Errorf("merge findings: %w", err)
	}
	for _, name := range names {
		if err := s.prune(name); err != nil {
			return fmt.Errorf("merge findings: %w", err)
		}
	}
	return nil
}

// prune leaves as many examples of a finding as there may be.
func (s *Store) prune(folder string) error {
	var all []Example
	for _, name := range s.kept(folder, examplesDir) {
		e := Example{Name: name, Dir: s.path(folder, examplesDir, name)}
		if err := read(filepath.Join(e.Dir, runFile), &e.Run); err == nil {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b Example) int { return cmp.Or(a.Run.Time.Compare(b.Run.Time), cmp.Compare(a.Name, b.Name)) })
	for _, e := range all[min(len(all), Examples):] {
		if err := os.RemoveAll(e.Dir); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) mergeFiles(from *Store) error {
	return filepath.WalkDir(from.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("merge findings: %w", err)
		}
		rel, err := filepath.Rel(from.dir, path)
		if err != nil || rel == "." {
			return err
		}
		if d.Name() == signatureFile && differ(path, s.path(rel)) {
			return fmt.Errorf("merge findings: %s and %s are two findings with one ID: move one away", path, s.path(rel))
		}
		if d.Name()[0] == '.' {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || !d.Type().IsRegular() {
			return nil
		}
		return s.takeOver(path, rel)
	})
}

// takeOver copies a file that is not there, or that says more than the one that is: a
// shard may be merged while it goes on.
func (s *Store) takeOver(path, rel string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("merge findings: %w", err)
	}
	to := s.path(rel)
	if _, err := os.Stat(to); err == nil && !moreRuns(rel, path, to) {
		return nil
	}
	if err := replace(to, text); err != nil {
		return fmt.Errorf("merge findings: %w", err)
	}
	return nil
}

// moreRuns tells whether a file that counts runs counts more than another of its name.
func moreRuns(rel, path, than string) bool {
	if dir := filepath.Base(filepath.Dir(rel)); dir != nightsDir && dir != seenDir {
		return false
	}
	count := func(path string) (all int) {
		var counted struct {
			Runs map[string]int `json:"runs"`
		}
		if err := read(path, &counted); err != nil {
			return -1 // another one mends it
		}
		for _, n := range counted.Runs {
			all += n
		}
		return all
	}
	return count(path) > count(than)
}

// differ tells whether two files hold other signatures.
func differ(a, b string) bool {
	var one, other Signature
	return read(a, &one) == nil && read(b, &other) == nil && one != other
}
