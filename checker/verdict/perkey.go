package verdict

import (
	"github.com/usurper/usurper/harness/history"
)

// perKey is a checker of single keys that is shown transactions too, as the
// operations on single keys that they consist of: each spans the transaction's
// time and shares its outcome. A correct system has an order of whole
// transactions, which is an order of the operations on each key as well; so no
// correct system is accused. That a transaction's parts happen at one instant is
// not checked.
type perKey struct {
	Checker
	open  map[int]part // of the processes that have a transaction open
	parts []int        // the process whose part it is, by the stand-in's number
}

// part is a transaction that has begun.
type part struct {
	first int // its first stand-in
	count int
}

// PerKey returns c so that it sees what transactions do to its keys.
func PerKey(c Checker) Checker { return &perKey{Checker: c, open: make(map[int]part)} }

// A process has one operation open, a transaction has several: each part has a
// process of its own, the stand-in. Their numbers are negative.
func standIn(n int) int { return -1 - n }

// Early says when the checker of single keys can be asked.
func (p *perKey) Early() Early { return EarlyOf(p.Checker) }

// Kinds returns those of the checker of single keys.
func (p *perKey) Kinds() Kinds { return KindsOf(p.Checker) }

// Event takes the next event.
func (p *perKey) Event(e *history.Event) {
	op := e.Op
	if op == nil || op.F != history.FTxn {
		p.Checker.Event(e)
		return
	}
	at, ok := p.open[op.Process]
	switch {
	case op.Type == history.Invoke:
		at = part{first: len(p.parts), count: len(op.Txn)}
		p.open[op.Process] = at
		for range op.Txn {
			p.parts = append(p.parts, op.Process)
		}
	case !ok || at.count != len(op.Txn):
		at.first = len(p.parts) // numbers that began nothing: the checker says so
		for range op.Txn {
			p.parts = append(p.parts, op.Process)
		}
	}
	if op.Type != history.Invoke {
		delete(p.open, op.Process)
	}
	for i := range op.Txn {
		m := &op.Txn[i]
		if OfList(m) {
			continue
		}
		single := history.Op{
			Process: standIn(at.first + i), Type: op.Type, F: m.F, Key: m.Key, Arg: m.Arg,
			Got: m.Got, Saw: m.Saw, Node: op.Node, Error: op.Error,
		}
		p.Checker.Event(&history.Event{Seq: e.Seq, At: e.At, Op: &single})
	}
}

// Finish gives the verdict. Its evidence names transactions, of which it shows
// the part that counts.
func (p *perKey) Finish() Result {
	result := p.Checker.Finish()
	for i := range result.Violations {
		v := &result.Violations[i]
		for k := range v.Events {
			if op := v.Events[k].Op; op != nil && op.Process < 0 && standIn(op.Process) < len(p.parts) {
				v.Events[k].Op = p.whole(op)
			}
		}
		v.Events = joined(v.Events)
	}
	return result
}

// joined makes one event of those that are parts of one transaction.
func joined(events []history.Event) []history.Event {
	var out []history.Event
	for _, e := range events {
		if n := len(out); n > 0 && e.Op != nil && e.Op.F == history.FTxn && out[n-1].Seq == e.Seq && out[n-1].Op != nil && out[n-1].Op.Process == e.Op.Process {
			out[n-1].Op.Txn = append(out[n-1].Op.Txn, e.Op.Txn...)
			continue
		}
		out = append(out, e)
	}
	return out
}

// whole turns a part back into a transaction, whose other parts are left out.
func (p *perKey) whole(op *history.Op) *history.Op {
	out := *op
	out.Process, out.F = p.parts[standIn(op.Process)], history.FTxn
	out.Key, out.Arg, out.Old, out.Got, out.Saw = "", "", "", "", false
	out.Txn = []history.Micro{{F: op.F, Key: op.Key, Arg: op.Arg, Got: op.Got, Saw: op.Saw}}
	return &out
}

// OfList tells whether a deed is one of lists.
func OfList(m *history.Micro) bool { return m.F == history.FAppend || m.F == history.FRead }
