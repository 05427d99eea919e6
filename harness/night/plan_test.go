package night_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/night/entry"
)

// A night goes through all sizes, and each seed has its own.
func TestSizesOfANight(t *testing.T) {
	all := make(map[int]int)
	for seed := uint64(4); seed < 44; seed++ {
		require.Equal(t, night.Size(seed), night.Size(seed))
		all[night.Size(seed)]++
	}
	require.Equal(t, map[int]int{3: 10, 4: 10, 5: 10, 7: 10}, all)
}

// made are the jobs that a night makes with one run at a time, in their order.
func made(t *testing.T, r night.Request, class entry.Class) (jobs []night.Job) {
	t.Helper()
	r.Parallel = 1
	n, err := night.Open(t.TempDir(), r, time.Now())
	require.NoError(t, err)
	defer n.Close()
	require.NoError(t, n.Run(context.Background(), night.Options{Run: func(_ context.Context, j night.Job, _ string) (entry.Entry, bool) {
		jobs = append(jobs, j)
		return entry.Entry{Class: class}, true
	}}))
	return jobs
}

// Cells take turns by their weight, in every round.
func TestCellsTakeTurns(t *testing.T) {
	a, b := cell("a", "--do=valid"), cell("b")
	a.Weight, b.Sizes = 3, true
	jobs := made(t, night.Request{Seed: 7, Runs: 40, Cells: []night.Cell{a, b}}, entry.Valid)
	require.Len(t, jobs, 40)
	orders := make(map[int]bool)
	for round := range 10 {
		count := 0
		for i := range 4 {
			if jobs[4*round+i].Cell.Name == "b" {
				count++
				orders[i] = true
			}
		}
		require.Equal(t, 1, count, "round %d", round)
	}
	require.Greater(t, len(orders), 1, "not always at the same place")
	for i, j := range jobs {
		require.Equal(t, i+1, j.Number)
		require.Equal(t, uint64(7+i), j.Seed)
		if j.Cell.Name == "a" {
			require.Contains(t, j.Args, "--do=valid")
			require.Zero(t, j.Nodes)
		}
	}
}

// What breaks all runs alike ends a night, which can be gone on with; what breaks some, or
// each in its own way, does not.
func TestNightInVain(t *testing.T) {
	root := t.TempDir()
	r := night.Request{Runs: 30, Parallel: 1, Cells: []night.Cell{cell("a")}}
	make := func(why func(int) string) *night.Night {
		n, err := night.Open(root, r, time.Now())
		require.NoError(t, err)
		defer n.Close()
		require.NoError(t, n.Run(context.Background(), night.Options{Run: func(_ context.Context, j night.Job, _ string) (entry.Entry, bool) {
			if why(j.Number) == "" {
				return entry.Entry{Class: entry.Valid}, true
			}
			return entry.Entry{Class: entry.Broken, Why: why(j.Number)}, true
		}}))
		return n
	}
	n := make(func(i int) string { return fmt.Sprintf("write %d: no space left on device", i) })
	require.Len(t, n.Entries(), 10)
	require.Equal(t, "the last 10 runs broke alike: write 10: no space left on device", n.Facts().Stopped)
	require.True(t, n.Facts().Ended.IsZero())
	n = make(func(i int) string { return []string{"", "no port", "no subnet", "no port"}[i%4] })
	require.True(t, n.Resumed)
	require.Len(t, n.Entries(), 30)
	require.Empty(t, n.Facts().Stopped)
	require.False(t, n.Facts().Ended.IsZero())

	r.Runs = 50
	n = make(func(i int) string {
		return []string{"n1 ended by itself", "n2 and n3 ended by themselves"}[i%2] + strings.Repeat("!", i%5)
	})
	require.Len(t, n.Entries(), 30)
	require.Equal(t, "the last 30 runs broke, this one last: n1 ended by itself", n.Facts().Stopped)
}

// The shards of a night make the runs of the whole, each once.
func TestShards(t *testing.T) {
	r := night.Request{Seed: 7, Runs: 23, Cells: []night.Cell{cell("a"), cell("b"), cell("c")}}
	want := made(t, r, entry.Valid)
	got := make([]night.Job, len(want))
	for i := 1; i <= 5; i++ {
		r.Shard = night.Shard{I: i, N: 5}
		for _, j := range made(t, r, entry.Valid) {
			require.Zero(t, got[j.Number-1].Number, "run %d twice", j.Number)
			got[j.Number-1] = j
		}
	}
	require.Equal(t, want, got)

	for _, text := range []string{"0/5", "6/5", "5", "1/", "/2", "a/b", "1/2/3", "-1/5", "1/0", " 1/2", "01/2"} {
		_, err := night.ParseShard(text)
		require.ErrorContains(t, err, "use one such as 2/5", text)
	}
	s, err := night.ParseShard("12/40")
	require.NoError(t, err)
	require.Equal(t, night.Shard{I: 12, N: 40}, s)
}

// A night ends by the first of its ends that comes.
func TestEndsOfANight(t *testing.T) {
	require.Len(t, made(t, night.Request{Runs: 30, Failures: 3, Cells: []night.Cell{cell("a")}}, entry.Invalid), 3)
	require.Len(t, made(t, night.Request{Runs: 5, Failures: 3, Cells: []night.Cell{cell("a")}}, entry.Broken), 5)
	short := cell("a")
	short.For = 500 * time.Millisecond
	jobs := made(t, night.Request{For: 1600 * time.Millisecond, Failures: 1, Cells: []night.Cell{short}}, entry.Valid)
	require.NotEmpty(t, jobs, "what the night has time for")
}

func TestRefusedRequests(t *testing.T) {
	good := night.Request{Runs: 4, Parallel: 1, Cells: []night.Cell{cell("a")}}
	require.NoError(t, good.Validate())
	for want, change := range map[string]func(*night.Request){
		"a night of nothing":                                      func(r *night.Request) { r.Cells = nil },
		"-1 runs, 1 side by side":                                 func(r *night.Request) { r.Runs = -1 },
		"seed 18446744073709551615: use at most":                  func(r *night.Request) { r.Seed = math.MaxUint64 },
		"a night without an end":                                  func(r *night.Request) { r.Runs = 0 },
		"shard 3/2: use one such as 2/5":                          func(r *night.Request) { r.Shard = night.Shard{I: 3, N: 2} },
		"shard 5/6 of a night of 4 runs has none":                 func(r *night.Request) { r.Shard = night.Shard{I: 5, N: 6} },
		"shard 2/3 of a night that has neither a name nor a seed": func(r *night.Request) { r.Shard = night.Shard{I: 2, N: 3} },
		`the name "a/b" of a night`:                               func(r *night.Request) { r.Name = "a/b" },
		`the name ".." of a night`:                                func(r *night.Request) { r.Name = ".." },
		`the name "latest" of a night`:                            func(r *night.Request) { r.Name = "latest" },
		`the name "x-1of2" of a night`:                            func(r *night.Request) { r.Name = "x-1of2" },
		`until "25:00": use a time of the day`:                    func(r *night.Request) { r.Until = "25:00" },
		"a night of 1s has no time for a run of 10ms (a)":         func(r *night.Request) { r.For = time.Second },
		"a night of -1s: use a positive time":                     func(r *night.Request) { r.For = -time.Second },
	} {
		r := good
		change(&r)
		require.ErrorContains(t, r.Validate(), want)
	}
}

// A run does not begin if those before it took longer than the night still is.
func TestRunsThatTakeLonger(t *testing.T) {
	r := night.Request{For: time.Hour, Runs: 9, Parallel: 1, Cells: []night.Cell{cell("a")}}
	n, err := night.Open(t.TempDir(), r, time.Now().Add(-50*time.Minute))
	require.NoError(t, err)
	defer n.Close()
	require.NoError(t, n.Run(context.Background(), night.Options{Run: func(_ context.Context, j night.Job, _ string) (entry.Entry, bool) {
		return entry.Entry{Class: entry.Valid, Elapsed: time.Duration(j.Number) * 6 * time.Minute}, true
	}}))
	require.Len(t, n.Entries(), 3, "6, 12 and 18 minutes: more than ten on average")
}
