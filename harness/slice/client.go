package slice

import (
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// builder reads a history and notes what led to what.
type builder struct {
	graph     graph
	elections elections
	proof     []uint32
	keys      map[string]bool // that the proof is about

	began     bool
	shows     bool             // traces or taps tell of elections
	open      map[int]asking   // by process
	answered  map[int]uint32   // the last answer of each client on those keys
	wrote     map[value]uint32 // 0: more than once
	over      []uint32         // operations of the proof that are over
	faults    map[int]inForce  // by step
	inOrder   []int            // their steps
	operation bool             // the proof has one
}

// asking is an operation under way, with the last deed of the member that it asked.
type asking struct{ seq, served uint32 }

type value struct{ key, value string }

type inForce struct {
	seq     uint32
	nodes   []string
	traffic bool
}

func newBuilder(proof []history.Event) *builder {
	b := &builder{
		elections: newElections(), keys: make(map[string]bool), open: make(map[int]asking),
		answered: make(map[int]uint32), wrote: make(map[value]uint32), faults: make(map[int]inForce),
	}
	for i := range proof {
		b.proof = append(b.proof, uint32(proof[i].Seq))
		if op := proof[i].Op; op != nil {
			b.operation = true
			if op.Key != "" || len(op.Txn) == 0 {
				b.keys[op.Key] = true
			}
			for _, m := range op.Txn {
				b.keys[m.Key] = true
			}
		}
	}
	slices.Sort(b.proof)
	return b
}

// take takes the next event.
func (b *builder) take(e *history.Event) {
	seq := uint32(e.Seq)
	b.graph.begin()
	switch {
	case e.Run != nil && e.Run.What == history.RunBegin:
		b.began, b.shows = true, e.Run.Traced || e.Run.Tapped
	case e.Run != nil && e.Run.What == history.RunLog:
		// A line may be read late, when another process runs already.
		if m := b.elections.members[e.Run.Node]; m != nil && m.startedInc == 1 {
			b.graph.add(m.started, Starts)
		}
	case e.Op != nil:
		b.op(seq, e.Op)
	case e.Fault != nil:
		b.fault(seq, e.Fault)
	case e.Proc != nil:
		b.proc(seq, e.Proc)
	case e.Raft != nil:
		b.raft(seq, e.Raft)
	case e.Claim != nil:
		if m := b.elections.member(e.Claim.Node); m.startedInc == e.Claim.Inc {
			b.graph.add(m.started, Starts)
		}
	}
}

func (b *builder) proc(seq uint32, p *history.Proc) {
	m, g := b.elections.member(p.Node), &b.graph
	switch p.What {
	case history.ProcStart:
		g.add(m.exited, Before)
		m.started, m.startedInc, m.signal = seq, p.Inc, 0
	case history.ProcReady:
		g.add(m.started, Starts)
	case history.ProcSignal:
		g.add(m.started, Starts)
		b.underFault(p.Node, false)
		m.signal = seq
	case history.ProcExit:
		g.add(m.started, Starts)
		g.add(m.signal, Before)
		if p.Expected {
			b.underFault(p.Node, false)
		}
		m.exited = seq
	}
}

func (b *builder) fault(seq uint32, f *history.Fault) {
	if f.What == history.FaultInject {
		in := inForce{seq: seq, traffic: f.Traffic}
		for _, n := range f.Nodes {
			in.nodes = append(in.nodes, strings.Clone(n))
		}
		b.faults[f.Step] = in
		b.inOrder = append(b.inOrder, f.Step)
		return
	}
	if in, ok := b.faults[f.Step]; ok {
		b.graph.add(in.seq, Heals)
		delete(b.faults, f.Step)
		b.inOrder = slices.DeleteFunc(b.inOrder, func(step int) bool { return step == f.Step })
	}
}

// underFault joins the event to the faults in force that touch the member.
func (b *builder) underFault(node string, traffic bool) {
	for _, step := range b.inOrder {
		if in := b.faults[step]; (in.traffic || !traffic) && slices.Contains(in.nodes, node) {
			b.graph.add(in.seq, InForce)
		}
	}
}

// op takes half an operation. Only those on the keys of the proof are followed: what
// others did cannot be joined to it.
func (b *builder) op(seq uint32, o *history.Op) {
	if !b.concerns(o) {
		return
	}
	g := &b.graph
	if o.Type == history.Invoke {
		a := asking{seq: seq}
		if m := b.elections.members[o.Node]; m != nil {
			a.served = m.last
		}
		g.add(b.answered[o.Process], Client)
		b.open[o.Process] = a
		b.writes(seq, o)
		return
	}
	a, ok := b.open[o.Process]
	delete(b.open, o.Process)
	if ok {
		g.add(a.seq, Asks)
		g.add(a.served, Asked)
	}
	b.reads(o)
	b.answered[o.Process] = seq
	if _, proves := slices.BinarySearch(b.proof, seq); proves && ok {
		for _, earlier := range b.over {
			if earlier < a.seq {
				g.addTo(a.seq, earlier, Over)
			}
		}
		b.over = append(b.over, seq)
	}
}

func (b *builder) concerns(o *history.Op) bool {
	return b.keys[o.Key] || slices.ContainsFunc(o.Txn, func(m history.Micro) bool { return b.keys[m.Key] })
}

// writes notes which values an operation writes. One that is written twice joins
// nothing.
func (b *builder) writes(seq uint32, o *history.Op) {
	note := func(key, arg string) {
		if arg == "" || !b.keys[key] {
			return
		}
		v := value{strings.Clone(key), strings.Clone(arg)}
		if _, again := b.wrote[v]; again {
			seq = 0
		}
		b.wrote[v] = seq
	}
	switch o.F {
	case history.FPut, history.FCas, history.FAppend, history.FAdd:
		note(o.Key, o.Arg)
	}
	for _, m := range o.Txn {
		if m.F != history.FRead && m.F != history.FGet {
			note(m.Key, m.Arg)
		}
	}
}

// lastSeen is how many of a list's elements are joined to who put them there, from the
// end.
const lastSeen = 4

// reads joins an answer to who wrote what it shows.
func (b *builder) reads(o *history.Op) {
	saw := func(key, got string) {
		if got != "" {
			b.graph.add(b.wrote[value{key, got}], Wrote)
		}
	}
	list := func(key string, all []string) {
		for _, got := range all[max(0, len(all)-lastSeen):] {
			saw(key, got)
		}
	}
	switch o.F {
	case history.FGet, history.FCas:
		saw(o.Key, o.Got)
	}
	list(o.Key, o.List)
	for i := range o.Txn {
		saw(o.Txn[i].Key, o.Txn[i].Got)
		list(o.Txn[i].Key, o.Txn[i].List)
	}
}

// unknown says what the history does not tell.
func (b *builder) unknown() []string {
	var all []string
	switch {
	case !b.began:
		all = append(all, "The history does not say what tells of elections.")
	case !b.shows:
		all = append(all, "The members write no trace and nobody decodes what they say to each other: of them only processes and faults are known.")
	case !b.elections.told:
		all = append(all, "The history tells of no message: a vote is joined to who stood in its term, and a leader to who granted it one.")
	}
	if b.operation {
		all = append(all, "Which entry an operation became is not told: it is joined to the member that was asked as it was before, and to nothing that the member did for it.")
	}
	return all
}
