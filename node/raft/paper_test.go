package raft_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/raft"
)

// The tests of this file each cite a sentence of the description that the
// reference node is built from ("seed"), or of the Raft paper.

// journal keeps all events of a cluster, by member.
type journal map[raft.ID][]raft.Event

func (j journal) event(id raft.ID, e raft.Event)    { j[id] = append(j[id], e) }
func (j journal) output(raft.ID, *raft.Output)      {}
func (j journal) last(id raft.ID) raft.Event        { return j[id][len(j[id])-1] }
func (j journal) count(id raft.ID, what string) int { return len(j.all(id, what)) }

func (j journal) all(id raft.ID, what string) (es []raft.Event) {
	for _, e := range j[id] {
		if e.What == what {
			es = append(es, e)
		}
	}
	return es
}

func watched(t *testing.T, n int) (*cluster, journal) {
	j := journal{}
	return newCluster(t, setup{n: n}, j), j
}

// logOf makes a log with entries of these terms.
func logOf(terms ...uint64) (entries []raft.Entry) {
	for i, term := range terms {
		entries = append(entries, raft.Entry{Term: term, Index: uint64(i + 1), Data: fmt.Appendf(nil, "%d.%d", term, i+1)})
	}
	return entries
}

// startWith is a cluster whose members recover these logs, in the term of the
// last entry of any of them.
func startWith(t *testing.T, logs ...[]raft.Entry) *cluster {
	c := newCluster(t, setup{n: len(logs)}, nil)
	var term uint64
	for _, log := range logs {
		if n := len(log); n > 0 {
			term = max(term, log[n-1].Term)
		}
	}
	for i, log := range logs {
		m := c.members[raft.ID(i+1)]
		m.entries, m.hard = log, raft.HardState{Term: term}
		c.start(raft.ID(i + 1))
	}
	return c
}

func (c *cluster) role(id raft.ID) raft.Role { return c.up(id).Status().Role }

// ask gives a member a vote request and returns the event of its decision.
func ask(c *cluster, j journal, m raft.Message) raft.Event {
	m.Kind = raft.KindVote
	c.give(m)
	return j.last(m.To)
}

// "At start all members are followers." (seed)
func TestStartsAsFollower(t *testing.T) {
	c, j := watched(t, 3)
	for _, id := range c.voters {
		require.Equal(t, raft.Follower, c.role(id))
		require.Empty(t, j.all(id, raft.EventCandidate))
	}
}

// "Each follower holds a randomised timer." (seed) "Election timeouts are chosen
// randomly from a fixed interval" (Raft §5.2), anew for each round.
func TestTimeoutIsDrawnAnewForEachRound(t *testing.T) {
	draws := []int{13, 19, 11, 10, 99, 0}
	drawn := 0
	c := newCluster(t, setup{n: 3, election: 10, heartbeat: 2, timeout: func(id raft.ID) int {
		if id != 1 {
			return 10
		}
		drawn++
		return draws[drawn-1]
	}}, nil)
	for round, want := range []int{13, 19, 11, 10, 19, 10} { // 99 and 0 are moved into [T, 2T)
		require.Equal(t, uint64(round), c.up(1).Status().Term)
		c.tick(1, want-1)
		require.Equal(t, uint64(round), c.up(1).Status().Term, "not before its time")
		if round < 5 {
			c.tick(1, 1)
		}
	}
}

// "If the timer fires before anybody has contacted the follower, it becomes a
// candidate and asks the others for votes." (seed) "It increments its current
// term …, votes for itself and issues RequestVote RPCs" (Raft §5.2)
func TestTimerMakesCandidate(t *testing.T) {
	c, j := watched(t, 3)
	c.expire(1)
	st := c.up(1).Status()
	require.Equal(t, raft.Candidate, st.Role)
	require.Equal(t, uint64(1), st.Term)
	require.Equal(t, raft.HardState{Term: 1, Vote: 1}, c.members[1].hard, "its vote for itself is saved")
	require.Equal(t, raft.ReasonSelf, j.all(1, raft.EventVote)[0].Reason)
	require.Len(t, c.flight, 2)
	for _, m := range c.flight {
		require.Equal(t, raft.KindVote, m.Kind)
	}
}

// "Each follower votes at most once per round, for one candidate." (seed)
func TestOneVotePerTerm(t *testing.T) {
	c, j := watched(t, 5)
	e := ask(c, j, raft.Message{From: 2, To: 1, Term: 1})
	require.True(t, e.Granted)
	e = ask(c, j, raft.Message{From: 3, To: 1, Term: 1})
	require.False(t, e.Granted)
	require.Equal(t, raft.ReasonVoted, e.Reason)
	e = ask(c, j, raft.Message{From: 2, To: 1, Term: 1})
	require.True(t, e.Granted, "the same candidate may ask again")
	require.Equal(t, raft.ReasonRepeated, e.Reason)
}

// "Each server will vote for at most one candidate in a given term" also across
// a crash: votedFor is persistent (Raft §5.2, figure 2).
func TestVoteSurvivesCrash(t *testing.T) {
	c, j := watched(t, 3)
	ask(c, j, raft.Message{From: 2, To: 1, Term: 1})
	c.crash(1)
	c.start(1)
	e := ask(c, j, raft.Message{From: 3, To: 1, Term: 1})
	require.Equal(t, raft.ReasonVoted, e.Reason)
}

// "Between candidates that are equally eligible it is first come, first
// served." (seed) Who comes first does not depend on who it is.
func TestFirstComeFirstServed(t *testing.T) {
	for _, first := range []raft.ID{2, 3} {
		c, j := watched(t, 3)
		require.True(t, ask(c, j, raft.Message{From: first, To: 1, Term: 1}).Granted)
		require.False(t, ask(c, j, raft.Message{From: 5 - first, To: 1, Term: 1}).Granted)
	}
}

// "A candidate that more than half of the members accept becomes the new
// leader." (seed) Half of them is not enough; one member's vote counts once.
func TestMajorityOfConfiguredMembersWins(t *testing.T) {
	for _, tc := range []struct{ members, votes int }{{1, 1}, {2, 2}, {3, 2}, {4, 3}, {5, 3}, {7, 4}} {
		t.Run(fmt.Sprint(tc), func(t *testing.T) {
			c, _ := watched(t, tc.members)
			c.expire(1)
			for got := 1; got < tc.votes; got++ {
				require.Equal(t, raft.Candidate, c.role(1), "%d votes of %d", got, tc.members)
				for range 3 {
					c.give(raft.Message{Kind: raft.KindVoteResponse, From: raft.ID(got + 1), To: 1, Term: 1})
				}
			}
			require.Equal(t, raft.Leader, c.role(1))
		})
	}
}

// Votes of an earlier term, refusals and votes of strangers count for nothing.
func TestOnlyVotesOfItsTermCount(t *testing.T) {
	c, _ := watched(t, 3)
	c.expire(1)
	c.expire(1)
	c.give(raft.Message{Kind: raft.KindVoteResponse, From: 2, To: 1, Term: 1})
	c.give(raft.Message{Kind: raft.KindVoteResponse, From: 9, To: 1, Term: 2})
	c.give(raft.Message{Kind: raft.KindVoteResponse, From: 3, To: 1, Term: 2, Reject: true})
	require.Equal(t, raft.Candidate, c.role(1))
	c.give(raft.Message{Kind: raft.KindVoteResponse, From: 3, To: 1, Term: 2})
	require.Equal(t, raft.Candidate, c.role(1), "the first answer of a member stands")
	c.give(raft.Message{Kind: raft.KindVoteResponse, From: 2, To: 1, Term: 2})
	require.Equal(t, raft.Leader, c.role(1))
}

// "The candidate that lost goes back to follower." (seed) "If the leader's term
// is at least as large as the candidate's current term, then the candidate …
// returns to follower state." (Raft §5.2)
func TestLoserGoesBackToFollower(t *testing.T) {
	for _, kind := range []raft.Kind{raft.KindHeartbeat, raft.KindAppend} {
		c, j := watched(t, 3)
		c.expire(1)
		c.give(raft.Message{Kind: kind, From: 3, To: 1, Term: 1})
		require.Equal(t, raft.Follower, c.role(1))
		require.Equal(t, raft.ID(3), c.up(1).Status().Leader)
		require.Equal(t, raft.ID(3), j.last(1).Peer)
		require.Equal(t, raft.ID(1), c.up(1).Status().Vote, "its vote of the term stays with it")
	}
}

// "If the term in the RPC is smaller than the candidate's current term, then the
// candidate rejects the RPC and continues in candidate state." (Raft §5.2)
func TestStaleLeaderIsRejected(t *testing.T) {
	c, _ := watched(t, 3)
	c.expire(1)
	c.expire(1)
	c.flight = nil
	for _, kind := range []raft.Kind{raft.KindHeartbeat, raft.KindAppend} {
		c.give(raft.Message{Kind: kind, From: 3, To: 1, Term: 1})
		require.Equal(t, raft.Candidate, c.role(1))
		require.True(t, c.flight[0].Reject)
		require.Equal(t, uint64(2), c.flight[0].Term, "so that the stale leader learns of it")
		c.deliver(0)
	}
}

// "If one server's current term is smaller than the other's, then it updates its
// current term to the larger value. If a candidate or leader discovers that its
// term is out of date, it immediately reverts to follower state." (Raft §5.1)
func TestStepsDownOnHigherTerm(t *testing.T) {
	for _, m := range []raft.Message{
		{Kind: raft.KindVote}, {Kind: raft.KindVoteResponse, Reject: true}, {Kind: raft.KindHeartbeat},
		{Kind: raft.KindHeartbeatResponse, Reject: true}, {Kind: raft.KindAppend},
		{Kind: raft.KindAppendResponse, Reject: true}, {Kind: raft.KindPreVoteResponse, Reject: true},
	} {
		c, _ := watched(t, 3)
		c.elect(1)
		m.From, m.To, m.Term = 2, 1, 7
		c.give(m)
		require.Equal(t, raft.Follower, c.role(1), "kind %d", m.Kind)
		require.Equal(t, uint64(7), c.members[1].hard.Term, "and saves the term")
		require.Equal(t, 1, c.members[1].deposed, "its proposals are over")
	}
}

// "If a server receives a request with a stale term number, it rejects the
// request." (Raft §5.1)
func TestStaleVoteRequestIsRefused(t *testing.T) {
	c, j := watched(t, 3)
	c.expire(1)
	c.expire(1)
	e := ask(c, j, raft.Message{From: 2, To: 1, Term: 1, Log: raft.Pos{Term: 1, Index: 9}})
	require.Equal(t, raft.ReasonStaleTerm, e.Reason)
	require.Equal(t, uint64(2), e.Term)
}

// "The leader then sends heartbeats at an interval, and each heartbeat resets
// the followers' timers so that they don't start an election." (seed)
func TestHeartbeatsHoldElectionsBack(t *testing.T) {
	c, j := watched(t, 5)
	c.elect(3)
	for range 50 {
		for _, id := range c.voters {
			c.tick(id, 2)
		}
		c.settle()
	}
	for _, id := range c.voters {
		want := 0
		if id == 3 {
			want = 1
		}
		require.Equal(t, want, j.count(id, raft.EventCandidate))
	}
}

// "A follower that hears no heartbeat within its timer starts the next round."
// (seed) Its evidence says how long it had heard nothing.
func TestLeaderLossStartsNextRound(t *testing.T) {
	c, j := watched(t, 3)
	c.elect(1)
	c.beat(1)
	c.crash(1)
	c.elect(2)
	e := j.all(2, raft.EventCandidate)[0]
	require.True(t, e.Known)
	require.Equal(t, 10, e.HeardTicks)
	require.Equal(t, uint64(2), e.Term)
}

// "If a follower receives no communication over … the election timeout": also
// granting a vote is communication (Raft figure 2, rules for followers), and
// refusing one is not.
func TestGrantingResetsTimer(t *testing.T) {
	c, j := watched(t, 3)
	c.tick(1, 9)
	require.True(t, ask(c, j, raft.Message{From: 2, To: 1, Term: 1}).Granted)
	c.tick(1, 9)
	require.Equal(t, raft.Follower, c.role(1))
	require.False(t, ask(c, j, raft.Message{From: 3, To: 1, Term: 1}).Granted)
	c.tick(1, 1)
	require.Equal(t, raft.Candidate, c.role(1))
}

// "S4, whose log is behind, wants to be leader. It must not win." (seed) "The
// voter denies its vote if its own log is more up-to-date than that of the
// candidate": the later last term, then the longer log (Raft §5.4.1).
func TestVoteOnlyForCompleteLogs(t *testing.T) {
	own := raft.Pos{Term: 2, Index: 3}
	for _, tc := range []struct {
		log     raft.Pos
		granted bool
	}{
		{raft.Pos{}, false},
		{raft.Pos{Term: 1, Index: 3}, false},
		{raft.Pos{Term: 1, Index: 99}, false},
		{raft.Pos{Term: 2, Index: 2}, false},
		{raft.Pos{Term: 2, Index: 3}, true},
		{raft.Pos{Term: 2, Index: 4}, true},
		{raft.Pos{Term: 3, Index: 1}, true},
	} {
		c := startWith(t, logOf(1, 2, 2), nil, nil)
		j := journal{}
		c.watch = j
		e := ask(c, j, raft.Message{From: 2, To: 1, Term: 4, Log: tc.log})
		require.Equal(t, tc.granted, e.Granted, "candidate with %v", tc.log)
		require.Equal(t, own, e.Last)
		require.Equal(t, tc.log, e.PeerLast)
		require.Equal(t, uint64(4), e.Term, "the term is taken over in any case")
		if !tc.granted {
			require.Equal(t, raft.ReasonStaleLog, e.Reason)
		}
	}
}

// "The leader appends the command to its log as a new entry, then issues
// AppendEntries in parallel … When the entry has been safely replicated, the
// leader applies the entry" (Raft §5.3): not before a majority has it.
func TestCommitNeedsMajority(t *testing.T) {
	c, j := watched(t, 5)
	c.elect(1)
	at, err := c.propose(1, "x", "y")
	require.NoError(t, err)
	require.Equal(t, raft.Pos{Term: 1, Index: 2}, at)
	for n := range 2 {
		require.Equal(t, uint64(1), c.up(1).Status().Commit, "%d acknowledgements", n)
		c.give(raft.Message{Kind: raft.KindAppendResponse, From: raft.ID(n + 2), To: 1, Term: 1, Log: raft.Pos{Term: 1, Index: 3}})
	}
	require.Equal(t, uint64(3), c.up(1).Status().Commit)
	e := j.last(1)
	require.Equal(t, raft.EventCommit, e.What)
	require.True(t, e.Lead)
}

// "Once a follower learns that a log entry is committed, it applies the entry"
// (Raft §5.3); min(leaderCommit, index of last new entry) (Raft figure 2).
func TestFollowerCommitsWhatMatches(t *testing.T) {
	c := startWith(t, logOf(1, 1, 1, 1), nil, nil)
	c.give(raft.Message{Kind: raft.KindAppend, From: 2, To: 1, Term: 2, Log: raft.Pos{Term: 1, Index: 2}, Commit: 9})
	require.Equal(t, uint64(2), c.up(1).Status().Commit)
}

// "A leader cannot immediately conclude that an entry from a previous term is
// committed once it is stored on a majority of servers." (Raft §5.4.2)
func TestOldTermsAreNotCommittedByCounting(t *testing.T) {
	c := startWith(t, logOf(1, 2), logOf(1, 2), logOf(1))
	c.expire(1)
	c.flight = nil
	c.give(raft.Message{Kind: raft.KindVoteResponse, From: 2, To: 1, Term: 3})
	require.Equal(t, raft.Leader, c.role(1))
	c.give(raft.Message{Kind: raft.KindAppendResponse, From: 2, To: 1, Term: 3, Log: raft.Pos{Term: 2, Index: 2}})
	require.Equal(t, uint64(0), c.up(1).Status().Commit)
	c.give(raft.Message{Kind: raft.KindAppendResponse, From: 2, To: 1, Term: 3, Log: raft.Pos{Term: 3, Index: 3}})
	require.Equal(t, uint64(3), c.up(1).Status().Commit, "with an entry of its own term, all before it")
}

// An acknowledgement given in an earlier term never counts.
func TestOldAcknowledgementsDoNotCount(t *testing.T) {
	c, _ := watched(t, 3)
	c.elect(1)
	c.cut = func(raft.ID, raft.ID) bool { return true }
	_, err := c.propose(1, "x")
	require.NoError(t, err)
	c.give(raft.Message{Kind: raft.KindHeartbeat, From: 2, To: 1, Term: 2})
	c.expire(1)
	c.give(raft.Message{Kind: raft.KindVoteResponse, From: 3, To: 1, Term: 3})
	require.Equal(t, raft.Leader, c.role(1))
	for _, term := range []uint64{1, 2} {
		c.give(raft.Message{Kind: raft.KindAppendResponse, From: 3, To: 1, Term: term, Log: raft.Pos{Term: 3, Index: 3}})
	}
	require.Equal(t, uint64(1), c.up(1).Status().Commit)
}

// "If an existing entry conflicts with a new one (same index but different
// terms), delete the existing entry and all that follow it." (Raft figure 2)
// Figure 7: every kind of follower ends with the leader's log.
func TestConflictsGiveWay(t *testing.T) {
	leader := logOf(1, 1, 1, 4, 4, 5, 5, 6, 6, 6)
	for name, log := range map[string][]raft.Entry{
		"a": logOf(1, 1, 1, 4, 4, 5, 5, 6, 6), "b": logOf(1, 1, 1, 4), "c": logOf(1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6),
		"d": logOf(1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7), "e": logOf(1, 1, 1, 4, 4, 4, 4), "f": logOf(1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3),
	} {
		t.Run(name, func(t *testing.T) {
			c := startWith(t, leader, log, logOf(1, 1, 1))
			c.cut = func(from, to raft.ID) bool { return from == 2 && c.role(1) != raft.Leader }
			c.expire(1)
			c.settle()
			c.beat(1)
			require.Equal(t, raft.Leader, c.role(1))
			require.Equal(t, c.members[1].log(), c.members[2].log())
			require.Equal(t, c.up(1).Status().Hash, c.up(2).Status().Hash)
		})
	}
}

// "One AppendEntries RPC will be required for each term with conflicting
// entries, rather than one RPC per entry." (Raft §5.3)
func TestBackOffSkipsTerms(t *testing.T) {
	long, other := make([]uint64, 1000), make([]uint64, 1000)
	for i := range long {
		long[i], other[i] = 1, 1
		if i >= 100 {
			long[i], other[i] = 3, 2
		}
	}
	c := startWith(t, logOf(long...), logOf(other...), logOf(1))
	c.expire(1)
	refusals := 0
	for len(c.flight) > 0 {
		if m := c.flight[0]; m.Kind == raft.KindAppendResponse && m.Reject && m.From == 2 {
			refusals++
		}
		c.deliver(0)
	}
	require.Equal(t, c.members[1].log(), c.members[2].log())
	require.LessOrEqual(t, refusals, 2)
}

// "AppendEntries … received out of order or twice": an append whose entries are
// all there takes nothing away (Raft figure 2, receiver 3).
func TestLateAppendTakesNothingAway(t *testing.T) {
	c := startWith(t, nil, nil, nil)
	entries := logOf(1, 1, 1)
	c.give(raft.Message{Kind: raft.KindAppend, From: 2, To: 1, Term: 1, Entries: entries})
	for n := range 3 {
		c.give(raft.Message{Kind: raft.KindAppend, From: 2, To: 1, Term: 1, Entries: entries[:n]})
		require.Len(t, c.members[1].entries, 3)
	}
}

// "Each leader commits a blank no-op entry into the log at the start of its
// term." (Raft §8)
func TestNoOpAtStartOfTerm(t *testing.T) {
	c := startWith(t, logOf(1, 1), logOf(1, 1), logOf(1, 1))
	c.elect(1)
	require.Equal(t, []string{"1:1.1", "1:1.2", "2:"}, c.members[1].log())
	require.Equal(t, uint64(3), c.members[1].applied.Index, "and so what earlier leaders left")
}

// "Raft handles this by having the leader exchange heartbeat messages with a
// majority of the cluster before responding to read-only requests." (Raft §8)
func TestReadNeedsMajorityRound(t *testing.T) {
	c, _ := watched(t, 5)
	c.elect(1)
	require.NoError(t, c.read(1, 70))
	require.Len(t, c.flight, 4)
	round := c.flight[0].Context
	answer := raft.Message{Kind: raft.KindHeartbeatResponse, To: 1, Term: 1, Context: round}
	for _, from := range []raft.ID{2, 2} {
		answer.From = from
		c.give(answer)
		require.Empty(t, c.members[1].reads)
	}
	old := answer
	old.From, old.Context = 3, round-1
	c.give(old)
	require.Empty(t, c.members[1].reads, "an answer to an earlier round says nothing about now")
	answer.From = 3
	c.give(answer)
	require.Equal(t, []raft.Read{{ID: 70, Index: 1, OK: true}}, c.members[1].reads)
}

// A leader that has heard no majority for T steps down in its own term, and
// fails what waits (Raft dissertation §6.2).
func TestLeaderWithoutMajorityStepsDown(t *testing.T) {
	c, j := watched(t, 3)
	c.elect(1)
	c.cut = func(raft.ID, raft.ID) bool { return true }
	require.NoError(t, c.read(1, 5))
	c.tick(1, 11)
	require.Equal(t, raft.Follower, c.role(1))
	require.Equal(t, uint64(1), c.up(1).Status().Term)
	require.Equal(t, []raft.Read{{ID: 5}}, c.members[1].reads)
	require.Equal(t, raft.EventFollower, j.last(1).What)
	require.ErrorIs(t, c.read(1, 6), raft.ErrNotLeader)
	_, err := c.propose(1, "x")
	require.ErrorIs(t, err, raft.ErrNotLeader)
}

// Members that do not vote do not count, and teach no term.
func TestStrangersAreIgnored(t *testing.T) {
	c, j := watched(t, 3)
	e := ask(c, j, raft.Message{From: 9, To: 1, Term: 50})
	require.Equal(t, raft.ReasonNotAVoter, e.Reason)
	c.give(raft.Message{Kind: raft.KindHeartbeat, From: 9, To: 1, Term: 50})
	require.Equal(t, uint64(0), c.up(1).Status().Term)
	require.Empty(t, c.flight)
}
