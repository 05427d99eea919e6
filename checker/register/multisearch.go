package register

import (
	"encoding/binary"
	"slices"

	"github.com/anishathalye/porcupine"
	"github.com/cespare/xxhash/v2"

	"github.com/usurper/usurper/checker/verdict"
)

// groupSearch looks for an order of a group's operations.
type groupSearch struct {
	*verdict.Budget
	keys int
	ops  groupOps
}

// prune settles what it can of the operations without an answer.
func (s *groupSearch) prune() {
	type pair struct {
		key   int32
		value uint32
	}
	writers, seen := make(map[pair]int), make(map[pair]int64) // when it was first known to be there
	for _, op := range s.ops {
		for _, d := range op.deeds {
			p := pair{d.key, d.value}
			if d.writes {
				writers[p]++
			} else if at, ok := seen[p]; !ok || op.ret < at {
				seen[p] = op.ret
			}
		}
	}
	s.ops = slices.DeleteFunc(s.ops, func(op *groupOp) bool {
		if !op.unanswered {
			return false
		}
		noticed := false
		for _, d := range op.deeds {
			at, ok := seen[pair{d.key, d.value}]
			noticed = noticed || ok
			if ok && d.value != 0 && writers[pair{d.key, d.value}] == 1 {
				op.ret = min(op.ret, at)
			}
		}
		return !noticed
	})
}

// check decides a part of the group.
func (s *groupSearch) check(ops groupOps) (v verdict.Verdict, why string) {
	operations := make([]porcupine.Operation, len(ops))
	for i, op := range ops {
		operations[i] = porcupine.Operation{Input: op, Call: int64(op.invoke.Seq), Return: op.ret}
	}
	return s.Decide(operations, s.model)
}

// model is a map of registers; a state is their values, four bytes each.
func (s *groupSearch) model(p *verdict.Purse) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return string(make([]byte, 4*s.keys)) },
		Step: func(state, input, _ any) (bool, any) {
			if !p.Spend() {
				return false, state
			}
			next, ok := input.(*groupOp).step(state.(string))
			if !ok {
				return false, state
			}
			p.Remember(int64(4 * s.keys))
			if next == state.(string) {
				return true, state
			}
			return true, next
		},
		Equal: func(a, b any) bool { return a.(string) == b.(string) },
		Hash:  func(state any) uint64 { return xxhash.Sum64String(state.(string)) },
	}
}

// step does what the operation does, if it could have read what it read.
func (op *groupOp) step(state string) (next string, ok bool) {
	var changed []byte
	for _, d := range op.deeds {
		at := 4 * d.key
		switch {
		case d.writes:
			if changed == nil {
				changed = []byte(state)
			}
			binary.LittleEndian.PutUint32(changed[at:], d.value)
		case changed != nil:
			if binary.LittleEndian.Uint32(changed[at:]) != d.value {
				return state, false
			}
		case binary.LittleEndian.Uint32([]byte(state[at:at+4])) != d.value:
			return state, false
		}
	}
	if changed == nil {
		return state, true
	}
	return string(changed), true
}

// shrink finds a small part of the group that has no order either.
func (s *groupSearch) shrink() groupOps {
	return verdict.Shrink(s.ops, func(ops groupOps) bool {
		v, _ := s.check(ops)
		return v == verdict.Invalid
	})
}

// groupOps are operations of a group, by call.
type groupOps []*groupOp

// Size is how many operations there are.
func (ops groupOps) Size() int { return len(ops) }

// Ends lists when the operations ended that did.
func (ops groupOps) Ends() []int64 {
	var ends []int64
	for _, op := range ops {
		if op.ret != verdict.Forever {
			ends = append(ends, op.ret)
		}
	}
	return ends
}

// Without leaves out an operation that only reads, or that writes nothing that
// another one read.
func (ops groupOps) Without(i int) (groupOps, bool) {
	if !onlyReads(ops[i]) && ops.wanted(i) {
		return ops, false
	}
	return slices.Delete(slices.Clone(ops), i, i+1), true
}

// Until returns the operations as they were at a time: later calls left out, and
// of what had not returned by then only the writes, which may happen later.
func (ops groupOps) Until(end int64) groupOps {
	var out groupOps
	for _, op := range ops {
		if int64(op.invoke.Seq) > end {
			break
		}
		if op.ret > end && op.ret != verdict.Forever {
			early := &groupOp{invoke: op.invoke, ret: verdict.Forever, unanswered: true}
			early.deeds = slices.DeleteFunc(slices.Clone(op.deeds), func(d groupDeed) bool { return !d.writes })
			if len(early.deeds) == 0 {
				continue
			}
			op = early
		}
		out = append(out, op)
	}
	return out
}

func onlyReads(op *groupOp) bool {
	return !slices.ContainsFunc(op.deeds, func(d groupDeed) bool { return d.writes })
}

// wanted tells whether another operation read a value that ops[i] writes, so that
// leaving it out could make the rest illegal.
func (ops groupOps) wanted(i int) bool {
	for _, d := range ops[i].deeds {
		if !d.writes {
			continue
		}
		for j, other := range ops {
			if j != i && slices.ContainsFunc(other.deeds, func(o groupDeed) bool { return !o.writes && o.key == d.key && o.value == d.value }) {
				return true
			}
		}
	}
	return false
}
