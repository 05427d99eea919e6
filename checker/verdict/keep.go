package verdict

import (
	"maps"
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// Keep copies an event with all it points to, for use after the call that
// brought it.
func Keep(e *history.Event) history.Event {
	out := *e
	switch {
	case e.Run != nil:
		r := *e.Run
		r.Nodes, r.Checkers = slices.Clone(r.Nodes), slices.Clone(r.Checkers)
		out.Run = &r
	case e.Op != nil:
		op := *e.Op
		op.List, op.Txn = slices.Clone(op.List), slices.Clone(op.Txn)
		for i := range op.Txn {
			op.Txn[i].List = slices.Clone(op.Txn[i].List)
		}
		out.Op = &op
	case e.Fault != nil:
		f := *e.Fault
		f.Nodes, f.Evidence = slices.Clone(f.Nodes), maps.Clone(f.Evidence)
		out.Fault = &f
	case e.Proc != nil:
		p := *e.Proc
		out.Proc = &p
	case e.Raft != nil:
		out.Raft = KeepRaft(e.Raft)
	case e.State != nil:
		s := *e.State
		s.Held = slices.Clone(s.Held)
		out.State = &s
	case e.Claim != nil:
		c := *e.Claim
		out.Claim = &c
	}
	return out
}

// KeepRaft copies a raft event but for its hashes, which are long and tell a
// reader nothing.
func KeepRaft(r *history.Raft) *history.Raft {
	out := *r
	out.Hashes = nil
	out.Voters = slices.Clone(r.Voters)
	out.Outgoing = slices.Clone(r.Outgoing)
	out.Learners = slices.Clone(r.Learners)
	return &out
}
