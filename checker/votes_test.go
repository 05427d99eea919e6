package checker_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

func newVotes() checker.Checker { return checker.NewVotes() }

func TestVotesOnePerTerm(t *testing.T) {
	verdicts(t, newVotes, []row{
		{"an ordinary election", func() *tape {
			h := traced()
			h.start()
			h.stand("n1", 1)
			h.grant("n2", "n1", 1)
			h.lead("n1", 1)
			h.grant("n3", "n1", 1) // late
			h.end()
			return h
		}, checker.Valid, ""},
		{"two votes in one term", func() *tape {
			h := traced()
			h.start()
			h.stand("n1", 1)
			h.stand("n2", 1)
			h.grant("n3", "n1", 1)
			h.grant("n3", "n2", 1)
			return h
		}, checker.Invalid, "two votes in one term"},
		{"two votes in two terms", func() *tape {
			h := traced()
			h.start()
			h.stand("n1", 1)
			h.stand("n2", 2)
			h.grant("n3", "n1", 1)
			h.grant("n3", "n2", 2)
			h.end()
			return h
		}, checker.Valid, ""},
		{"a candidate votes for another", func() *tape {
			h := traced()
			h.start()
			h.stand("n1", 1)
			h.stand("n2", 1)
			h.grant("n1", "n2", 1)
			return h
		}, checker.Invalid, "two votes in one term"},
		{"the same vote again after a kill", func() *tape {
			h := traced()
			h.start()
			h.stand("n1", 1)
			h.grant("n3", "n1", 1)
			h.restart("n3", 1, "n1")
			h.grant("n3", "n1", 1)
			h.end()
			return h
		}, checker.Valid, ""},
		{"another vote after a kill", func() *tape {
			h := traced()
			h.start()
			h.stand("n1", 1)
			h.stand("n2", 1)
			h.grant("n3", "n1", 1)
			h.restart("n3", 1, "n1")
			h.grant("n3", "n2", 1)
			return h
		}, checker.Invalid, "two votes in one term"},
		{"a recovered vote binds although it was never traced", func() *tape {
			h := traced()
			h.start()
			h.stand("n1", 1)
			h.restart("n3", 1, "n2")
			h.grant("n3", "n1", 1)
			return h
		}, checker.Invalid, "two votes in one term"},
		{"a durable vote that a kill kept from the trace", func() *tape {
			h := traced()
			h.start()
			h.restart("n3", 5, "n2")
			h.refuse("n3", "n1", 5, history.ReasonVoted)
			h.end()
			return h
		}, checker.Valid, ""},
		{"a vote forgotten, term kept", func() *tape {
			h := traced()
			h.start()
			h.stand("n1", 1)
			h.grant("n3", "n1", 1)
			h.restart("n3", 1, "")
			return h
		}, checker.Invalid, "a vote was forgotten"},
		{"a vote forgotten, term lost", func() *tape {
			h := traced()
			h.start()
			h.stand("n1", 4)
			h.grant("n3", "n1", 4)
			h.restart("n3", 3, "")
			return h
		}, checker.Invalid, "a vote was forgotten"},
		{"a later term after a kill needs no vote", func() *tape {
			h := traced()
			h.start()
			h.stand("n1", 4)
			h.grant("n3", "n1", 4)
			h.restart("n3", 5, "")
			h.end()
			return h
		}, checker.Valid, ""},
		{"two votes on the wire", func() *tape {
			h := tapped()
			h.tap("n3", history.Raft{What: history.RaftVote, Term: 2, Peer: "n1", Granted: true})
			h.tap("n3", history.Raft{What: history.RaftVote, Term: 2, Peer: "n2", Granted: true})
			return h
		}, checker.Invalid, "two votes in one term"},
		{"one vote on the wire, doubled by the fabric", func() *tape {
			h := tapped()
			h.tap("n3", history.Raft{What: history.RaftVote, Term: 2, Peer: "n1", Granted: true})
			h.tap("n3", history.Raft{What: history.RaftVote, Term: 2, Peer: "n1", Granted: true})
			h.end()
			return h
		}, checker.Valid, ""},
		{"the wire tells another vote than the trace", func() *tape {
			h := newTape(history.Run{Traced: true, Tapped: true})
			h.start()
			h.stand("n1", 2)
			h.grant("n3", "n1", 2)
			h.tap("n3", history.Raft{What: history.RaftVote, Term: 2, Peer: "n2", Granted: true})
			h.end()
			return h
		}, checker.Unknown, ""},
		{"a trace out of order", func() *tape {
			h := traced()
			h.start()
			h.grant("n3", "n1", 1)
			h.seq["n3"] = 0
			h.grant("n3", "n2", 1)
			return h
		}, checker.Unknown, ""},
	})
}

func TestVotesLogs(t *testing.T) {
	behind := func(h *tape) { // n1 is behind n3
		h.start()
		h.put("n1", "n1", 1, 1, 2)
		h.put("n3", "n1", 1, 1, 3)
	}
	verdicts(t, newVotes, []row{
		{"a vote for a shorter log", func() *tape {
			h := traced()
			behind(h)
			h.stand("n1", 2)
			h.grant("n3", "n1", 2)
			return h
		}, checker.Invalid, "a vote for a stale log"},
		{"a vote for an equal log", func() *tape {
			h := traced()
			behind(h)
			h.put("n1", "n1", 1, 1, 1)
			h.stand("n1", 2)
			h.grant("n3", "n1", 2)
			h.end()
			return h
		}, checker.Valid, ""},
		{"a vote for a shorter log with a later term", func() *tape {
			h := traced()
			h.start()
			h.put("n1", "n1", 2, 2, 1)
			h.put("n3", "n2", 1, 1, 9)
			h.stand("n1", 3)
			h.grant("n3", "n1", 3)
			h.end()
			return h
		}, checker.Valid, ""},
		{"a longer log with an earlier term is behind", func() *tape {
			h := traced()
			h.start()
			h.put("n1", "n2", 1, 1, 9)
			h.put("n3", "n3", 2, 2, 1)
			h.stand("n1", 3)
			h.grant("n3", "n1", 3)
			return h
		}, checker.Invalid, "a vote for a stale log"},
		{"a vote repeated after the winner's entries came", func() *tape {
			h := traced()
			h.start()
			h.stand("n1", 1)
			h.grant("n3", "n1", 1)
			h.logs["n3"] = []uint64{1, 1}
			h.grant("n3", "n1", 1)
			h.end()
			return h
		}, checker.Valid, ""},
		{"a stale log on the wire", func() *tape {
			h := tapped()
			h.tap("n1", history.Raft{What: history.RaftCandidate, Term: 3, Last: pos(1, 4)})
			h.tap("n3", history.Raft{What: history.RaftVote, Term: 3, Peer: "n1", Granted: true, Last: pos(2, 4)})
			h.end()
			return h
		}, checker.Invalid, "a vote for a stale log"},
		{"a good log on the wire, the repetition seen first", func() *tape {
			h := tapped()
			h.tap("n1", history.Raft{What: history.RaftCandidate, Term: 3, Last: pos(1, 4)})
			h.tap("n3", history.Raft{What: history.RaftVote, Term: 3, Peer: "n1", Granted: true, Last: pos(3, 5)})
			h.tap("n3", history.Raft{What: history.RaftVote, Term: 3, Peer: "n1", Granted: true, Last: pos(1, 4)})
			h.end()
			return h
		}, checker.Valid, ""},
		{"a hole in the wire, the repetition alone was seen", func() *tape {
			h := tapped()
			h.tap("n1", history.Raft{What: history.RaftCandidate, Term: 3, Last: pos(1, 4)})
			h.tap("n3", history.Raft{What: history.RaftVote, Term: 3, Peer: "n1", Granted: true, Last: pos(3, 5)})
			h.run(history.Run{What: history.RunUntap})
			h.end()
			return &tape{events: append([]history.Event{h.events[0], h.events[3]}, h.events[1:3]...)}
		}, checker.Valid, ""},
	})
}

func TestVotesAnswers(t *testing.T) {
	vote := func(v history.Raft) func() *tape {
		return func() *tape {
			h := traced()
			h.start()
			v.What = history.RaftVote
			h.trace("n3", v)
			return h
		}
	}
	verdicts(t, newVotes, []row{
		{"granted at a stale term", vote(history.Raft{Term: 5, PeerTerm: 4, Peer: "n1", Granted: true}),
			checker.Invalid, "a vote at a stale term"},
		{"refused at a stale term", vote(history.Raft{Term: 5, PeerTerm: 4, Peer: "n1", Reason: history.ReasonStaleTerm}),
			checker.Valid, ""},
		{"kept its term against a higher one", vote(history.Raft{Term: 4, PeerTerm: 5, Peer: "n1", Reason: history.ReasonStaleTerm}),
			checker.Invalid, "ignored a higher term"},
		{"granted, and kept its term", vote(history.Raft{Term: 4, PeerTerm: 5, Peer: "n1", Granted: true}),
			checker.Invalid, "ignored a higher term"},
		{"ignored one who is no voter", vote(history.Raft{Term: 4, PeerTerm: 5, Peer: "n9", Reason: history.ReasonNotAVoter}),
			checker.Valid, ""},
		{"ignored while a leader is alive", vote(history.Raft{Term: 4, PeerTerm: 5, Peer: "n1", Reason: history.ReasonHasLeader}),
			checker.Valid, ""},
		{"refused the first", vote(history.Raft{Term: 5, PeerTerm: 5, Peer: "n1", Reason: history.ReasonVoted}),
			checker.Invalid, "first come, not served"},
		{"refused the first, its log behind", vote(history.Raft{
			Term: 5, PeerTerm: 5, Peer: "n1", Reason: history.ReasonStaleLog, Last: pos(1, 2), PeerLast: pos(1, 1)}),
			checker.Valid, ""},
		{"refused a log that is not behind", vote(history.Raft{
			Term: 5, PeerTerm: 5, Peer: "n1", Reason: history.ReasonStaleLog, Last: pos(1, 1), PeerLast: pos(1, 1)}),
			checker.Invalid, "first come, not served"},
		{"refused a stale term that is not", vote(history.Raft{
			Term: 5, PeerTerm: 5, Peer: "n1", Reason: history.ReasonStaleTerm, Last: pos(1, 2), PeerLast: pos(1, 1)}),
			checker.Invalid, "a refusal without its reason"},
		{"said it had voted, and had not", vote(history.Raft{
			Term: 5, PeerTerm: 5, Peer: "n1", Reason: history.ReasonVoted, Last: pos(1, 2), PeerLast: pos(1, 1)}),
			checker.Invalid, "a refusal without its reason"},
		{"refused the second", func() *tape {
			h := traced()
			h.start()
			h.stand("n1", 5)
			h.stand("n2", 5)
			h.grant("n3", "n1", 5)
			h.refuse("n3", "n2", 5, history.ReasonVoted)
			h.refuse("n1", "n2", 5, history.ReasonVoted) // a candidate has voted
			h.end()
			return h
		}, checker.Valid, ""},
		{"refused its own choice", func() *tape {
			h := traced()
			h.start()
			h.stand("n1", 5)
			h.grant("n3", "n1", 5)
			h.refuse("n3", "n1", 5, history.ReasonVoted)
			return h
		}, checker.Invalid, "a refusal without its reason"},
		{"refused while it follows the term's leader", func() *tape {
			h := traced()
			h.start()
			h.follow("n3", "n1", 5)
			h.refuse("n3", "n2", 5, history.ReasonVoted)
			h.end()
			return h
		}, checker.Valid, ""},
		{"refused, and what came before is not known", func() *tape {
			h := traced()
			h.refuse("n3", "n2", 5, history.ReasonVoted)
			h.end()
			return h
		}, checker.Valid, ""},
	})
}

// A vote given twice counts for both: the second candidate did have it.
func TestVotesTwiceStillCount(t *testing.T) {
	h := traced()
	h.start()
	h.stand("n1", 1)
	h.stand("n2", 1)
	h.grant("n3", "n1", 1)
	h.grant("n3", "n2", 1)
	h.lead("n2", 1)
	h.end()
	for _, v := range h.judge(newVotes()).Violations {
		require.Equal(t, "two votes in one term", v.Rule)
	}
}
