package checker

import (
	"iter"
	"sync"
	"sync/atomic"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// RunBatches is Run for a history that comes in batches, with every checker at
// work in a goroutine of its own. Each sees the events that it looks at in the same
// order, so the report is the one that Run makes.
func RunBatches(cs []Checker, batches iter.Seq2[*history.Batch, error]) (Report, error) {
	lanes := make([]*lane, len(cs))
	var gone sync.WaitGroup
	for i, c := range cs {
		lanes[i] = &lane{NewRunner([]Checker{c}), verdict.KindsOf(c), make(chan work, laneDepth), Result{}}
		gone.Go(lanes[i].work)
	}
	var facts tally
	var failed error
	for b, err := range batches {
		if err != nil {
			failed = err
			break
		}
		for _, e := range b.Events {
			facts.event(e)
		}
		s := &shared{batch: b}
		s.users.Store(int32(len(lanes)) + 1)
		for _, l := range lanes {
			if events := pick(b, l.kinds); len(events) > 0 {
				l.in <- work{s, events}
			} else {
				s.done()
			}
		}
		s.done()
	}
	for _, l := range lanes {
		close(l.in)
	}
	gone.Wait()
	report := Report{Verdict: Valid}
	if len(lanes) == 0 {
		report = NewRunner(nil).Finish()
	}
	report.Run = facts.facts()
	for _, l := range lanes {
		report.Results = append(report.Results, l.result)
	}
	report.forgive(&facts.disks)
	report.unjudged(&facts, cs)
	report.vacuous()
	if failed != nil {
		report.unread(failed)
	}
	return report, failed
}

// laneDepth is how many batches a checker may be behind the reader.
const laneDepth = 8

// lane is one checker and the batches that wait for it.
type lane struct {
	runner *Runner
	kinds  verdict.Kinds
	in     chan work
	result Result
}

// work is what a checker has to look at of a batch.
type work struct {
	of     *shared
	events []*history.Event
}

// pick returns the events of a batch that are of the kinds, and maybe others.
func pick(b *history.Batch, kinds verdict.Kinds) []*history.Event {
	if len(b.Ops)+len(b.Rafts)+len(b.Others) != len(b.Events) {
		return b.Events // nobody has sorted it
	}
	var events []*history.Event
	for i, some := range [...][]*history.Event{b.Ops, b.Rafts, b.Others} {
		switch kind := verdict.Ops << i; {
		case kinds&kind == 0 || len(some) == 0:
		case events != nil:
			return b.Events // in their order
		default:
			events = some
		}
	}
	return events
}

// shared is a batch on its way through the lanes.
type shared struct {
	batch *history.Batch
	users atomic.Int32
}

func (s *shared) done() {
	if s.users.Add(-1) == 0 {
		s.batch.Release()
	}
}

func (l *lane) work() {
	for w := range l.in {
		l.runner.events(w.events)
		w.of.done()
	}
	l.result = l.runner.finish(0)
}

// events hands events to the only checker, unless it has panicked.
func (r *Runner) events(events []*history.Event) {
	if r.panics[0] != "" {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			r.panics[0] = panicText(p)
		}
	}()
	for _, e := range events {
		r.checkers[0].Event(e)
	}
}
