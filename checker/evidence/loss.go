package evidence

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// failureOf is the failure that took a write: the first of a majority after it was
// acknowledged, and last seen, and before a read that shows that it is gone; or the first of
// anybody; nil if none was between.
func (c *Lost) failureOf(l *lostWrite, early, finals []view) *failure {
	from, until := max(l.w.done.Seq, l.w.seen), l.by.done.Seq
	for _, views := range [][]view{early, finals} {
		for i := range views {
			if r := views[i].r; r.asked.Seq > from && l.w.in(l.key, &views[i]) == gone {
				until = min(until, r.done.Seq)
			}
		}
	}
	for _, f := range c.failures {
		if f.cut.Seq > from && f.cut.Seq < until {
			l.may = append(l.may, f)
		}
	}
	if len(l.may) == 0 {
		return nil
	}
	l.until, l.rivals = until, c.rivalsOf(from, until, l.may)
	i := slices.IndexFunc(l.may, func(f *failure) bool { return 2*len(f.inject.Fault.Nodes) > c.members })
	return l.may[max(i, 0)]
}

// justBefore is the time before a power failure of which the acknowledged are counted.
const justBefore = time.Second

// tell explains what was lost in a failure by the first of it.
func (c *Lost) tell(f *failure) {
	first := earliest(f.lost)
	recent, recentLost, before, after := c.around(f, first.w.done.Seq)
	text := f.took(first)
	if recent > 0 {
		text += fmt.Sprintf(": of %d acknowledged in the second before it, %d", recent, recentLost)
	}
	if c.head == "" {
		c.head = text
	}
	text += fmt.Sprintf(". The first, %s, was acknowledged by %s at %s; the final read by %s at %s shows %s.",
		verdict.Call(c.asks(&first).Op), verdict.OrElse(c.nodes.Get(first.w.node), "a member"), verdict.Seconds(first.w.done.At),
		verdict.OrElse(first.by.done.Op.Node, "a member"), verdict.Seconds(first.by.done.At), shownInstead(first.by.done.Op))
	events := []history.Event{c.asks(&first), c.told(&first), f.inject, first.by.asked, first.by.done}
	for _, near := range []*lostWrite{before, after} {
		if near != nil {
			events = append(events, c.asks(near), c.told(near))
		}
	}
	if before == nil && after == nil {
		text += " Of all that was acknowledged before the power failed, nothing is known to be there."
	} else {
		text += fmt.Sprintf(" Acknowledged before it and there: %s; after it: %s.", c.nearby(before), c.nearby(after))
	}
	if n := len(first.may) - 1; n > 0 {
		text += fmt.Sprintf(" Nobody read it between this and %s, which may have taken it, too.", count.Many(n, "other "+kindOf(first.may)))
	}
	if f.rot {
		text += " What was damaged cannot be read as the torn end of a file: what follows it was written later."
	}
	if f.heal.Fault != nil {
		events = append(events, f.heal)
		if said := disksSaid(f.heal.Fault); said != "" {
			text += " Of the disks: " + said
		}
	}
	c.Violate("an acknowledged write was lost", text, events...)
	for range len(f.lost) - 1 {
		c.Violate("an acknowledged write was lost", text) // counted
	}
}

// around counts what was acknowledged just before a power failure, and how much of it is
// lost, and finds what was acknowledged last before that place, and first after it, and
// is there.
func (c *Lost) around(f *failure, place uint64) (recent, lost int, before, after *lostWrite) {
	for _, k := range c.order {
		for i := range k.writes {
			w := &k.writes[i]
			if w.outcome != verdict.OK || w.done.Seq > f.cut.Seq {
				continue
			}
			if f.cut.At-w.done.At <= justBefore {
				recent++
				if w.fate == gone {
					lost++
				}
			}
			switch {
			case w.fate != present:
			case w.done.Seq < place && (before == nil || before.w.done.Seq < w.done.Seq):
				before = &lostWrite{key: k, w: w}
			case w.done.Seq > place && (after == nil || after.w.done.Seq > w.done.Seq):
				after = &lostWrite{key: k, w: w}
			}
		}
	}
	return recent, lost, before, after
}

// nearby names a write that is there, and when it was acknowledged.
func (c *Lost) nearby(l *lostWrite) string {
	if l == nil {
		return "nothing"
	}
	return fmt.Sprintf("%s, at %s", verdict.Call(c.asks(l).Op), verdict.Seconds(l.w.done.At))
}

// earliest is the one that was acknowledged first, of those that nothing but the failure can
// have taken if there are some.
func earliest(lost []lostWrite) lostWrite {
	return slices.MinFunc(lost, func(a, b lostWrite) int {
		return cmp.Or(cmp.Compare(min(1, len(a.rivals)), min(1, len(b.rivals))), cmp.Compare(a.w.done.Seq, b.w.done.Seq))
	})
}

// took says how many writes a failure took, or may have taken, of which first is told.
func (f *failure) took(first lostWrite) string {
	text := fmt.Sprintf("%s of %s at %s", f.kind(), strings.Join(f.inject.Fault.Nodes, " "), verdict.Seconds(f.cut.At))
	if len(first.rivals) > 0 {
		return fmt.Sprintf("%s lost, in the %s or otherwise (%s)", wereLost(len(f.lost)), text, rivalsText(first.rivals))
	}
	sure := 0
	for i := range f.lost {
		if len(f.lost[i].rivals) == 0 {
			sure++
		}
	}
	text = fmt.Sprintf("%s lost in the %s", wereLost(sure), text)
	if more := len(f.lost) - sure; more > 0 {
		text += fmt.Sprintf(", and %d more then or otherwise", more)
	}
	return text
}

// kindOf is what failures are called that may be of two kinds.
func kindOf(all []*failure) string {
	kind := all[0].kind()
	for _, f := range all {
		if f.kind() != kind {
			return "failure"
		}
	}
	return kind
}

// kind is what it is called.
func (f *failure) kind() string {
	if f.rot {
		return bitRot
	}
	return "power failure"
}

func wereLost(n int) string {
	return count.Many(n, "acknowledged write") + " " + count.Word(n, "was", "were")
}

func shownInstead(op *history.Op) string {
	if op.F == history.FRead {
		return fmt.Sprintf("%s without it", count.Many(len(op.List), "value"))
	}
	return verdict.Value(op.Got)
}

// disksSaid is what the end of a power failure says of the disks.
func disksSaid(f *history.Fault) string {
	var parts []string
	// What is left out is about processes.
	if said := counted(f.Evidence, func(name string) bool { return strings.HasPrefix(name, "canaries") || strings.HasPrefix(name, "disks") }); said != "" {
		parts = append(parts, said)
	}
	if f.Reason != "" {
		parts = append(parts, f.Reason)
	}
	return strings.Join(parts, ", ")
}

// counted puts those counts in words that are asked for: writes-refused 0.
func counted(evidence map[string]int64, wanted func(name string) bool) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(evidence)) {
		if wanted(name) {
			parts = append(parts, fmt.Sprintf("%s %d", name, evidence[name]))
		}
	}
	return strings.Join(parts, ", ")
}

// asks is the call of a write as the history has it, told its answer.
func (c *Lost) asks(l *lostWrite) history.Event {
	w := l.w
	return history.Event{Seq: w.invoke.Seq, At: w.invoke.At, Op: &history.Op{
		Process: int(w.process), Type: history.Invoke, F: writeKinds()[w.f], Key: l.key.name,
		Arg: c.values.Get(w.value), Old: c.values.Get(w.old), Node: c.nodes.Get(w.node),
	}}
}

func (c *Lost) told(l *lostWrite) history.Event {
	e := c.asks(l)
	e.Seq, e.At, e.Op.Type = l.w.done.Seq, l.w.done.At, history.OK
	return e
}
