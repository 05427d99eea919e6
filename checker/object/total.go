package object

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
)

// total judges a queue that gives what it was given at least once, and tells how many
// dequeues were not the first of their element: they are legal.
//
// What comes out was asked for before, even if the answer was that it failed: such
// queues keep what they could not acknowledge. What was acknowledged comes out. It
// may still be in the queue, unless that was drained: if a drain that began after the
// acknowledgement came to its end, the element was out by then. A dequeue without an
// answer may have taken one, and a drain without one any number.
func (c *Queue) total(q *flow) (again int) {
	var lost []*element
	for _, e := range q.elements {
		asked := slices.Concat(e.in, e.tried)
		for _, out := range e.out {
			if !slices.ContainsFunc(asked, func(in *operation) bool { return in.call < out.ret }) {
				if len(asked) > 0 {
					c.violate("an element out of the future", fmt.Sprintf("%s: client %d took %s by %s, before anybody had asked to enqueue it",
						q.key, out.asked().Process, verdict.Value(e.value), out.ended()), out, asked[0])
				} else {
					c.surplus(q, e, 0)
				}
				return again
			}
		}
		again += max(len(e.out)-max(len(e.in), 1), 0)
		if sure := slices.IndexFunc(e.in, (*operation).ok); sure >= 0 && len(e.out) == 0 {
			lost = append(lost, e)
		}
	}
	c.lost(q, lost)
	return again
}

// lost tells what became of acknowledged elements that nobody got.
func (c *Queue) lost(q *flow, lost []*element) {
	var drain *operation // the last to begin, of those that came to an end
	for _, o := range q.ops {
		ends := o.ok() && (o.asked().F == FDrain || o.asked().F == FDequeue && o.got().Got == "")
		if ends && (drain == nil || o.call > drain.call) {
			drain = o
		}
	}
	var gone []*element
	for _, e := range lost {
		if drain != nil && slices.ContainsFunc(e.in, func(in *operation) bool { return in.ok() && in.ret < drain.call }) {
			gone = append(gone, e)
		}
	}
	if len(gone) < len(lost) {
		c.Unknown("%s: whether %s was lost is not known, %s was not dequeued: nobody drained the queue after it was acknowledged",
			q.key, verdict.Value(lost[0].value), count.Many(len(lost)-len(gone), "element"))
	}
	takers := 0
	if drain != nil {
		takers = taker(q, drain.ret)
	}
	if len(gone) <= takers {
		return
	}
	shown := []*operation{drain}
	var names []string
	for _, e := range gone[:takers+1] {
		shown = append(shown, e.in[slices.IndexFunc(e.in, (*operation).ok)])
	}
	for _, e := range gone {
		names = append(names, verdict.Value(e.value))
	}
	text := fmt.Sprintf("%s: %s was acknowledged and never came out, though the queue was drained by %s", q.key, names[0], drain.ended())
	if len(gone) > 1 {
		text = fmt.Sprintf("%s: %d elements were acknowledged and never came out, though the queue was drained by %s: %s", q.key, len(gone), drain.ended(), few(names))
	}
	if takers > 0 {
		text += fmt.Sprintf("; only %s without an answer may have taken one", count.Many(takers, "dequeue"))
		shown = append(shown, q.open...)
	}
	c.violate("a lost element", text, shown...)
}
