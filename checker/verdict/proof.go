package verdict

import (
	"cmp"
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// What an explanation shows has to prove something by itself. Taken as a history of
// its own it is one that the checker rejects, by the same rule; and if nothing at all is
// known of any one of its operations, it is legal.
//
// Not known means: what the operation wrote may have been written at any time, or
// never. The same goes for a value that is read and whose writer is not shown. Only
// where the proof is that nobody wrote it, there is no writer.

// Shown is an operation of an explanation. Done has no Op if no answer is shown.
type Shown struct{ Call, Done history.Event }

// Answered tells whether the answer is shown, and says whether it happened.
func (s Shown) Answered() bool { return s.Done.Op != nil && s.Done.Op.Type != history.Info }

// ShownIn returns the operations of an explanation, by call.
func ShownIn(evidence []history.Event) []Shown {
	var ops []Shown
	open := make(map[int]int)
	for _, e := range evidence {
		if e.Op == nil {
			continue
		}
		if e.Op.Type == history.Invoke {
			open[e.Op.Process] = len(ops)
			ops = append(ops, Shown{Call: e})
		} else if i, ok := open[e.Op.Process]; ok {
			ops[i].Done = e
			delete(open, e.Op.Process)
		}
	}
	return ops
}

// Evidence returns the operations as an explanation has them.
func Evidence(ops []Shown) []history.Event {
	var events []history.Event
	for _, s := range ops {
		events = Both(events, s.Call, s.Done)
	}
	slices.SortStableFunc(events, func(a, b history.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return events
}

// Loose returns what is left of an operation of which nothing is known: that what
// it wrote may have been written at any time.
func (s Shown) Loose() []history.Op {
	var all []history.Op
	for _, d := range s.deeds() {
		if !d.reads() {
			all = append(all, d.alone())
		}
	}
	return all
}

// Unshown says what there may be besides the operations of an explanation.
type Unshown struct {
	// Loose operations may have taken effect at any time, or never.
	Loose []history.Op
	// Nobody wrote what is read and not shown to be written. Else somebody may have, at
	// any time.
	Nobody bool
	// Grows is how keys that are read as a whole and to which nothing is shown to be
	// added came by their values: FAdd, or else FAppend.
	Grows history.F
}

// Alone returns the operations as a history of their own.
func Alone(ops []Shown, u Unshown) []history.Event {
	loose := u.Loose
	if !u.Nobody {
		loose = slices.Concat(loose, unshown(ops, u.Grows))
	}
	var events []history.Event
	for i, op := range loose {
		op.Process, op.Type = nobodyFrom+i, history.Invoke
		events = append(events, history.Event{Op: &op})
	}
	return append(events, Evidence(ops)...)
}

// nobodyFrom is the first process that no client is.
const nobodyFrom = 1 << 29

// deed is what an operation does to a key, or a part of a transaction.
type deed struct {
	history.Op
	txn bool
}

// deeds returns what an operation does, with what it was answered.
func (s Shown) deeds() []deed {
	op := *s.Call.Op
	if done := s.Done.Op; done != nil {
		op.Got, op.Saw, op.List = done.Got, done.Saw, done.List
		if len(done.Txn) == len(op.Txn) {
			op.Txn = done.Txn
		}
	}
	if op.F != history.FTxn {
		return []deed{{op, false}}
	}
	var all []deed
	for _, m := range op.Txn {
		all = append(all, deed{history.Op{F: m.F, Key: m.Key, Arg: m.Arg, Got: m.Got, Saw: m.Saw, List: m.List}, true})
	}
	return all
}

func (d *deed) reads() bool { return d.F == history.FGet || d.F == history.FRead }

// alone is the deed as an operation of its own. That a cas wrote is all that is left of
// it.
func (d *deed) alone() history.Op {
	op := history.Op{F: d.F, Key: d.Key, Arg: d.Arg, Old: d.Old}
	if d.F == history.FCas {
		op.F, op.Old = history.FPut, ""
		if op.Arg == "" {
			op.F = history.FDelete
		}
	}
	if d.txn {
		return history.Op{F: history.FTxn, Txn: []history.Micro{{F: op.F, Key: op.Key, Arg: op.Arg}}}
	}
	return op
}

// writes tells whether it may have written the value: a cas of a value to itself
// needs somebody who has.
func (d *deed) writes(v string) bool {
	if d.F == history.FCas && d.Old == v {
		return false
	}
	switch d.F {
	case history.FPut, history.FCas, history.FAdd, history.FAppend, history.FDelete:
		return d.Arg == v
	}
	return false
}

// observed returns the values that it saw or expected.
func (d *deed) observed() []string {
	switch d.F {
	case history.FGet:
		if d.Saw || d.Got != "" {
			return []string{d.Got}
		}
	case history.FCas:
		if d.Saw {
			return []string{d.Old, d.Got}
		}
		return []string{d.Old}
	case history.FRead:
		return d.List
	}
	return nil
}

// unshown returns writers of the values that are read and that nobody is shown to
// write: as many as a read shows copies.
func unshown(ops []Shown, grows history.F) []history.Op {
	var all []deed
	lists := make(map[string]history.F)
	for _, s := range ops {
		for _, d := range s.deeds() {
			if all = append(all, d); d.F == history.FAdd || d.F == history.FAppend {
				lists[d.Key] = d.F
			}
		}
	}
	type place struct{ key, value string }
	var loose []history.Op
	added := make(map[place]int)
	for _, d := range all {
		copies := make(map[string]int)
		for _, v := range d.observed() {
			at := place{d.Key, v}
			if copies[v]++; d.F != history.FRead || d.txn {
				copies[v] = 1 // written once
			}
			if v == "" || copies[v] <= added[at] || slices.ContainsFunc(all, func(by deed) bool { return by.Key == d.Key && by.writes(v) }) {
				continue // nothing is there from the start
			}
			added[at]++
			by := deed{history.Op{F: history.FPut, Key: d.Key, Arg: v}, d.txn}
			if d.F == history.FRead {
				by.F = cmp.Or(lists[d.Key], grows, history.FAppend)
			}
			loose = append(loose, by.alone())
		}
	}
	return loose
}
