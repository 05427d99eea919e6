package target

import "github.com/usurper/usurper/harness/history"

// Shower is a Target whose taps and traces show only some kinds of raft events.
type Shower interface {
	// Shows lists them; nil means all.
	Shows() []history.RaftWhat
}

// Shown lists the kinds of raft events that taps and traces of t may show, if it has
// either: all, unless it says otherwise.
func Shown(t Target) []history.RaftWhat {
	if s, ok := t.(Shower); ok {
		if shows := s.Shows(); shows != nil {
			return shows
		}
	}
	return []history.RaftWhat{
		history.RaftStart, history.RaftFollower, history.RaftCandidate, history.RaftVote, history.RaftLeader,
		history.RaftAppend, history.RaftTruncate, history.RaftCommit, history.RaftSnapshot, history.RaftInstall,
	}
}

// Reticent is a Target whose members may not tell of their roles.
type Reticent interface {
	// TellsRoles tells whether Status ever says who leads.
	TellsRoles() bool
}

// TellsRoles tells whether the members of t ever say who leads: unless it says no.
func TellsRoles(t Target) bool {
	r, ok := t.(Reticent)
	return !ok || r.TellsRoles()
}

// Failpointed is an Operator that knows of its binary's failpoints.
type Failpointed interface {
	// HasFailpoint tells why there certainly is no failpoint of this name; nil if
	// there may be one.
	HasFailpoint(name string) error
}

// Failpoint returns what tells why t certainly has no failpoint of a name, nil if
// nothing does.
func Failpoint(t Target) func(name string) error {
	if f, ok := t.(Failpointed); ok {
		return f.HasFailpoint
	}
	return nil
}
