package night_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/night/entry"
)

// part is a directory of a shard as somebody may have copied it: at some moment, of one
// of several times that the shard was begun.
type part struct {
	facts   entry.Facts
	entries []entry.Entry
	kept    []string // the names of the runs that came with it
}

var evening = time.Date(2026, 11, 30, 22, 0, 0, 0, time.UTC)

// drawPart draws a copy of a shard. What is equal in two of them is the same run.
func drawPart(t *rapid.T) part {
	name := rapid.SampledFrom([]string{"monday", "tuesday"}).Draw(t, "night")
	shards := map[string]int{"monday": 2, "tuesday": 1}[name]
	shard := rapid.IntRange(1, shards).Draw(t, "shard")
	again := rapid.IntRange(0, 1).Draw(t, "begun again")
	made := rapid.IntRange(0, 4).Draw(t, "made")
	p := part{facts: entry.Facts{Format: entry.Format, Night: name, Seed: 7, Shard: shard, Shards: shards, Runs: 4, Begun: evening.Add(time.Duration(again) * time.Hour)}}
	switch {
	case made == 4 && rapid.Bool().Draw(t, "ended"):
		p.facts.Ended = evening.Add(time.Duration(again)*time.Hour + 30*time.Minute)
	case rapid.Bool().Draw(t, "stopped"):
		p.facts.Stopped = "interrupted"
	}
	if made > 2 {
		p.facts.Controls = []entry.Control{{Name: "double-vote", Checker: "votes", Tries: made - 2}}
	}
	for i := range made {
		number := shard + i*shards
		class := []entry.Class{entry.Valid, entry.Invalid, entry.Unknown, entry.Broken}[(number+again*(i+shard))%4]
		e := entry.Entry{
			Format: entry.Format, Night: name, Number: number, Seed: uint64(6 + number), Cell: "reference", Class: class, Args: []string{"run", fmt.Sprintf("--seed=%d", 6+number)},
			Started: p.facts.Begun.Add(time.Duration(i) * time.Minute),
		}
		if class != entry.Valid {
			e.Dir = fmt.Sprintf("results/nightly/%04d-seed%d", number, e.Seed)
			if rapid.Bool().Draw(t, "copied") {
				p.kept = append(p.kept, filepath.Base(e.Dir))
			}
		}
		p.entries = append(p.entries, e)
	}
	return p
}

func (p *part) write(t require.TestingT, dir string) {
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, entry.WriteFacts(dir, p.facts))
	require.NoError(t, entry.WriteLog(filepath.Join(dir, entry.LogFile), p.entries))
	for _, name := range p.kept {
		run := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Join(run, "nodes"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(run, "nodes", "history"), []byte(name+p.facts.Begun.String()), 0o644))
		require.NoError(t, os.Symlink("nodes", filepath.Join(run, "link")))
	}
}

// tree is all that is below a folder, with the folder's own path left out.
func tree(t require.TestingT, root string) map[string]string {
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == "lock" {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || d.IsDir() {
			all[rel] = ""
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			all[rel], err = os.Readlink(path)
			return err
		}
		text, err := os.ReadFile(path)
		all[rel] = string(bytes.ReplaceAll(text, []byte(root), nil))
		return err
	}))
	delete(all, "latest") // of the last merge
	return all
}

// Parts of nights come to the same in any order, some of them twice, at once or one after
// the other, and through other merged nights.
func TestMergeInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		base, err := os.MkdirTemp(t.TempDir(), "merge")
		require.NoError(rt, err)
		defer os.RemoveAll(base)
		parts := rapid.SliceOfN(rapid.Custom(drawPart), 2, 8).Draw(rt, "parts")
		var dirs []string
		for i := range parts {
			dir := filepath.Join(base, "parts", fmt.Sprint(i))
			parts[i].write(rt, dir)
			dirs = append(dirs, dir)
		}
		at := filepath.Join(base, "whole")
		_, err = night.Merge(at, dirs)
		require.NoError(rt, err)
		whole := tree(rt, at)

		order := rapid.Permutation(dirs).Draw(rt, "order")
		order = append(order, rapid.SliceOf(rapid.SampledFrom(dirs)).Draw(rt, "again")...)
		one, other := filepath.Join(base, "one"), filepath.Join(base, "other")
		for len(order) > 0 {
			n := rapid.IntRange(1, len(order)).Draw(rt, "at once")
			_, err := night.Merge(rapid.SampledFrom([]string{one, other}).Draw(rt, "where"), order[:n])
			require.NoError(rt, err)
			order = order[n:]
		}
		between, err := filepath.Glob(filepath.Join(other, "*day"))
		require.NoError(rt, err)
		if len(between) > 0 {
			_, err = night.Merge(one, between)
			require.NoError(rt, err)
		}
		require.Equal(rt, whole, tree(rt, one))
	})
}

// Of a run that was made twice what was found stays, and then what came to a verdict.
func TestRunsMadeTwice(t *testing.T) {
	t.Parallel()
	of := func(class entry.Class, at time.Duration) part {
		f := entry.Facts{Night: "monday", Seed: 7, Shard: 1, Shards: 1, Runs: 1, Begun: evening.Add(at)}
		return part{facts: f, entries: []entry.Entry{{Night: "monday", Number: 1, Seed: 7, Cell: "reference", Class: class, Started: f.Begun}}}
	}
	for _, c := range []struct{ first, second, stays entry.Class }{
		{entry.Valid, entry.Invalid, entry.Invalid},
		{entry.Invalid, entry.Valid, entry.Invalid},
		{entry.Broken, entry.Valid, entry.Valid},
		{entry.Valid, entry.Unknown, entry.Valid},
		{entry.Unknown, entry.Broken, entry.Unknown},
	} {
		base := t.TempDir()
		a, b := of(c.first, 0), of(c.second, time.Hour)
		a.write(t, filepath.Join(base, "a"))
		b.write(t, filepath.Join(base, "b"))
		merged, err := night.Merge(filepath.Join(base, "merged"), []string{filepath.Join(base, "a"), filepath.Join(base, "b")})
		require.NoError(t, err)
		got := entries(t, merged[0])
		require.Len(t, got, 1)
		require.Equal(t, c.stays, got[0].Class, "%s, then %s", c.first, c.second)
	}
}

// What only shares a name is not joined, and a night that was made somewhere stays as it
// is.
func TestRefusedMerges(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	write := func(name string, change func(*part)) string {
		p := part{
			facts:   entry.Facts{Night: "monday", Seed: 7, Shard: 1, Shards: 2, Runs: 1, Begun: evening},
			entries: []entry.Entry{{Night: "monday", Number: 1, Seed: 7, Cell: "reference", Class: entry.Valid, Started: evening, Args: []string{"run", "--for=20s", "--binary=/a/b"}}},
		}
		change(&p)
		dir := filepath.Join(base, name)
		p.write(t, dir)
		return dir
	}
	refused := func(want string, dirs ...string) {
		t.Helper()
		root := filepath.Join(base, "merged")
		_, err := night.Merge(root, dirs)
		require.ErrorContains(t, err, want)
		logs, err := filepath.Glob(filepath.Join(root, "*", entry.LogFile))
		require.NoError(t, err)
		require.Empty(t, logs)
	}
	one := write("one", func(*part) {})
	refused("these are no shards of one night monday: ", one, write("count", func(p *part) { p.facts.Shard, p.facts.Shards = 2, 3 }))
	refused("these are no shards of one night monday: ", one, write("seed", func(p *part) { p.facts.Shard, p.facts.Seed = 2, 8 }))
	refused("run 1 of the night monday is seed 7 of reference in "+one, one, write("cell", func(p *part) { p.entries[0].Cell = "etcd" }))
	refused("these are two nights of one name", one, write("args", func(p *part) { p.entries[0].Args[1] = "--for=10s" }))
	refused("is no directory of a night", filepath.Join(base, "nowhere"))
	refused("has a name that no night has", write("name", func(p *part) { p.facts.Night = "../monday" }))

	elsewhere := write("elsewhere", func(p *part) { p.entries[0].Args = []string{"run", "--for=20s", "--binary=/c/d", "--favour=kills"} })
	_, err := night.Merge(filepath.Join(base, "good"), []string{one, elsewhere})
	require.NoError(t, err, "the same run on another machine")

	made := write("made/monday", func(*part) {})
	before := tree(t, made)
	_, err = night.Merge(filepath.Join(base, "made"), []string{one})
	require.ErrorContains(t, err, "is a night that was made there: merge into another folder, with --results")
	require.Equal(t, before, tree(t, made))
}

// An entry cannot name what is to be copied or removed outside of its night.
func TestMergeStaysInside(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	for i, dir := range []string{"..", "/", "x/..", "parts.json", "runs.jsonl", "../0001-seed7/..", "/etc"} {
		p := part{
			facts:   entry.Facts{Night: "monday", Seed: 7, Shard: 1, Shards: 1, Runs: 1, Begun: evening},
			entries: []entry.Entry{{Night: "monday", Number: 1, Seed: 7, Cell: "reference", Class: entry.Invalid, Started: evening, Dir: dir}},
		}
		from, root := filepath.Join(base, "from", fmt.Sprint(i)), filepath.Join(base, "to", fmt.Sprint(i))
		p.write(t, from)
		_, err := night.Merge(root, []string{from})
		require.NoError(t, err)
		files, err := os.ReadDir(filepath.Join(root, "monday"))
		require.NoError(t, err)
		var names []string
		for _, f := range files {
			names = append(names, f.Name())
		}
		slices.Sort(names)
		require.Equal(t, "lock parts.json runs.jsonl", strings.Join(names, " "))
	}
	text, err := json.Marshal(tree(t, filepath.Join(base, "from", "0")))
	require.NoError(t, err)
	require.Contains(t, string(text), entry.FactsFile, "what was merged is still there")
}
