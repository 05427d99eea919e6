package register

import (
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// register gathers the operations on one key that holds one value.
type register struct {
	key    string
	ops    pages[operation]
	values *values // by id; 0 is the empty value
}

// operation is one operation, in as few bytes as will do: histories have millions.
type operation struct {
	call, done     uint64 // positions in the history; done 0 while open
	callAt, doneAt time.Duration
	process        int32
	arg, old, got  uint32 // value ids
	node           uint16
	f              opKind
	outcome        verdict.Outcome
	saw            bool
}

type opKind uint8

const (
	kindGet opKind = iota
	kindPut
	kindCas
	kindDelete
)

func newRegister(key string) *register {
	return &register{key: strings.Clone(key), values: newValues()}
}

func (r *register) id(v string) uint32 { return r.values.id(v) }

// item is an operation as the register's history needs it: what it observed
// and what it wrote, and between which positions it took effect.
type item struct {
	call, ret   int64
	want, arg   uint32
	op          int32 // in register.ops
	reads       bool  // it observed want
	writes      bool  // it wrote arg
	conditional bool  // it wrote arg only if the value was want: an unresolved cas
}

// items turns the operations into a history that is linearizable if and only if
// theirs is, in the order of their calls:
//
//   - A get, and a failed cas that tells what it saw, observe a value. A get
//     without an answer says nothing; neither does any other operation that
//     failed, nor a cas that failed without telling what it saw: that the value
//     was another at some moment is nearly always true, and is not held against it.
//   - A cas from a value to itself changes nothing: it is a read if it succeeded.
//   - A write without an answer may take effect at any later time, or never.
//
// Of the latter, most are then settled. Let v be a value that one write only
// can have written. If some operation observed v, the write took effect, and
// before the first such operation returned: its return is set to that. If none
// did, it is dropped: appended at the very end of a linearization it disturbs
// nobody, and taken out of one it is missed by nobody, because between it and the
// next write nothing observed the value (an unresolved cas in between is dropped
// or can be moved to the end as well). The same holds for a delete after whose call nothing
// observed the empty value. What cannot be settled stays open to the end.
func (r *register) items() []item {
	items := make([]item, 0, r.ops.len())
	written := make([]writer, r.values.len())
	written[0].count = 1 // the initial value
	for i := range r.ops.len() {
		it, ok := r.ops.at(i).item()
		if !ok {
			continue
		}
		it.op = int32(i)
		if it.writes {
			w := &written[it.arg]
			w.count++
			w.item = int32(len(items))
		}
		items = append(items, it)
	}
	seen := settle(items, written)
	for i := range items {
		if it := &items[i]; it.conditional && written[it.arg].count != 1 {
			try(it.want, items, written, seen)
		}
	}
	return slices.DeleteFunc(items, func(it item) bool {
		return it.ret == verdict.Forever && droppable(&it, written, seen)
	})
}

// try notes that a cas which cannot be settled expects v. If v was made by another
// unresolved cas, that one cannot be dropped either, and so on.
func try(v uint32, items []item, written []writer, seen []sight) {
	for !seen[v].tried {
		seen[v].tried = true
		w := written[v]
		if w.count != 1 || v == 0 || !items[w.item].conditional {
			return
		}
		v = items[w.item].want
	}
}

// writer is who may have written a value.
type writer struct {
	count int32 // operations, and the initial value
	item  int32 // the last of them
}

func (op *operation) item() (item, bool) {
	it := item{call: int64(op.call), ret: verdict.Forever}
	if op.outcome != verdict.Open {
		it.ret = int64(op.done)
	}
	switch {
	case op.outcome == verdict.Failed:
		it.want, it.reads = op.got, true
		return it, op.f == kindCas && op.saw
	case op.f == kindGet:
		it.want, it.reads = op.got, true
		return it, op.outcome == verdict.OK && (op.saw || op.got != 0)
	case op.f == kindCas && op.old == op.arg:
		it.want, it.reads = op.old, true
		return it, op.outcome == verdict.OK
	case op.f == kindCas:
		it.want, it.arg, it.writes = op.old, op.arg, true
		it.reads = op.outcome == verdict.OK
		it.conditional = !it.reads
		return it, true
	}
	it.arg, it.writes = op.arg, true // a delete writes the empty value
	return it, true
}

// sight is when a value was observed.
type sight struct {
	first int64 // the least return of an operation that observed it
	last  int64 // the greatest
	any   bool
	tried bool // an unresolved cas that cannot be settled or dropped expects it
}

func (s *sight) note(ret int64) {
	if !s.any || ret < s.first {
		s.first = ret
	}
	s.last, s.any = max(s.last, ret), true
}

// settle bounds writes without an answer by the first operation that observed
// their value, and returns what was observed when. A cas so settled has itself
// observed the value it expected. Values are therefore taken in the order of
// their cas from the last back to the first, each once; only values that replaced each
// other in a circle, which no register allows, are left as they are.
func settle(items []item, written []writer) []sight {
	seen := make([]sight, len(written))
	pending := make([]int32, len(written)) // cas from the value whose own value is not settled yet
	// sole returns the one write of v, if there is one.
	sole := func(v uint32) *item {
		if v == 0 || written[v].count != 1 {
			return nil
		}
		return &items[written[v].item]
	}
	for i := range items {
		it := &items[i]
		if it.reads {
			seen[it.want].note(it.ret)
		}
		if it.writes && (it.reads || it.conditional) && sole(it.arg) != nil {
			pending[it.want]++
		}
	}
	var next uint32
	for start := range written {
		v := uint32(start)
		// A value is taken when the last cas from it has been, or right away.
		for ok := pending[v] == 0; ok; v, ok = next, pending[next] == 0 {
			pending[v] = -1 // taken
			w := sole(v)
			if w == nil {
				break
			}
			w.settle(&seen[v])
			if !w.reads && !w.conditional {
				break
			}
			next = w.want
			if w.reads {
				seen[next].note(w.ret)
			}
			pending[next]--
		}
	}
	return seen
}

// settle takes into account how the value that only it writes was observed.
func (it *item) settle(s *sight) {
	if !s.any {
		return
	}
	if s.first >= it.call { // an earlier read proves nothing but itself wrong
		it.ret = min(it.ret, s.first)
	}
	if it.conditional {
		it.conditional, it.reads = false, true
	}
}

func droppable(it *item, written []writer, seen []sight) bool {
	s := seen[it.arg]
	if s.tried {
		return false
	}
	if it.arg == 0 {
		return !it.conditional && (!s.any || s.last < it.call)
	}
	return written[it.arg].count == 1 && !s.any
}

// event rebuilds an operation's invocation or completion for an explanation.
func (l *Checker) event(r *register, i int, completion bool) history.Event {
	op := r.ops.at(i)
	out := &history.Op{
		Process: int(op.process), Type: history.Invoke, Key: r.key,
		F:    [...]history.F{history.FGet, history.FPut, history.FCas, history.FDelete}[op.f],
		Arg:  r.values.get(op.arg),
		Old:  r.values.get(op.old),
		Node: l.nodes[op.node],
	}
	if !completion {
		return history.Event{Seq: op.call, At: op.callAt, Op: out}
	}
	out.Type = [...]history.OpType{history.Info, history.OK, history.Fail}[op.outcome]
	out.Got, out.Saw = r.values.get(op.got), op.saw
	return history.Event{Seq: op.done, At: op.doneAt, Op: out}
}
