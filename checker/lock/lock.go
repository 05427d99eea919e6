// Package lock decides whether a lock was ever had by two.
//
// Read lock.go first, then tenure.go, which has the rule and why it is exact.
package lock

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Checker checks locks that do not expire: that no two clients have one at a time,
// that the fencing token of whoever gets it is larger than those of all who had it
// before, and that what a lock guards takes no write with a token once it has taken
// one with a larger token.
//
// The tokens tell in which order the lock was had, so that no search is needed:
// tenure.go has the rule and why it is exact. A failed operation had no effect, and
// the token that it tells proves nothing: whoever loses a race may see any.
// One without an answer may have had one at any time or may have none, so it proves
// nothing by itself; but of a lock that was released somebody had taken it.
type Checker struct {
	verdict.Findings
	locks  map[string]*lock
	last   *lock // the one last asked for
	order  []*lock
	open   verdict.Inflight[ref]
	nodes  verdict.Names
	counts [len(kinds)]int64 // operations that were tried
	oks    [len(kinds)]int64 // and succeeded
}

// lock is what was done to one lock.
type lock struct {
	key   string
	nodes *verdict.Names
	ops   verdict.Pages[operation]
	names *verdict.Values // and what was written
}

// ref is where an open operation is.
type ref struct {
	lock *lock
	op   int
}

// operation is one operation.
type operation struct {
	ask, done verdict.Stamp // done is zero while it is open
	token     uint64        // 0 if it is not known
	arg       uint32        // the name that has the lock, or what was written, by number
	process   int32
	node      uint16
	kind      kind
	outcome   verdict.Outcome
}

type kind uint8

const (
	acquires kind = iota
	releases
	fenced
)

var kinds = [...]history.F{history.FAcquire, history.FRelease, history.FFenced}

// NewLock returns the checker "lock".
func New() *Checker { return &Checker{locks: make(map[string]*lock)} }

// Name returns "lock".
func (*Checker) Name() string { return "lock" }

// Early returns OfPrefix.
func (*Checker) Early() verdict.Early { return verdict.OfPrefix }

// Kinds returns Ops.
func (*Checker) Kinds() verdict.Kinds { return verdict.Ops }

// Event takes the next event.
func (c *Checker) Event(e *history.Event) {
	op := e.Op
	if op == nil {
		return
	}
	kind := kind(0)
	switch op.F {
	case history.FAcquire:
	case history.FRelease:
		kind = releases
	case history.FFenced:
		kind = fenced
	default:
		return
	}
	if op.Type == history.Invoke {
		c.invoke(e, kind)
		return
	}
	at, ok := c.open.Get(op.Process)
	if !ok || at.lock.key != op.Key || at.lock.ops.At(at.op).kind != kind {
		c.Unknown("client %d completes an operation at %s that it never began", op.Process, verdict.Seconds(e.At))
		return
	}
	c.open.Take(op.Process)
	o := at.lock.ops.At(at.op)
	o.done = verdict.StampOf(e)
	if o.outcome = verdict.OutcomeOf(op.Type); o.outcome != verdict.OK {
		return
	}
	c.oks[kind]++
	if kind != fenced && op.Got != "" {
		o.token = c.token(e, op.Got)
	}
}

func (c *Checker) invoke(e *history.Event, kind kind) {
	op := e.Op
	if _, ok := c.open.Get(op.Process); ok {
		c.Unknown("client %d begins an operation at %s while another is open", op.Process, verdict.Seconds(e.At))
	}
	l := c.lock(op.Key)
	c.open.Set(op.Process, ref{l, l.ops.Len()})
	o := l.ops.Add()
	o.ask, o.arg, o.node, o.process, o.kind = verdict.StampOf(e), l.names.ID(op.Arg), c.nodes.ID(op.Node), int32(op.Process), kind
	if kind != acquires && op.Old != "" {
		o.token = c.token(e, op.Old)
	}
	c.counts[kind]++
}

func (c *Checker) lock(key string) *lock {
	if c.last != nil && c.last.key == key {
		return c.last
	}
	l := c.locks[key]
	if l == nil {
		l = &lock{key: strings.Clone(key), nodes: &c.nodes, names: verdict.NewValues()}
		c.locks[l.key] = l
		c.order = append(c.order, l)
	}
	c.last = l
	return l
}

// token reads a token, which is at least 1.
func (c *Checker) token(e *history.Event, text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		c.Unknown("client %d has a token at %s that is no positive number: %q", e.Op.Process, verdict.Seconds(e.At), text)
		return 0
	}
	return n
}

// Finish gives the verdict.
func (c *Checker) Finish() verdict.Result {
	for i, stat := range [...]string{"acquires", "releases", "fenced-writes"} {
		c.Count(stat, c.counts[i])
	}
	if c.counts == [len(kinds)]int64{} {
		return c.Unchecked(c.Name(), "no lock was asked for")
	}
	if c.oks[acquires] == 0 {
		c.Unknown("nobody got a lock, of %s", count.Many(c.counts[acquires], "attempt"))
	}
	for _, l := range c.order {
		c.judgeTenures(l)
		c.judgeFence(l)
	}
	c.Prove(verdict.Prover{Fresh: func() verdict.Checker {
		trial := New()
		trial.Trial()
		return trial
	}})
	return c.Result(c.Name(), fmt.Sprintf("%s had %s, never two at a time; %s accepted",
		count.Many(len(c.order), "lock"), count.Many(c.oks[acquires], "holder"), count.Many(c.oks[fenced], "fenced write")))
}

// events rebuilds both ends of operations, as far as they have them.
func (l *lock) events(ops ...*operation) []history.Event {
	var out []history.Event
	for _, o := range ops {
		if o == nil {
			continue
		}
		out = append(out, l.event(o, false))
		if o.done != (verdict.Stamp{}) {
			out = append(out, l.event(o, true))
		}
	}
	return out
}

func (l *lock) event(o *operation, completion bool) history.Event {
	op := &history.Op{
		Process: int(o.process), Node: l.nodes.Get(o.node), Type: history.Invoke, F: kinds[o.kind], Key: l.key, Arg: l.names.Get(o.arg),
	}
	token := strconv.FormatUint(o.token, 10)
	if o.kind == fenced || o.kind == releases && o.token > 0 {
		op.Old = token
	}
	at := o.ask
	if completion {
		at = o.done
		op.Type = o.outcome.Type()
		if op.Type == history.OK && o.kind != fenced {
			op.Got, op.Saw = token, true
		}
	}
	return history.Event{Seq: at.Seq, At: at.At, Op: op}
}
