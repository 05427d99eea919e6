package model

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// judge judges a history by a model.
type judge[S any] struct {
	verdict.Findings
	model   Model[S]
	options verdict.Options
	keys    map[string]*keyed[S]
	order   []*keyed[S]
	open    map[int]*operation // by process
	asked   int64
	ok      int64
}

// keyed is what happened to one key, by call.
type keyed[S any] struct {
	name string
	ops  []*operation
}

// operation is one operation.
type operation struct {
	op           history.Op // as the model sees it: with the answer, of Type OK or Info
	call, ret    int64
	doneAt       time.Duration
	invoke, done history.Event // for evidence; done without Op while open
}

// Name returns the model's name.
func (c *judge[S]) Name() string { return c.model.Name }

// Ops returns the operations that the model judges.
func (c *judge[S]) Ops() []history.F { return c.model.Ops }

// Kinds returns Ops.
func (*judge[S]) Kinds() verdict.Kinds { return verdict.Ops }

// Event takes the next event.
func (c *judge[S]) Event(e *history.Event) {
	op := e.Op
	if op == nil || !slices.Contains(c.model.Ops, op.F) {
		return
	}
	if op.Type == history.Invoke {
		c.invoke(e)
		return
	}
	begun := c.open[op.Process]
	if begun == nil {
		c.Unknown("client %d completes an operation at %s that it never began", op.Process, verdict.Seconds(e.At))
		return
	}
	delete(c.open, op.Process)
	if begun.op.F != op.F || begun.op.Key != op.Key {
		c.Unknown("client %d at %s completes another operation than it began", op.Process, verdict.Seconds(e.At))
		return
	}
	begun.complete(e)
	if op.Type == history.OK {
		c.ok++
	}
}

func (c *judge[S]) invoke(e *history.Event) {
	if _, ok := c.open[e.Op.Process]; ok {
		// The first stays open: it may take effect at any time.
		c.Unknown("client %d begins an operation at %s while another is open", e.Op.Process, verdict.Seconds(e.At))
	}
	began := verdict.Keep(e)
	op := &operation{op: *began.Op, call: int64(e.Seq), ret: verdict.Forever, invoke: began}
	op.op.Type = history.Info
	key := c.model.Key(began.Op)
	k := c.keys[key]
	if k == nil {
		k = &keyed[S]{name: strings.Clone(key)}
		c.keys[key] = k
		c.order = append(c.order, k)
	}
	k.ops = append(k.ops, op)
	c.open[e.Op.Process] = op
	c.asked++
}

// complete takes an operation's answer, if it is one.
func (o *operation) complete(e *history.Event) {
	o.done, o.doneAt = verdict.Keep(e), e.At
	if e.Op.Type == history.Info {
		return
	}
	answer := o.done.Op
	o.ret, o.op.Type = int64(e.Seq), answer.Type
	o.op.Got, o.op.Saw, o.op.List = answer.Got, answer.Saw, answer.List
	if len(answer.Txn) == len(o.op.Txn) {
		o.op.Txn = answer.Txn
	}
}

// Finish gives the verdict.
func (c *judge[S]) Finish() verdict.Result {
	b := verdict.NewBudget(c.options)
	var decided, undecided, details []string
	for _, k := range c.order {
		if text := c.judge(k, b); text != "" {
			undecided, details = append(undecided, k.name), append(details, text)
		} else {
			decided = append(decided, k.name)
		}
	}
	if len(undecided) > 0 {
		c.Unknown("%d of %s decided%s; not decided%s", len(decided), count.Many(len(c.order), "key"), few(decided), few(undecided))
	}
	for _, text := range details {
		c.Unknown("%s", text)
	}
	if c.ok == 0 {
		c.Unknown("of %s (%v) none succeeded: nothing to judge", count.Many(c.asked, "operation"), c.model.Ops)
	}
	c.Count("ops", c.asked)
	c.Count("keys", int64(len(c.order)))
	c.Count("decided", int64(len(decided)))
	c.Count("steps", b.Total)
	return c.Result(c.Name(), count.Many(c.asked, "operation")+" on "+count.Many(len(c.order), "key"))
}

// few lists the first few names.
func few(names []string) string {
	const most = 8
	switch {
	case len(names) == 0:
		return ""
	case len(names) > most:
		return fmt.Sprintf(" (%s and %d more)", strings.Join(names[:most], ", "), len(names)-most)
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// judge decides one key. If it cannot, it says why and how far it came.
func (c *judge[S]) judge(k *keyed[S], b *verdict.Budget) (undecided string) {
	bad, v, why := c.part(k).decide(b)
	switch v {
	case verdict.Unknown:
		return "key " + k.name + ": " + why
	case verdict.Invalid:
		less := b.Part(16)
		c.tell(k, verdict.Shrink(bad, func(p part[S]) bool {
			if less.Total > b.Steps/16 {
				return false // small enough: time is for other keys
			}
			v, _ := p.check(less)
			return v == verdict.Invalid
		}), less)
		b.Total += less.Total
	}
	return ""
}

// tell reports operations that have no order.
func (c *judge[S]) tell(k *keyed[S], bad part[S], b *verdict.Budget) {
	text := fmt.Sprintf("key %s: %s", k.name, verdict.NoOrder(len(bad.ops)))
	if last := bad.last(); last >= 0 {
		op := bad.ops[last]
		rest := part[S]{c, k.name, slices.Delete(slices.Clone(bad.ops), last, last+1)}
		var leaves string
		if v, _ := rest.search(b, &leaves); v == verdict.Valid {
			text += fmt.Sprintf("; without the last, client %d's %s, there is one, which leaves %s", op.op.Process, c.model.DescribeOp(&op.op), leaves)
		}
	}
	if !bad.minimal(b) {
		text += verdict.NotMinimal
	}
	ops, note := verdict.Showable(bad.ops)
	var evidence []history.Event
	for _, op := range ops {
		evidence = verdict.Both(evidence, op.invoke, op.done)
	}
	c.Violate(verdict.NotLinearizable, text+note, evidence...)
}
