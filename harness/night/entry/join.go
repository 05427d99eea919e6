package entry

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// PartsFile holds, in a directory in which the shards of a night were joined, the facts of
// each. Such a directory has no [FactsFile].
const PartsFile = "parts.json"

type parts struct {
	Format int     `json:"format"` // [Format]
	Parts  []Facts `json:"parts"`
}

// WriteParts writes the facts of a night whose shards were joined in a directory, in the
// place of those that are there.
func WriteParts(dir string, all []Facts) error {
	text, err := json.MarshalIndent(parts{Format, all}, "", "  ")
	if err == nil {
		err = replace(filepath.Join(dir, PartsFile), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the facts of the night's shards: %w", err)
	}
	return nil
}

// readParts reads the facts of all parts in a directory: of a night, of a shard, or of
// shards that were joined.
func readParts(dir string) ([]Facts, error) {
	path := filepath.Join(dir, PartsFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err := ReadFacts(dir)
		return []Facts{f}, err
	}
	if err != nil {
		return nil, fmt.Errorf("read the facts of the night's shards: %w", err)
	}
	var p parts
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("%s: these are no facts of shards: %w", path, err)
	}
	if p.Format > Format {
		return nil, fmt.Errorf("%s: format %d is newer than this usurper, which knows %d: use a newer one", path, p.Format, Format)
	}
	return p.Parts, nil
}

// IsNight tells whether a directory is that of a night, of a shard, or of shards that were
// joined.
func IsNight(dir string) bool {
	return slices.ContainsFunc([]string{FactsFile, PartsFile}, func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
}

// ReadParts reads the facts of nights, or of shards of them, from their directories, and
// returns those of each part once, by night and shard. Of two that tell of one shard, as
// after a restart in another directory, it takes the one that came further. Shards that
// contradict each other are an error. The order of the directories makes no difference.
func ReadParts(dirs []string) ([]Facts, error) {
	type id struct {
		night string
		shard int
	}
	best := make(map[id]Facts)
	first := make(map[string]Facts)
	for _, dir := range dirs {
		all, err := readParts(dir)
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			o, ok := first[p.Night]
			if !ok {
				first[p.Night] = p
			} else if o.Seed != p.Seed || o.Shards != p.Shards {
				return nil, fmt.Errorf("these are no shards of one night %s: shard %d of %d with seed %d, and %d of %d with seed %d (%s): leave out what is of another night",
					p.Night, o.Shard, o.Shards, o.Seed, p.Shard, p.Shards, p.Seed, dir)
			}
			k := id{p.Night, p.Shard}
			if o, ok := best[k]; !ok || further(&p, &o) > 0 {
				best[k] = p
			}
		}
	}
	joined := slices.Collect(maps.Values(best))
	slices.SortFunc(joined, func(a, b Facts) int {
		return cmp.Or(cmp.Compare(a.Night, b.Night), cmp.Compare(a.Shard, b.Shard))
	})
	return joined, nil
}

// further is positive if a came further than b, and zero only if they are equal.
func further(a, b *Facts) int {
	rank := func(f *Facts) int {
		switch {
		case !f.Ended.IsZero():
			return 2
		case f.Stopped != "":
			return 1
		}
		return 0
	}
	tries := func(f *Facts) (n int) {
		for _, c := range f.Controls {
			n += c.Tries
			if !c.Red.IsZero() {
				n++
			}
		}
		return n
	}
	if c := cmp.Or(cmp.Compare(rank(a), rank(b)), a.Ended.Compare(b.Ended), a.Begun.Compare(b.Begun), cmp.Compare(tries(a), tries(b))); c != 0 {
		return c
	}
	one, _ := json.Marshal(a) // they differ in little, and it does not matter which is taken, as
	two, _ := json.Marshal(b) // long as it is always the same
	return strings.Compare(string(one), string(two))
}

// Key tells the runs of nights apart. Tries of a control may have one number.
type Key struct {
	Night, Control string
	Number         int
	Started        int64 // of a control alone
}

// Key is what the entry is known by.
func (e *Entry) Key() Key {
	k := Key{Night: e.Night, Control: e.Control, Number: e.Number}
	if e.Control != "" {
		k.Started = e.Started.UnixNano()
	}
	return k
}

// ReadAll reads the entries of nights, or of shards of them, from their directories, and
// returns each run once, in the order in which they began. Of a run that was made twice,
// as by a shard that was begun anew elsewhere, it takes the invalid one, else the one that
// came to a verdict: what was found is never lost. A run that is kept beside its log has
// that as its Dir. Two runs of one number that are not the same are an error. The order
// of the directories makes no difference.
func ReadAll(dirs []string) ([]Entry, error) {
	type found struct {
		entry  Entry
		beside bool
		log    string
	}
	best := make(map[Key]found)
	for _, dir := range dirs {
		log := filepath.Join(dir, LogFile)
		err := Read(log, func(e Entry) error {
			f := found{entry: e, log: log}
			if beside := filepath.Join(dir, filepath.Base(e.Dir)); e.Dir != "" {
				if _, err := os.Stat(beside); err == nil {
					f.entry.Dir, f.beside = beside, true
				}
			}
			o, ok := best[e.Key()]
			if !ok {
				best[e.Key()] = f
				return nil
			}
			if o.entry.Seed != e.Seed || o.entry.Cell != e.Cell || !slices.Equal(settings(&o.entry), settings(&e)) {
				return fmt.Errorf("run %d of the night %s is seed %d of %s in %s, and another one, seed %d of %s, in %s: these are two nights of one name: leave one of them out",
					e.Number, e.Night, o.entry.Seed, o.entry.Cell, o.log, e.Seed, e.Cell, log)
			}
			c := better(&e, &o.entry)
			if c > 0 || c == 0 && f.beside && !o.beside {
				best[e.Key()] = f
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	all := make([]Entry, 0, len(best))
	for _, f := range best {
		all = append(all, f.entry)
	}
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Night, b.Night), cmp.Compare(a.Control, b.Control), cmp.Compare(a.Number, b.Number))
	})
	return all, nil
}

// settings are the arguments of a run that are the same wherever it is made: paths are
// not, nor is what earlier nights there say of themes.
func settings(e *Entry) []string {
	return slices.DeleteFunc(slices.Clone(e.Args), func(arg string) bool {
		return strings.HasPrefix(arg, "--favour=") || strings.ContainsAny(arg, `/\`)
	})
}

// better is positive if a is to be taken of two times that one run was made, and zero only
// if they are the same.
func better(a, b *Entry) int {
	rank := []Class{Broken, Unknown, Valid, Invalid}
	if c := cmp.Or(cmp.Compare(slices.Index(rank, a.Class), slices.Index(rank, b.Class)), b.Started.Compare(a.Started)); c != 0 {
		return c
	}
	one, other := *a, *b
	one.Dir, other.Dir = "", ""
	x, _ := json.Marshal(one) // as above
	y, _ := json.Marshal(other)
	return strings.Compare(string(x), string(y))
}

// WriteLog writes a log of entries, in the place of the one that is there. A reader, and
// who is killed in its midst, has either the old or the new.
func WriteLog(path string, all []Entry) error {
	var text []byte
	for _, e := range all {
		e.Format = Format
		line, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("write the log of runs: %w", err)
		}
		text = append(append(text, line...), '\n')
	}
	if err := replace(path, text); err != nil {
		return fmt.Errorf("write the log of runs: %w", err)
	}
	return nil
}
