package slice

import (
	"iter"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// builder reads a history and notes what led to what. What members did is the same for
// every proof; of what clients did each proof has its own.
type builder struct {
	graph     graph
	elections elections
	proofs    []*proof

	began   bool
	shows   bool            // traces or taps tell of elections
	faults  map[int]inForce // by step
	inOrder []int           // their steps
}

type inForce struct {
	seq     uint32
	nodes   []string
	traffic bool
}

func newBuilder(proofs [][]history.Event, limit int) *builder {
	b := &builder{elections: newElections(), faults: make(map[int]inForce)}
	for _, events := range proofs {
		b.proofs = append(b.proofs, newProof(events, limit))
	}
	return b
}

// read hands over the events up to the end of the last proof.
func (b *builder) read(events iter.Seq2[*history.Event, error], take func(*history.Event)) error {
	wanted := func(seq uint32) bool {
		return slices.ContainsFunc(b.proofs, func(p *proof) bool { return !p.over(seq) })
	}
	if !wanted(0) {
		return nil
	}
	for e, err := range events {
		if err != nil {
			return err
		}
		if !wanted(uint32(e.Seq)) {
			return nil
		}
		take(e)
	}
	return nil
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
		for _, p := range b.proofs {
			if !p.searched {
				p.clients.op(seq, e.Op, &b.elections)
			}
		}
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
	for _, p := range b.proofs {
		if p.over(seq + 1) {
			p.search(b)
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

// unknown says what the history does not tell of a proof, in which clients may have a
// part.
func (b *builder) unknown(clients bool) []string {
	var all []string
	switch {
	case !b.began:
		all = append(all, "The history does not say what tells of elections.")
	case !b.shows:
		all = append(all, "The members write no trace and nobody decodes what they say to each other: of them only processes and faults are known.")
	case !b.elections.told:
		all = append(all, "The history tells of no message: a vote is joined to who stood in its term, and a leader to who granted it one.")
	}
	if clients {
		all = append(all, "Which entry an operation became is not told: it is joined to the member that was asked as it was before, and to nothing that the member did for it.")
	}
	return all
}
