package verdict

import (
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// IsMajority tells whether more than half of the voters are among the givers.
func IsMajority(voters, givers []string) bool {
	n := 0
	for _, name := range voters {
		if slices.Contains(givers, name) {
			n++
		}
	}
	return n > len(voters)/2
}

// Union lists who is in either, those of a first.
func Union(a, b []string) []string {
	out := slices.Clone(a)
	for _, name := range b {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// SameMembers tells whether both list the same members, in any order.
func SameMembers(a, b []string) bool {
	return len(a) == len(b) && len(Union(a, b)) == len(a)
}

// Decides tells whether the givers are a majority of any set of voters that may
// have decided so far.
func (s *Sources) Decides(givers []string) bool {
	return IsMajority(s.Nodes, givers) ||
		slices.ContainsFunc(s.configs, func(voters []string) bool { return IsMajority(voters, givers) })
}

// Everybody lists all who may ever have had a vote.
func (s *Sources) Everybody() []string {
	all := s.Nodes
	for _, voters := range s.configs {
		all = Union(all, voters)
	}
	return all
}

// gathering is a main group that began without knowing all of its members: its leader
// counts those whom entries of its own have added so far (history.RaftConfig).
type gathering []gathered

// gathered are whom the group counts from an entry on.
type gathered struct {
	at             history.Pos
	voters, before []string // before: of whom a majority has to have the entry first
}

// takes notes a tap's word of who votes, if it is about a group that is gathering, and
// tells whether others are to follow.
func (g *gathering) takes(r *history.Raft) bool {
	more := len(r.Learners) > 0 || len(r.Outgoing) > 0
	if r.Index > 0 && (more || len(*g) > 0) {
		*g = append(*g, gathered{
			at:     history.Pos{Term: r.EntryTerm, Index: r.Index},
			voters: slices.Clone(r.Voters), before: slices.Clone(r.Outgoing),
		})
	}
	return more
}

// Gathers tells whether those who have an entry of its leader's own term are a majority of
// whom that leader counted while its group gathered; has lists who has the entry at an
// index, and all before it.
//
// An entry counts by the last one before it, or itself, that says who votes, or by a later one that the
// leader had made meanwhile. Each but the first adds one voter, so that any two majorities have somebody
// in common. Before the first, each of the start counted: any majority of those may still elect
// another leader, until a majority has it.
func (s *Sources) Gathers(entry history.Pos, has func(index uint64) []string) bool {
	known := true
	for i, g := range s.gathering {
		if g.at.Term != entry.Term {
			continue
		}
		known = known && (len(g.before) == 0 || IsMajority(g.before, has(g.at.Index)))
		over := i+1 < len(s.gathering) && s.gathering[i+1].at.Term == entry.Term && s.gathering[i+1].at.Index <= entry.Index
		if known && !over && IsMajority(g.voters, has(entry.Index)) {
			return true
		}
	}
	return false
}

// Gathered lists whom the leader counted for an entry of its own, if by then not all members
// were in its group.
func (s *Sources) Gathered(entry history.Pos) (voters []string) {
	for _, g := range s.gathering {
		if g.at.Term == entry.Term && g.at.Index <= entry.Index {
			voters = g.voters
		}
	}
	if len(voters) == len(s.Nodes) {
		return nil
	}
	return voters
}
