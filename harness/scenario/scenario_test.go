package scenario_test

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/scenario"
	"github.com/usurper/usurper/harness/target/reference"
	"github.com/usurper/usurper/nemesis"
)

// binary runs the nodes: this test binary itself.
var binary string

func TestMain(m *testing.M) {
	binary = reference.Reenter()
	flag.Parse()
	_ = flag.Set("test.parallel", "6") // clusters mostly wait
	os.Exit(m.Run())
}

// play runs a scenario and returns its trace events, once the run as a whole was
// found valid. tune may change the configuration.
func play(t *testing.T, name string, tune ...func(*engine.Config)) []history.Raft {
	t.Helper()
	s, ok := scenario.Named(name)
	require.True(t, ok)
	cfg := engine.Default()
	s.Apply(&cfg)
	cfg.Rate, cfg.Clients = 50, 3
	cfg.Results = t.TempDir()
	for _, f := range tune {
		f(&cfg)
	}
	target, err := reference.New(reference.Options{
		Binary: binary, Election: cfg.Election, Heartbeat: cfg.Heartbeat, Seed: cfg.Seed,
	})
	require.NoError(t, err)
	cfg.Target = target
	result, err := engine.Run(t.Context(), cfg)
	require.NoError(t, err)
	require.NotEqual(t, checker.Invalid, result.Report.Verdict, result.Report.String())

	r, err := history.Open(result.Dir.Path(results.HistoryFile))
	require.NoError(t, err)
	defer r.Close()
	var trace []history.Raft
	for e, err := range r.Events() {
		require.NoError(t, err)
		if e.Raft != nil && e.Raft.Source == history.Trace {
			trace = append(trace, *e.Raft)
		}
	}
	return trace
}

// among returns the events of one kind.
func among(trace []history.Raft, what history.RaftWhat) []history.Raft {
	var found []history.Raft
	for _, e := range trace {
		if e.What == what {
			found = append(found, e)
		}
	}
	return found
}

// "At start all members are followers … it becomes a candidate and asks the
// others for votes … a candidate that more than half of the members accept
// becomes the new leader."
func TestFirstElection(t *testing.T) {
	t.Parallel()
	trace := play(t, "first-election")
	first := make(map[string]history.RaftWhat)
	for _, e := range trace {
		switch e.What {
		case history.RaftFollower, history.RaftCandidate, history.RaftLeader:
			if _, seen := first[e.Node]; !seen {
				first[e.Node] = e.What
			}
		}
	}
	require.Len(t, first, 5)
	for node, role := range first {
		require.NotEqual(t, history.RaftLeader, role, "%s starts as a leader", node)
	}
	leaders := among(trace, history.RaftLeader)
	require.NotEmpty(t, leaders)
	won := leaders[len(leaders)-1]
	granted := make(map[string]bool)
	for _, v := range among(trace, history.RaftVote) {
		// A second candidate of the term, who loses, has its own vote too.
		if v.Granted && v.PeerTerm == won.Term && v.Peer == won.Node {
			granted[v.Node] = true
		}
	}
	require.GreaterOrEqual(t, len(granted), 3)
}

// "Because the timers are random, two or more followers can become candidates
// together" — and none of them wins: the next round elects one.
func TestSplitVote(t *testing.T) {
	t.Parallel()
	trace := play(t, "split-vote")
	candidates, leaderless := perTerm(trace)
	for term, n := range candidates {
		if n < 2 || !leaderless[term] {
			continue
		}
		for _, later := range among(trace, history.RaftLeader) {
			if later.Term > term {
				return
			}
		}
	}
	t.Fatalf("no term with two candidates and no leader was followed by one with a leader: candidates by term %v", candidates)
}

func perTerm(trace []history.Raft) (candidates map[uint64]int, leaderless map[uint64]bool) {
	candidates, leaderless = make(map[uint64]int), make(map[uint64]bool)
	for _, e := range among(trace, history.RaftCandidate) {
		candidates[e.Term]++
		leaderless[e.Term] = true
	}
	for _, e := range among(trace, history.RaftLeader) {
		leaderless[e.Term] = false
	}
	return candidates, leaderless
}

// "Each follower votes at most once per round, for one candidate … first come,
// first served."
func TestOneVotePerTerm(t *testing.T) {
	t.Parallel()
	trace := play(t, "one-vote-per-term")
	type ballot struct {
		voter string
		term  uint64
	}
	given := make(map[ballot]string)
	refusedSecond := 0
	for _, v := range among(trace, history.RaftVote) {
		b := ballot{v.Node, v.PeerTerm}
		if v.Granted {
			if first, voted := given[b]; voted {
				require.Equal(t, first, v.Peer, "%s voted twice in term %d", v.Node, v.Term)
			}
			given[b] = v.Peer
		} else if first, voted := given[b]; voted && first != v.Node && v.Reason == history.ReasonVoted {
			require.NotEqual(t, first, v.Peer)
			refusedSecond++
		}
	}
	require.Positive(t, refusedSecond, "no follower was asked by a second candidate of a term")
}

// "The leader then sends heartbeats at an interval, and each heartbeat resets
// the followers' timers so that they don't start an election."
func TestHeartbeatsHold(t *testing.T) {
	t.Parallel()
	// A wide timer, since the machine may be busy with other tests.
	trace := play(t, "heartbeats-hold", func(cfg *engine.Config) {
		cfg.Election, cfg.Heartbeat = time.Second, 50*time.Millisecond
	})
	leaders := among(trace, history.RaftLeader)
	require.NotEmpty(t, leaders)
	for _, c := range among(trace, history.RaftCandidate) {
		require.LessOrEqual(t, c.Term, leaders[0].Term, "%s stood against a live leader", c.Node)
	}
}

// "A follower that hears no heartbeat within its timer starts the next round."
func TestLeaderLoss(t *testing.T) {
	t.Parallel()
	trace := play(t, "leader-loss")
	require.GreaterOrEqual(t, len(among(trace, history.RaftLeader)), 4, "three leaders were lost and replaced")
}

// "S4, whose log is behind, wants to be leader. It must not win."
func TestStaleCandidate(t *testing.T) {
	t.Parallel()
	trace := play(t, "stale-candidate")
	refusals := make(map[uint64]map[string]bool) // by the term in which n4 asked
	for _, v := range among(trace, history.RaftVote) {
		if v.Peer != "n4" || v.Node == "n4" {
			continue
		}
		if v.PeerLast.Less(v.Last) {
			require.False(t, v.Granted, "%s voted for a stale log", v.Node)
		}
		if v.Reason == history.ReasonStaleLog {
			if refusals[v.PeerTerm] == nil {
				refusals[v.PeerTerm] = make(map[string]bool)
			}
			refusals[v.PeerTerm][v.Node] = true
		}
	}
	// Fewer may hold more than n4 and yet nothing committed that it lacks.
	kept := 0
	for term, by := range refusals {
		if len(by) < 3 {
			continue
		}
		kept++
		for _, l := range among(trace, history.RaftLeader) {
			require.False(t, l.Node == "n4" && l.Term == term, "n4 won term %d, which a majority refused it", term)
		}
	}
	require.Positive(t, kept, "no term in which a majority refused n4 because of its log: %v", refusals)
}

func TestPlansFitTheirClusters(t *testing.T) {
	for _, s := range scenario.All() {
		cfg := engine.Default()
		s.Apply(&cfg)
		require.NoError(t, s.Plan.Validate(nemesis.Setting{Nodes: cfg.Names()}), s.Name)
		require.NotEmpty(t, s.Short)
	}
}

// "A candidate needs votes from a majority": half of the members is none.
func TestNoMajority(t *testing.T) {
	t.Parallel()
	trace := play(t, "no-majority")
	led := make(map[uint64]int)
	for _, l := range among(trace, history.RaftLeader) {
		led[l.Term]++
		require.Equal(t, 1, led[l.Term], "term %d has two leaders", l.Term)
	}
	require.GreaterOrEqual(t, len(led), 2, "before and after")
	vain := make(map[uint64]bool)
	for _, c := range among(trace, history.RaftCandidate) {
		if led[c.Term] == 0 {
			vain[c.Term] = true
		}
	}
	require.NotEmpty(t, vain, "nobody stood while the halves were apart")
}
