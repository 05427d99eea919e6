package checker

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// Linearizable checks that clients saw one store: that the operations on each
// key (get, put, cas, delete) have an order that agrees with real time and in
// which each read returns the value last written.
//
// Keys are independent, so each is judged by itself, in three steps: its history
// is reduced to an equivalent smaller one (register.go); short proofs of the
// usual violations are looked for, which need no search (zones.go); and porcupine
// searches for an order, passage by passage (search.go). A search that exceeds its
// budget makes the verdict unknown and names the key.
//
// An operation that was invoked and never completed counts as unanswered, so a
// history cut short has fewer constraints, never more.
type Linearizable struct {
	findings
	options Options
	keys    map[string]*register
	order   []*register
	open    map[int]opRef
	nodes   []string
	nodeIDs map[string]uint16
	ops     int64
}

// NewLinearizable returns the checker "linearizable".
func NewLinearizable(o Options) *Linearizable {
	return &Linearizable{
		options: o.withDefaults(),
		keys:    make(map[string]*register),
		open:    make(map[int]opRef),
		nodeIDs: make(map[string]uint16),
	}
}

// opRef is where a process's open operation is.
type opRef struct {
	register *register
	op       int
}

// Name returns "linearizable".
func (*Linearizable) Name() string { return "linearizable" }

// Event takes the next event.
func (l *Linearizable) Event(e *history.Event) {
	op := e.Op
	if op == nil {
		return
	}
	kind, ok := kindOf(op.F)
	if !ok {
		return
	}
	if op.Type == history.Invoke {
		l.invoke(e, kind)
		return
	}
	at, ok := l.open[op.Process]
	if !ok {
		l.unknown("client %d completes an operation at %s that it never began", op.Process, seconds(e.At))
		return
	}
	delete(l.open, op.Process)
	r := at.register
	o := &r.ops[at.op]
	if o.f != kind || r.key != op.Key {
		l.unknown("client %d at %s completes another operation than it began", op.Process, seconds(e.At))
		return
	}
	o.done, o.doneAt = e.Seq, e.At
	o.got, o.saw = r.id(op.Got), op.Saw
	switch op.Type {
	case history.OK:
		o.outcome = outcomeOK
	case history.Fail:
		o.outcome = outcomeFail
	}
}

func kindOf(f history.F) (opKind, bool) {
	switch f {
	case history.FGet:
		return kindGet, true
	case history.FPut:
		return kindPut, true
	case history.FCas:
		return kindCas, true
	case history.FDelete:
		return kindDelete, true
	}
	return 0, false
}

func (l *Linearizable) invoke(e *history.Event, kind opKind) {
	op := e.Op
	if _, ok := l.open[op.Process]; ok {
		// The first stays open: it may take effect at any time.
		l.unknown("client %d begins an operation at %s while another is open", op.Process, seconds(e.At))
	}
	r := l.keys[op.Key]
	if r == nil {
		r = newRegister(op.Key)
		l.keys[op.Key] = r
		l.order = append(l.order, r)
	}
	node, ok := l.nodeIDs[op.Node]
	if !ok {
		node = uint16(len(l.nodes))
		l.nodeIDs[op.Node] = node
		l.nodes = append(l.nodes, op.Node)
	}
	l.open[op.Process] = opRef{r, len(r.ops)}
	r.ops = append(r.ops, regOp{
		call: e.Seq, callAt: e.At, process: int32(op.Process), node: node, f: kind,
		arg: r.id(op.Arg), old: r.id(op.Old),
	})
	l.ops++
}

// Finish gives the verdict.
func (l *Linearizable) Finish() Result {
	s := &search{options: l.options, deadline: time.Now().Add(l.options.Wall)}
	for _, r := range l.order {
		l.judge(r, s)
	}
	l.count("ops", l.ops)
	l.count("keys", int64(len(l.order)))
	l.count("steps", s.total)
	if l.ops == 0 {
		return l.result(l.Name(), "not checked: no get, put, cas or delete")
	}
	return l.result(l.Name(), many(l.ops, "operation")+" on "+many(len(l.order), "key"))
}

// judge decides one key.
func (l *Linearizable) judge(r *register, s *search) {
	items := r.items()
	p := newProof(r, items)
	if p.find() {
		l.violate(p.rule, p.text, l.evidence(r, p.ops)...)
		return
	}
	slices.SortFunc(items, byCall)
	for _, part := range passages(items) {
		switch verdict, why := s.check(part); verdict {
		case Invalid:
			bad := s.shrink(part)
			ops := make([]int, len(bad.items))
			for i := range bad.items {
				ops[i] = bad.items[i].op
			}
			text := fmt.Sprintf("key %s: no order of these %d operations agrees with what they returned and when",
				r.key, len(ops))
			if bad.from != 0 {
				text += fmt.Sprintf("; before them it held %s", value(r.values[bad.from]))
			}
			if len(ops) > maxShown {
				text += fmt.Sprintf("; the last %d are shown", maxShown)
				ops = ops[len(ops)-maxShown:]
			}
			l.violate("not linearizable", text, l.evidence(r, ops)...)
			return
		case Unknown:
			if p.complete {
				continue // without cas and delete the proofs of zones.go are exhaustive
			}
			l.unknown("key %s, %d operations: %s", r.key, len(part.items), why)
			return
		}
	}
}

// maxShown is how many operations an explanation shows.
const maxShown = 16

// evidence returns both ends of the operations.
func (l *Linearizable) evidence(r *register, ops []int) []history.Event {
	var out []history.Event
	unique := make(map[int]bool)
	for _, i := range ops {
		unique[i] = true
	}
	for _, i := range slices.Sorted(maps.Keys(unique)) {
		out = append(out, l.event(r, i, false))
		if r.ops[i].done != 0 {
			out = append(out, l.event(r, i, true))
		}
	}
	return out
}
