package checker

import (
	"encoding/binary"
	"slices"

	"github.com/anishathalye/porcupine"
	"github.com/cespare/xxhash/v2"
)

// mapSearch looks for an order of a group's operations.
type mapSearch struct {
	*budget
	keys int
	ops  mapOps
}

// prune settles what it can of the operations without an answer.
func (s *mapSearch) prune() {
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
	s.ops = slices.DeleteFunc(s.ops, func(op *mapOp) bool {
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
func (s *mapSearch) check(ops mapOps) (v Verdict, why string) {
	operations := make([]porcupine.Operation, len(ops))
	for i, op := range ops {
		operations[i] = porcupine.Operation{Input: op, Call: int64(op.invoke.Seq), Return: op.ret}
	}
	return s.decide(operations, s.model)
}

// model is a map of registers; a state is their values, four bytes each.
func (s *mapSearch) model(p *purse) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return string(make([]byte, 4*s.keys)) },
		Step: func(state, input, _ any) (bool, any) {
			if !p.spend() {
				return false, state
			}
			next, ok := input.(*mapOp).step(state.(string))
			if !ok {
				return false, state
			}
			p.remember(int64(4 * s.keys))
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
func (op *mapOp) step(state string) (next string, ok bool) {
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
func (s *mapSearch) shrink() mapOps {
	return shrink(s.ops, func(ops mapOps) bool {
		v, _ := s.check(ops)
		return v == Invalid
	})
}

// mapOps are operations of a group, by call.
type mapOps []*mapOp

func (ops mapOps) size() int { return len(ops) }

func (ops mapOps) ends() []int64 {
	var ends []int64
	for _, op := range ops {
		if op.ret != forever {
			ends = append(ends, op.ret)
		}
	}
	return ends
}

// without leaves out an operation that only reads, or that writes nothing that
// another one read.
func (ops mapOps) without(i int) (mapOps, bool) {
	if !onlyReads(ops[i]) && ops.wanted(i) {
		return ops, false
	}
	return slices.Delete(slices.Clone(ops), i, i+1), true
}

// until returns the operations as they were at a time: later calls left out, and
// of what had not returned by then only the writes, which may happen later.
func (ops mapOps) until(end int64) mapOps {
	var out mapOps
	for _, op := range ops {
		if int64(op.invoke.Seq) > end {
			break
		}
		if op.ret > end && op.ret != forever {
			early := &mapOp{invoke: op.invoke, ret: forever, unanswered: true}
			early.deeds = slices.DeleteFunc(slices.Clone(op.deeds), func(d mapDeed) bool { return !d.writes })
			if len(early.deeds) == 0 {
				continue
			}
			op = early
		}
		out = append(out, op)
	}
	return out
}

func onlyReads(op *mapOp) bool {
	return !slices.ContainsFunc(op.deeds, func(d mapDeed) bool { return d.writes })
}

// wanted tells whether another operation read a value that ops[i] writes, so that
// leaving it out could make the rest illegal.
func (ops mapOps) wanted(i int) bool {
	for _, d := range ops[i].deeds {
		if !d.writes {
			continue
		}
		for j, other := range ops {
			if j != i && slices.ContainsFunc(other.deeds, func(o mapDeed) bool { return !o.writes && o.key == d.key && o.value == d.value }) {
				return true
			}
		}
	}
	return false
}
