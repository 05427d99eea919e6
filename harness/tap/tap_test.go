package tap_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// recorded is an assembler for five voters with the events it told.
type recorded struct {
	*tap.Assembler
	events []history.Raft
}

func record(voters ...string) *recorded {
	if len(voters) == 0 {
		voters = []string{"n1", "n2", "n3", "n4", "n5"}
	}
	r := &recorded{}
	r.Assembler = tap.New(func(e history.Raft) { r.events = append(r.events, e) }, voters)
	return r
}

// whats returns what the events so far say.
func (r *recorded) whats() []history.RaftWhat {
	var out []history.RaftWhat
	for _, e := range r.events {
		out = append(out, e.What)
	}
	return out
}

func (r *recorded) sent(m tap.Message) { r.Observe(history.Sent, m) }

// take returns the events of one kind told since the last take, in words.
func (r *recorded) take(what history.RaftWhat) []string {
	var out []string
	for _, e := range r.events {
		if e.What == what {
			out = append(out, words(e))
		}
	}
	r.events = nil
	return out
}

func words(e history.Raft) string {
	switch e.What {
	case history.RaftCandidate, history.RaftLeader:
		return fmt.Sprintf("%s %s %d last %v", e.Node, e.What, e.Term, e.Last)
	case history.RaftVote, history.RaftPreVote:
		return fmt.Sprintf("%s %s %s for %s in %d: %v, last %v, candidate %v", e.Node, e.Stage, e.What, e.Peer, e.Term, e.Granted, e.Last, e.PeerLast)
	case history.RaftAck:
		return fmt.Sprintf("%s ack to %s in %d: %d of term %d", e.Node, e.Peer, e.Term, e.Index, e.EntryTerm)
	case history.RaftCommit:
		return fmt.Sprintf("%s commit in %d: %d of term %d, lead %v", e.Node, e.Term, e.Index, e.EntryTerm, e.Lead)
	}
	return string(e.What)
}

func pos(term, index uint64) history.Pos { return history.Pos{Term: term, Index: index} }

// appends is an append from n1 in term with entries log+1..last of that term.
func appends(to string, term uint64, log, last history.Pos, commit uint64) tap.Message {
	return tap.Message{Kind: tap.Append, From: "n1", To: to, Term: term, Log: log, Last: last, Commit: commit}
}

func acks(from string, term uint64, match history.Pos) tap.Message {
	return tap.Message{Kind: tap.AppendResponse, From: from, To: "n1", Term: term, Log: match, Last: match, LastKnown: true}
}

func TestElectionOnTheWire(t *testing.T) {
	r := record()
	ask := tap.Message{Kind: tap.Vote, From: "n1", To: "n2", Term: 7, Log: pos(6, 40)}
	r.sent(ask)
	ask.To = "n3"
	r.sent(ask)
	require.Equal(t, []string{"n1 candidate 7 last (term 6, index 40)"}, r.take(history.RaftCandidate), "one candidacy, two requests")

	yes := tap.Message{Kind: tap.VoteResponse, From: "n2", To: "n1", Term: 7, Last: pos(6, 39), LastKnown: true}
	no := tap.Message{Kind: tap.VoteResponse, From: "n3", To: "n1", Term: 7, Reject: true}
	r.Observe(history.Sent, yes)
	r.Observe(history.Sent, no)
	r.Observe(history.Dropped, no)
	require.Equal(t, []string{
		"n2 sent vote for n1 in 7: true, last (term 6, index 39), candidate (term 6, index 40)",
		"n3 sent vote for n1 in 7: false, last (term 0, index 0), candidate (term 6, index 40)",
		"n3 dropped vote for n1 in 7: false, last (term 0, index 0), candidate (term 6, index 40)",
	}, r.take(history.RaftVote), "a held vote is sent, and that is all")
	r.Observe(history.Delivered, yes)
	require.Equal(t, []string{
		"n2 delivered vote for n1 in 7: true, last (term 6, index 39), candidate (term 6, index 40)",
	}, r.take(history.RaftVote))

	r.sent(tap.Message{Kind: tap.Heartbeat, From: "n1", To: "n2", Term: 7})
	r.sent(appends("n3", 7, pos(6, 40), pos(7, 41), 0))
	require.Equal(t, []string{"n1 leader 7 last (term 6, index 40)"}, r.take(history.RaftLeader))
}

// A voter that is in a later term refuses in that term; what it was asked for
// is not on the wire.
func TestRefusalInALaterTerm(t *testing.T) {
	r := record()
	r.sent(tap.Message{Kind: tap.Vote, From: "n1", To: "n2", Term: 3, Log: pos(1, 1)})
	r.sent(tap.Message{Kind: tap.VoteResponse, From: "n2", To: "n1", Term: 7, Reject: true})
	require.Len(t, r.events, 2)
	refusal := r.events[1]
	require.Equal(t, uint64(7), refusal.Term)
	require.Zero(t, refusal.PeerTerm)
	require.Zero(t, refusal.PeerLast)
}

func TestPreVotesBindNobody(t *testing.T) {
	r := record()
	r.sent(tap.Message{Kind: tap.PreVote, From: "n1", To: "n2", Term: 8, Log: pos(7, 3)})
	r.sent(tap.Message{Kind: tap.PreVoteResponse, From: "n2", To: "n1", Term: 8})
	require.Len(t, r.events, 1, "a pre-vote request makes no candidate")
	require.Equal(t, history.RaftPreVote, r.events[0].What)
	require.Equal(t, pos(7, 3), r.events[0].PeerLast)
}

func TestOldMessagesAfterNewOnes(t *testing.T) {
	r := record()
	r.sent(tap.Message{Kind: tap.Vote, From: "n1", To: "n2", Term: 9, Log: pos(1, 1)})
	r.sent(tap.Message{Kind: tap.Vote, From: "n1", To: "n3", Term: 8, Log: pos(1, 1)})
	r.sent(tap.Message{Kind: tap.Vote, From: "n1", To: "n4", Term: 9, Log: pos(1, 1)})
	require.Equal(t, []string{
		"n1 candidate 9 last (term 1, index 1)", "n1 candidate 8 last (term 1, index 1)",
	}, r.take(history.RaftCandidate), "each candidacy once, in the order seen")

	r.sent(tap.Message{Kind: tap.Heartbeat, From: "n1", To: "n2", Term: 9})
	r.sent(tap.Message{Kind: tap.Heartbeat, From: "n1", To: "n3", Term: 8, Commit: 50})
	r.sent(tap.Message{Kind: tap.Heartbeat, From: "n1", To: "n4", Term: 9})
	require.Len(t, r.take(history.RaftLeader), 2)
	r.Flush()
	require.Empty(t, r.events, "what a leader of an old term says late is not said in its new term")
}

func TestDeliveriesProveNothingButVotes(t *testing.T) {
	r := record()
	for _, kind := range []tap.Kind{tap.Append, tap.Heartbeat, tap.Vote, tap.AppendResponse, tap.Snapshot} {
		m := tap.Message{Kind: kind, From: "n1", To: "n2", Term: 3, Log: pos(3, 9), Last: pos(3, 9), Commit: 9}
		r.Observe(history.Delivered, m)
		r.Observe(history.Delivered, m) // doubled by the fabric
		r.Observe(history.Dropped, m)
	}
	r.Observe(history.Sent, tap.Message{Kind: tap.Heartbeat, From: "n1", To: "n2"}) // no term
	r.Flush()
	require.Empty(t, r.events)
}

func TestCommitByMajorityOfFollowers(t *testing.T) {
	r := record()
	r.sent(appends("n2", 4, pos(4, 11), pos(4, 15), 0))
	r.sent(acks("n2", 4, pos(4, 15)))
	r.sent(acks("n3", 4, pos(4, 12)))
	r.Flush()
	require.Empty(t, r.take(history.RaftCommit), "two followers and the leader are three, but the leader's disk is not on the wire")
	r.sent(acks("n4", 4, pos(4, 14)))
	r.Flush()
	require.Equal(t, []string{"n1 commit in 4: 12 of term 4, lead true"}, r.take(history.RaftCommit))
	r.sent(acks("n2", 4, pos(4, 11))) // late
	r.sent(acks("n4", 4, pos(4, 14))) // sent again
	r.Flush()
	require.Empty(t, r.take(history.RaftCommit))
}

// Raft figure 8: entries of earlier terms are not committed by counting.
func TestNoCommitOfOlderTermByCounting(t *testing.T) {
	r := record()
	r.sent(appends("n2", 4, pos(2, 10), pos(4, 11), 0))
	for _, n := range []string{"n2", "n3", "n4", "n5"} {
		r.sent(acks(n, 4, pos(2, 10)))
	}
	r.Flush()
	require.Empty(t, r.take(history.RaftCommit))
	for _, n := range []string{"n2", "n3", "n4"} {
		r.sent(acks(n, 4, pos(4, 11)))
	}
	r.Flush()
	require.Equal(t, []string{"n1 commit in 4: 11 of term 4, lead true"}, r.take(history.RaftCommit))
}

func TestAcknowledgementsCountForTheirTermOnly(t *testing.T) {
	r := record()
	r.sent(appends("n2", 4, pos(2, 10), pos(4, 15), 0))
	r.sent(acks("n2", 4, pos(4, 15)))
	r.sent(acks("n3", 4, pos(4, 15)))
	r.sent(appends("n2", 6, pos(4, 15), pos(6, 16), 0))
	r.sent(acks("n4", 4, pos(4, 15))) // overtaken on its way
	r.sent(acks("n5", 6, pos(6, 16)))
	r.Flush()
	require.Empty(t, r.take(history.RaftCommit))
	r.sent(acks("n9", 6, pos(6, 16))) // no voter
	r.sent(acks("n2", 6, pos(6, 16)))
	r.Flush()
	require.Empty(t, r.take(history.RaftCommit))
}

func TestCommitByTheLeadersWord(t *testing.T) {
	r := record()
	r.sent(appends("n2", 4, pos(2, 10), pos(4, 11), 0))
	r.sent(appends("n2", 4, pos(4, 11), pos(4, 15), 12))
	r.Flush()
	require.Equal(t, []string{"n1 commit in 4: 12 of term 4, lead true"}, r.take(history.RaftCommit))

	// Nothing between 2/10 and 4/15 is known of but that 15 entries exist: 11 may
	// be of term 2, 3 or 4.
	r = record()
	r.sent(appends("n2", 4, pos(2, 10), pos(4, 15), 14))
	r.Flush()
	require.Equal(t, []string{"n1 commit in 4: 10 of term 2, lead false"}, r.take(history.RaftCommit),
		"an entry of unknown term is not told of, a known one below it is")
	r.sent(appends("n3", 4, pos(4, 12), pos(4, 15), 14))
	r.Flush()
	require.Equal(t, []string{"n1 commit in 4: 14 of term 4, lead true"}, r.take(history.RaftCommit))

	// What its vote request showed is known of a leader's log.
	r = record()
	r.sent(tap.Message{Kind: tap.Vote, From: "n1", To: "n2", Term: 5, Log: pos(4, 20)})
	r.sent(tap.Message{Kind: tap.Heartbeat, From: "n1", To: "n2", Term: 5, Commit: 20})
	r.Flush()
	require.Equal(t, []string{"n1 commit in 5: 20 of term 4, lead false"}, r.take(history.RaftCommit))
}

func TestAcksAreToldBeforeCommits(t *testing.T) {
	r := record()
	r.sent(appends("n2", 4, pos(4, 10), pos(4, 15), 0))
	r.sent(acks("n2", 4, pos(4, 15)))
	r.sent(acks("n3", 4, pos(4, 15)))
	r.sent(appends("n2", 4, pos(4, 15), pos(4, 16), 15))
	require.Empty(t, r.events[1:], "in good time")
	r.Flush()
	require.Equal(t, []history.RaftWhat{history.RaftLeader, history.RaftAck, history.RaftAck, history.RaftCommit}, r.whats())
}

func TestBoldCommitsAreToldAtOnce(t *testing.T) {
	r := record()
	r.sent(appends("n2", 4, pos(4, 10), pos(4, 15), 0))
	r.sent(acks("n2", 4, pos(4, 15)))
	r.sent(acks("n3", 4, pos(4, 12)))
	r.sent(appends("n2", 4, pos(4, 15), pos(4, 15), 13))
	r.sent(acks("n3", 4, pos(4, 15)))
	require.Equal(t, []history.RaftWhat{history.RaftLeader, history.RaftAck, history.RaftAck, history.RaftCommit}, r.whats(),
		"before the acknowledgement that came later")

	r = record()
	for i := uint64(1); i <= 1000; i++ {
		r.sent(appends("n2", 1, pos(1, i), pos(1, i+1), i))
	}
	require.Less(t, len(r.events), 60, "a leader that always does is not told of each time")

	r = record() // what was committed before its term needs no acknowledgement
	r.sent(appends("n2", 5, pos(4, 10), pos(5, 11), 10))
	require.Equal(t, []history.RaftWhat{history.RaftLeader}, r.whats())
}

// A log may begin with a snapshot of the term in which the first election is: nobody needs
// to acknowledge what all began with, but what the leader made since.
func TestWhatALeaderWonWithIsNotItsOwn(t *testing.T) {
	stands := tap.Message{Kind: tap.Vote, From: "n1", To: "n2", Term: 1, Log: pos(1, 1)}
	for name, before := range map[string][]tap.Message{
		"it was seen to stand": {stands},
		"it was not":           nil,
	} {
		r := record()
		for _, m := range before {
			r.sent(m)
		}
		r.sent(appends("n2", 1, pos(1, 1), pos(1, 2), 1))
		require.NotContains(t, r.whats(), history.RaftCommit, name)
		r.sent(acks("n2", 1, pos(1, 2)))
		r.Flush()
		require.Equal(t, []string{"n1 commit in 1: 1 of term 1, lead false"}, r.take(history.RaftCommit), name)
		r.sent(appends("n3", 1, pos(1, 1), pos(1, 2), 2))
		require.Equal(t, []string{"n1 commit in 1: 2 of term 1, lead true"}, r.take(history.RaftCommit), name)
	}
}

// An acknowledgement that the fabric sees after one of a later term still
// counts for its own.
func TestAcksOvertaken(t *testing.T) {
	r := record()
	r.sent(appends("n2", 4, pos(4, 10), pos(4, 15), 0))
	later := acks("n2", 5, pos(5, 16))
	later.To = "n3"
	r.sent(later)
	r.sent(acks("n2", 4, pos(4, 15)))
	require.Equal(t, []string{"n2 ack to n1 in 4: 15 of term 4"}, r.take(history.RaftAck))
}

func TestSnapshotResponsesAcknowledge(t *testing.T) {
	r := record()
	r.sent(appends("n2", 4, pos(4, 10), pos(4, 15), 0))
	m := acks("n2", 4, pos(4, 15))
	m.Kind = tap.SnapshotResponse
	r.sent(m)
	r.Flush()
	require.Equal(t, []string{"n2 ack to n1 in 4: 15 of term 4"}, r.take(history.RaftAck))
}

func TestCommitsAreToldBeforeElections(t *testing.T) {
	r := record()
	r.sent(appends("n2", 4, pos(4, 10), pos(4, 15), 15))
	r.sent(tap.Message{Kind: tap.Vote, From: "n3", To: "n2", Term: 5, Log: pos(4, 11)})
	require.Len(t, r.events, 3)
	require.Equal(t, []history.RaftWhat{history.RaftLeader, history.RaftCommit, history.RaftCandidate},
		[]history.RaftWhat{r.events[0].What, r.events[1].What, r.events[2].What})
}

func TestAcksAreToldBeforeVotes(t *testing.T) {
	r := record()
	r.sent(appends("n2", 4, pos(4, 10), pos(4, 15), 0))
	for i := uint64(11); i <= 15; i++ {
		r.sent(acks("n2", 4, pos(0, i))) // a system that does not show the term
	}
	require.Empty(t, r.take(history.RaftAck))
	r.sent(tap.Message{Kind: tap.VoteResponse, From: "n2", To: "n3", Term: 5})
	require.Equal(t, []string{"n2 ack to n1 in 4: 15 of term 4"}, r.take(history.RaftAck))
	r.sent(tap.Message{Kind: tap.VoteResponse, From: "n2", To: "n3", Term: 5})
	r.Flush()
	require.Empty(t, r.take(history.RaftAck), "told once")
}

func TestBurstsAreCoalesced(t *testing.T) {
	r := record()
	const n = 10_000
	for i := uint64(1); i <= n; i++ {
		r.sent(appends("n2", 1, pos(1, i), pos(1, i+1), i))
		r.sent(acks("n2", 1, pos(1, i+1)))
		r.sent(acks("n3", 1, pos(1, i+1)))
	}
	acks, commits := 0, 0
	for _, e := range r.events {
		switch e.What {
		case history.RaftAck:
			acks++
		case history.RaftCommit:
			commits++
		}
	}
	require.Greater(t, commits, n/64-2)
	require.Less(t, commits, n/10)
	require.Less(t, acks, 2*commits+2*n/64+4)
}

func TestNoVotersNoMajority(t *testing.T) {
	r := &recorded{}
	r.Assembler = tap.New(func(e history.Raft) { r.events = append(r.events, e) }, nil)
	r.sent(appends("n2", 4, pos(4, 10), pos(4, 15), 0))
	r.sent(acks("n2", 4, pos(4, 15)))
	r.Flush()
	require.Empty(t, r.take(history.RaftCommit))
}

func TestMemoryIsBounded(t *testing.T) {
	r := record()
	for i := range 10_000 {
		name := fmt.Sprintf("x%d", i)
		r.sent(tap.Message{Kind: tap.Heartbeat, From: name, To: "n1", Term: 1})
	}
	require.Less(t, len(r.events), 600)
	r = record()
	for i := uint64(1); i < 10_000; i++ { // each entry of another term
		r.sent(appends("n2", 20_000, pos(i, i), pos(i+1, i+1), i))
	}
	r.Flush()
	require.NotEmpty(t, r.take(history.RaftCommit))
}

func TestSeqPerMemberFromManyGoroutines(t *testing.T) {
	next := map[string]uint64{}
	a := tap.New(func(e history.Raft) {
		next[e.Node]++
		require.Equal(t, next[e.Node], e.Seq)
		require.Equal(t, history.Tap, e.Source)
		require.Zero(t, e.Inc)
		require.NotEmpty(t, e.Stage)
	}, []string{"n1", "n2", "n3"})
	kinds := []tap.Kind{
		"", tap.Append, tap.AppendResponse, tap.Heartbeat, tap.HeartbeatResponse, tap.Vote, tap.VoteResponse,
		tap.PreVote, tap.PreVoteResponse, tap.Snapshot, tap.SnapshotResponse, "other",
	}
	var done sync.WaitGroup
	for g := range 4 {
		done.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(g)))
			for range 5000 {
				a.Observe([]history.Stage{history.Sent, history.Delivered}[r.IntN(2)], tap.Message{
					Kind: kinds[r.IntN(len(kinds))], From: fmt.Sprintf("n%d", 1+r.IntN(3)), To: fmt.Sprintf("n%d", 1+r.IntN(3)),
					Term: r.Uint64N(20), Reject: r.IntN(4) == 0, Log: pos(r.Uint64N(9), r.Uint64N(99)),
					Last: pos(r.Uint64N(9), r.Uint64N(99)), Commit: r.Uint64N(99),
				})
			}
		})
	}
	done.Wait()
	a.Flush()
}

func BenchmarkObserve(b *testing.B) {
	a := tap.New(func(history.Raft) {}, []string{"n1", "n2", "n3", "n4", "n5"})
	b.Run("append", func(b *testing.B) {
		for i := range uint64(b.N) {
			a.Observe(history.Sent, appends("n2", 1, pos(1, i+1), pos(1, i+2), i))
		}
	})
	b.Run("ack", func(b *testing.B) {
		for i := range uint64(b.N) {
			a.Observe(history.Sent, acks("n2", 1, pos(1, i+2)))
		}
	})
	b.Run("delivered", func(b *testing.B) {
		for i := range uint64(b.N) {
			a.Observe(history.Delivered, appends("n2", 1, pos(1, i+1), pos(1, i+2), i))
		}
	})
}

// Messages of elections are told of as they enter, and no others.
func TestMessagesPass(t *testing.T) {
	r := record()
	r.Passes(1, tap.Message{Kind: tap.Append, From: "n1", To: "n2", Term: 3})
	r.Passes(2, tap.Message{Kind: tap.Vote, From: "n1", To: "n2"})
	require.Empty(t, r.events)
	r.Passes(3, tap.Message{Kind: tap.PreVote, From: "n1", To: "n2", Term: 3, Log: history.Pos{Term: 2, Index: 9}})
	r.Passes(4, tap.Message{Kind: tap.PreVoteResponse, From: "n2", FromNew: 1, To: "n1", Term: 3, Last: history.Pos{Term: 2, Index: 9}})
	r.Passes(5, tap.Message{Kind: tap.VoteResponse, From: "n2", To: "n1", Term: 3, Reject: true})
	r.Passes(6, tap.Message{Kind: tap.TimeoutNow, From: "n1", To: "n2", Term: 3})
	of := func(id uint64, from, to string, r history.Raft) history.Raft {
		r.Source, r.What, r.Stage, r.ID, r.Node, r.Peer, r.Term = history.Fabric, history.RaftMessage, history.Sent, id, from, to, 3
		return r
	}
	require.Equal(t, []history.Raft{
		of(3, "n1", "n2", history.Raft{Class: "prevote", Last: history.Pos{Term: 2, Index: 9}}),
		of(4, "n2", "n1", history.Raft{Class: "prevote-response", Granted: true, Inc: 1}),
		of(5, "n2", "n1", history.Raft{Class: "vote-response"}),
		of(6, "n1", "n2", history.Raft{Class: "timeout-now"}),
	}, r.events)
}
