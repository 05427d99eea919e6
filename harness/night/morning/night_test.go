package morning_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/morning"
)

// shard writes a directory of a shard with entries of some numbers.
func shard(t *testing.T, n, of int, change func(*entry.Facts), numbers ...int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), fmt.Sprintf("shard%d", n))
	require.NoError(t, os.MkdirAll(dir, 0o755))
	log, err := entry.Open(filepath.Join(dir, entry.LogFile))
	require.NoError(t, err)
	f := facts()
	f.Shard, f.Shards, f.Runs = n, of, len(numbers)
	if change != nil {
		change(&f)
	}
	require.NoError(t, entry.WriteFacts(dir, f))
	for _, number := range numbers {
		require.NoError(t, log.Add(run(number, entry.Valid)))
	}
	require.NoError(t, log.Close())
	return dir
}

func sum(t *testing.T, dirs ...string) morning.Report {
	t.Helper()
	tally := morning.NewTally()
	parts, err := tally.Read(dirs)
	require.NoError(t, err)
	return tally.Report(morning.Night{Parts: parts, At: begun.Add(9 * time.Hour)})
}

// Shards are joined in any order, twice without harm, and those that are missing are
// named.
func TestShards(t *testing.T) {
	one, two, three := shard(t, 1, 3, nil, 1, 4), shard(t, 2, 3, nil, 2, 5), shard(t, 3, 3, nil, 3, 6)
	whole := sum(t, one, two, three)
	require.Equal(t, morning.Quiet, whole.Verdict, whole.Lacks)
	require.Equal(t, 6, whole.Runs.All)
	require.Equal(t, 6, whole.Asked)
	require.InDelta(t, (8 * time.Hour).Seconds(), whole.Wall, 0)
	require.Equal(t, whole, sum(t, three, one, two, one))

	less := sum(t, three)
	require.Equal(t, morning.Unknown, less.Verdict)
	require.Equal(t, []string{"the night lacks of its 3 shards: 1, 2"}, less.Lacks)

	// One that was killed and went on elsewhere counts once, as far as it came.
	killed := shard(t, 2, 3, func(f *entry.Facts) { f.Ended, f.Runs = time.Time{}, 2 }, 2)
	require.Equal(t, morning.Quiet, sum(t, one, killed, two, three).Verdict)
	alone := sum(t, one, killed, three)
	require.True(t, alone.Going)
	require.Equal(t, []string{alone.Doubts[0].Text + ", and 1 more doubt"}, alone.Lacks)
	require.Equal(t, "shard 2 of 3 has not ended: it goes on, or was killed", alone.Doubts[0].Text)
	require.Equal(t, "the night made 5 of the 6 runs that were asked for", alone.Doubts[1].Text)
}

// A run that was kept is found beside the log of a night that was moved.
func TestMovedNight(t *testing.T) {
	dir := shard(t, 1, 1, nil)
	log, err := entry.Open(filepath.Join(dir, entry.LogFile))
	require.NoError(t, err)
	require.NoError(t, log.Add(run(1, entry.Invalid, breach("votes", "r", "x"))))
	require.NoError(t, log.Close())
	require.Equal(t, "results/a/seed101", sum(t, dir).Unfiled[0].Dir)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "seed101"), 0o755))
	require.Equal(t, filepath.Join(dir, "seed101"), sum(t, dir).Unfiled[0].Dir)
}

func TestContradictoryShards(t *testing.T) {
	one := shard(t, 1, 2, nil, 1)
	for _, other := range []string{shard(t, 2, 4, nil, 2), shard(t, 2, 2, func(f *entry.Facts) { f.Seed = 5 }, 2)} {
		_, err := morning.NewTally().Read([]string{one, other})
		require.ErrorContains(t, err, "these are no shards of one night a: ")
	}
	_, err := morning.NewTally().Read([]string{t.TempDir()})
	require.ErrorContains(t, err, "is no directory of a night")
}

// A page of very many findings and cells stays small, and says what it leaves out.
func TestSizeOfThePage(t *testing.T) {
	entries, n := bad()
	long := strings.Repeat("|漢\x00", 1000)
	for i := range 1000 {
		entries = append(entries, run(100+i, entry.Broken, broken(long+strings.Repeat("x", i)), cell(fmt.Sprint("cell", i, long))))
		n.Findings = append(n.Findings, morning.Finding{
			ID: fmt.Sprint(i), Status: morning.New, Checker: long + fmt.Sprint(i), Rule: long, Text: long, Label: long, State: long, Example: long, Commands: []string{long, long, long},
		})
	}
	r := report(entries, n)
	page := r.Summary()
	require.Less(t, len(page), 300<<10)
	require.True(t, strings.HasSuffix(page, " left out, the page being full: night.json has all.\n"))
	require.True(t, strings.HasPrefix(page, "# FINDINGS: 1 new finding; "))
	require.LessOrEqual(t, len(r.Broken), 50)

	for i := range n.Findings {
		n.Findings[i] = morning.Finding{ID: fmt.Sprint(i), Status: morning.New, Checker: "votes", Rule: "r"}
	}
	r = report(entries[:1], n)
	require.Contains(t, r.Summary(), "904 more: `usurper findings` lists all")
}

// The page names the checkers of which no control shows that they see, and says where
// controls are to be had, if the night has none.
func TestUnshownOnThePage(t *testing.T) {
	r := morning.Report{Unshown: []string{"set", "votes"}}
	require.Contains(t, r.Summary(), "no control shows that these see: set, votes (controls: usual in the file of a night has some)\n")
	r.Controls = []morning.Control{{Checker: "logs"}}
	require.Contains(t, r.Summary(), "no control shows that these see: set, votes\n")
}

// Tries of a control are neither runs nor findings.
func TestControlsAreNoRuns(t *testing.T) {
	tally := morning.NewTally()
	try := run(7, entry.Invalid, breach("votes", "two votes in one term", "x"))
	try.Control = "double-vote"
	require.True(t, tally.Add(try))
	require.False(t, tally.Add(try))
	try.Started = try.Started.Add(time.Minute)
	require.True(t, tally.Add(try), "another try")
	require.Zero(t, tally.Runs())
	require.True(t, tally.Add(run(7, entry.Valid)))
	require.Equal(t, 1, tally.Runs().All)
	f := facts()
	f.Runs = 1
	r := tally.Report(morning.Night{Parts: []entry.Facts{f}})
	require.Empty(t, r.Unfiled)
	require.Equal(t, morning.Quiet, r.Verdict, r.Lacks)
}

// A control whose tries all broke has not stayed green.
func TestControlThatBroke(t *testing.T) {
	entries, n := quiet()
	n.Parts[0].Controls = []entry.Control{{Name: "stale-read", Checker: "votes", Tries: 5, Broken: 5, Untried: "no try came to a verdict: no such version"}}
	r := report(entries, n)
	require.Equal(t, "untried", r.Controls[0].State)
	require.Equal(t, "control stale-read was tried 5 times in vain (no try came to a verdict: no such version): whether votes would have seen anything is not known", r.Doubts[0].Text)
	n.Parts[0].Controls[0].Broken = 4
	require.Equal(t, "green", report(entries, n).Controls[0].State)
}

// Controls that were not tried for one reason are one doubt, and each is a case that has it.
func TestUntriedControls(t *testing.T) {
	entries, n := quiet()
	n.Parts[0].Controls = []entry.Control{
		{Name: "a", Checker: "votes", Untried: "too short"}, {Name: "b", Checker: "votes", Untried: "too short"}, {Name: "c", Checker: "votes"},
	}
	r := report(entries, n)
	require.Equal(t, "controls a, b were not tried (too short): whether votes would have seen anything is not known", r.Doubts[0].Text)
	require.Equal(t, "control c was not tried (its turn did not come): whether votes would have seen anything is not known", r.Doubts[1].Text)
	var text bytes.Buffer
	require.NoError(t, r.JUnit(&text))
	require.Len(t, regexp.MustCompile(`<testcase name="[abc]"[^>]*>\s*<error message="control`).FindAllString(text.String(), -1), 3)
}

// How the night stands, in a line and as a table.
func TestLive(t *testing.T) {
	r := report(bad())
	l := morning.Live{
		Runs: morning.Counts{All: 38, Valid: 35, Invalid: 2, Broken: 1}, Asked: 400, Elapsed: 12 * time.Minute, For: time.Hour, Findings: r.Findings,
		Running: []morning.Running{
			{Number: 39, Cell: "reference/random", Seed: 139, Phase: "attack", Left: 12 * time.Second, Leader: "n2", Term: 4, Faults: []string{"cut n1 from n3", "pause n2"}, PerSec: 31},
			{Control: "stale-log-vote", Seed: 7, Phase: "final", Term: 11, PerSec: 4},
		},
	}
	require.Equal(t, "12m of 60m; 38 of 400 runs: 35 valid, 2 invalid, 1 broken; 2 clusters running; 1 new finding; 1 ongoing finding", l.Line())
	require.Equal(t, []string{
		"12m of 60m; 38 of 400 runs: 35 valid, 2 invalid, 1 broken; 2 clusters running; 1 new finding; 1 on…",
		"  reference/random        seed 139  attack  12s left  n2 leads 4     31 ok/s  cut n1 from n3 +1",
		"  control stale-log-vote  seed 7    final             no leader, 11  4 ok/s",
		"  new        2 runs  votes: voted for a stale log",
		"  muted      1 run  node-logs: a crash in a node's log",
		"  ongoing    2 runs  linearizable: not linearizable",
	}, l.Table(100, 24))
	l.Running = append(l.Running, l.Running...)
	require.Len(t, l.Table(100, 6), 5)
	require.Equal(t, "  … and 2 more clusters", l.Table(100, 6)[3])
	require.Len(t, l.Table(20, 1), 1)
}

// A night that could not show anything is not quiet, whatever it allows to be unknown.
func TestShowsNothing(t *testing.T) {
	many := func(n int, class entry.Class, change ...func(*entry.Entry)) (all []entry.Entry) {
		for i := range n {
			all = append(all, run(i+1, class, change...))
		}
		return all
	}
	bites := func(bit int) func(*entry.Entry) {
		return func(e *entry.Entry) { e.Faults = map[string]entry.Fault{"kill": {Planned: 1, Fired: 1, Bit: bit}} }
	}
	still := func(e *entry.Entry) { e.OK = 0 }
	known := breach("votes", "r", "x")
	few := append(many(2, entry.Valid), run(3, entry.Invalid, known), run(4, entry.Invalid, known))
	for name, c := range map[string]struct {
		runs     []entry.Entry
		muted    bool
		failures int
		doubt    string // of all, the first
	}{
		"valid":                      {runs: many(6, entry.Valid)},
		"all unknown":                {runs: many(6, entry.Unknown), doubt: "cell reference/random came to no verdict: of 6 runs 6 unknown, 0 broken"},
		"answered in an unknown run": {runs: append(many(5, entry.Valid, still), run(6, entry.Unknown)), doubt: "cell reference/random: no operation succeeded in 5 runs with a verdict"},
		"bit in an unknown run":      {runs: append(many(5, entry.Valid, bites(0)), run(6, entry.Unknown, bites(1))), doubt: "fault kill bit only in runs that came to no verdict"},
		"all of a known finding":     {runs: many(6, entry.Invalid, known), doubt: "no run was valid: what known findings hide is not known"},
		"all of a muted finding":     {runs: many(2, entry.Invalid, known), muted: true, doubt: "no run was valid: what known findings hide is not known"},
		"a cell of a known finding":  {runs: append(many(3, entry.Invalid, known, cell("b")), run(4, entry.Valid)), doubt: "cell b: none of 3 runs was valid: what known findings hide is not known"},
		"some of a known finding":    {runs: few},
		"ended by a known finding":   {runs: few, failures: 2, doubt: "the night ended after 2 invalid runs, of known findings alone"},
		"almost":                     {runs: few, failures: 3},
	} {
		f := facts()
		f.Runs, f.MaxUnknown = len(c.runs), 1
		if f.Failures = c.failures; c.failures > 0 {
			f.Runs = 0
		}
		tally := morning.NewTally()
		for _, e := range c.runs {
			tally.Add(e)
		}
		found := morning.Finding{ID: "votes-1", Status: morning.Ongoing, Target: "reference", Checker: "votes", Rule: "r", Shape: "a:vote(1)", Muted: c.muted}
		if c.muted {
			found.Status = morning.New
		}
		r := tally.Report(morning.Night{Parts: []entry.Facts{f}, Findings: []morning.Finding{found}, At: begun})
		if c.doubt == "" {
			require.Equal(t, 0, r.Status, "%s: %s", name, r.Lacks)
			continue
		}
		require.Equal(t, 2, r.Status, name)
		require.Equal(t, c.doubt, r.Doubts[0].Text, name)
		found.Status, found.Muted = morning.New, false
		r = tally.Report(morning.Night{Parts: []entry.Facts{f}, Findings: []morning.Finding{found}, At: begun})
		if c.runs[0].Class == entry.Invalid {
			require.Equal(t, []string{"1 new finding"}, append(r.News, r.Lacks...), name)
		}
	}
}
