// Package register decides whether clients saw one store: keys that hold one value,
// each by itself, and groups of them that transactions tie together (multi.go).
//
// Read linearizable.go first; then items.go (what is left of a history that
// matters), blocks.go (how it is decided without a search) and conflict.go (how a
// violation is told). search.go, small.go and timely.go are for what stays ambiguous.
package register

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Checker checks that clients saw one store: that the operations on each
// key (get, put, cas, delete) have an order that agrees with real time and in
// which each read returns the value last written.
//
// Keys are independent, so each is judged by itself. Its history is reduced to an
// equivalent smaller one (items.go). If every value was written once, that is
// decided without a search, in O(n log n) (blocks.go), and a violation is told by
// at most four operations, the cas between them and who saw them early (conflict.go). If not,
// because of deletes or values that repeat, it is cut into passages wherever an
// operation was alone; those that are plain by themselves are decided the same
// way, and for the others an order is searched (small.go, timely.go). A search
// that exceeds its budget makes the verdict unknown, and says of which key and how much
// of it was decided.
//
// An operation that was invoked and never completed counts as unanswered, so a
// history cut short has fewer constraints, never more.
type Checker struct {
	verdict.Findings
	options verdict.Options
	keys    map[string]*register
	last    *register // the one last asked for
	order   []*register
	open    verdict.Inflight[opRef]
	nodes   verdict.Names
	ops     int64
}

// New returns the checker "linearizable".
func New(o verdict.Options) *Checker {
	return &Checker{
		options: o.WithDefaults(),
		keys:    make(map[string]*register),
	}
}

// opRef is where a process's open operation is.
type opRef struct {
	register *register
	op       int32
}

// Name returns "linearizable".
func (*Checker) Name() string { return "linearizable" }

// Early returns OfPrefix.
func (*Checker) Early() verdict.Early { return verdict.OfPrefix }

// Kinds returns Ops.
func (*Checker) Kinds() verdict.Kinds { return verdict.Ops }

// Event takes the next event.
func (l *Checker) Event(e *history.Event) {
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
	at, ok := l.open.Take(op.Process)
	if !ok {
		l.Unknown("client %d completes an operation at %s that it never began", op.Process, verdict.Seconds(e.At))
		return
	}
	r := at.register
	o := r.ops.At(int(at.op))
	if o.f != kind || r.key != op.Key {
		l.Unknown("client %d at %s completes another operation than it began", op.Process, verdict.Seconds(e.At))
		return
	}
	done, ok := l.position(e)
	if !ok {
		return
	}
	r.complete(at.op, done, e.At)
	o.outcome, o.saw = verdict.OutcomeOf(op.Type), op.Saw
	switch kind {
	case kindGet:
		o.value = r.id(op.Got)
	case kindCas:
		v := &r.cases[o.value]
		v.got = r.id(op.Got)
		if o.outcome == verdict.Failed && o.saw && v.got == v.old {
			r.refused = append(r.refused, at.op)
		}
	}
}

// position is where an event stands. Too far on it has none: operations there stay
// open.
func (l *Checker) position(e *history.Event) (position, bool) {
	if e.Seq >= math.MaxUint32-1 {
		l.Unknown("the history has more than 4 billion events: what comes after them is not judged")
		return 0, false
	}
	return position(e.Seq) + 1, true
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

func (l *Checker) invoke(e *history.Event, kind opKind) {
	op := e.Op
	if _, ok := l.open.Get(op.Process); ok {
		// The first stays open: it may take effect at any time.
		l.Unknown("client %d begins an operation at %s while another is open", op.Process, verdict.Seconds(e.At))
	}
	call, ok := l.position(e)
	if !ok {
		return
	}
	r := l.register(op.Key)
	l.open.Set(op.Process, opRef{r, int32(r.ops.Len())})
	o := r.ops.Add()
	o.callAt, o.call, o.process, o.node, o.f = e.At, call, int32(op.Process), l.nodes.ID(op.Node), kind
	switch kind {
	case kindGet:
	case kindCas:
		o.value = uint32(len(r.cases))
		r.cases = append(verdict.Spare(r.cases, 1), casValues{old: r.id(op.Old), arg: r.id(op.Arg)})
	default:
		o.value = r.id(op.Arg)
	}
	l.ops++
}

func (l *Checker) register(key string) *register {
	if l.last != nil && l.last.key == key {
		return l.last
	}
	r := l.keys[key]
	if r == nil {
		r = newRegister(key)
		l.keys[r.key] = r
		l.order = append(l.order, r)
	}
	l.last = r
	return r
}

// Finish gives the verdict.
func (l *Checker) Finish() verdict.Result {
	s := &search{Budget: verdict.NewBudget(l.options)}
	for _, r := range l.order {
		l.judge(r, s)
	}
	l.Prove(verdict.Prover{Fresh: l.trial, Plainly: l.plainly})
	l.Count("ops", l.ops)
	l.Count("keys", int64(len(l.order)))
	l.Count("steps", s.Total)
	if l.ops == 0 {
		return l.Unchecked(l.Name(), "no get, put, cas or delete")
	}
	return l.Result(l.Name(), count.Many(l.ops, "operation")+" on "+count.Many(len(l.order), "key"))
}

// trial returns a checker for parts of a history.
func (l *Checker) trial() verdict.Checker {
	trial := New(l.options)
	trial.Trial()
	return trial
}

// plainly says that operations have no order. What is told of a value that was written
// more than once, or of a key that was deleted, is told of the whole history; so is that
// nobody wrote a value, or nobody but who is shown.
func (l *Checker) plainly(key, rule string, ops []verdict.Shown) string {
	r := l.keys[key]
	if r.plain() && (rule != nobodyWrote && rule != writeFailed || r.showsWriters(ops)) {
		return ""
	}
	return noOrder(key, len(ops))
}

func noOrder(key string, operations int) string {
	return "key " + key + ": " + verdict.NoOrder(operations)
}

// judge decides one key: as a whole if its values are plain, else passage by
// passage, each of which may be plain by itself or needs a search. What is
// undecided ends neither: later passages are judged by themselves.
func (l *Checker) judge(r *register, s *search) {
	for _, i := range r.refused {
		l.Violate("a cas that refused what it expected", fmt.Sprintf("key %s: the cas from %s that was refused by %s saw that very value",
			r.key, verdict.Value(r.values.Get(r.of(r.ops.At(int(i))).old)), verdict.Seconds(r.doneAt(i))), l.evidence(r, []int32{i})...)
	}
	items, b := r.items(&s.space), &s.board
	b.begin(r)
	exact, bad := b.judge(passage{items: items, after: -1})
	if bad != nil {
		l.Violate(bad.rule, bad.text, l.evidence(r, bad.ops)...)
		return
	}
	if exact {
		l.Count("exact", 1)
		return
	}
	var open undecided
	for _, part := range passages(items) {
		exact, bad := b.judge(part)
		if bad != nil {
			l.Violate(bad.rule, bad.text, l.evidence(r, bad.ops)...)
			return
		}
		if exact {
			open.decided += len(part.items)
			continue
		}
		l.Count("searched", 1)
		switch v, why := s.check(part); v {
		case verdict.Invalid:
			l.searched(r, part.items, s.shrink(part))
			return
		case verdict.Unknown:
			open.add(r, part, s.reached, why)
		default:
			open.decided += len(part.items)
		}
	}
	if open.passages > 0 {
		l.Unknown("%s", open.text(r, len(items)))
	}
}

// undecided is what of a key the searches could not decide.
type undecided struct {
	passages int
	first    string // the first of them
	decided  int    // operations in the others
}

// add takes one. The search of it found an order of what had ended before the operation
// that ends at reached, if that is not 0.
func (u *undecided) add(r *register, part passage, reached position, why string) {
	u.passages++
	if u.passages > 1 {
		return
	}
	from, to := r.ops.At(int(part.items[0].op)), time.Duration(0)
	for i := range part.items {
		to = max(to, r.doneAt(part.items[i].op))
	}
	u.first = fmt.Sprintf("the first, of %s from %s to %s, has a value that was deleted or written more than once, and %s",
		count.Many(len(part.items), "operation"), verdict.Seconds(from.callAt), verdict.Seconds(to), why)
	answers, last := 0, time.Duration(0)
	for i := range part.items {
		if o := r.ops.At(int(part.items[i].op)); o.done != 0 && o.done < reached && o.outcome != verdict.Open {
			answers, last = answers+1, max(last, r.doneAt(part.items[i].op))
		}
	}
	if answers > 0 {
		u.first += fmt.Sprintf("; its first %s have an order, up to %s", count.Many(answers, "answer"), verdict.Seconds(last))
	}
}

func (u *undecided) text(r *register, all int) string {
	return fmt.Sprintf("key %s: %d of %s decided; %s undecided: %s",
		r.key, u.decided, count.Many(all, "operation"), count.Many(u.passages, "passage"), u.first)
}

// searched reports a part of a passage of these items that a search found to have no
// order.
func (l *Checker) searched(r *register, items []item, bad passage) {
	ops := r.proof(items, bad)
	text := noOrder(r.key, len(ops))
	if bad.from != 0 {
		text += fmt.Sprintf("; before them it held %s", verdict.Value(r.values.Get(bad.from)))
	}
	ops, note := verdict.Showable(ops)
	if bad.after >= 0 {
		ops = append(ops, bad.after)
	}
	l.Violate("not linearizable", text+note, l.evidence(r, ops)...)
}

// evidence returns both ends of the operations.
func (l *Checker) evidence(r *register, ops []int32) []history.Event {
	var out []history.Event
	ops = slices.Clone(ops)
	slices.Sort(ops)
	for _, i := range slices.Compact(ops) {
		out = append(out, l.event(r, i, false))
		if r.ops.At(int(i)).done != 0 {
			out = append(out, l.event(r, i, true))
		}
	}
	return out
}
