package night_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/night/entry"
)

func entries(t *testing.T, dir string) []entry.Entry {
	t.Helper()
	var all []entry.Entry
	require.NoError(t, entry.Read(filepath.Join(dir, entry.LogFile), func(e entry.Entry) error { all = append(all, e); return nil }))
	return all
}

// A night that is killed at any moment goes on when it is called again: each run is
// written down once, and no process is left.
func TestKilledNight(t *testing.T) {
	root, pids := t.TempDir(), t.TempDir()
	kills := 0
	for whole := false; !whole; {
		cmd := exec.Command(os.Args[0], "fake-night", root, pids)
		cmd.Stderr = os.Stderr
		require.NoError(t, cmd.Start())
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		var enough <-chan time.Time // after twenty it may go on to its end
		if kills < 20 {
			enough = time.After(time.Duration(rand.IntN(200)) * time.Millisecond)
		}
		select {
		case err := <-ended:
			require.NoError(t, err)
			whole = true
		case <-enough:
			cmd.Process.Kill()
			<-ended
			gone(t, pids)
			kills++
			whole = over(root)
		}
	}
	gone(t, pids)
	t.Logf("killed %d times", kills)

	nights, err := filepath.Glob(filepath.Join(root, "2*"))
	require.NoError(t, err)
	require.Len(t, nights, 1, "one night, whatever happened to it")
	seen := make(map[int]bool)
	kept := make(map[string]bool)
	for _, e := range entries(t, nights[0]) {
		require.False(t, seen[e.Number], "run %d twice", e.Number)
		seen[e.Number] = true
		if e.Cell == "b" {
			require.Equal(t, entry.Invalid, e.Class)
			require.FileExists(t, filepath.Join(e.Dir, "history.jsonl"))
			kept[filepath.Base(e.Dir)] = true
		} else {
			require.Equal(t, entry.Valid, e.Class)
		}
	}
	require.Len(t, seen, 40)
	dirs, err := filepath.Glob(filepath.Join(nights[0], "*-seed*"))
	require.NoError(t, err)
	require.Len(t, dirs, len(kept), "those of the invalid runs, and no others")
	require.NoDirExists(t, filepath.Join(nights[0], "under-way"))
	facts, err := entry.ReadFacts(nights[0])
	require.NoError(t, err)
	require.False(t, facts.Ended.IsZero())
	require.Equal(t, 40, facts.Runs)

	n, err := night.Open(root, killed(pids), time.Now())
	require.NoError(t, err)
	defer n.Close()
	require.False(t, n.Resumed, "what has ended is not gone on with")
	require.NotEqual(t, nights[0], n.Dir)
	require.NotEqual(t, facts.Seed, n.Facts().Seed, "and its seeds are others")
}

// over tells whether the latest night below a folder has ended.
func over(root string) bool {
	facts, err := entry.ReadFacts(filepath.Join(root, "latest"))
	return err == nil && !facts.Ended.IsZero()
}

// gone waits until no process is there that left its number in a folder.
func gone(t *testing.T, pids string) {
	t.Helper()
	files, err := os.ReadDir(pids)
	require.NoError(t, err)
	for _, f := range files {
		pid, err := strconv.Atoi(f.Name())
		require.NoError(t, err)
		require.Eventually(t, func() bool { return syscall.Kill(pid, 0) != nil || zombie(pid) }, time.Minute, 2*time.Millisecond, "process %d outlives the night", pid)
		require.NoError(t, os.Remove(filepath.Join(pids, f.Name())), "so that another may have its number")
	}
}

// zombie tells whether a process has ended and nobody has asked how.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

// What breaks a run breaks that run alone, and is told by its reason; a run that was
// found invalid stays so.
func TestBrokenRuns(t *testing.T) {
	r := night.Request{Command: []string{"nightly"}, Parallel: 3}
	want := map[string]struct {
		class entry.Class
		why   string
	}{
		"valid":   {entry.Valid, `^$`},
		"unknown": {entry.Unknown, `^$`},
		"panic":   {entry.Broken, `^the run crashed: panic: as a checker might`},
		"kill":    {entry.Broken, `^the run ended without a result: signal: killed$`},
		"quiet":   {entry.Broken, `^the run ended well, but left no result$`},
		"fail":    {entry.Broken, `n1 ended by itself \(exit status 7\)$`},
		"hang":    {entry.Broken, `^the run hangs: given up after 8s$`},
		"late":    {entry.Invalid, `^$`},
		"memory":  {entry.Broken, `^out of memory: the run and its members held [0-9]+ MiB, more than the 128 MiB`},
		"disk":    {entry.Broken, `^out of disk: the run wrote 64 MiB, more than the 32 MiB`},
		"garbage": {entry.Broken, `^read what became of the run: `},
	}
	if runtime.GOOS != "linux" { // where nobody knows what others hold
		delete(want, "memory")
	}
	for do := range want {
		c := cell(do, "--do="+do)
		if do == "hang" || do == "late" {
			c.Bound = 8 * time.Second // enough to come so far
		}
		r.Cells = append(r.Cells, c)
	}
	r.Runs = len(r.Cells)
	n, err := night.Open(t.TempDir(), r, time.Now())
	require.NoError(t, err)
	defer n.Close()
	reports := 0
	require.NoError(t, n.Run(context.Background(), night.Options{Run: fake().Run, Report: func(_ entry.Facts, es []entry.Entry) error {
		reports++
		return nil
	}}))
	require.Equal(t, len(want)+2, reports, "at the start, after each run, at the end")
	got := entries(t, n.Dir)
	require.Len(t, got, len(want))
	for _, e := range got {
		require.Equal(t, want[e.Cell].class, e.Class, "%s: %s", e.Cell, e.Why)
		require.Regexp(t, want[e.Cell].why, e.Why, e.Cell)
		require.Positive(t, e.Elapsed)
		if e.Class == entry.Valid {
			require.Empty(t, e.Dir)
		} else {
			require.DirExists(t, e.Dir, e.Cell)
		}
		if e.Cell == "hang" {
			said, err := os.ReadFile(filepath.Join(e.Dir, "said.txt"))
			require.NoError(t, err)
			require.Contains(t, string(said), "time.Sleep", "where it hung")
		}
	}
}

// What an interrupt ends is not counted, and made later; what it did not let begin too.
func TestInterruptedNight(t *testing.T) {
	root := t.TempDir()
	r := night.Request{Command: []string{"nightly"}, Runs: 4, Parallel: 2, Cells: []night.Cell{cell("a")}}
	n, err := night.Open(root, r, time.Now())
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("interrupt signal received")
	begun := make(chan int, 4)
	require.NoError(t, n.Run(ctx, night.Options{Run: func(ctx context.Context, j night.Job, _ string) (entry.Entry, bool) {
		begun <- j.Number
		if j.Number == 1 {
			cancel(why)
			return entry.Entry{Class: entry.Valid}, true
		}
		<-ctx.Done()
		return entry.Entry{}, false
	}}))
	require.Len(t, n.Entries(), 1)
	require.Equal(t, "interrupted: interrupt signal received", n.Facts().Stopped)
	require.True(t, n.Facts().Ended.IsZero())

	_, err = night.Open(root, r, time.Now())
	require.ErrorContains(t, err, "is under way (process "+strconv.Itoa(os.Getpid())+")")
	require.NoError(t, n.Close())

	n, err = night.Open(root, r, time.Now())
	require.NoError(t, err)
	defer n.Close()
	require.True(t, n.Resumed)
	var made []int
	require.NoError(t, n.Run(context.Background(), night.Options{Run: func(_ context.Context, j night.Job, _ string) (entry.Entry, bool) {
		return entry.Entry{Class: entry.Valid}, true
	}, Ended: func(e entry.Entry) { made = append(made, e.Number) }}))
	require.ElementsMatch(t, []int{2, 3, 4}, made)
	require.Empty(t, n.Facts().Stopped)
}

// Runs begin apart from each other, also when there is nothing else to wait for.
func TestRunsBeginApart(t *testing.T) {
	n, err := night.Open(t.TempDir(), night.Request{Command: []string{"nightly"}, Runs: 4, Parallel: 3, Cells: []night.Cell{cell("a")}}, time.Now())
	require.NoError(t, err)
	defer n.Close()
	const apart = 20 * time.Millisecond
	var begun []time.Time
	require.NoError(t, n.Run(t.Context(), night.Options{
		Apart: apart,
		Began: func(night.Job, string) { begun = append(begun, time.Now()) },
		Run: func(context.Context, night.Job, string) (entry.Entry, bool) {
			return entry.Entry{Class: entry.Valid}, true
		},
	}))
	require.Len(t, begun, 4)
	for i := 1; i < len(begun); i++ {
		require.GreaterOrEqual(t, begun[i].Sub(begun[i-1]), apart)
	}
}

// Shards are of one night whenever they begin: its name says which, or its seed. A night of
// a name is made once.
func TestNameOfANight(t *testing.T) {
	open := func(root string, r night.Request, at time.Time) *night.Night {
		t.Helper()
		n, err := night.Open(root, r, at)
		require.NoError(t, err)
		t.Cleanup(func() { n.Close() })
		return n
	}
	before := time.Date(2026, 11, 30, 23, 59, 59, 0, time.Local)
	root := t.TempDir()
	for name, r := range map[string]night.Request{"monday": {Name: "monday"}, "seed7": {Seed: 7}} {
		r.Runs, r.Parallel, r.Cells = 8, 1, []night.Cell{cell("a")}
		r.Shard = night.Shard{I: 1, N: 2}
		one := open(root, r, before)
		r.Shard.I = 2
		two := open(root, r, before.Add(2*time.Second))
		require.Equal(t, name, one.Facts().Night)
		require.Equal(t, name, two.Facts().Night)
		require.NotZero(t, one.Facts().Seed)
		require.Equal(t, one.Facts().Seed, two.Facts().Seed)
		require.Equal(t, filepath.Join(root, name+"-1of2"), one.Dir)
		require.Equal(t, filepath.Join(root, name+"-2of2"), two.Dir)
	}

	r := night.Request{Name: "pr-812", Runs: 2, Parallel: 1, Cells: []night.Cell{cell("a")}}
	n := open(root, r, before)
	require.Equal(t, night.NameSeed("pr-812"), n.Facts().Seed)
	n.Close()
	n = open(root, r, before.AddDate(0, 0, 3))
	require.True(t, n.Resumed, "there is no other night that it might mean")
	n.Close()
	other := r
	other.Build = "another"
	_, err := night.Open(root, other, before)
	require.ErrorContains(t, err, "which cannot go on: it was asked for by another command, or of another build: give another --name")
	n = open(root, r, before)
	require.NoError(t, n.Run(context.Background(), night.Options{Run: func(context.Context, night.Job, string) (entry.Entry, bool) {
		return entry.Entry{Class: entry.Valid}, true
	}}))
	n.Close()
	_, err = night.Open(root, r, before)
	require.ErrorContains(t, err, "which cannot go on: it has ended")
}

// Another command is another night, as is the same one a day later or after its limit.
func TestWhichNightIsMeant(t *testing.T) {
	root := t.TempDir()
	r := night.Request{Command: []string{"nightly"}, For: time.Hour, Parallel: 1, Cells: []night.Cell{cell("a")}}
	begun := time.Date(2026, 11, 30, 23, 50, 0, 0, time.Local)
	open := func(r night.Request, at time.Time) (name string, resumed bool) {
		n, err := night.Open(root, r, at)
		require.NoError(t, err)
		defer n.Close()
		return filepath.Base(n.Dir), n.Resumed
	}
	is := func(name string, resumed bool) func(string, bool) {
		return func(n string, r bool) {
			t.Helper()
			require.Equal(t, name, n)
			require.Equal(t, resumed, r)
		}
	}
	is("20261130", false)(open(r, begun))
	is("20261130", true)(open(r, begun.Add(30*time.Minute)))
	is("20261201", false)(open(r, begun.Add(time.Hour)))
	other := r
	other.Command = []string{"nightly", "--vary"}
	is("20261130.2", false)(open(other, begun))
	built := r
	built.Build = "another"
	is("20261130.3", false)(open(built, begun))
	endless := r
	endless.For, endless.Runs, endless.Command = 0, 7, []string{"nightly", "--runs=7"}
	is("20261130.4", false)(open(endless, begun))
	is("20261130.4", true)(open(endless, begun.Add(23*time.Hour)))
	is("20261202", false)(open(endless, begun.Add(25*time.Hour)))
	latest, err := os.Readlink(filepath.Join(root, "latest"))
	require.NoError(t, err)
	require.Equal(t, "20261202", latest)
}

// What is left of a night's files after a crash of the machine: facts are made again, and
// a log that is damaged in its midst is left as it is.
func TestDamagedNight(t *testing.T) {
	root := t.TempDir()
	r := night.Request{Runs: 2, Parallel: 1, Cells: []night.Cell{cell("a")}}
	n, err := night.Open(root, r, time.Now())
	require.NoError(t, err)
	require.NoError(t, n.Close())
	facts, log := filepath.Join(n.Dir, entry.FactsFile), filepath.Join(n.Dir, entry.LogFile)
	require.NoError(t, os.WriteFile(facts, []byte(`{"form`), 0o644))
	n, err = night.Open(root, r, time.Now())
	require.NoError(t, err)
	require.True(t, n.Resumed)
	require.Equal(t, 2, n.Facts().Runs)
	require.NoError(t, n.Close())
	require.NoError(t, os.WriteFile(log, []byte("{\"num\n{}\n"), 0o644))
	_, err = night.Open(root, r, time.Now())
	require.ErrorContains(t, err, "runs.jsonl:1: this is no entry of a run")
	require.ErrorContains(t, err, "mend that, or move "+n.Dir+" away to begin another")
	text, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, "{\"num\n{}\n", string(text))
}
