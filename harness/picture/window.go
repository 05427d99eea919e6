package picture

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

const (
	around     = 2 * time.Second // of a violation, that a window shows
	maxWindows = 10
	// maxOperations is how many a picture shows one by one, in all its windows.
	maxOperations = 12_000
)

// window gathers what one window shows.
type window struct {
	Window
	breaches []checker.Breach
	middles  []time.Duration // where the proofs were complete
	events   map[uint64]bool // of the proofs, by their numbers
	proves   map[string]bool // keys that the proofs are about
	room     int             // for operations
	ops      []shown
}

// shown is an operation, and how far it is from the proof.
type shown struct {
	Operation
	keys []string // as they are
	far  time.Duration
}

// windowsOf returns windows for the first violation of each rule, as a report has them
// in the order in which the history proves them. Those that overlap are one.
func windowsOf(r *checker.Report) []*window {
	var out []*window
	breaches := r.Breaches()
	breaches = breaches[:min(len(breaches), maxWindows)]
	for _, b := range breaches {
		v, _ := r.Violation(b)
		if len(v.Events) == 0 {
			continue
		}
		w := windowOf(b, &v)
		if n := len(out); n > 0 && w.From <= out[n-1].To {
			out[n-1].join(w)
			continue
		}
		out = append(out, w)
	}
	for _, w := range out {
		w.room = maxOperations / len(out)
	}
	return out
}

// windowOf returns the window about a violation: about where its proof was complete, and
// about those of its events that are not long before.
func windowOf(b checker.Breach, v *checker.Violation) *window {
	last := v.Events[len(v.Events)-1].At
	w := &window{breaches: []checker.Breach{b}, middles: []time.Duration{last}, events: make(map[uint64]bool), proves: make(map[string]bool)}
	w.Rule = brief(b.String(), aLine)
	first := last
	for i := range v.Events {
		e := &v.Events[i]
		w.events[e.Seq] = true
		if last-e.At <= 2*around {
			first = min(first, e.At)
		}
		if e.Op != nil {
			for _, k := range keysOf(e.Op) {
				w.proves[k] = true
			}
		}
	}
	w.From, w.To = max(0, first-around), last+around
	return w
}

// join takes in a later window that overlaps.
func (w *window) join(o *window) {
	w.From, w.To = min(w.From, o.From), max(w.To, o.To)
	w.Rule += "; " + o.Rule
	w.breaches, w.middles = append(w.breaches, o.breaches...), append(w.middles, o.middles...)
	maps.Copy(w.events, o.events)
	maps.Copy(w.proves, o.proves)
}

// far is how far a stretch of time is from where a proof was complete.
func (w *window) far(from, to time.Duration) time.Duration {
	least := time.Duration(-1)
	for _, m := range w.middles {
		if d := max(0, from-m, m-to); least < 0 || d < least {
			least = d
		}
	}
	return least
}

func (w *window) has(at time.Duration) bool { return w.From <= at && at < w.To }

// keysOf returns the keys of an operation.
func keysOf(op *history.Op) []string {
	var keys []string
	if op.Key != "" {
		keys = append(keys, op.Key)
	}
	for i := range op.Txn {
		if k := op.Txn[i].Key; !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// operation takes an operation and its answer, nil for none, if the window shows it.
func (w *window) operation(o *open, done *history.Event) {
	proof := w.events[o.seq] || done != nil && w.events[done.Seq]
	if o.at >= w.To && !proof || done != nil && done.At < w.From && !proof {
		return
	}
	s := shown{Operation: operationOf(o, done)}
	for _, k := range keysOf(&o.op) {
		s.keys = append(s.keys, strings.Clone(k))
		proof = proof || w.proves[k]
	}
	s.far = -1
	if to := w.To; !proof {
		if done != nil {
			to = done.At
		}
		s.far = w.far(o.at, to)
	}
	w.ops = append(w.ops, s)
	if len(w.ops) >= 2*w.room {
		w.prune()
	}
}

// prune leaves out what is furthest from the proof.
func (w *window) prune() {
	if len(w.ops) <= w.room {
		return
	}
	slices.SortStableFunc(w.ops, func(a, b shown) int { return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(a.Seq, b.Seq)) })
	w.Left += len(w.ops) - w.room
	clear(w.ops[w.room:])
	w.ops = w.ops[:w.room]
}

func (w *window) keys() []string {
	var out []string
	for k := range w.proves {
		out = append(out, k)
	}
	for i := range w.ops {
		out = append(out, w.ops[i].keys...)
	}
	return out
}

func (w *window) finish(end time.Duration) Window {
	w.To = min(w.To, end)
	w.prune()
	w.Operations = make([]Operation, 0, len(w.ops))
	for _, s := range w.ops {
		if s.Outcome == "" {
			s.To, s.Outcome, s.Open, s.Answer = end, "info", true, "no answer"
		}
		w.Operations = append(w.Operations, s.Operation)
	}
	slices.SortFunc(w.Operations, func(a, b Operation) int { return cmp.Compare(a.Seq, b.Seq) })
	if w.Messages == nil {
		w.Messages = []Message{}
	}
	return w.Window
}

// operationOf is an operation as it is shown.
func operationOf(o *open, done *history.Event) Operation {
	asked := small(&o.op)
	out := Operation{
		Span: Span{o.at, o.at}, Client: o.op.Process, Node: brief(o.op.Node, aWord),
		Key: brief(strings.Join(keysOf(asked), " "), aWord), Call: brief(call(asked), aLine), Seq: o.seq,
	}
	if done == nil {
		return out
	}
	told := small(done.Op)
	out.To, out.Outcome = max(done.At, o.at), brief(string(told.Type), aWord)
	because := ""
	if told.Error != "" {
		because = ": " + told.Error
	}
	switch told.Type {
	case history.OK:
		if told.F == history.FTxn {
			out.Call = brief(call(told), aLine) // with what it read
		}
		out.Answer = brief(strings.TrimPrefix(verdict.Answer(told), " = "), aLine)
	case history.Fail:
		out.Answer = "failed" + because
		if told.Saw && told.F == history.FCas {
			out.Answer = "failed: it saw " + verdict.Value(told.Got)
		}
		out.Answer = brief(out.Answer, aLine)
	default:
		out.Answer, out.Open = brief("no answer"+because, aLine), true
	}
	return out
}

// call says what an operation asks for, without its key.
func call(op *history.Op) string {
	switch op.F {
	case history.FGet, history.FRead, history.FDelete:
		return string(op.F)
	case history.FPut, history.FAppend, history.FAdd:
		return string(op.F) + " " + verdict.Value(op.Arg)
	case history.FCas:
		return "cas from " + verdict.Value(op.Old) + " to " + verdict.Value(op.Arg)
	}
	return verdict.Call(op)
}

// small returns an operation whose values are short enough to be put in words.
func small(op *history.Op) *history.Op {
	out := *op
	for _, s := range []*string{&out.Key, &out.Arg, &out.Old, &out.Got, &out.Error, &out.Node} {
		*s = shorten(*s)
	}
	const most = 16 // as many as are put in words, at either end
	if len(op.List) > 0 {
		out.List = make([]string, len(op.List))
		for i, v := range op.List {
			if i < most || i >= len(op.List)-most {
				out.List[i] = shorten(v)
			}
		}
	}
	out.Txn = nil
	for i := range op.Txn[:min(len(op.Txn), most)] {
		m := op.Txn[i]
		part := small(&history.Op{Key: m.Key, Arg: m.Arg, Got: m.Got, List: m.List})
		m.Key, m.Arg, m.Got, m.List = part.Key, part.Arg, part.Got, part.List
		out.Txn = append(out.Txn, m)
	}
	return &out
}

func shorten(s string) string {
	s, cut := bounded(s, aWord)
	if cut {
		s += "…"
	}
	return s
}
