package coverage_test

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/night/coverage"
	"github.com/usurper/usurper/harness/night/entry"
)

var update = flag.Bool("update", false, "write the golden tallies anew")

// corpus returns the tallies of the kept runs, by name.
func corpus(t *testing.T) map[string]coverage.Tally {
	t.Helper()
	files, err := filepath.Glob("../../../results/corpus/*/history.jsonl.gz")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	tallies := make(map[string]coverage.Tally)
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		tally, err := coverage.OfFile(file, name)
		require.NoError(t, err)
		tallies[name] = tally
	}
	return tallies
}

func text(t *testing.T, tally coverage.Tally) string {
	t.Helper()
	b, err := json.MarshalIndent(tally, "", "  ")
	require.NoError(t, err)
	return string(b) + "\n"
}

// What kept runs covered is what it was when somebody last looked at it.
func TestTalliesOfKeptRuns(t *testing.T) {
	for name, tally := range corpus(t) {
		switch name {
		case "stale-read", "clean-churn", "install-drops-vote", "even-quorum":
		default:
			continue
		}
		golden := filepath.Join("testdata", name+".json")
		if *update {
			require.NoError(t, os.WriteFile(golden, []byte(text(t, tally)), 0o644))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), text(t, tally), "go test -update writes it anew")
	}
}

// A tally of one run is small, and is what is read back of its JSON.
func TestTalliesAreSmall(t *testing.T) {
	for name, tally := range corpus(t) {
		b, err := json.Marshal(tally)
		require.NoError(t, err)
		require.Less(t, len(b), 4<<10, name)
		again, err := coverage.Parse(b)
		require.NoError(t, err)
		require.Equal(t, text(t, tally), text(t, again))
	}
}

// Tallies add up to the same in any order and grouping.
func TestSumInAnyOrder(t *testing.T) {
	var all []coverage.Tally
	for _, tally := range corpus(t) {
		all = append(all, tally)
	}
	want := text(t, coverage.Sum(all...))
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		parts := make([]coverage.Tally, len(all))
		copy(parts, all)
		for len(parts) > 1 {
			i := rnd.IntN(len(parts))
			a := parts[i]
			parts = append(parts[:i:i], parts[i+1:]...)
			j := rnd.IntN(len(parts))
			parts[j] = coverage.Sum(a, parts[j])
		}
		require.Equal(t, want, text(t, parts[0]), "seed %d", seed)
	}
	require.Equal(t, want, text(t, coverage.Sum(append(all, coverage.Tally{})...)), "nothing added changes nothing")
}

func TestTalliesOfOthers(t *testing.T) {
	for in, want := range map[string]string{
		`{"format":9}`:                     "format 9, this usurper knows 1 to 1: use a newer one",
		`{}`:                               "format 0",
		`hello`:                            "read coverage: invalid character",
		`{"format":1,"cells":{"kill":{}}}`: "is no cell",
		`{"format":1,"cells":{"kill king steady one":{}}}`:        "does not know such a role",
		`{"format":1,"settings":{"x leaders":1}}`:                 "want a number of members first",
		`{"format":1,"settings":{"3 bees":1}}`:                    `does not know "bees"`,
		`{"format":1,"states":{"hashes":"AAA"}}`:                  "no set of states",
		`{"format":1,"states":{"hashes":"AAAAAAAA","runs":"AA"}}`: "runs are not those of the hashes",
	} {
		_, err := coverage.Parse([]byte(in))
		require.ErrorContains(t, err, want, in)
	}
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "coverage.json")
	none, err := coverage.Load(path)
	require.NoError(t, err)
	require.Zero(t, none.Runs)
	sum := coverage.Sum(none)
	for _, tally := range corpus(t) {
		sum.Add(tally)
	}
	require.NoError(t, sum.Save(path))
	again, err := coverage.Load(path)
	require.NoError(t, err)
	require.Equal(t, text(t, sum), text(t, again))
	require.Zero(t, sum.States.New(again.States), "nothing is new that is known")
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left beside it")
}

// What was not judged proves nothing, nor does a control.
func TestWhichEntriesCount(t *testing.T) {
	b, err := json.Marshal(corpus(t)["stale-read"])
	require.NoError(t, err)
	for _, row := range []struct {
		entry entry.Entry
		want  bool
	}{
		{entry.Entry{Class: entry.Valid, Coverage: b}, true},
		{entry.Entry{Class: entry.Invalid, Coverage: b}, true},
		{entry.Entry{Class: entry.Unknown, Coverage: b}, false},
		{entry.Entry{Class: entry.Broken, Coverage: b}, false},
		{entry.Entry{Class: entry.Invalid, Control: "double-vote", Coverage: b}, false},
		{entry.Entry{Class: entry.Valid}, false},
	} {
		tally, counts, err := coverage.OfEntry(row.entry)
		require.NoError(t, err)
		require.Equal(t, row.want, counts)
		require.Equal(t, row.want, tally.Runs == 1)
	}
	_, _, err = coverage.OfEntry(entry.Entry{Number: 3, Night: "x", Class: entry.Valid, Coverage: []byte("{}")})
	require.ErrorContains(t, err, "run 3 of the night x: read coverage: format 0")
}

// Whatever events there are, nothing panics, and what comes out is read back.
func FuzzOf(f *testing.F) {
	f.Add(uint64(1), []byte("abc"))
	f.Add(uint64(7), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
	f.Fuzz(func(t *testing.T, seed uint64, script []byte) {
		tally, err := coverage.Of(scramble(seed, script).All(), "a")
		require.NoError(t, err)
		b, err := json.Marshal(tally)
		require.NoError(t, err)
		again, err := coverage.Parse(b)
		require.NoError(t, err)
		require.Equal(t, text(t, tally), text(t, again))
		coverage.Sum(tally, again).Report(again.States).Lines()
	})
}

// scramble is a history without sense.
func scramble(seed uint64, script []byte) *tape.Tape {
	rnd := rand.New(rand.NewPCG(seed, 2))
	pick := func(words ...string) string { return words[rnd.IntN(len(words))] }
	node := func() string { return pick("n1", "n2", "n3", "n4", "n5", "", "clients", "other") }
	small := func() uint64 { return rnd.Uint64N(6) }
	h := tape.New(history.Run{Traced: rnd.IntN(2) == 0, Tapped: rnd.IntN(2) == 0, Nodes: []string{"n1", "n2", "n3", "n4"}})
	whats := []history.RaftWhat{
		history.RaftStart, history.RaftFollower, history.RaftCandidate, history.RaftVote, history.RaftPreVote, history.RaftLeader,
		history.RaftAppend, history.RaftTruncate, history.RaftAck, history.RaftCommit, history.RaftApply, history.RaftSnapshot,
		history.RaftInstall, history.RaftConfig, history.RaftRegress, history.RaftEnd, "what",
	}
	for _, b := range script {
		h.Wait(time.Duration(small()) * 30 * time.Millisecond)
		switch b % 8 {
		case 0, 1, 2:
			h.Add(history.Event{Raft: &history.Raft{
				Source: history.Source(pick("trace", "tap", "harness")), Node: node(), Inc: small(), What: whats[rnd.IntN(len(whats))],
				Stage: history.Stage(pick("", "sent", "delivered", "dropped")), Term: small(), Peer: node(), PeerTerm: small(),
				Last: tape.Pos(small(), small()), PeerLast: tape.Pos(small(), small()), From: small(), To: small(), Index: small(),
				Granted: rnd.IntN(2) == 0, Lead: rnd.IntN(2) == 0, Learners: []string{node()}, Commit: small(),
				Reason: history.Reason(pick("granted", "voted", "stale-log", "unspecified")),
			}})
		case 3:
			resolved := pick("at 2s kill n1 n2", "maybe at 1s for 2s drop vote 50% n1 > n2 n3", "partition", "at", "at 2s partition ring n1 n2 n3 n4",
				"at 1s for 2s isolate n3", "at 1s cut n1 >", "at 1s cut > n1", "at 3s replace n4", "|", "", "maybe at 2s for", "at 1s partition n1 | n2 | clients n3 n4")
			h.Fault(history.Fault{
				Step: int(small()), What: history.FaultWhat(pick("inject", "heal", "skipped", "no-target")), Resolved: resolved,
				Nodes: []string{node(), node()}, Bit: rnd.IntN(2) == 0, Evidence: map[string]int64{"x": int64(small()) - 1},
			})
		case 4:
			h.Proc(history.Proc{Node: node(), What: history.ProcWhat(pick("start", "ready", "signal", "exit")), Inc: small(),
				Signal: pick("stopped (signal)", "continued", "killed"), Expected: rnd.IntN(2) == 0})
		case 5:
			h.Op(history.Op{Process: int(small()) - 1, Type: history.OpType(pick("invoke", "ok", "fail", "info")), F: history.F(pick("get", "put", "txn", "read")),
				Key: pick("a", "b"), Arg: pick("1", "2"), Got: pick("1", "2"), List: []string{"1"}, Node: node(), Txn: []history.Micro{{F: "get", Key: "a", Got: "1"}}})
		case 6:
			h.Add(history.Event{Claim: &history.Claim{Node: node(), Inc: small(), Role: pick("", "leader", "follower", "candidate"), Term: small()}})
		case 7:
			h.Phase(pick(history.PhaseReady, history.PhaseFaults, history.PhaseHealed, history.PhaseFinal, "x", "y", "z"))
		}
	}
	return h
}

// Goal: half a million events a second or more, reading not counted.
func BenchmarkOf(b *testing.B) {
	r, err := history.Open("../../../results/corpus/stale-read/history.jsonl.gz")
	require.NoError(b, err)
	defer r.Close()
	var h tape.Tape
	for e, err := range r.Events() {
		require.NoError(b, err)
		h.Events = append(h.Events, *e)
	}
	for b.Loop() {
		_, err := coverage.Of(h.All(), "a")
		require.NoError(b, err)
	}
	b.ReportMetric(float64(b.N)*float64(len(h.Events))/b.Elapsed().Seconds(), "events/s")
}
