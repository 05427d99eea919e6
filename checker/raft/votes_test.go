package raft_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/raft"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func newVotes() verdict.Checker { return raft.NewVotes() }

func TestVotesOnePerTerm(t *testing.T) {
	tape.Verdicts(t, newVotes, []tape.Row{
		{Name: "an ordinary election", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 1)
			h.Grant("n2", "n1", 1)
			h.Lead("n1", 1)
			h.Grant("n3", "n1", 1) // late
			h.End()
		}), Want: verdict.Valid},
		{Name: "two votes in one term", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 1)
			h.Stand("n2", 1)
			h.Grant("n3", "n1", 1)
			h.Grant("n3", "n2", 1)
		}), Want: verdict.Invalid, Rule: "two votes in one term"},
		{Name: "two votes in two terms", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 1)
			h.Stand("n2", 2)
			h.Grant("n3", "n1", 1)
			h.Grant("n3", "n2", 2)
			h.End()
		}), Want: verdict.Valid},
		{Name: "a candidate votes for another", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 1)
			h.Stand("n2", 1)
			h.Grant("n1", "n2", 1)
		}), Want: verdict.Invalid, Rule: "two votes in one term"},
		{Name: "the same vote again after a kill", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 1)
			h.Grant("n3", "n1", 1)
			h.Restart("n3", 1, "n1")
			h.Grant("n3", "n1", 1)
			h.End()
		}), Want: verdict.Valid},
		{Name: "another vote after a kill", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 1)
			h.Stand("n2", 1)
			h.Grant("n3", "n1", 1)
			h.Restart("n3", 1, "n1")
			h.Grant("n3", "n2", 1)
		}), Want: verdict.Invalid, Rule: "two votes in one term"},
		{Name: "a recovered vote binds although it was never traced", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 1)
			h.Restart("n3", 1, "n2")
			h.Grant("n3", "n1", 1)
		}), Want: verdict.Invalid, Rule: "two votes in one term"},
		{Name: "a durable vote that a kill kept from the trace", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n2", 5)
			h.Restart("n3", 5, "n2")
			h.Refuse("n3", "n1", 5, history.ReasonVoted)
			h.End()
		}), Want: verdict.Valid},
		{Name: "a vote forgotten, term kept", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 1)
			h.Grant("n3", "n1", 1)
			h.Restart("n3", 1, "")
		}), Want: verdict.Invalid, Rule: "a vote was forgotten"},
		{Name: "a vote forgotten, term lost", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 4)
			h.Grant("n3", "n1", 4)
			h.Restart("n3", 3, "")
		}), Want: verdict.Invalid, Rule: "a vote was forgotten"},
		{Name: "a later term after a kill needs no vote", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 4)
			h.Grant("n3", "n1", 4)
			h.Restart("n3", 5, "")
			h.End()
		}), Want: verdict.Valid},
		{Name: "two votes on the wire", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Tap("n3", history.Raft{What: history.RaftVote, Term: 2, Peer: "n1", Granted: true})
			h.Tap("n3", history.Raft{What: history.RaftVote, Term: 2, Peer: "n2", Granted: true})
		}), Want: verdict.Invalid, Rule: "two votes in one term"},
		{Name: "one vote on the wire, doubled by the fabric", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Tap("n3", history.Raft{What: history.RaftVote, Term: 2, Peer: "n1", Granted: true})
			h.Tap("n3", history.Raft{What: history.RaftVote, Term: 2, Peer: "n1", Granted: true})
			h.End()
		}), Want: verdict.Valid},
		{Name: "the wire tells another vote than the trace", Build: tape.On(tape.New(history.Run{Traced: true, Tapped: true}), func(h *tape.Tape) {
			h.Start()
			h.Stand("n1", 2)
			h.Grant("n3", "n1", 2)
			h.Tap("n3", history.Raft{What: history.RaftVote, Term: 2, Peer: "n2", Granted: true})
			h.End()
		}), Want: verdict.Unknown},
		{Name: "a trace out of order", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Grant("n3", "n1", 1)
			h.Seq["n3"] = 0
			h.Grant("n3", "n2", 1)
		}), Want: verdict.Unknown},
	})
}

func TestVotesLogs(t *testing.T) {
	behind := func(h *tape.Tape) { // n1 is behind n3
		h.Start()
		h.Put("n1", "n1", 1, 1, 2)
		h.Put("n3", "n1", 1, 1, 3)
	}
	tape.Verdicts(t, newVotes, []tape.Row{
		{Name: "a vote for a shorter log", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			behind(h)
			h.Stand("n1", 2)
			h.Grant("n3", "n1", 2)
		}), Want: verdict.Invalid, Rule: "a vote for a stale log"},
		{Name: "a vote for an equal log", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			behind(h)
			h.Put("n1", "n1", 1, 1, 1)
			h.Stand("n1", 2)
			h.Grant("n3", "n1", 2)
			h.End()
		}), Want: verdict.Valid},
		{Name: "a vote for a shorter log with a later term", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n1", "n1", 2, 2, 1)
			h.Put("n3", "n2", 1, 1, 9)
			h.Stand("n1", 3)
			h.Grant("n3", "n1", 3)
			h.End()
		}), Want: verdict.Valid},
		{Name: "a longer log with an earlier term is behind", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n1", "n2", 1, 1, 9)
			h.Put("n3", "n3", 2, 2, 1)
			h.Stand("n1", 3)
			h.Grant("n3", "n1", 3)
		}), Want: verdict.Invalid, Rule: "a vote for a stale log"},
		{Name: "a vote repeated after the winner's entries came", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 1)
			h.Grant("n3", "n1", 1)
			h.Logs["n3"] = []uint64{1, 1}
			h.Grant("n3", "n1", 1)
			h.End()
		}), Want: verdict.Valid},
		{Name: "a stale log on the wire", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftCandidate, Term: 3, Last: tape.Pos(1, 4)})
			h.Tap("n3", history.Raft{What: history.RaftVote, Term: 3, Peer: "n1", Granted: true, Last: tape.Pos(2, 4)})
			h.End()
		}), Want: verdict.Invalid, Rule: "a vote for a stale log"},
		{Name: "a good log on the wire, the repetition seen first", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftCandidate, Term: 3, Last: tape.Pos(1, 4)})
			h.Tap("n3", history.Raft{What: history.RaftVote, Term: 3, Peer: "n1", Granted: true, Last: tape.Pos(3, 5)})
			h.Tap("n3", history.Raft{What: history.RaftVote, Term: 3, Peer: "n1", Granted: true, Last: tape.Pos(1, 4)})
			h.End()
		}), Want: verdict.Valid},
		{Name: "a hole in the wire, the repetition alone was seen", Build: func() *tape.Tape {
			h := tape.Tapped()
			h.Tap("n1", history.Raft{What: history.RaftCandidate, Term: 3, Last: tape.Pos(1, 4)})
			h.Tap("n3", history.Raft{What: history.RaftVote, Term: 3, Peer: "n1", Granted: true, Last: tape.Pos(3, 5)})
			h.Run(history.Run{What: history.RunUntap})
			h.End()
			return &tape.Tape{Events: append([]history.Event{h.Events[0], h.Events[3]}, h.Events[1:3]...)}
		}, Want: verdict.Valid},
	})
}

func TestVotesAnswers(t *testing.T) {
	vote := func(v history.Raft) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.Traced()
			h.Start()
			v.What = history.RaftVote
			h.Trace("n3", v)
			return h
		}
	}
	tape.Verdicts(t, newVotes, []tape.Row{
		{Name: "granted at a stale term", Build: vote(history.Raft{Term: 5, PeerTerm: 4, Peer: "n1", Granted: true}),
			Want: verdict.Invalid, Rule: "a vote at a stale term"},
		{Name: "refused at a stale term", Build: vote(history.Raft{Term: 5, PeerTerm: 4, Peer: "n1", Reason: history.ReasonStaleTerm}),
			Want: verdict.Valid},
		{Name: "kept its term against a higher one", Build: vote(history.Raft{Term: 4, PeerTerm: 5, Peer: "n1", Reason: history.ReasonStaleTerm}),
			Want: verdict.Invalid, Rule: "ignored a higher term"},
		{Name: "granted, and kept its term", Build: vote(history.Raft{Term: 4, PeerTerm: 5, Peer: "n1", Granted: true}),
			Want: verdict.Invalid, Rule: "ignored a higher term"},
		{Name: "ignored one who is no voter", Build: vote(history.Raft{Term: 4, PeerTerm: 5, Peer: "n9", Reason: history.ReasonNotAVoter}),
			Want: verdict.Valid},
		{Name: "ignored while a leader is alive", Build: vote(history.Raft{Term: 4, PeerTerm: 5, Peer: "n1", Reason: history.ReasonHasLeader}),
			Want: verdict.Valid},
		{Name: "refused the first", Build: vote(history.Raft{Term: 5, PeerTerm: 5, Peer: "n1", Reason: history.ReasonVoted}),
			Want: verdict.Invalid, Rule: "first come, not served"},
		{Name: "refused the first, its log behind", Build: vote(history.Raft{
			Term: 5, PeerTerm: 5, Peer: "n1", Reason: history.ReasonStaleLog, Last: tape.Pos(1, 2), PeerLast: tape.Pos(1, 1)}),
			Want: verdict.Valid},
		{Name: "refused a log that is not behind", Build: vote(history.Raft{
			Term: 5, PeerTerm: 5, Peer: "n1", Reason: history.ReasonStaleLog, Last: tape.Pos(1, 1), PeerLast: tape.Pos(1, 1)}),
			Want: verdict.Invalid, Rule: "first come, not served"},
		{Name: "refused a stale term that is not", Build: vote(history.Raft{
			Term: 5, PeerTerm: 5, Peer: "n1", Reason: history.ReasonStaleTerm, Last: tape.Pos(1, 2), PeerLast: tape.Pos(1, 1)}),
			Want: verdict.Invalid, Rule: "a refusal without its reason"},
		{Name: "said it had voted, and had not", Build: vote(history.Raft{
			Term: 5, PeerTerm: 5, Peer: "n1", Reason: history.ReasonVoted, Last: tape.Pos(1, 2), PeerLast: tape.Pos(1, 1)}),
			Want: verdict.Invalid, Rule: "a refusal without its reason"},
		{Name: "refused the second", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 5)
			h.Stand("n2", 5)
			h.Grant("n3", "n1", 5)
			h.Refuse("n3", "n2", 5, history.ReasonVoted)
			h.Refuse("n1", "n2", 5, history.ReasonVoted) // a candidate has voted
			h.End()
		}), Want: verdict.Valid},
		{Name: "refused its own choice", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 5)
			h.Grant("n3", "n1", 5)
			h.Refuse("n3", "n1", 5, history.ReasonVoted)
		}), Want: verdict.Invalid, Rule: "a refusal without its reason"},
		{Name: "refused while it follows the term's leader", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Follow("n3", "n1", 5)
			h.Refuse("n3", "n2", 5, history.ReasonVoted)
			h.End()
		}), Want: verdict.Valid},
		{Name: "refused, and what came before is not known", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			h.Refuse("n3", "n2", 5, history.ReasonVoted)
			h.End()
		}), Want: verdict.Valid},
	})
}

// A vote given twice counts for both: the second candidate did have it.
func TestVotesTwiceStillCount(t *testing.T) {
	h := tape.Traced()
	h.Start()
	h.Stand("n1", 1)
	h.Stand("n2", 1)
	h.Grant("n3", "n1", 1)
	h.Grant("n3", "n2", 1)
	h.Lead("n2", 1)
	h.End()
	for _, v := range h.Judge(newVotes()).Violations {
		require.Equal(t, "two votes in one term", v.Rule)
	}
}

func TestVotesForCandidatesOnly(t *testing.T) {
	tape.Verdicts(t, newVotes, []tape.Row{
		{Name: "it led, and leads on after a restart", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Restart("n1", 1, "n1")
			h.Lead("n1", 1)
		}), Want: verdict.Invalid, Rule: "led without having stood"},
		{Name: "it led, was restarted, and stood anew", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Restart("n1", 1, "n1")
			h.Elect("n1", 2, "n2")
			h.End()
		}), Want: verdict.Valid},
		{Name: "it stood, found a leader, and leads", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Follow("n1", "n2", 1)
			h.Lead("n1", 1)
		}), Want: verdict.Invalid, Rule: "led without having stood"},
		{Name: "it stood, gave up, and leads", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 1)
			h.Follow("n1", "", 1)
			h.Lead("n1", 1)
		}), Want: verdict.Invalid, Rule: "led without having stood"},
		{Name: "it stood in an earlier term", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Grant("n2", "n1", 2)
			h.Lead("n1", 2)
		}), Want: verdict.Invalid, Rule: "led without having stood"},
		{Name: "told twice that it leads", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Lead("n1", 1)
			h.End()
		}), Want: verdict.Valid},
		{Name: "it may have stood where its trace has a hole", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Grant("n2", "n1", 2)
			h.Seq["n1"]++
			h.Lead("n1", 2)
			h.End()
		}), Want: verdict.Unknown},
		{Name: "a vote for one who never stood", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Grant("n3", "n2", 7)
			h.End()
		}), Want: verdict.Invalid, Rule: "a vote for one who did not stand"},
		{Name: "the candidate was killed before it could say so", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Grant("n3", "n2", 7)
			h.Restart("n2", 7, "n2")
			h.End()
		}), Want: verdict.Valid},
		{Name: "found on disk when the history began, the candidate has gone on since", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			h.Restart("n1", 3, "n2")
			h.Restart("n2", 4, "")
			h.Restart("n3", 4, "")
			h.End()
		}), Want: verdict.Valid},
		{Name: "found on disk by a later process", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Restart("n1", 3, "n2")
			h.Restart("n2", 4, "")
			h.End()
		}), Want: verdict.Invalid, Rule: "a vote for one who did not stand"},
	})
}

// A trace with a hole proves nothing by what it lacks: each event is numbered.
func TestVotesOfTornTraces(t *testing.T) {
	elect := func(between func(h *tape.Tape)) func() *tape.Tape {
		return tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 1)
			between(h)
			h.Follow("n2", "n1", 1)
			h.Lead("n1", 1)
			h.End()
		})
	}
	tape.Verdicts(t, newVotes, []tape.Row{
		{Name: "whole", Build: elect(func(*tape.Tape) {}), Want: verdict.Invalid, Rule: "won without a majority"},
		{Name: "the voter's vote is missing", Build: elect(func(h *tape.Tape) { h.Seq["n2"]++ }), Want: verdict.Unknown},
		{Name: "a line of it could not be read", Build: elect(func(h *tape.Tape) {
			h.Run(history.Run{What: history.RunUntrace, Node: "n2", Text: "torn"})
		}), Want: verdict.Unknown},
		{Name: "the process that voted answered, and has no trace", Build: elect(func(h *tape.Tape) {
			h.Add(history.Event{Claim: &history.Claim{Node: "n2", Inc: 2}})
			h.Restart("n2", 1, "")
			h.Restart("n2", 1, "")
			h.Events = append(h.Events[:len(h.Events)-2], h.Events[len(h.Events)-1]) // its second process is missing
		}), Want: verdict.Unknown},
		{Name: "a process that never said anything", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n1", 1)
			h.Restart("n2", 0, "")
			h.Events = h.Events[:len(h.Events)-1] // killed before its first event
			h.Restart("n2", 1, "n1")
			h.Lead("n1", 1)
			h.End()
		}), Want: verdict.Valid},
	})
}
