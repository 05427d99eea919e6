package checker

import (
	"fmt"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// Set checks keys that only grow: sets (add) and lists (append), read as a whole.
//
//   - Nothing acknowledged is lost: a read contains every value whose addition was
//     acknowledged, or that another read had returned, before the read began.
//   - Nothing is invented: a value in a read was asked to be added before the
//     read returned, and its addition did not certainly fail.
//   - Nothing is there twice: every value is added once.
//   - Lists have one order: of two reads one is the beginning of the other, and of
//     two appends the one acknowledged before the other began comes first.
//
// Each is a consequence of linearizability, so none accuses a correct system. An
// addition without an answer may be there or not. All of it is decided from
// completed operations, so a history that is cut short only says less; but
// without a successful final read, acknowledged additions that no read could show
// are not confirmed, and the verdict is unknown.
type Set struct {
	findings
	keys  map[string]*collection
	order []*collection
	open  map[int]opened
	// foreign is the keys to which something else than add, append and read is done.
	foreign map[string]bool
	reads   int64
	adds    int64
	final   int64 // final reads that succeeded
}

// collection is one set or list.
type collection struct {
	key     string
	values  map[string]*addition
	visible []*addition // in the order in which they had to be visible
	longest []string    // of lists: the longest read
	shown   history.Event
	list    bool
	set     bool
	round   uint64
}

// addition is one value of a collection.
type addition struct {
	value    string
	invoke   stamp
	done     stamp // its acknowledgement or failure
	outcome  outcomeKind
	visible  uint64 // from here on every read must show it; 0 while none must
	seen     history.Event
	round    uint64 // the last read in which it was found, as a mark
	place    int    // where it was in that read
	twice    bool   // it was added more than once, so that copies prove nothing
	appended bool
	node     string
	process  int
}

// stamp is a place in the history.
type stamp struct {
	seq uint64
	at  time.Duration
}

// opened is an operation that has not completed.
type opened struct {
	c      *collection
	a      *addition // nil for a read
	invoke history.Event
}

// NewSet returns the checker "set".
func NewSet() *Set {
	return &Set{keys: make(map[string]*collection), open: make(map[int]opened), foreign: make(map[string]bool)}
}

// Name returns "set".
func (*Set) Name() string { return "set" }

// Event takes the next event.
func (s *Set) Event(e *history.Event) {
	op := e.Op
	if op == nil {
		return
	}
	switch op.F {
	case history.FAdd, history.FAppend, history.FRead:
	case history.FPut, history.FCas, history.FDelete:
		s.foreign[op.Key] = true
		return
	default:
		return
	}
	if op.Type == history.Invoke {
		s.invoke(e)
		return
	}
	o, ok := s.open[op.Process]
	if !ok || o.c.key != op.Key || (o.a == nil) != (op.F == history.FRead) {
		s.unknown("client %d completes an operation at %s that it never began", op.Process, seconds(e.At))
		return
	}
	delete(s.open, op.Process)
	switch {
	case o.a != nil:
		s.added(o, e)
	case op.Type == history.OK:
		s.read(o, e)
	}
}

func (s *Set) invoke(e *history.Event) {
	op := e.Op
	if _, ok := s.open[op.Process]; ok {
		s.unknown("client %d begins an operation at %s while another is open", op.Process, seconds(e.At))
	}
	c := s.keys[op.Key]
	if c == nil {
		c = &collection{key: op.Key, values: make(map[string]*addition)}
		s.keys[op.Key] = c
		s.order = append(s.order, c)
	}
	o := opened{c: c}
	switch {
	case op.F != history.FRead:
		s.adds++
		a := c.values[op.Arg]
		if a != nil {
			a.twice = true
			a = &addition{} // judged as the first one only
		} else {
			a = &addition{value: op.Arg}
			c.values[op.Arg] = a
		}
		a.invoke, a.node, a.process = stamp{e.Seq, e.At}, op.Node, op.Process
		a.appended = op.F == history.FAppend
		c.list, c.set = c.list || a.appended, c.set || !a.appended
		o.a = a
	default:
		o.invoke = keep(e)
	}
	s.open[op.Process] = o
}

// added takes the completion of an addition.
func (s *Set) added(o opened, e *history.Event) {
	a := o.a
	a.done = stamp{e.Seq, e.At}
	switch e.Op.Type {
	case history.OK:
		a.outcome = outcomeOK
		s.show(o.c, a, e.Seq)
	case history.Fail:
		a.outcome = outcomeFail
		if a.seen.Op != nil && !a.twice {
			s.violate("a value whose addition failed",
				fmt.Sprintf("%s: %q is there, but adding it certainly failed", o.c.key, a.value),
				s.event(o.c, a, false), s.event(o.c, a, true), a.seen)
		}
	}
}

// show notes that from seq on every read must show the value.
func (s *Set) show(c *collection, a *addition, seq uint64) {
	if a.visible == 0 && a.value != "" {
		a.visible = seq
		c.visible = append(c.visible, a)
	}
}

// event rebuilds an addition's invocation or completion.
func (s *Set) event(c *collection, a *addition, completion bool) history.Event {
	op := &history.Op{Process: a.process, Node: a.node, Type: history.Invoke, F: history.FAdd, Key: c.key, Arg: a.value}
	if a.appended {
		op.F = history.FAppend
	}
	at := a.invoke
	if completion {
		op.Type = [...]history.OpType{history.Info, history.OK, history.Fail}[a.outcome]
		at = a.done
	}
	return history.Event{Seq: at.seq, At: at.at, Op: op}
}

// Finish gives the verdict.
func (s *Set) Finish() Result {
	s.count("adds", s.adds)
	s.count("reads", s.reads)
	if s.adds == 0 {
		return s.result(s.Name(), "not checked: no add or append")
	}
	if s.final == 0 {
		s.unknown("no final read succeeded: whether acknowledged additions were lost is not known")
	}
	for _, c := range s.order {
		if s.foreign[c.key] {
			s.unknown("key %s is used as a set and as a register: it cannot be judged", c.key)
		}
	}
	return s.result(s.Name(), fmt.Sprintf("%s to %s, %s", many(s.adds, "addition"), many(len(s.order), "key"), many(s.reads, "read")))
}

// shorten cuts a long list in a kept read, to the part around the index.
func shorten(e history.Event, around int) history.Event {
	const most = 64
	list := e.Op.List
	if len(list) <= most {
		return e
	}
	from := min(max(around-most/2, 0), len(list)-most)
	op := *e.Op
	op.List = slices.Clone(list[from : from+most])
	op.Error = fmt.Sprintf("values %d to %d of %d", from+1, from+most, len(list))
	e.Op = &op
	return e
}
