package model

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// part is a part of what happened to one key.
type part[S any] struct {
	c   *judge[S]
	key string
	ops []*operation // by call
}

// part returns all that happened to a key, but for what failed.
func (c *judge[S]) part(k *keyed[S]) part[S] {
	ops := slices.DeleteFunc(slices.Clone(k.ops), func(op *operation) bool { return op.op.Type == history.Fail })
	return part[S]{c, k.name, ops}
}

// check decides the part.
func (p part[S]) check(b *verdict.Budget) (v verdict.Verdict, why string) { return p.search(b, nil) }

// search decides the part, and says in which state the order that it found leaves
// the key.
func (p part[S]) search(b *verdict.Budget, leaves *string) (v verdict.Verdict, why string) {
	var last any
	v, why = b.Decide(p.operations(), func(purse *verdict.Purse) porcupine.Model {
		m := p.model(purse)
		step := m.Step
		m.Step = func(state, input, output any) (ok bool, next any) {
			if ok, next = step(state, input, output); ok {
				last = next // a search ends with the step that completes an order
			}
			return ok, next
		}
		last = m.Init()
		return m
	})
	if v == verdict.Valid && leaves != nil {
		*leaves = p.describe(last)
	}
	return v, why
}

func (p part[S]) operations() []porcupine.Operation {
	operations := make([]porcupine.Operation, len(p.ops))
	for i, op := range p.ops {
		operations[i] = porcupine.Operation{Input: op, Call: op.call, Return: op.ret}
	}
	return operations
}

// model is the user's, for one key, as porcupine has it: with a set of states,
// since an operation may leave one of several.
//
// Every operation without an answer takes effect in a linearization, so one that
// the model refuses counts as one that did not happen. That is enough: whatever else
// did not happen can as well have happened after all others, where nobody saw it.
func (p part[S]) model(purse *verdict.Purse) porcupine.Model {
	user := &p.c.model
	sets := porcupine.NondeterministicModel{
		Init: func() []any { return []any{user.Init(p.key)} },
		Step: func(state, input, _ any) []any {
			if !purse.Spend() {
				return nil
			}
			op := &input.(*operation).op
			next := user.Step(unboxed[S](state), op)
			if len(next) == 0 && op.Type == history.Info {
				return []any{state}
			}
			out := make([]any, len(next))
			for i := range next {
				out[i] = next[i]
			}
			return out
		},
		Equal: func(a, b any) bool { return user.Equal(unboxed[S](a), unboxed[S](b)) },
	}
	if user.Hash != nil {
		sets.Hash = func(state any) uint64 { return user.Hash(unboxed[S](state)) }
	}
	m := sets.ToModel()
	step := m.Step
	m.StepContext = nil // Step is the one
	m.Step = func(state, input, output any) (ok bool, next any) {
		if ok, next = step(state, input, output); ok {
			var size int64
			for _, s := range next.([]any) {
				size += sizeOf(reflect.ValueOf(s), 0)
			}
			purse.Remember(size)
		}
		return ok, next
	}
	return m
}

// unboxed is a state again, also if it is a nil interface.
func unboxed[S any](state any) S {
	s, _ := state.(S)
	return s
}

// describe puts a set of states in words.
func (p part[S]) describe(set any) string {
	var texts []string
	for _, state := range set.([]any) {
		texts = append(texts, p.c.model.DescribeState(unboxed[S](state)))
	}
	return strings.Join(texts, " or ")
}

// minimal tells whether the part, which has no order, would have one if of any of its
// answers neither the time nor what it says were known. If the budget does not tell,
// it is not.
func (p part[S]) minimal(b *verdict.Budget) bool {
	for i, op := range p.ops {
		if op.ret == verdict.Forever {
			continue
		}
		vague := &operation{op: *op.invoke.Op, ret: verdict.Forever, invoke: op.invoke}
		vague.op.Type = history.Info
		ops := slices.Delete(slices.Clone(p.ops), i, i+1)
		less := part[S]{p.c, p.key, append([]*operation{vague}, ops...)}
		if v, _ := less.check(b); v != verdict.Valid {
			return false
		}
	}
	return true
}

// decide judges the part by its beginnings, each twice as long as the last: one
// that has no order is mostly a short one, whose search is short. If the budget runs
// out it says how long the longest beginning is that has an order, as far as it
// could tell, and why. An illegal beginning is returned.
func (p part[S]) decide(b *verdict.Budget) (bad part[S], v verdict.Verdict, why string) {
	ends := p.Ends()
	slices.Sort(ends)
	n, legal := 0, 0 // answers
	for n < len(ends) {
		n = min(max(2*n, 8), len(ends))
		bad = p.Until(ends[n-1])
		if n == len(ends) {
			bad = p
		}
		if v, why = bad.check(b); v != verdict.Valid {
			break
		}
		legal = n
	}
	if v != verdict.Unknown {
		return bad, v, ""
	}
	less := b.Part(16)
	defer func() { b.Total += less.Total }()
	for n -= legal; n > 1; {
		half := p.Until(ends[legal+n/2-1])
		switch v, _ := half.check(less); v {
		case verdict.Invalid:
			return half, verdict.Invalid, ""
		case verdict.Valid:
			legal, n = legal+n/2, n-n/2
		default:
			n /= 2
		}
	}
	far := "nothing decided"
	if legal > 0 {
		at := slices.IndexFunc(p.ops, func(op *operation) bool { return op.ret == ends[legal-1] })
		far = fmt.Sprintf("its first %s have an order, up to %s", count.Many(legal, "answer"), verdict.Seconds(p.ops[at].doneAt))
	}
	return bad, verdict.Unknown, fmt.Sprintf("%s; of all its %s, %s", far, count.Many(len(p.ops), "operation"), why)
}

// Size is how many operations there are.
func (p part[S]) Size() int { return len(p.ops) }

// Ends lists when the operations ended that did.
func (p part[S]) Ends() []int64 {
	var ends []int64
	for _, op := range p.ops {
		if op.ret != verdict.Forever {
			ends = append(ends, op.ret)
		}
	}
	return ends
}

// last is the operation whose answer came last, -1 if there is none.
func (p part[S]) last() int {
	last := -1
	for i, op := range p.ops {
		if op.ret != verdict.Forever && (last < 0 || op.ret > p.ops[last].ret) {
			last = i
		}
	}
	return last
}

// Until leaves out later calls, and the answers to come.
func (p part[S]) Until(end int64) part[S] {
	out := part[S]{c: p.c, key: p.key}
	for _, op := range p.ops {
		if op.call > end {
			break
		}
		if op.ret > end && op.ret != verdict.Forever {
			early := &operation{op: *op.invoke.Op, call: op.call, ret: verdict.Forever, invoke: op.invoke}
			early.op.Type = history.Info
			op = early
		}
		out.ops = append(out.ops, op)
	}
	return out
}

// Without leaves out the item of an operation, if the model has such.
func (p part[S]) Without(i int) (part[S], bool) {
	item := p.c.model.Item
	if item == nil {
		return p, false
	}
	name, ok := item(&p.ops[i].op)
	ops := slices.DeleteFunc(slices.Clone(p.ops), func(op *operation) bool {
		other, _ := item(&op.op)
		return op == p.ops[i] || name != "" && other == name
	})
	return part[S]{p.c, p.key, ops}, ok
}
