// Package object judges what other people's tests put to their systems besides
// registers, sets and lists: locks without names (mutex.go), queues (queue.go, fifo.go,
// total.go), counters (counter.go) and accounts (bank.go).
//
// Read object.go first: how operations are gathered. Each checker decides without a
// search where that is possible, and says beside the rule why it is exact; search.go is
// for the rest.
package object

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// The operations that package history has no word for. Key names the object.
const (
	FLock      history.F = "lock"      // take the lock; Got is a fencing token, if it has such
	FUnlock    history.F = "unlock"    // give it back, whoever has it
	FEnqueue   history.F = "enqueue"   // put Arg into the queue
	FDequeue   history.F = "dequeue"   // take Got out of it; Saw without Got: it was empty
	FDrain     history.F = "drain"     // take List out of it, until it is empty
	FIncrement history.F = "increment" // add the number Arg to the counter
	FCount     history.F = "count"     // read the counter: Got
	FTransfer  history.F = "transfer"  // move Arg from the account Old to the account that List names
	FBalances  history.F = "balances"  // read all accounts: List has names and balances in turn
)

// never is the return of an operation without an answer.
const never = math.MaxUint64

// operation is one operation with its answer, if there is one.
type operation struct {
	verdict.Shown
	call, ret uint64 // places in the history; ret is never without an answer
}

func (o *operation) asked() *history.Op { return o.Call.Op }

// ok tells whether the operation happened.
func (o *operation) ok() bool { return o.Done.Op != nil && o.Done.Op.Type == history.OK }

// failed tells whether it certainly did not.
func (o *operation) failed() bool { return o.Done.Op != nil && o.Done.Op.Type == history.Fail }

// got returns the answer of one that happened.
func (o *operation) got() *history.Op { return o.Done.Op }

// thing is what was done to one object, by call.
type thing struct {
	key string
	ops []*operation
}

// gathered is what a checker of objects has seen.
type gathered struct {
	verdict.Findings
	name   string
	words  []history.F // the operations that it judges
	things map[string]*thing
	order  []*thing
	open   verdict.Inflight[*operation]
	asked  int64
	oks    int64
}

func gather(name string, words ...history.F) gathered {
	return gathered{name: name, words: words, things: make(map[string]*thing)}
}

// Name is the checker's word in reports.
func (g *gathered) Name() string { return g.name }

// Ops returns the operations that the checker judges.
func (g *gathered) Ops() []history.F { return g.words }

// Kinds returns Ops.
func (*gathered) Kinds() verdict.Kinds { return verdict.Ops }

// Event takes the next event.
func (g *gathered) Event(e *history.Event) {
	op := e.Op
	if op == nil || !slices.Contains(g.words, op.F) {
		return
	}
	if op.Type != history.Invoke {
		g.completed(e)
		return
	}
	if _, ok := g.open.Get(op.Process); ok {
		// The first stays open: it may take effect at any time.
		g.Unknown("client %d begins an operation at %s while another is open", op.Process, verdict.Seconds(e.At))
	}
	t := g.things[op.Key]
	if t == nil {
		t = &thing{key: strings.Clone(op.Key)}
		g.things[t.key] = t
		g.order = append(g.order, t)
	}
	o := &operation{Shown: verdict.Shown{Call: verdict.Keep(e)}, call: e.Seq, ret: never}
	t.ops = append(t.ops, o)
	g.open.Set(op.Process, o)
	g.asked++
}

func (g *gathered) completed(e *history.Event) {
	o, ok := g.open.Take(e.Op.Process)
	if !ok || o.asked().F != e.Op.F || o.asked().Key != e.Op.Key {
		g.Unknown("client %d completes an operation at %s that it never began", e.Op.Process, verdict.Seconds(e.At))
		return
	}
	o.Done = verdict.Keep(e)
	if e.Op.Type != history.Info {
		o.ret = e.Seq
	}
	if e.Op.Type == history.OK {
		g.oks++
	}
}

// began says when an operation began, ended when it was answered.
func (o *operation) began() string { return verdict.Seconds(o.Call.At) }
func (o *operation) ended() string { return verdict.Seconds(o.Done.At) }

// violate reports operations that break a rule.
func (g *gathered) violate(rule, text string, ops ...*operation) {
	slices.SortFunc(ops, func(a, b *operation) int {
		return cmp.Or(cmp.Compare(a.call, b.call), cmp.Compare(a.asked().Process, b.asked().Process))
	})
	ops, note := verdict.Showable(slices.Compact(ops))
	var events []history.Event
	for _, o := range ops {
		events = verdict.Both(events, o.Call, o.Done)
	}
	text = strings.TrimPrefix(text, g.name+": ") // one that is the only one of its kind has no other name
	g.Violate(rule, text+note, events...)
}

// result is the checker's, of which fresh makes another for trials.
func (g *gathered) result(nothing, summary string, fresh func() (verdict.Checker, *gathered)) verdict.Result {
	if g.asked == 0 {
		return g.Unchecked(g.name, nothing)
	}
	if g.oks == 0 {
		g.Unknown("of %s none succeeded: nothing to judge", count.Many(g.asked, "operation"))
	}
	g.Prove(verdict.Prover{Keep: true, Enables: enables, Fresh: func() verdict.Checker {
		c, trial := fresh()
		trial.Trial()
		return c
	}})
	g.Count("ops", g.asked)
	g.Count("keys", int64(len(g.order)))
	return g.Result(g.name, summary)
}

// enables tells that an operation may be what makes another legal: a lock the unlock
// and the reverse, an enqueue the dequeue of its element, a dequeue without an answer all
// that follows, and an increment a read.
func enables(op, other verdict.Shown) bool {
	switch f := other.Call.Op.F; op.Call.Op.F {
	case FLock:
		return f == FUnlock
	case FUnlock:
		return f == FLock
	case FEnqueue:
		done := other.Done.Op
		return done != nil && (done.Got == op.Call.Op.Arg || slices.Contains(done.List, op.Call.Op.Arg))
	case FDequeue, FDrain:
		return op.Done.Op == nil || op.Done.Op.Type == history.Info
	case FIncrement, FCount:
		return true
	}
	return false
}

// few lists the first few of names.
func few(names []string) string {
	const most = 5
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " and more"
	}
	return strings.Join(names, ", ")
}
