package raft

import "slices"

// quorum is a configuration seen as a rule for decisions: they take a majority
// of voters and, while outgoing is not empty, a majority of outgoing as well
// (joint consensus, Raft §6).
type quorum struct {
	voters, outgoing []ID
	tie              bool // bug.EvenQuorum: half of an even number decides
}

// majority is the least number of n members that any other majority must meet.
func majority(n int) int { return n/2 + 1 }

// needed is how many of n members decide.
func (q quorum) needed(n int) int {
	if q.tie {
		return (n + 1) / 2
	}
	return majority(n)
}

// holds tells whether the members for which yes holds can decide. slack lowers
// the number that is needed, down to one; it is 0 in a correct member.
func (q quorum) holds(yes func(ID) bool, slack int) bool {
	return q.holdsHalf(q.voters, yes, slack) && q.holdsHalf(q.outgoing, yes, slack)
}

func (q quorum) holdsHalf(members []ID, yes func(ID) bool, slack int) bool {
	if len(members) == 0 {
		return true
	}
	n := 0
	for _, id := range members {
		if yes(id) {
			n++
		}
	}
	return n >= max(1, q.needed(len(members))-slack)
}

// reached returns the highest value that enough members to decide have reached.
func (q quorum) reached(value func(ID) uint64) uint64 {
	v := q.reachedHalf(q.voters, value)
	if len(q.outgoing) > 0 {
		v = min(v, q.reachedHalf(q.outgoing, value))
	}
	return v
}

func (q quorum) reachedHalf(members []ID, value func(ID) uint64) uint64 {
	var space [9]uint64
	values := space[:0]
	for _, id := range members {
		values = append(values, value(id))
	}
	slices.Sort(values)
	return values[len(values)-q.needed(len(values))]
}
