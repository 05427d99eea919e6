package checker

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/cespare/xxhash/v2"
)

// mapSearch looks for an order of a group's operations.
type mapSearch struct {
	options  Options
	deadline time.Time
	keys     int
	ops      []*mapOp // by call
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

// check decides a part of the group, sorted by call.
func (s *mapSearch) check(ops []*mapOp) (verdict Verdict, why string) {
	perState := int64(len(ops)/8 + 4*s.keys + 128)
	b := budget{steps: s.options.Steps, states: s.options.SearchMemory / perState, deadline: s.deadline}
	b.late = time.Now().After(s.deadline)
	operations := make([]porcupine.Operation, len(ops))
	for i, op := range ops {
		operations[i] = porcupine.Operation{Input: op, Call: int64(op.invoke.Seq), Return: op.ret}
	}
	ok := porcupine.CheckOperations(s.model(&b), operations)
	switch {
	case ok:
		return Valid, ""
	case b.late:
		return Unknown, "the time for the search was used up (" + s.options.Wall.String() + " of wall clock)"
	case b.steps < 0:
		return Unknown, "the search for an order exceeded its steps"
	case b.states < 0:
		return Unknown, "the search for an order exceeded its memory"
	}
	return Invalid, ""
}

// model is a map of registers; a state is their values, four bytes each.
func (s *mapSearch) model(b *budget) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return string(make([]byte, 4*s.keys)) },
		Step: func(state, input, _ any) (bool, any) {
			if !b.spend() {
				return false, state
			}
			next, ok := input.(*mapOp).step(state.(string))
			if !ok {
				return false, state
			}
			b.states--
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

// shrink finds a small part of the group that has no order either: its shortest
// illegal beginning, and of that what is needed.
func (s *mapSearch) shrink() []*mapOp {
	ops := s.ops
	ends := make([]int64, 0, len(ops))
	for _, op := range ops {
		if op.ret != forever {
			ends = append(ends, op.ret)
		}
	}
	slices.Sort(ends)
	n, _ := slices.BinarySearchFunc(ends, true, func(end int64, _ bool) int {
		if v, _ := s.check(until(ops, end)); v == Invalid {
			return 0
		}
		return -1
	})
	if n < len(ends) {
		ops = until(ops, ends[n])
	}
	for trial, i := 0, len(ops)-1; i >= 0 && trial < maxTrials; i-- {
		if !onlyReads(ops[i]) && wanted(ops, i) {
			continue
		}
		trial++
		less := slices.Delete(slices.Clone(ops), i, i+1)
		if v, _ := s.check(less); v == Invalid {
			ops = less
		}
	}
	return ops
}

// until returns the operations as they were at a time: later calls left out, and
// of what had not returned by then only the writes, which may happen later.
func until(ops []*mapOp, end int64) []*mapOp {
	var out []*mapOp
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
func wanted(ops []*mapOp, i int) bool {
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
