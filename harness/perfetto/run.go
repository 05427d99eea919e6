package perfetto

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// runTracks are those of the run itself.
type runTracks struct {
	phases, stalls, notes *track
	phase                 bool          // one is open
	stalled               time.Duration // until when
	ended                 bool          // the run told of its end
}

func newRunTracks() runTracks {
	run := &track{name: "run", pid: runPid}
	return runTracks{
		phases: &track{name: "phases", parent: run},
		stalls: &track{name: "stalls of the harness", parent: run},
		notes:  &track{name: "notes", parent: run},
	}
}

func (d *drawing) runs(r *history.Run) {
	t := &d.run
	switch r.What {
	case history.RunBegin:
		d.traced, d.tapped = r.Traced, r.Tapped
		for _, n := range r.Nodes {
			d.w.tell(d.member(n).process)
		}
		d.note(verdict.Describe(&history.Event{Run: r}))
	case history.RunPhase:
		t.finish(d)
		t.phase = true
		d.draw(t.phases, event{kind: sliceBegin, name: r.Phase})
	case history.RunStall:
		begin := max(d.now-max(r.Stall, 0), t.stalled)
		d.drawAt(begin, t.stalls, event{kind: sliceBegin, name: "stall"})
		d.draw(t.stalls, event{kind: sliceEnd})
		t.stalled = d.now
	default:
		t.ended = t.ended || r.What == history.RunEnd
		d.note(verdict.Describe(&history.Event{Run: r}))
	}
}

// note writes a remark about the run.
func (d *drawing) note(text string) { d.draw(d.run.notes, event{kind: instant, name: text}) }

func (t *runTracks) finish(d *drawing) {
	if t.phase {
		t.phase = false
		d.draw(t.phases, event{kind: sliceEnd})
	}
}

// faults are those in force.
type faults struct {
	lanes lanes
	open  map[int]int // lane by step
}

func (f *faults) fault(d *drawing, e *history.Fault) {
	name := verdict.OrElse(e.Resolved, e.Text)
	if e.What == history.FaultInject {
		if f.open == nil {
			f.open = make(map[int]int)
		}
		f.end(d, e.Step, nil)
		i := f.lanes.take()
		f.open[e.Step] = i
		d.draw(f.lanes.tracks[i], event{kind: sliceBegin, name: name, args: []arg{{name: "step", number: uint64(max(e.Step, 0))}}})
		return
	}
	args := []arg{{name: "outcome", text: string(e.What)}}
	if e.Reason != "" {
		args = append(args, arg{name: "reason", text: e.Reason})
	}
	for _, name := range slices.Sorted(maps.Keys(e.Evidence)) {
		args = append(args, arg{name: name, text: fmt.Sprint(e.Evidence[name])})
	}
	if e.What == history.FaultHeal {
		bit := "no"
		if e.Bit {
			bit = "yes"
		}
		args = append(args, arg{name: "bit", text: bit})
	}
	if !f.end(d, e.Step, args) {
		d.draw(d.run.notes, event{kind: instant, name: string(e.What) + ": " + name, args: args})
	}
}

func (f *faults) end(d *drawing, step int, args []arg) bool {
	i, ok := f.open[step]
	if ok {
		delete(f.open, step)
		d.draw(f.lanes.tracks[i], event{kind: sliceEnd, args: args})
		f.lanes.give(i)
	}
	return ok
}

func (f *faults) finish(d *drawing) {
	for i, taken := range f.lanes.taken {
		if taken {
			d.draw(f.lanes.tracks[i], event{kind: sliceEnd, args: []arg{{name: "outcome", text: "not healed"}}})
		}
	}
}

// clients are the operations under way. A client keeps its track as long as its
// process number lasts; after one without an answer another client takes it. The final
// reads, of which each has a number of its own, share tracks.
type clients struct {
	lanes lanes
	of    map[int]*client // by process
}

type client struct {
	lane int
	open bool
}

func (c *clients) op(d *drawing, o *history.Op) {
	k := c.of[o.Process]
	if k == nil {
		if o.Type != history.Invoke {
			return // it was asked for before the history begins
		}
		if c.of == nil {
			c.of = make(map[int]*client)
		}
		k = &client{lane: c.lanes.take()}
		c.of[o.Process] = k
	}
	t := c.lanes.tracks[k.lane]
	if o.Type == history.Invoke {
		if k.open {
			d.draw(t, event{kind: sliceEnd})
		}
		k.open = true
		d.draw(t, event{kind: sliceBegin, name: callName(o), args: callArgs(o)})
		return
	}
	if k.open {
		k.open = false
		d.draw(t, event{kind: sliceEnd, args: answerArgs(o)})
	}
	if o.Type == history.Info || o.Final {
		c.lanes.give(k.lane)
		delete(c.of, o.Process)
	}
}

func callName(o *history.Op) string {
	if o.Key == "" {
		return string(o.F)
	}
	return string(o.F) + " " + o.Key
}

func callArgs(o *history.Op) []arg {
	args := []arg{{name: "process", number: uint64(max(o.Process, 0))}}
	for _, a := range []arg{{name: "node", text: o.Node}, {name: "arg", text: o.Arg}, {name: "old", text: o.Old}} {
		if a.text != "" {
			args = append(args, a)
		}
	}
	return args
}

func answerArgs(o *history.Op) []arg {
	args := []arg{{name: "outcome", text: string(o.Type)}}
	for _, a := range []arg{{name: "got", text: o.Got}, {name: "error", text: o.Error}} {
		if a.text != "" {
			args = append(args, a)
		}
	}
	return args
}

func (c *clients) finish(d *drawing) {
	open := make([]bool, len(c.lanes.tracks))
	for _, k := range c.of {
		open[k.lane] = open[k.lane] || k.open
	}
	for i, t := range c.lanes.tracks {
		if open[i] {
			d.draw(t, event{kind: sliceEnd, args: []arg{{name: "outcome", text: "no answer"}}})
		}
	}
}

// proof is a broken rule: a slice from the first event of its proof to the last, and
// its events joined by a flow.
type proof struct {
	Proof
	track *track
	flow  uint64
	seen  int
}

// proofFlow keeps the flows of proofs apart from those of messages.
const proofFlow = 1 << 63

func newProof(p Proof, i int, parent *track) *proof {
	return &proof{Proof: p, track: &track{name: p.Checker + ": " + p.Rule, parent: parent}, flow: proofFlow | uint64(i+1)}
}

func (p *proof) step(d *drawing, text string) {
	if p.seen == 0 {
		d.draw(p.track, event{kind: sliceBegin, name: p.Rule, args: []arg{{name: "explanation", text: verdict.OrElse(p.Text, p.Rule)}}})
	}
	p.seen++
	d.draw(p.track, event{kind: instant, name: text, flow: p.flow, last: p.seen == len(p.Events)})
	if p.seen == len(p.Events) {
		d.draw(p.track, event{kind: sliceEnd})
	}
}

func (p *proof) finish(d *drawing) {
	if p.seen > 0 && p.seen < len(p.Events) {
		d.draw(p.track, event{kind: sliceEnd})
	}
}
