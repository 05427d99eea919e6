package harness

import (
	"context"
	"sort"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// Progress is how a run stands.
type Progress struct {
	At     time.Duration // since the run began
	Phase  string
	Term   uint64   // the highest term with a known leader
	Leader string   // its leader
	OK     int64    // operations that succeeded so far
	PerSec float64  // operations that succeeded a second, lately
	Faults []string // the faults in force
	Done   int      // plan steps that have ended, or fired and ended once; not those given up
	Steps  int
}

const progressEvery = 200 * time.Millisecond

// follower keeps a Progress up to date from what is recorded.
type follower struct {
	p      Progress
	active map[int]string
	ended  map[int]bool
	lastOK int64
	lastAt time.Duration
}

// follow calls report until ctx is done. It reads the recorder's events and
// nothing else.
func follow(ctx context.Context, rec *history.Recorder, steps int, report func(Progress)) {
	events, cancel := rec.Watch(1<<14, func(e *history.Event) bool { return true })
	defer cancel()
	f := newFollower(steps)
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			f.take(&e)
		case <-tick.C:
			report(f.snapshot(rec.Now()))
		}
	}
}

func newFollower(steps int) *follower {
	return &follower{
		p:      Progress{Steps: steps},
		active: make(map[int]string),
		ended:  make(map[int]bool),
	}
}

func (f *follower) take(e *history.Event) {
	switch {
	case e.Op != nil:
		if e.Op.Type == history.OK {
			f.p.OK++
		}
	case e.Raft != nil:
		if e.Raft.What == history.RaftLeader && e.Raft.Term >= f.p.Term {
			f.p.Term, f.p.Leader = e.Raft.Term, e.Raft.Node
		}
	case e.Fault != nil:
		if e.Fault.What == history.FaultInject {
			f.active[e.Fault.Step] = e.Fault.Resolved
			return
		}
		delete(f.active, e.Fault.Step)
		if e.Fault.What == history.FaultNotStarted {
			return
		}
		f.ended[e.Fault.Step] = true // again and again, if its trigger is
		f.p.Done = len(f.ended)
	case e.Run != nil:
		if e.Run.What == history.RunPhase {
			f.p.Phase = e.Run.Phase
		}
	}
}

func (f *follower) snapshot(now time.Duration) Progress {
	f.p.At = now
	if since := now - f.lastAt; since > 0 {
		f.p.PerSec = float64(f.p.OK-f.lastOK) / since.Seconds()
	}
	f.lastOK, f.lastAt = f.p.OK, now
	f.p.Faults = f.p.Faults[:0:0]
	for _, text := range f.active {
		f.p.Faults = append(f.p.Faults, text)
	}
	sort.Strings(f.p.Faults)
	return f.p
}
