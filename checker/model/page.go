package model

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// ErrOrdered says that there is nothing to draw: the operations on the key have an
// order, or none was found not to have.
var ErrOrdered = errors.New("no violation of order")

// Page tells what a page of porcupine's shows.
type Page struct {
	Key        string
	Operations int
	From, To   time.Duration // when the first was called, and the last one answered
}

// String is one line about the page.
func (p Page) String() string {
	return fmt.Sprintf("key %s, %s from %s to %s", p.Key, count.Many(p.Operations, "operation"), verdict.Seconds(p.From), verdict.Seconds(p.To))
}

// WriteHTML writes porcupine's interactive page about a key of a history on which
// the model finds no order: the shortest beginning that has none, with the longest
// partial orders. Without one the error is ErrOrdered. An error of the history is
// returned; nothing is written then.
func (m Model[S]) WriteHTML(w io.Writer, key string, events iter.Seq2[*history.Event, error]) (Page, error) {
	c := m.checker(verdict.Options{})
	for e, err := range events {
		if err != nil {
			return Page{}, err
		}
		c.Event(e)
	}
	k := c.keys[key]
	if k == nil {
		return Page{}, fmt.Errorf("key %q: the history has no %v of it: %w", key, m.Ops, ErrOrdered)
	}
	b := verdict.NewBudget(c.options)
	bad, v, why := c.part(k).decide(b)
	if v == verdict.Unknown {
		return Page{}, fmt.Errorf("key %q: %s", key, why)
	}
	if v == verdict.Valid {
		return Page{}, fmt.Errorf("key %q: its operations have an order: %w", key, ErrOrdered)
	}
	bad = verdict.Shortest(bad, func(p part[S]) bool {
		v, _ := p.check(b)
		return v == verdict.Invalid
	})
	return bad.draw(w, func(*operation) bool { return false })
}

// pageSteps bounds the search for what a page shows as the longest partial orders.
const pageSteps = 200_000

// draw writes the page. Operations of the proof are marked.
func (p part[S]) draw(w io.Writer, proof func(*operation) bool) (Page, error) {
	page := Page{Key: p.key, Operations: len(p.ops)}
	if len(p.ops) == 0 {
		return page, ErrOrdered
	}
	page.From = p.ops[0].invoke.At
	clients := make(map[int]int) // rows
	end := int64(0)
	for _, op := range p.ops {
		if _, ok := clients[op.op.Process]; !ok {
			clients[op.op.Process] = len(clients)
		}
		end = max(end, op.call)
		if op.ret != verdict.Forever {
			end, page.To = max(end, op.ret), max(page.To, op.doneAt)
		}
	}
	operations := p.operations()
	for i, op := range p.ops {
		operations[i].ClientId = clients[op.op.Process]
		operations[i].Return = min(op.ret, end+1) // "forever" would be drawn as a time
		operations[i].Metadata = p.remark(op, proof(op))
	}
	limited := verdict.NewPurse(pageSteps, p.c.options.Wall)
	_, info := porcupine.CheckOperationsVerbose(limited.Guard(p.model(limited)), operations, 0)
	limited.Rethrow()
	// Drawing steps through the partial orders again, without a limit.
	m := p.model(verdict.NewPurse(math.MaxInt64, time.Hour))
	m.DescribeOperation = func(input, _ any) string { return p.c.model.DescribeOp(&input.(*operation).op) }
	m.DescribeState = p.describe
	if err := porcupine.Visualize(m, info, w); err != nil {
		return page, fmt.Errorf("draw key %s: %w", p.key, err)
	}
	return page, nil
}

// remark says of an operation who asked whom and when.
func (p part[S]) remark(op *operation, proof bool) string {
	text := fmt.Sprintf("client %d at %s, from %s", op.op.Process, verdict.OrElse(op.op.Node, "?"), verdict.Seconds(op.invoke.At))
	if op.op.Process < 0 {
		text = fmt.Sprintf("in a transaction at %s, from %s", verdict.OrElse(op.op.Node, "?"), verdict.Seconds(op.invoke.At))
	}
	if op.ret != verdict.Forever {
		text += " to " + verdict.Seconds(op.doneAt)
	} else {
		text += ", without an answer"
	}
	if proof {
		text += "; part of the proof"
	}
	return text
}
