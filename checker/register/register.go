package register

import (
	"math"
	"strings"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// register gathers the operations on one key that holds one value.
type register struct {
	key    string
	ops    verdict.Pages[operation]
	cases  []casValues             // of its cas
	late   map[int32]time.Duration // how long operations took that took too long to say so
	values *verdict.Values         // by id; 0 is the empty value

	refused []int32 // cas that failed although they saw the very value that they expected
}

// operation is one operation, in as few bytes as will do: histories have millions.
type operation struct {
	callAt     time.Duration
	call, done position
	took       uint32 // nanoseconds to done; tookLong: see late
	value      uint32 // what a get got or a put wrote, by id; of a cas its place in cases
	process    int32
	node       uint16
	f          opKind
	outcome    verdict.Outcome
	saw        bool
}

// casValues are the values of a cas, by id.
type casValues struct{ old, arg, got uint32 }

// position is a place in the history, counted from 1; 0 is before all of it.
type position = uint32

const (
	// never is the return of an operation that may take effect at any later time.
	never position = math.MaxUint32
	// tookLong stands for all times from 4.3 s on.
	tookLong = math.MaxUint32
)

type opKind uint8

const (
	kindGet opKind = iota
	kindPut
	kindCas
	kindDelete
)

func newRegister(key string) *register {
	return &register{key: strings.Clone(key), values: verdict.NewValues()}
}

func (r *register) id(v string) uint32 { return r.values.ID(v) }

// complete notes when an operation ended.
func (r *register) complete(i int32, at position, when time.Duration) {
	o := r.ops.At(int(i))
	o.done = at
	if took := when - o.callAt; took >= 0 && took < tookLong {
		o.took = uint32(took)
		return
	}
	if r.late == nil {
		r.late = make(map[int32]time.Duration)
	}
	o.took, r.late[i] = tookLong, when-o.callAt
}

// doneAt is when an operation ended, 0 if it is open.
func (r *register) doneAt(i int32) time.Duration {
	o := r.ops.At(int(i))
	switch {
	case o.done == 0:
		return 0
	case o.took == tookLong:
		return o.callAt + r.late[i]
	}
	return o.callAt + time.Duration(o.took)
}

// of returns the values of an operation: what it expected, wrote and saw.
func (r *register) of(o *operation) casValues {
	switch o.f {
	case kindGet:
		return casValues{got: o.value}
	case kindCas:
		return r.cases[o.value]
	}
	return casValues{arg: o.value}
}

// plain tells whether every value was written once, and nothing deleted.
func (r *register) plain() bool {
	written := make([]bool, r.values.Len())
	written[0] = true // from the start
	for i := range r.ops.Len() {
		o := r.ops.At(i)
		v := r.of(o)
		if o.f == kindGet || o.outcome == verdict.Failed || o.f == kindCas && v.old == v.arg {
			continue
		}
		if written[v.arg] {
			return false
		}
		written[v.arg] = true
	}
	return true
}

// event rebuilds an operation's invocation or completion for an explanation.
func (c *Checker) event(r *register, i int32, completion bool) history.Event {
	op := r.ops.At(int(i))
	v := r.of(op)
	out := &history.Op{
		Process: int(op.process), Type: history.Invoke, Key: r.key,
		F:    [...]history.F{history.FGet, history.FPut, history.FCas, history.FDelete}[op.f],
		Arg:  r.values.Get(v.arg),
		Old:  r.values.Get(v.old),
		Node: c.nodes.Get(op.node),
	}
	if !completion {
		return history.Event{Seq: uint64(op.call - 1), At: op.callAt, Op: out}
	}
	out.Type = op.outcome.Type()
	out.Got, out.Saw = r.values.Get(v.got), op.saw
	return history.Event{Seq: uint64(op.done - 1), At: r.doneAt(i), Op: out}
}
