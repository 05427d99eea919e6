package checker

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// modelChecker judges a history by a model.
type modelChecker[S any] struct {
	findings
	model   Model[S]
	options Options
	keys    map[string]*modelKey[S]
	order   []*modelKey[S]
	open    map[int]*modelOp // by process
	asked   int64
	ok      int64
}

// modelKey is what happened to one key, by call.
type modelKey[S any] struct {
	name string
	ops  []*modelOp
}

// modelOp is one operation.
type modelOp struct {
	op           history.Op // as the model sees it: with the answer, of Type OK or Info
	call, ret    int64
	doneAt       time.Duration
	invoke, done history.Event // for evidence; done without Op while open
}

// Name returns the model's name.
func (c *modelChecker[S]) Name() string { return c.model.Name }

// Ops returns the operations that the model judges.
func (c *modelChecker[S]) Ops() []history.F { return c.model.Ops }

// Event takes the next event.
func (c *modelChecker[S]) Event(e *history.Event) {
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
		c.unknown("client %d completes an operation at %s that it never began", op.Process, seconds(e.At))
		return
	}
	delete(c.open, op.Process)
	if begun.op.F != op.F || begun.op.Key != op.Key {
		c.unknown("client %d at %s completes another operation than it began", op.Process, seconds(e.At))
		return
	}
	begun.complete(e)
	if op.Type == history.OK {
		c.ok++
	}
}

func (c *modelChecker[S]) invoke(e *history.Event) {
	if _, ok := c.open[e.Op.Process]; ok {
		// The first stays open: it may take effect at any time.
		c.unknown("client %d begins an operation at %s while another is open", e.Op.Process, seconds(e.At))
	}
	began := keep(e)
	op := &modelOp{op: *began.Op, call: int64(e.Seq), ret: forever, invoke: began}
	op.op.Type = history.Info
	key := c.model.Key(began.Op)
	k := c.keys[key]
	if k == nil {
		k = &modelKey[S]{name: strings.Clone(key)}
		c.keys[key] = k
		c.order = append(c.order, k)
	}
	k.ops = append(k.ops, op)
	c.open[e.Op.Process] = op
	c.asked++
}

// complete takes an operation's answer, if it is one.
func (o *modelOp) complete(e *history.Event) {
	o.done, o.doneAt = keep(e), e.At
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
func (c *modelChecker[S]) Finish() Result {
	b := newBudget(c.options)
	var decided, undecided, details []string
	for _, k := range c.order {
		if text := c.judge(k, b); text != "" {
			undecided, details = append(undecided, k.name), append(details, text)
		} else {
			decided = append(decided, k.name)
		}
	}
	if len(undecided) > 0 {
		c.unknown("%d of %s decided%s; not decided%s", len(decided), many(len(c.order), "key"), few(decided), few(undecided))
	}
	for _, text := range details {
		c.unknown("%s", text)
	}
	if c.ok == 0 {
		c.unknown("of %s (%v) none succeeded: nothing to judge", many(c.asked, "operation"), c.model.Ops)
	}
	c.count("ops", c.asked)
	c.count("keys", int64(len(c.order)))
	c.count("decided", int64(len(decided)))
	c.count("steps", b.total)
	return c.result(c.Name(), many(c.asked, "operation")+" on "+many(len(c.order), "key"))
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
func (c *modelChecker[S]) judge(k *modelKey[S], b *budget) (undecided string) {
	bad, v, why := c.part(k).decide(b)
	switch v {
	case Unknown:
		return "key " + k.name + ": " + why
	case Invalid:
		less := b.part(16)
		c.tell(k, shrink(bad, func(p modelPart[S]) bool {
			if less.total > b.steps/16 {
				return false // small enough: time is for other keys
			}
			v, _ := p.check(less)
			return v == Invalid
		}), less)
		b.total += less.total
	}
	return ""
}

// tell reports operations that have no order.
func (c *modelChecker[S]) tell(k *modelKey[S], bad modelPart[S], b *budget) {
	text := fmt.Sprintf("key %s: no order of these %s agrees with what they returned and when", k.name, many(len(bad.ops), "operation"))
	if last := bad.last(); last >= 0 {
		op := bad.ops[last]
		rest := modelPart[S]{c, k.name, slices.Delete(slices.Clone(bad.ops), last, last+1)}
		var leaves string
		if v, _ := rest.search(b, &leaves); v == Valid {
			text += fmt.Sprintf("; without the last, client %d's %s, there is one, which leaves %s", op.op.Process, c.model.DescribeOp(&op.op), leaves)
		}
	}
	ops, note := showable(bad.ops)
	var evidence []history.Event
	for _, op := range ops {
		evidence = both(evidence, op.invoke, op.done)
	}
	c.violate(notLinearizable, text+note, evidence...)
}
