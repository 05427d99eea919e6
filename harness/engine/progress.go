package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
)

// Progress is how a run stands.
type Progress struct {
	At time.Duration // since the run began
	// Phase is one of those of histories; "" before the first, and [PhasePrepare] while
	// the target sets its system up.
	Phase string
	Doing string // what it does in PhasePrepare, if it says so
	// Leader is who leads as far as is known; its Node is "" while nobody is known to.
	Leader history.Leadership
	// Untold says that nobody has told of any role so far, nor need ever: neither traces
	// nor taps do, and members may not.
	Untold bool
	OK     int64    // operations that succeeded so far
	PerSec float64  // operations that succeeded a second, lately
	Faults []string // the faults in force, without their times, the latest first
	Done   int      // plan steps that have ended, or fired and ended once; not those given up
	Steps  int
	// Members are in the order of their names. It belongs to who gets it.
	Members []MemberProgress
}

// MemberProgress is how a member stands, as far as is known.
type MemberProgress struct {
	Name string
	Role string // leader, follower, candidate; "" when nobody tells
	Term uint64 // 0 when nobody tells
	// Down says that it has no process, Paused that its process stands still.
	Down, Paused bool
	Cut          []string // the members from which a fault keeps it apart, one way or both
}

// PhasePrepare is the phase in which the target sets its system up.
const PhasePrepare = "prepare"

// tell calls Config.Progress, and says when the system is being set up, which no event
// tells.
func (r *run) tell(p Progress) {
	if doing := r.preparing.Load(); doing != nil && p.Phase == "" {
		p.Phase, p.Doing = PhasePrepare, *doing
	}
	r.cfg.Progress(p)
}

const progressEvery = 200 * time.Millisecond

// follower keeps a Progress up to date from what is recorded.
type follower struct {
	p       Progress
	leaders history.Leaders
	members []MemberProgress
	active  map[int]force
	ended   map[int]bool
	ok      atomic.Int64 // operations that succeeded
	lastOK  int64
	lastAt  time.Duration
}

// force is a fault in force.
type force struct {
	since time.Duration
	text  string
	cuts  [][2]string
}

// follow calls report until ctx is done. It reads the recorder's events from now on and
// the first of them, nothing else.
func follow(ctx context.Context, rec *history.Recorder, begin history.Event, report func(Progress)) {
	f := newFollower()
	events, cancel := rec.Watch(1<<14, f.wants)
	defer cancel()
	f.take(&begin)
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

func newFollower() *follower {
	return &follower{active: make(map[int]force), ended: make(map[int]bool)}
}

// wants counts operations where they are recorded: there are thousands a second, and
// nobody is to wake for each.
func (f *follower) wants(e *history.Event) bool {
	if e.Op != nil && e.Op.Type == history.OK {
		f.ok.Add(1)
	}
	return e.Op == nil
}

func (f *follower) take(e *history.Event) {
	f.leaders.Take(e)
	switch {
	case e.Raft != nil:
		f.raft(e.Raft)
	case e.Claim != nil:
		f.plays(e.Claim.Node, e.Claim.Role, e.Claim.Term)
	case e.Proc != nil:
		f.proc(e.Proc)
	case e.Fault != nil:
		f.fault(e)
	case e.Run != nil:
		switch e.Run.What {
		case history.RunBegin:
			f.p.Steps = e.Run.Steps
			f.p.Untold = !e.Run.Traced && !e.Run.Tapped
			for _, name := range e.Run.Nodes {
				f.member(name)
			}
		case history.RunPhase:
			f.p.Phase = e.Run.Phase
		}
	}
}

// member returns what is known of a member.
func (f *follower) member(name string) *MemberProgress {
	at, known := slices.BinarySearchFunc(f.members, name, func(m MemberProgress, name string) int { return cmp.Compare(m.Name, name) })
	if !known {
		f.members = slices.Insert(f.members, at, MemberProgress{Name: name})
	}
	return &f.members[at]
}

// raft takes the role and the term of a member from what it does.
func (f *follower) raft(r *history.Raft) {
	if r.Stage == history.Dropped || r.Source == history.Harness || r.Group != "" {
		return
	}
	switch r.What {
	case history.RaftLeader:
		f.plays(r.Node, "leader", r.Term)
	case history.RaftCandidate:
		f.plays(r.Node, "candidate", r.Term)
	case history.RaftStart, history.RaftFollower:
		f.plays(r.Node, "follower", r.Term)
	case history.RaftAppend, history.RaftAck, history.RaftInstall:
		if r.Peer != "" && r.Peer != r.Node { // a leader's word is taken
			f.plays(r.Node, "follower", r.Term)
		}
	}
}

// plays notes a member's role in a term. Events of one term come in any order, and
// nobody who has led in one is anything else in it but by standing down.
func (f *follower) plays(name, role string, term uint64) {
	m := f.member(name)
	if role == "" || term < m.Term || term == m.Term && term > 0 && m.Role == "leader" && role == "candidate" {
		return
	}
	m.Role, m.Term, f.p.Untold = role, term, false
}

func (f *follower) proc(p *history.Proc) {
	m := f.member(p.Node)
	switch {
	case p.What == history.ProcStart:
		*m = MemberProgress{Name: p.Node}
	case p.What == history.ProcExit:
		*m = MemberProgress{Name: p.Node, Down: true}
	case p.Pauses():
		m.Paused = true
	case p.Resumes():
		m.Paused = false
	}
}

func (f *follower) fault(e *history.Event) {
	if e.Fault.What == history.FaultInject {
		in := force{since: e.At, text: e.Fault.Resolved}
		if step, err := nemesis.ParseStep(e.Fault.Resolved); err == nil {
			var names []string
			for _, m := range f.members {
				names = append(names, m.Name)
			}
			in.text, in.cuts = step.Fault.String(), nemesis.Cuts(step.Fault, names)
			if len(names) > 1 {
				in.text = strings.ReplaceAll(in.text, strings.Join(names, " "), "*") // as a plan has it
			}
		}
		f.active[e.Fault.Step] = in
		return
	}
	delete(f.active, e.Fault.Step)
	if e.Fault.What == history.FaultNotStarted {
		return
	}
	f.ended[e.Fault.Step] = true // again and again, if its trigger is
	f.p.Done = len(f.ended)
}

func (f *follower) snapshot(now time.Duration) Progress {
	f.p.At, f.p.OK = now, f.ok.Load()
	if since := now - f.lastAt; since > 0 {
		f.p.PerSec = float64(f.p.OK-f.lastOK) / since.Seconds()
	}
	f.lastOK, f.lastAt = f.p.OK, now
	f.p.Leader = f.leaders.Now()
	all := make([]force, 0, len(f.active))
	for _, in := range f.active {
		all = append(all, in)
	}
	slices.SortFunc(all, func(a, b force) int { return cmp.Or(cmp.Compare(b.since, a.since), cmp.Compare(a.text, b.text)) })
	f.p.Faults = nil
	f.p.Members = slices.Clone(f.members)
	for _, in := range all {
		f.p.Faults = append(f.p.Faults, in.text)
		f.apart(in.cuts)
	}
	return f.p
}

// apart tells of the members which of the others cuts keep them from.
func (f *follower) apart(cuts [][2]string) {
	for _, link := range cuts {
		for i := range f.p.Members {
			m := &f.p.Members[i]
			other := link[1]
			switch m.Name {
			case link[0]:
			case link[1]:
				other = link[0]
			default:
				continue
			}
			if at, there := slices.BinarySearch(m.Cut, other); !there {
				m.Cut = slices.Insert(m.Cut, at, other)
			}
		}
	}
}
