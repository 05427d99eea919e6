// Package txn decides whether transactions on lists are strictly serializable.
//
// Read txn.go first; then list.go (what reads say of one list), graph.go (what comes
// before what) and cycle.go (the cycles that must not be).
package txn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Checker checks transactions that append to and read lists: that one order
// of them explains all that they read, and agrees with real time (strict
// serializability). Every value is appended to a list once; so a read tells which
// appends came before it, and in which order. From that it decides exactly:
//
//   - A transaction sees the list as it found it, and then its own appends
//     ("internal", "future-read"; read.go).
//   - All reads of a list show one order of its values, each once, each of a
//     transaction that did not fail, and whole transactions only
//     ("incompatible-order", "duplicate-elements", "garbage-read", "G1a", "G1b";
//     list.go).
//   - The dependencies that follow (write-write, write-read, read-write, and what
//     ended before it began) have no cycle (graph.go, cycle.go): "G0", "G1c",
//     "G-single", "G2-item", with "-realtime" where time is a part of the cycle,
//     and "lost append" where an acknowledged append is missing from a later read
//     and no read has it.
//
// Names are Adya's, as Elle uses them; each violation says which models it rules
// out. It is exact: if nothing is found, the transactions sorted by their
// dependencies are such an order (see [graph]).
//
// A transaction without an answer happened if somebody read one of its appends. If
// not, it is left out: wherever it took effect, it came after all reads of its
// lists. A list of which a value was appended twice (and not again after it had failed), or
// that is written by other means, gives no verdict: unknown, unless the others show a violation. That an
// append was never read afterwards is counted ("appends-unread"), not judged.
type Checker struct {
	verdict.Findings
	txns    []txn
	lists   []*list
	byName  map[string]int32
	open    verdict.Inflight[int32] // by process
	foreign map[string]bool         // keys that are written by other means
	last    string                  // the one of them last seen
	odd     map[place][]string
	views   []view // of the transaction at hand
}

// txn is a transaction.
type txn struct {
	process    int
	node       string
	outcome    verdict.Outcome
	seen       bool // an append of it was read
	call, done verdict.Stamp
	deeds      []deed
}

// happened tells whether it is known to have taken effect.
func (t *txn) happened() bool {
	return t.outcome == verdict.OK || t.outcome != verdict.Failed && t.seen
}

// deed is an append, or a read.
type deed struct {
	list  int32
	reads bool
	// length is how many values of the list a read showed, if what it showed is a
	// beginning of the longest read; else it is in odd. Below 0: nothing is known.
	length int32
	value  string // of an append
}

// place is a deed of a transaction.
type place struct{ txn, deed int32 }

// NewTransactions returns the checker "transactions".
func New() *Checker {
	return &Checker{
		byName: make(map[string]int32), foreign: make(map[string]bool), odd: make(map[place][]string),
	}
}

// Name returns "transactions".
func (*Checker) Name() string { return "transactions" }

// Early returns OfPrefix.
func (*Checker) Early() verdict.Early { return verdict.OfPrefix }

// Kinds returns Ops.
func (*Checker) Kinds() verdict.Kinds { return verdict.Ops }

// Event takes the next event.
func (c *Checker) Event(e *history.Event) {
	op := e.Op
	if op == nil || op.F == history.FGet || op.F == history.FRead {
		return
	}
	switch {
	case op.F != history.FTxn:
		if op.Type == history.Invoke {
			c.elsewhere(op.Key)
		}
	case op.Type == history.Invoke:
		c.invoke(e)
	default:
		c.complete(e)
	}
}

// elsewhere notes that a key is written by other means than appends in transactions.
func (c *Checker) elsewhere(key string) {
	if key != c.last || len(c.foreign) == 0 {
		c.last = strings.Clone(key)
		c.foreign[c.last] = true
	}
}

func (c *Checker) invoke(e *history.Event) {
	op := e.Op
	t := txn{process: op.Process, node: op.Node, call: verdict.StampOf(e)}
	for i := range op.Txn {
		m := &op.Txn[i]
		switch {
		case !verdict.OfList(m):
			if m.F != history.FGet {
				c.elsewhere(m.Key)
			}
			continue
		case t.deeds == nil:
			t.deeds = make([]deed, 0, len(op.Txn)-i)
		}
		t.deeds = append(t.deeds, deed{list: c.list(m.Key), reads: m.F == history.FRead, length: -1, value: m.Arg})
	}
	if t.deeds == nil {
		return
	}
	if _, ok := c.open.Get(op.Process); ok {
		// The first stays open: it may take effect at any time.
		c.Unknown("client %d begins a transaction at %s while another is open", op.Process, verdict.Seconds(e.At))
	}
	n := int32(len(c.txns))
	c.txns = append(verdict.Spare(c.txns, 1), t)
	c.open.Set(op.Process, n)
	for i := range t.deeds {
		if d := &t.deeds[i]; !d.reads {
			l := c.lists[d.list]
			if a, ok := l.appends[d.value]; ok && c.txns[a.txn].outcome == verdict.Failed {
				delete(l.appends, d.value) // tried again: who reads it from now on reads this one
			}
			l.append(d.value, n)
		}
	}
}

func (c *Checker) complete(e *history.Event) {
	op := e.Op
	var deeds []*history.Micro
	for i := range op.Txn {
		if m := &op.Txn[i]; verdict.OfList(m) {
			deeds = append(deeds, m)
		}
	}
	n, ok := c.open.Take(op.Process)
	if !ok {
		if len(deeds) > 0 {
			c.Unknown("client %d completes a transaction at %s that it never began", op.Process, verdict.Seconds(e.At))
		}
		return
	}
	t := &c.txns[n]
	same := func(d deed, m *history.Micro) bool {
		return c.lists[d.list].name == m.Key && d.reads == (m.F == history.FRead) && (d.reads || d.value == m.Arg)
	}
	if !slices.EqualFunc(t.deeds, deeds, same) {
		c.Unknown("client %d at %s completes another transaction than it began", op.Process, verdict.Seconds(e.At))
		return
	}
	t.done = verdict.StampOf(e)
	switch op.Type {
	case history.OK:
		t.outcome = verdict.OK
		c.read(n, deeds)
	case history.Fail:
		t.outcome = verdict.Failed
	}
}

// list returns the number of the list of that name.
func (c *Checker) list(name string) int32 {
	n, ok := c.byName[name]
	if !ok {
		n = int32(len(c.lists))
		// The name's bytes may belong to a longer text that is not to be kept.
		name = strings.Clone(name)
		c.lists = append(c.lists, &list{name: name, appends: make(map[string]addition)})
		c.byName[name] = n
	}
	return n
}

// Finish gives the verdict.
func (c *Checker) Finish() verdict.Result {
	if len(c.txns) == 0 {
		return c.Unchecked(c.Name(), "no transaction appends to a list or reads one")
	}
	for _, l := range c.lists {
		c.settle(l)
	}
	g := c.graph()
	c.cycles(g)
	reads := c.tally()
	if reads == 0 {
		c.Unknown("no transaction that is known to have happened read anything")
	}
	c.Prove(verdict.Prover{Fresh: func() verdict.Checker {
		trial := New()
		trial.Trial()
		return trial
	}, Keep: true})
	return c.Result(c.Name(), fmt.Sprintf("%s on %s, %s: strictly serializable",
		count.Many(len(c.txns), "transaction"), count.Many(len(c.lists), "list"), count.Many(reads, "read")))
}

// tally counts what was looked at, and returns the number of reads.
func (c *Checker) tally() (reads int64) {
	var appends, unread int64
	last := make([]uint64, len(c.lists)) // when the last read of each was asked for
	for i := range c.txns {
		t := &c.txns[i]
		for _, d := range t.deeds {
			if d.reads && t.outcome == verdict.OK {
				last[d.list] = max(last[d.list], t.call.Seq)
			}
		}
	}
	for i := range c.txns {
		t := &c.txns[i]
		for _, d := range t.deeds {
			switch {
			case d.reads && t.outcome == verdict.OK:
				reads++
			case !d.reads:
				appends++
				if t.outcome == verdict.OK && last[d.list] < t.done.Seq {
					unread++
				}
			}
		}
	}
	c.Count("transactions", int64(len(c.txns)))
	c.Count("lists", int64(len(c.lists)))
	c.Count("reads", reads)
	c.Count("appends", appends)
	c.Count("appends-unread", unread)
	return reads
}
