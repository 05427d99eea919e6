// Package perfetto writes a run as a trace that Perfetto's UI opens: a process for
// each member, with tracks for what it was, its term, its disk and its log, counters of
// what it knows committed and how far it is behind, and arrows for the messages of
// elections; the clients, the faults and the broken rules beside them.
//
// The format is Perfetto's own, TracePacket by TracePacket (writer.go); README.md says
// what was and what was not tried with it. A history is read once, in its order, and
// little of it is kept: what is open.
package perfetto

import (
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// Proof is a broken rule and the numbers of the events that prove it.
type Proof struct {
	Checker, Rule, Text string
	Events              []uint64
}

// Done says what was written.
type Done struct {
	Events  int // of the history
	Packets uint64
	Tracks  uint64
	// Unread is why the history could not be read to its end, nil if it was. The trace is
	// whole and ends there, with a note.
	Unread error
}

// Export writes the events as a trace. The same history and proofs give the same bytes.
// Every slice is ended, at the last event if not before. An error is one of out.
func Export(out io.Writer, events iter.Seq2[*history.Event, error], proofs []Proof) (Done, error) {
	d := newDrawing(out, proofs)
	for e, err := range events {
		if err != nil {
			d.done.Unread = err
			d.note("the history cannot be read any further")
			break
		}
		d.done.Events++
		d.now = max(d.now, e.At)
		d.event(e)
		if d.w.err != nil {
			return d.done, fmt.Errorf("write the trace: %w", d.w.err)
		}
	}
	if !d.run.ended && d.done.Unread == nil {
		d.note("the history has no end: the run was cut short, or was under way")
	}
	d.finish()
	d.done.Tracks = d.w.tracks
	if d.w.err != nil {
		return d.done, fmt.Errorf("write the trace: %w", d.w.err)
	}
	return d.done, nil
}

// The numbers that processes have in a trace.
const (
	runPid     = 1
	faultsPid  = 2
	clientsPid = 3
	proofsPid  = 4
	memberPid  = 10 // of the first
)

// drawing is a trace under construction.
type drawing struct {
	w    *writer
	done Done
	now  time.Duration

	traced, tapped bool
	run            runTracks
	faults         faults
	clients        clients
	members        map[string]*member
	order          []*member
	lag            lag
	proofs         []*proof
	proves         map[uint64][]*proof
}

func newDrawing(out io.Writer, proofs []Proof) *drawing {
	d := &drawing{w: newWriter(out), members: make(map[string]*member), proves: make(map[uint64][]*proof)}
	d.run = newRunTracks()
	d.faults.lanes = lanes{parent: &track{name: "faults", pid: faultsPid}, each: "fault"}
	d.clients.lanes = lanes{parent: &track{name: "clients", pid: clientsPid}, each: "client"}
	parent := &track{name: "broken rules", pid: proofsPid}
	for i, p := range proofs {
		q := newProof(p, i, parent)
		d.proofs = append(d.proofs, q)
		for _, seq := range p.Events {
			d.proves[seq] = append(d.proves[seq], q)
		}
	}
	return d
}

func (d *drawing) draw(t *track, e event) { d.drawAt(d.now, t, e) }

func (d *drawing) drawAt(at time.Duration, t *track, e event) {
	d.done.Packets++
	d.w.draw(at, t, e)
}

func (d *drawing) event(e *history.Event) {
	switch {
	case e.Run != nil:
		d.runs(e.Run)
	case e.Op != nil:
		d.clients.op(d, e.Op)
	case e.Fault != nil:
		d.faults.fault(d, e.Fault)
		if e.Fault.Freezes() {
			for _, n := range e.Fault.Nodes {
				d.member(n).freezes(d, e.Fault.What == history.FaultInject)
			}
		}
	case e.Proc != nil:
		d.member(e.Proc.Node).proc(d, e.Proc)
	case e.Raft != nil && e.Raft.Source != history.Harness:
		d.raft(e.Raft)
	case e.Claim != nil:
		d.member(e.Claim.Node).claim(d, e.Claim)
	}
	d.lag.tick(d)
	for _, p := range d.proves[e.Seq] {
		p.step(d, verdict.Describe(e))
	}
}

// finish ends what is open.
func (d *drawing) finish() {
	d.run.finish(d)
	d.faults.finish(d)
	d.clients.finish(d)
	for _, m := range d.order {
		m.finish(d)
	}
	for _, p := range d.proofs {
		p.finish(d)
	}
}

// member returns the tracks of a member.
func (d *drawing) member(name string) *member {
	m := d.members[name]
	if m == nil {
		m = newMember(name, memberPid+len(d.order))
		d.members[m.name] = m
		d.order = append(d.order, m)
	}
	return m
}

// lanes are tracks of which each has one slice at a time.
type lanes struct {
	parent *track
	each   string // what they are called, before their number
	tracks []*track
	taken  []bool
}

// take returns the first that is free.
func (l *lanes) take() int {
	for i, taken := range l.taken {
		if !taken {
			l.taken[i] = true
			return i
		}
	}
	l.tracks = append(l.tracks, &track{name: fmt.Sprint(l.each, " ", len(l.tracks)+1), parent: l.parent})
	l.taken = append(l.taken, true)
	return len(l.tracks) - 1
}

func (l *lanes) give(i int) { l.taken[i] = false }
