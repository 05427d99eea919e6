package checker

import (
	"math"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// register gathers the operations on one key that holds one value.
type register struct {
	key    string
	ops    []regOp
	ids    map[string]uint32
	values []string // by id; 0 is the empty value
}

// regOp is one operation, in as few bytes as will do: histories have millions.
type regOp struct {
	call, done     uint64 // positions in the history; done 0 while open
	callAt, doneAt time.Duration
	process        int32
	arg, old, got  uint32 // value ids
	node           uint16
	f              opKind
	outcome        outcomeKind
	saw            bool
}

type opKind uint8

const (
	kindGet opKind = iota
	kindPut
	kindCas
	kindDelete
)

type outcomeKind uint8

const (
	outcomeOpen outcomeKind = iota // info, or never completed
	outcomeOK
	outcomeFail
)

func newRegister(key string) *register {
	return &register{key: key, ids: map[string]uint32{"": 0}, values: []string{""}}
}

func (r *register) id(v string) uint32 {
	id, ok := r.ids[v]
	if !ok {
		id = uint32(len(r.values))
		r.ids[v] = id
		r.values = append(r.values, v)
	}
	return id
}

// forever is the return of an operation that may take effect at any later time.
const forever = math.MaxInt64

// item is an operation as the register's history needs it: what it observed
// and what it wrote, and between which positions it took effect.
type item struct {
	call, ret   int64
	want, arg   uint32
	reads       bool // it observed want
	writes      bool // it wrote arg
	conditional bool // it wrote arg only if the value was want: an unresolved cas
	op          int  // in register.ops
}

// items turns the operations into a history that is linearizable if and only if
// theirs is:
//
//   - A get, and a failed cas that tells what it saw, observe a value. A get
//     without an answer says nothing; neither does any other operation that failed.
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
	items := make([]item, 0, len(r.ops))
	writers := make([]int32, len(r.values))
	writers[0] = 1 // the initial value
	for i := range r.ops {
		op := &r.ops[i]
		it, ok := op.item()
		if !ok {
			continue
		}
		it.op = i
		if it.writes {
			writers[it.arg]++
		}
		items = append(items, it)
	}
	seen := r.settle(items, writers)
	for i := range items {
		if it := &items[i]; it.conditional && writers[it.arg] != 1 {
			seen[it.want].tried = true
		}
	}
	return slices.DeleteFunc(items, func(it item) bool {
		return it.ret == forever && droppable(&it, writers, seen)
	})
}

func (op *regOp) item() (item, bool) {
	it := item{call: int64(op.call), ret: forever}
	if op.outcome != outcomeOpen {
		it.ret = int64(op.done)
	}
	switch {
	case op.outcome == outcomeFail:
		it.want, it.reads = op.got, true
		return it, op.f == kindCas && op.saw
	case op.f == kindGet:
		it.want, it.reads = op.got, true
		return it, op.outcome == outcomeOK && (op.saw || op.got != 0)
	case op.f == kindCas:
		it.want, it.arg, it.writes = op.old, op.arg, true
		it.reads = op.outcome == outcomeOK
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
	tried bool // an unresolved cas that cannot be settled expects it
}

// settle bounds writes without an answer by the first operation that observed
// their value, and returns what was observed when. A cas so settled has itself
// observed the value it expected, so this goes on until nothing changes.
func (r *register) settle(items []item, writers []int32) []sight {
	seen := make([]sight, len(r.values))
	note := func(it *item) {
		s := &seen[it.want]
		if !s.any || it.ret < s.first {
			s.first = it.ret
		}
		s.last, s.any = max(s.last, it.ret), true
	}
	for i := range items {
		if items[i].reads {
			note(&items[i])
		}
	}
	for changed := true; changed; {
		changed = false
		for i := range items {
			it := &items[i]
			if !it.writes || it.arg == 0 || writers[it.arg] != 1 {
				continue
			}
			s := seen[it.arg]
			if !s.any || s.first >= it.ret || s.first < it.call {
				continue // a read that returned before the write was asked for proves nothing
			}
			open := it.ret == forever
			it.ret = s.first
			if it.conditional {
				it.conditional, it.reads = false, true
			}
			if it.reads {
				note(it)
			}
			changed = changed || open || it.reads
		}
	}
	return seen
}

func droppable(it *item, writers []int32, seen []sight) bool {
	s := seen[it.arg]
	if s.tried {
		return false
	}
	if it.arg == 0 {
		return !it.conditional && (!s.any || s.last < it.call)
	}
	return writers[it.arg] == 1 && !s.any
}

// event rebuilds an operation's invocation or completion for an explanation.
func (l *Linearizable) event(r *register, i int, completion bool) history.Event {
	op := &r.ops[i]
	out := &history.Op{
		Process: int(op.process), Type: history.Invoke, Key: r.key,
		F:    [...]history.F{history.FGet, history.FPut, history.FCas, history.FDelete}[op.f],
		Arg:  r.values[op.arg],
		Old:  r.values[op.old],
		Node: l.nodes[op.node],
	}
	if !completion {
		return history.Event{Seq: op.call, At: op.callAt, Op: out}
	}
	out.Type = [...]history.OpType{history.Info, history.OK, history.Fail}[op.outcome]
	out.Got, out.Saw = r.values[op.got], op.saw
	return history.Event{Seq: op.done, At: op.doneAt, Op: out}
}
