package tape

import "github.com/usurper/usurper/harness/history"

// In adds what a tap tells of a member in a group.
func (t *Tape) In(group, node string, r history.Raft) {
	r.Group = group
	t.Tap(node, r)
}

// Vote adds a tap's word of a candidacy, and of votes for it.
func (t *Tape) Vote(group, candidate string, term uint64, last history.Pos, voters ...string) {
	t.In(group, candidate, history.Raft{What: history.RaftCandidate, Term: term, Last: last})
	for _, v := range voters {
		t.In(group, v, history.Raft{What: history.RaftVote, Term: term, PeerTerm: term, Peer: candidate, Granted: true})
	}
}

// Win is Vote of those that make a leader, which begins to lead.
func (t *Tape) Win(group, leader string, term uint64, last history.Pos, voters ...string) {
	t.Vote(group, leader, term, last, voters...)
	t.In(group, leader, history.Raft{What: history.RaftLeader, Term: term, Last: last})
}

// Voters adds a tap's word of who votes in a group; of nobody, that it is not known.
func (t *Tape) Voters(group string, voters ...string) { t.Configured(group, history.Pos{}, voters...) }

// Configured is Voters of those whom an entry of the group's log makes voters; of nobody, that
// their names are not known yet.
func (t *Tape) Configured(group string, at history.Pos, voters ...string) {
	t.Seq["tap"]++
	t.Add(history.Event{Raft: &history.Raft{
		Source: history.Tap, Seq: t.Seq["tap"], What: history.RaftConfig, Stage: history.Sent, Group: group, Voters: voters,
		Index: at.Index, EntryTerm: at.Term,
	}})
}
