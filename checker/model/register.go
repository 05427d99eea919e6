package model

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// maxNeighbours is how many operations a page shows besides those of the proof.
const maxNeighbours = 100

// WriteRegister writes porcupine's interactive page about a key that holds one value
// (get, put, cas, delete) and on which the operations of a history have no order,
// as the judge finds, a new checker of such keys: those that prove it and at most
// some 100 about them. Without a violation the error is ErrOrdered. An error of the
// history is returned; nothing is written then.
func WriteRegister(w io.Writer, key string, judge verdict.Checker, events iter.Seq2[*history.Event, error]) (Page, error) {
	c := &cell{key: key, judge: judge, ops: registerModel(nil).checker(verdict.Options{})}
	all := verdict.PerKey(c)
	for e, err := range events {
		if err != nil {
			return Page{}, err
		}
		all.Event(e)
	}
	return c.write(w)
}

// cell gathers the operations on one key that holds one value.
type cell struct {
	key   string
	judge verdict.Checker
	ops   *judge[cellState]
}

// Name is never seen.
func (c *cell) Name() string { return c.judge.Name() }

// Finish is never called.
func (c *cell) Finish() verdict.Result { return c.judge.Finish() }

// Event takes the next event.
func (c *cell) Event(e *history.Event) {
	if e.Op == nil || e.Op.Key != c.key {
		return
	}
	c.judge.Event(e)
	c.ops.Event(e)
}

func (c *cell) write(w io.Writer) (Page, error) {
	k := c.ops.keys[c.key]
	if k == nil {
		return Page{}, fmt.Errorf("key %q: the history has no get, put, cas or delete of it: %w", c.key, ErrOrdered)
	}
	result := c.judge.Finish()
	if len(result.Violations) == 0 {
		return Page{}, fmt.Errorf("key %q: %s: %w", c.key, result.Summary, ErrOrdered)
	}
	proof := make(map[uint64]map[int]bool) // processes by position
	var last uint64
	for _, e := range result.Violations[0].Events {
		if proof[e.Seq] == nil {
			proof[e.Seq] = make(map[int]bool)
		}
		proof[e.Seq][e.Op.Process] = true
		last = max(last, e.Seq)
	}
	proves := func(op *operation) bool { return proof[uint64(op.call)][op.op.Process] }
	ops := slices.DeleteFunc(slices.Clone(k.ops), func(op *operation) bool { return !telling(op) })
	b := verdict.NewBudget(c.ops.options)
	for n := maxNeighbours; ; n /= 2 {
		part := c.window(ops, proves, n)
		if v, _ := part.check(b.Part(16)); v == verdict.Invalid {
			return part.draw(w, proves)
		}
		if n == 0 {
			break
		}
	}
	// What is shown of a long proof proves nothing by itself.
	whole := part[cellState]{registerModel(nil).checker(verdict.Options{}), c.key, ops}
	return whole.Until(int64(last)).draw(w, proves)
}

// telling tells whether an operation wrote something, or says what it saw.
func telling(op *operation) bool {
	wrote, _ := writtenBy(op)
	_, saw := seenBy(op)
	return wrote || saw
}

// writtenBy tells whether an operation wrote, or may have, and what.
func writtenBy(op *operation) (wrote bool, v string) {
	return op.op.F != history.FGet && op.op.Type != history.Fail, op.op.Arg
}

// seenBy returns the value that an operation found.
func seenBy(op *operation) (v string, saw bool) {
	o := &op.op
	switch {
	case o.F == history.FGet && o.Type == history.OK, o.F == history.FCas && o.Type == history.Fail:
		return o.Got, o.Saw || o.F == history.FGet && o.Got != ""
	case o.F == history.FCas && o.Type == history.OK:
		return o.Old, true
	}
	return "", false
}

// window returns the proof and up to n operations about it, so that those have no
// part in the contradiction that they would not have among all: what one of them
// saw was written by one that is in the window too, or before it.
func (c *cell) window(ops []*operation, proves func(*operation) bool, n int) part[cellState] {
	var proof, near []*operation
	from, to := int64(math.MaxInt64), int64(0)
	for _, op := range ops {
		if proves(op) {
			proof = append(proof, op)
			from, to = min(from, op.call), max(to, op.call)
			if op.ret != verdict.Forever {
				to = max(to, op.ret)
			}
		}
	}
	for _, op := range ops {
		if !proves(op) && op.call <= to && op.ret >= from {
			near = append(near, op)
		}
	}
	distance := func(op *operation) int64 {
		least := int64(math.MaxInt64)
		for _, p := range proof {
			least = min(least, max(op.call-p.call, p.call-op.call), max(op.call-p.ret, p.ret-op.call))
		}
		return least
	}
	slices.SortStableFunc(near, func(a, b *operation) int { return cmp.Compare(distance(a), distance(b)) })
	in := append(proof, near[:min(n, len(near))]...)
	slices.SortFunc(in, func(a, b *operation) int {
		return cmp.Or(cmp.Compare(a.call, b.call), cmp.Compare(a.op.Process, b.op.Process))
	})
	in = explained(in, ops, proves)
	before := make(map[string]bool)
	if len(in) > 0 {
		before = heldBefore(in, ops)
	}
	return part[cellState]{registerModel(before).checker(verdict.Options{}), c.key, in}
}

// explained leaves out of a window what saw a value that an operation outside of it
// may have written meanwhile, and unanswered writes that nobody in it saw.
func explained(in, all []*operation, proves func(*operation) bool) []*operation {
	for {
		inside := make(map[*operation]bool)
		seen := make(map[string]bool)
		from := int64(math.MaxInt64)
		for _, op := range in {
			inside[op] = true
			from = min(from, op.call)
			if v, saw := seenBy(op); saw {
				seen[v] = true
			}
			if op.op.F == history.FCas && op.op.Type == history.Info {
				seen[op.op.Old] = true
			}
		}
		outside := make(map[string]bool)
		for _, op := range all {
			if wrote, v := writtenBy(op); wrote && !inside[op] && op.ret >= from {
				outside[v] = true
			}
		}
		less := slices.DeleteFunc(slices.Clone(in), func(op *operation) bool {
			if proves(op) {
				return false
			}
			v, saw := seenBy(op)
			wrote, written := writtenBy(op)
			return saw && outside[v] || wrote && op.op.Type == history.Info && !seen[written]
		})
		if len(less) == len(in) {
			return in
		}
		in = less
	}
}

// heldBefore lists what the key may have held when the window began.
func heldBefore(in, all []*operation) map[string]bool {
	inside := make(map[*operation]bool)
	for _, op := range in {
		inside[op] = true
	}
	held := map[string]bool{"": true}
	for _, op := range all {
		if wrote, v := writtenBy(op); wrote && !inside[op] && op.call < in[0].call {
			held[v] = true
		}
	}
	return held
}

// cellState is what a key holds, if that is known.
type cellState struct {
	known bool
	value string
}

// registerModel is a key that holds one of the values, at first; nil: none.
func registerModel(held map[string]bool) Model[cellState] {
	becomes := func(v string) []cellState { return []cellState{{true, v}} }
	return Model[cellState]{
		Name: "register",
		Ops:  []history.F{history.FGet, history.FPut, history.FCas, history.FDelete},
		Init: func(string) cellState { return cellState{known: held == nil} },
		Step: func(s cellState, op *history.Op) []cellState {
			may := func(v string) bool { return s.known && s.value == v || !s.known && held[v] }
			switch seen, saw := seenBy(&operation{op: *op}); {
			case saw && !may(seen), op.Type == history.Fail && saw && seen == op.Old:
				return nil
			case op.F == history.FPut, op.F == history.FDelete:
				return becomes(op.Arg)
			case op.F == history.FCas && op.Type == history.Info:
				if !may(op.Old) {
					return nil
				} else if !s.known {
					return append(becomes(op.Arg), s)
				}
				return becomes(op.Arg)
			case op.F == history.FCas && op.Type == history.OK:
				return becomes(op.Arg)
			case saw:
				return becomes(seen)
			}
			return []cellState{s}
		},
		DescribeState: func(s cellState) string {
			if !s.known {
				return "what it held before"
			}
			return verdict.Value(s.value)
		},
		DescribeOp: func(op *history.Op) string {
			text := verdict.Call(op) + verdict.Answer(op)
			if op.Type == history.Fail {
				text += ", but it was " + verdict.Value(op.Got)
			}
			return text
		},
	}
}
