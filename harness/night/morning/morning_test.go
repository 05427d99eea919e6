package morning_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/morning"
)

var update = flag.Bool("update", false, "write the golden files anew")

var begun = time.Date(2026, 11, 29, 22, 0, 0, 0, time.UTC)

// run is an entry of a night "a".
func run(number int, class entry.Class, change ...func(*entry.Entry)) entry.Entry {
	e := entry.Entry{
		Number: number, Night: "a", Axes: map[string]string{"target": "reference"}, Cell: "reference/random", Seed: uint64(100 + number), Class: class,
		Started: begun.Add(time.Duration(number) * time.Minute), Elapsed: 22 * time.Second, OK: 600, Fail: 3, Info: 7,
		Checkers:  map[string]string{"votes": "valid", "lock": "not checked"},
		Unchecked: map[string]string{"lock": "no lock was asked for"},
		Faults:    map[string]entry.Fault{"kill": {Planned: 3, Fired: 3, Bit: 3}, "partition": {Planned: 2, Fired: 2, Bit: 1}},
		Figures:   map[string]float64{"failover": 400 + float64(number), "terms": 1.5},
	}
	for _, f := range change {
		f(&e)
	}
	return e
}

func broken(why string) func(*entry.Entry) {
	return func(e *entry.Entry) { e.Why, e.OK, e.Faults, e.Checkers, e.Figures = why, 0, nil, nil, nil }
}

func breach(checker, rule, text string) func(*entry.Entry) {
	return func(e *entry.Entry) {
		e.Breaches = append(e.Breaches, entry.Breach{Checker: checker, Rule: rule, Shape: "a:vote(1)", Text: text})
		e.Why = checker + ": " + text
		e.Dir = fmt.Sprintf("results/a/seed%d", e.Seed)
	}
}

func cell(name string) func(*entry.Entry) { return func(e *entry.Entry) { e.Cell = name } }

func facts() entry.Facts {
	return entry.Facts{
		Night: "a", Seed: 101, Begun: begun, Ended: begun.Add(8 * time.Hour), Shard: 1, Shards: 1, Runs: 6,
		Command: []string{"nightly", "night.yaml"}, Cells: []string{"reference/random"},
		Controls: []entry.Control{{Name: "double-vote", Checker: "votes", Red: begun.Add(-30 * time.Hour)}},
	}
}

// quiet is a night in which nothing happened.
func quiet() ([]entry.Entry, morning.Night) {
	var all []entry.Entry
	for i := 1; i <= 6; i++ {
		all = append(all, run(i, entry.Valid))
	}
	return all, morning.Night{Parts: []entry.Facts{facts()}, At: begun.Add(8 * time.Hour)}
}

// unknown is a night that was short, and blind.
func unknown() ([]entry.Entry, morning.Night) {
	all := []entry.Entry{
		run(1, entry.Valid), run(2, entry.Unknown, func(e *entry.Entry) { e.Why = "stalls: the machine stood still for 3.2 s" }),
		run(3, entry.Unknown, func(e *entry.Entry) { e.Why = "stalls: the machine stood still for 1.7 s" }),
		run(4, entry.Broken, broken("out of memory: killed at 512 MiB")),
		run(5, entry.Valid, func(e *entry.Entry) {
			e.Faults = map[string]entry.Fault{"drop": {Planned: 6, Fired: 5}, "pause": {Planned: 7}, "reset": {Planned: 6, Fired: 4}}
			e.Checkers = map[string]string{"votes": "valid", "linearizable": "unknown", "stale-log": "valid", "pre-votes": "not checked", "divergence": "valid", "coverage": "valid"}
		}),
	}
	f := facts()
	f.Stopped = "interrupted"
	f.MaxUnknown = 0.02
	f.Cells = append(f.Cells, "etcd/random")
	f.Controls = append(f.Controls,
		entry.Control{Name: "stale-read", Checker: "linearizable", Tries: 5},
		entry.Control{Name: "stale-log-vote", Checker: "stale-log", Untried: "no time was left"},
		entry.Control{Name: "skip-pre-vote", Checker: "pre-votes", Tries: 5}) // which judged nothing
	f.Doubts = []string{"disk was full for 12 minutes"}
	return all, morning.Night{Parts: []entry.Facts{f}, At: begun.Add(8 * time.Hour)}
}

// bad is a night with all kinds of findings.
func bad() ([]entry.Entry, morning.Night) {
	all := []entry.Entry{
		run(1, entry.Valid, cell("etcd/random")),
		run(2, entry.Invalid, breach("votes", "voted for a stale log", "n3 voted for n2 in term 5 although n2's log ends at (4,198), behind its own at (4,199)")),
		run(3, entry.Invalid, breach("votes", "voted for a stale log", "n1 voted for n2 in term 3 although …"), breach("linearizable", "not linearizable", "k7: read 3 after 4")),
		run(4, entry.Broken, broken("hang: no progress for 3m0s")),
		run(5, entry.Broken, broken("hang: no progress for 3m2s"), cell("etcd/random")),
		run(6, entry.Invalid, breach("linearizable", "not linearizable", "k9: read 1 after 2")),
		run(7, entry.Invalid, breach("node-logs", "a crash in a node's log", "n1 logged: panic: x")),
		run(8, entry.Invalid, breach("timers", "stood although its leader was alive", "n2 stood 40ms after n1's heartbeat")),
	}
	f := facts()
	f.Cells, f.Runs = append(f.Cells, "etcd/random"), 8
	seen := morning.Seen{At: begun.Add(time.Hour), System: "reference", Harness: "v0.9.1"}
	return all, morning.Night{
		Parts: []entry.Facts{f}, At: begun.Add(8 * time.Hour),
		Findings: []morning.Finding{
			{
				ID: "f-77aa", Status: morning.Ongoing, Target: "reference", Shape: "a:vote(1)", Checker: "linearizable", Rule: "not linearizable",
				K: 4, N: 90, Low: 0.012, High: 0.11, First: morning.Seen{At: begun.AddDate(0, 0, -9), System: "reference"}, Last: seen, Label: "#812",
				Example: "results/findings/f-77aa/example", Commands: []string{"usurper replay results/findings/f-77aa/example"},
			},
			{
				ID: "f-1b2c", Status: morning.New, Target: "reference", Checker: "votes", Rule: "voted for a stale log", Shape: "a:vote(1)",
				Text: "n3 voted for n2 in term 5 although n2's log ends at (4,198), behind its own at (4,199)", K: 2, N: 6, Low: 0.043, High: 1,
				First: seen, Last: seen, Example: "results/findings/f-1b2c/example", State: "repeated 3 of 5; shrunk from 14 steps to 2",
				Minimal: "at 1s for 2s cut leader from follower\nat 4s kill leader", Possibly: []string{"f-90ef"},
				Commands: []string{"usurper replay results/findings/f-1b2c/example", "usurper shrink results/findings/f-1b2c/example"},
			},
			{ID: "f-00d1", Status: morning.Resolved, Target: "reference", Checker: "log", Rule: "a committed entry changed", K: 1, N: 300, High: 0.02, First: morning.Seen{At: begun.AddDate(0, -1, 0)}},
			{
				ID: "f-5e5e", Status: morning.New, Target: "reference", Shape: "a:vote(1)", Checker: "node-logs", Rule: "a crash in a node's log", Muted: true, Until: begun.AddDate(0, 0, 7), K: 1, N: 6,
				Low: 0.004, High: 0.64, First: seen, Last: seen,
			},
		},
	}
}

func report(entries []entry.Entry, n morning.Night) morning.Report {
	t := morning.NewTally()
	for _, e := range entries {
		t.Add(e)
	}
	return t.Report(n)
}

func write(t *testing.T, f func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, f(&b))
	return b.Bytes()
}

// What is written of three nights, as it is.
func TestGolden(t *testing.T) {
	for name, make := range map[string]func() ([]entry.Entry, morning.Night){"quiet": quiet, "unknown": unknown, "bad": bad} {
		r := report(make())
		dir := t.TempDir()
		require.NoError(t, r.Write(dir))
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, files, 4)
		for _, f := range files {
			got, err := os.ReadFile(filepath.Join(dir, f.Name()))
			require.NoError(t, err)
			golden := filepath.Join("testdata", name, f.Name())
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
				require.NoError(t, os.WriteFile(golden, got, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got), golden)
		}
	}
}
