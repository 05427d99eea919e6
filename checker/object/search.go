package object

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
)

// search looks for an order of what was done to a queue, where elements repeat and
// the rules do not decide.
func (c *Queue) search(q *flow, discipline string, b *verdict.Budget) {
	p := queued{q: q, fifo: discipline == FirstInFirstOut}
	for _, o := range q.ops {
		p.add(o)
	}
	slices.SortStableFunc(p.steps, func(a, b step) int { return cmp.Compare(a.op.call, b.op.call) })
	switch v, why := p.check(b); v {
	case verdict.Unknown:
		c.Unknown("%s: of %s none decided: elements repeat, and %s", q.key, count.Many(len(q.ops), "operation"), why)
	case verdict.Invalid:
		less := b.Part(16)
		bad := verdict.Shrink(p, func(p queued) bool {
			v, _ := p.check(less)
			return v == verdict.Invalid
		})
		b.Total += less.Total
		var shown []*operation
		for _, s := range bad.steps {
			shown = append(shown, s.op)
		}
		c.violate(verdict.NotLinearizable, q.key+": "+verdict.NoOrder(len(bad.steps)), shown...)
	}
}

// queued is a part of what was done to a queue.
type queued struct {
	q     *flow
	fifo  bool
	steps []step
}

// step is one element that goes in or comes out.
type step struct {
	op    *operation
	value string // "": the queue was empty
	out   bool
	open  bool // without an answer: it may have taken any element, or put in value, or not
}

// add takes an operation, if it may have happened. What a drain without an answer took
// makes no difference to the rest: as many open dequeues as elements stand for it.
func (p *queued) add(o *operation) {
	switch {
	case o.failed():
	case o.asked().F == FEnqueue:
		p.steps = append(p.steps, step{o, o.asked().Arg, false, !o.ok()})
	case !o.ok() && o.asked().F == FDrain:
		for _, e := range p.q.elements {
			for range e.in {
				p.steps = append(p.steps, step{o, "", true, true})
			}
		}
	case !o.ok():
		p.steps = append(p.steps, step{o, "", true, true})
	case o.asked().F == FDequeue:
		p.steps = append(p.steps, step{o, o.got().Got, true, false})
	default:
		for _, v := range o.got().List {
			p.steps = append(p.steps, step{o, v, true, false})
		}
	}
}

// check decides the part.
func (p queued) check(b *verdict.Budget) (verdict.Verdict, string) {
	ids := make(map[string]uint32)
	operations := make([]porcupine.Operation, len(p.steps))
	for i, s := range p.steps {
		if _, ok := ids[s.value]; !ok {
			ids[s.value] = uint32(len(ids) + 1)
		}
		ret := int64(verdict.Forever)
		if s.op.ret != never {
			ret = int64(s.op.ret)
		}
		operations[i] = porcupine.Operation{Input: s, Call: int64(s.op.call), Return: ret}
	}
	return b.Decide(operations, func(purse *verdict.Purse) porcupine.Model {
		sets := porcupine.NondeterministicModel{
			Init: func() []any { return []any{""} },
			Step: func(state, input, _ any) []any {
				if !purse.Spend() {
					return nil
				}
				s := input.(step)
				next := p.step(state.(string), s, ids[s.value])
				purse.Remember(int64(len(state.(string)) + 16*len(next)))
				return next
			},
		}
		m := sets.ToModel()
		m.StepContext = nil // Step is the one
		return m
	})
}

// step returns what the queue, whose elements are four bytes each, may become.
func (p queued) step(state string, s step, id uint32) []any {
	var word [4]byte
	binary.LittleEndian.PutUint32(word[:], id)
	switch {
	case !s.out && p.fifo:
		return []any{state + string(word[:])}
	case !s.out:
		at := 0
		for at < len(state) && state[at:at+4] < string(word[:]) {
			at += 4
		}
		return []any{state[:at] + string(word[:]) + state[at:]} // sorted: any order is the same
	case s.open && p.fifo:
		return []any{state[min(4, len(state)):]}
	case s.open:
		all := []any{state}
		for at := 0; at < len(state); at += 4 {
			all = append(all, state[:at]+state[at+4:])
		}
		return all
	case s.value == "" && state == "":
		return []any{state}
	case s.value == "":
		return nil
	}
	for at := 0; at < len(state); at += 4 {
		if state[at:at+4] == string(word[:]) {
			return []any{state[:at] + state[at+4:]}
		}
		if p.fifo {
			break
		}
	}
	return nil
}

// Size is how many elements went in or out.
func (p queued) Size() int { return len(p.steps) }

// Ends lists when the operations ended that did.
func (p queued) Ends() []int64 {
	var ends []int64
	for _, s := range p.steps {
		if s.op.ret != never {
			ends = append(ends, int64(s.op.ret))
		}
	}
	return ends
}

// Until leaves out later calls, and the answers to come.
func (p queued) Until(end int64) queued {
	out := queued{q: p.q, fifo: p.fifo}
	for _, s := range p.steps {
		switch {
		case int64(s.op.call) > end:
			continue
		case s.op.ret != never && int64(s.op.ret) > end:
			early := *s.op
			early.ret, early.Done.Op = never, nil
			s.op, s.open = &early, true
			if s.out {
				s.value = ""
			}
		}
		out.steps = append(out.steps, s)
	}
	return out
}

// Without leaves out all that was done with an element: the rest does not miss it.
func (p queued) Without(i int) (queued, bool) {
	gone := p.steps[i]
	if gone.out && gone.value == "" {
		return queued{p.q, p.fifo, slices.Delete(slices.Clone(p.steps), i, i+1)}, !gone.open
	}
	steps := slices.DeleteFunc(slices.Clone(p.steps), func(s step) bool { return strings.Compare(s.value, gone.value) == 0 })
	return queued{p.q, p.fifo, steps}, true
}
