package coverage

import (
	"strings"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// watch follows one run. What it keeps does not grow with the run's length.
type watch struct {
	tally *Tally
	name  string // the run's

	names   []string
	members []member
	led     uint64 // the latest term that anybody is told to have led
	joint   bool
	shown   bool // traces or taps tell of elections, so that claims do not count
	known   uint64
	lag     time.Duration
	fronts  [9]front
	at      int
	seq     uint64
	running bool // clients and faults are at work
	healed  bool
	over    bool

	open   []*strike
	parted bool // a link is cut

	tells   tells
	changes bool // of the membership are told of

	dirty bool // what is known of members has changed since the last sample
	shape shape
	situations
}

// tells is what a history tells of.
type tells uint

const (
	tellLeaders   tells = 1 << iota // who leads
	tellVotes                       // who stands, and who votes
	tellLogs                        // how far members' logs reach
	tellSnapshots                   // snapshots taken or installed
	tellChanges                     // changes of the membership
	tellProcesses                   // what became of processes
	tellClients                     // operations
	tellTraces                      // members themselves tell
)

// defaultLag is what an election timeout is taken for where the history names none.
const defaultLag = time.Second

func newWatch(t *Tally, name string) *watch {
	return &watch{tally: t, name: name, lag: defaultLag, running: true, situations: newSituations()}
}

// take takes the next event.
func (w *watch) take(e *history.Event) {
	if w.over {
		return
	}
	w.seq = e.Seq
	w.clock(e.At)
	switch {
	case e.Op != nil:
		w.op(e.Op)
		return // no state changes by it
	case e.Raft != nil:
		if e.Raft.Group != "" {
			return // what is counted is about the main one
		}
		w.raft(e)
	case e.Fault != nil:
		w.dirty = true
		w.fault(e.Fault)
	case e.Proc != nil:
		w.proc(e.Proc)
	case e.Claim != nil:
		w.claim(e.Claim)
	case e.Run != nil:
		w.run(e.Run)
	}
	if w.dirty && w.running {
		w.dirty = false
		w.look()
		w.sample()
	}
}

func (w *watch) run(r *history.Run) {
	switch r.What {
	case history.RunBegin:
		for _, n := range r.Nodes {
			w.member(n)
		}
		w.shown = r.Traced || r.Tapped
		if r.Election > 0 {
			w.lag = r.Election
		}
		for _, theme := range r.Themes[:min(len(r.Themes), maxKinds)] {
			w.tally.Themes[strings.Clone(theme)] = Theme{Runs: 1}
		}
		w.running = false // before there is a leader nothing is tried
	case history.RunPhase:
		w.dirty = true
		w.healed = r.Phase == history.PhaseHealed || r.Phase == history.PhaseFinal || r.Phase == history.PhaseStop
		w.running = !w.healed
		w.over = r.Phase == history.PhaseStop
	}
}

// finish adds up what is known once the run is over.
func (w *watch) finish() {
	if w.changes {
		w.tells |= tellChanges
	}
	w.tally.Settings[Setting{Members: len(w.members), tells: w.tells}] = 1
	w.tally.States.trim(runStates)
	w.judge()
}
