// Package set decides whether clients saw sets and lists that only grow.
//
// Read set.go first, then order.go, which has the rule and why it is exact, and
// place.go for lists whose values repeat. tell.go and misfit.go put violations in
// words.
package set

import (
	"fmt"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Checker checks keys that only grow, sets (add) and lists (append) that are read as a
// whole, for linearizability. A read tells which values were added before it and
// which were not, so no search is needed: order.go has the rule and why it is
// exact. A value may be added more than once. A set has it from the first time
// on, and may show it up to as often as somebody had asked to add it; a list has it
// as often as it was appended, and place.go decides which append has which place.
//
// An addition without an answer may be there or not. A history that is cut short
// only says less; but without a successful final read, acknowledged additions that
// no read could show are not confirmed, and the verdict is unknown.
type Checker struct {
	verdict.Findings
	keys  map[string]*collection
	last  *collection // the one last asked for
	order []*collection
	open  verdict.Inflight[opened]
	nodes verdict.Names
	// foreign is the keys to which something else than add, append and read is done.
	foreign  map[string]bool
	stranger string // the one of them last seen
	reads    int64
	adds     int64
	final    int64 // final reads that succeeded
}

// collection is one set or list.
type collection struct {
	key     string
	nodes   *verdict.Names
	ids     *verdict.Values // of values; the same numbers in what follows
	words   []string
	values  []addition // of each value, the one that was asked for first
	again   []addition // all others
	reads   []reading
	told    []int32 // what a read of a set showed last
	longest []int32 // of lists: what the longest read showed, of which all others are the beginning
	round   int32
	calls   [][]uint64 // of each value that was added more than once, when it was asked for
	list    bool       // something was appended
	set     bool       // something was added
	broken  bool       // its reads have no order
	early   int        // reads that had returned before anything was asked to be added
}

// addition is one value of a collection.
type addition struct {
	invoke   verdict.Stamp
	done     verdict.Stamp // its acknowledgement or failure
	process  int32
	id       int32 // its value's place in values
	node     uint16
	outcome  verdict.Outcome
	appended bool

	// What follows is told of the first addition of a value alone.
	asked    int32 // how often it was added
	failed   int32 // and certainly was not
	invented bool  // it was read, and cannot be there
	round    int32 // the last read in which it was found, as a mark
	place    int32 // where it was in that read
	copies   int32 // how often it was in that read
}

// twice tells whether more than one addition of the value may have happened.
func (a *addition) twice() bool { return a.asked-a.failed > 1 }

// reading is one successful read.
type reading struct {
	invoke, done verdict.Stamp
	process      int32
	node         uint16
	final        bool
	list         []int32
	shows        []int32 // the list without what cannot be there, and of sets without copies
}

// opened is an operation that has not completed.
type opened struct {
	c      *collection
	n      int32 // the addition's place in values or again; not of reads
	again  bool
	isRead bool
	invoke verdict.Stamp
}

// addition returns an addition by its number: that of its place in values, or the
// next ones for those in again. Numbers change while values are added.
func (c *collection) addition(n int32) *addition {
	if k := int(n) - len(c.values); k >= 0 {
		return &c.again[k]
	}
	return &c.values[n]
}

// ordered tells whether reads show an order: those of a list do.
func (c *collection) ordered() bool { return c.list && !c.set }

// NewSet returns the checker "set".
func New() *Checker {
	return &Checker{keys: make(map[string]*collection), foreign: make(map[string]bool)}
}

// Name returns "set".
func (*Checker) Name() string { return "set" }

// Early returns OfPrefix.
func (*Checker) Early() verdict.Early { return verdict.OfPrefix }

// Kinds returns Ops.
func (*Checker) Kinds() verdict.Kinds { return verdict.Ops }

// Event takes the next event.
func (s *Checker) Event(e *history.Event) {
	op := e.Op
	if op == nil {
		return
	}
	switch op.F {
	case history.FAdd, history.FAppend, history.FRead:
	case history.FPut, history.FCas, history.FDelete:
		if op.Key != s.stranger || len(s.foreign) == 0 {
			s.stranger = strings.Clone(op.Key)
			s.foreign[s.stranger] = true
		}
		return
	default:
		return
	}
	if op.Type == history.Invoke {
		s.invoke(e)
		return
	}
	o, ok := s.open.Get(op.Process)
	if !ok || o.c.key != op.Key || o.isRead != (op.F == history.FRead) {
		s.Unknown("client %d completes an operation at %s that it never began", op.Process, verdict.Seconds(e.At))
		return
	}
	s.open.Take(op.Process)
	switch {
	case o.isRead && op.Type == history.OK:
		s.read(o, e)
	case !o.isRead:
		o.c.added(o, op.Type, verdict.StampOf(e))
	}
}

func (s *Checker) invoke(e *history.Event) {
	op := e.Op
	if _, ok := s.open.Get(op.Process); ok {
		s.Unknown("client %d begins an operation at %s while another is open", op.Process, verdict.Seconds(e.At))
	}
	c := s.collection(op.Key)
	o := opened{c: c, isRead: op.F == history.FRead, invoke: verdict.StampOf(e)}
	if !o.isRead {
		if s.adds++; !c.list && !c.set {
			c.early = len(c.reads)
		}
		c.list, c.set = c.list || op.F == history.FAppend, c.set || op.F == history.FAdd
		o.n, o.again = c.add(op, o.invoke)
	}
	s.open.Set(op.Process, o)
}

func (s *Checker) collection(key string) *collection {
	if s.last != nil && s.last.key == key {
		return s.last
	}
	c := s.keys[key]
	if c == nil {
		c = &collection{key: strings.Clone(key), nodes: &s.nodes, ids: verdict.NewValues()}
		c.words, c.values = append(c.words, ""), append(c.values, addition{})
		s.keys[c.key] = c
		s.order = append(s.order, c)
	}
	s.last = c
	return c
}

// add notes that a value is asked to be added, and returns where.
func (c *collection) add(op *history.Op, at verdict.Stamp) (n int32, again bool) {
	n = c.id(op.Arg)
	first := &c.values[n]
	asked := addition{
		id: n, node: c.nodes.ID(op.Node), process: int32(op.Process), appended: op.F == history.FAppend, invoke: at,
	}
	if first.asked++; first.asked > 1 {
		c.again = append(c.again, asked)
		return int32(len(c.again) - 1), true
	}
	asked.asked = 1
	*first = asked
	return n, false
}

// added notes how an addition ended.
func (c *collection) added(o opened, outcome history.OpType, at verdict.Stamp) {
	all := c.values
	if o.again {
		all = c.again
	}
	a := &all[o.n]
	a.done = at
	switch outcome {
	case history.OK:
		a.outcome = verdict.OK
	case history.Fail:
		a.outcome = verdict.Failed
		c.values[a.id].failed++
	}
}

func (c *collection) id(value string) int32 {
	id := int32(c.ids.ID(value))
	if int(id) == len(c.values) {
		c.words = append(verdict.Spare(c.words, 1), value)
		c.values = append(verdict.Spare(c.values, 1), addition{id: id})
	}
	return id
}

// Finish gives the verdict.
func (s *Checker) Finish() verdict.Result {
	s.Count("adds", s.adds)
	s.Count("reads", s.reads)
	if s.adds == 0 && s.reads == 0 {
		return s.Unchecked(s.Name(), "no add or append")
	}
	if s.adds > 0 && s.final == 0 {
		s.Unknown("no final read succeeded: whether acknowledged additions were lost is not known")
	}
	for _, c := range s.order {
		if s.foreign[c.key] {
			s.Unknown("key %s is used as a set and as a register: it cannot be judged", c.key)
			continue
		}
		s.judge(c)
	}
	s.prove()
	return s.Result(s.Name(), fmt.Sprintf("%s to %s, %s", count.Many(s.adds, "addition"), count.Many(len(s.order), "key"), count.Many(s.reads, "read")))
}

// prove makes the explanations proofs.
func (s *Checker) prove() {
	s.Prove(verdict.Prover{Fresh: func() verdict.Checker {
		trial := New()
		trial.Trial()
		return trial
	}, Grows: func(key string) history.F {
		if s.keys[key].ordered() {
			return history.FAppend
		}
		return history.FAdd
	}})
}
