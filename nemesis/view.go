package nemesis

import (
	"sync"
	"sync/atomic"

	"github.com/usurper/usurper/harness/history"
)

// View is what raft events tell of who is who. It takes events of taps and
// traces together, in whatever order they come in, and tells each deed once
// although both may report it. It only aims faults: a view that lags misses its
// target and proves nothing. It may be used by several goroutines.
type View struct {
	mu sync.Mutex
	// leader leads term, the highest seen; "" once it is known to have stopped.
	leader string
	term   uint64
	// floor is the highest term whose leader is known to have stopped: a late
	// event must not raise it again.
	floor     uint64
	candidate string
	standing  uint64 // the candidate's term
	voter     string
	leading   map[string]uint64 // who led when last heard of, and in which term
	seen      map[deed]history.Pos
	watchers  map[*watcher]struct{}
	change    chan struct{} // closed when the roles next change

	awaited atomic.Int64 // watchers for Acknowledged
}

// Roles is who is who at one moment; "" means nobody.
type Roles struct {
	Leader, Candidate, Voter string
	It                       string // whose event fired the step
}

// deed is a kind of thing that a member does at ever higher positions.
type deed struct {
	event string
	node  string
	peer  string
}

// watcher waits for one event.
type watcher struct {
	trigger Trigger
	found   chan sighting // has room for one
}

// sighting is an event that fires a step, with the roles as it left them.
type sighting struct {
	event string
	raft  history.Raft

	message string // of an assertion
	fails   bool
}

// meets tells whether it is what a trigger waits for, whoever's event it is.
func (s sighting) meets(t Trigger) bool {
	if t.On != s.event {
		return false
	}
	return s.event != Asserted || t.Message == s.message || t.Message == "" && s.fails
}

// NewView returns a view that has seen nothing.
func NewView() *View {
	return &View{
		leading:  make(map[string]uint64),
		seen:     make(map[deed]history.Pos),
		watchers: make(map[*watcher]struct{}),
		change:   make(chan struct{}),
	}
}

// Observe takes the next event. Where members are of several groups, those of the main
// one count.
func (v *View) Observe(e history.Raft) {
	if e.Stage == history.Dropped || e.What == history.RaftMessage || e.Group != "" {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	defer v.signalLocked(v.nowLocked())
	fresh := v.freshLocked(e)
	v.leadersLocked(e)
	for _, d := range fresh {
		v.rolesLocked(d, e)
		v.fireLocked(sighting{event: d.event, raft: e})
	}
}

// Acknowledged tells the view that a member has told a client that its write is done.
// It costs next to nothing while no step waits for that.
func (v *View) Acknowledged(node string) {
	if v.awaited.Load() == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fireLocked(sighting{event: Acknowledged, raft: history.Raft{Node: node}})
}

// Asserted tells the view that a member came by an assertion in its program.
func (v *View) Asserted(node, message string, fails bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fireLocked(sighting{event: Asserted, raft: history.Raft{Node: node}, message: message, fails: fails})
}

// signalLocked tells those who wait if the roles are no longer what they were.
func (v *View) signalLocked(before Roles) {
	if v.nowLocked() != before {
		close(v.change)
		v.change = make(chan struct{})
	}
}

// changed returns a channel that is closed when the roles change.
func (v *View) changed() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.change
}

// Roles returns who is who now.
func (v *View) Roles() Roles {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.nowLocked()
}

func (v *View) nowLocked() Roles {
	r := Roles{Leader: v.leader, Voter: v.voter}
	if v.standing > v.term {
		r.Candidate = v.candidate
	}
	return r
}

// after returns who is who for a step that the sighting fires: the candidate,
// the voter and the leader of the event are those it tells of, though others
// may have come since.
func (v *View) after(s sighting) Roles {
	r := v.Roles()
	r.It = s.raft.Node
	switch s.event {
	case "candidate":
		r.Candidate = s.raft.Node
	case "vote-granted":
		r.Voter, r.Candidate = s.raft.Node, s.raft.Peer
	case "vote-refused":
		r.Candidate = s.raft.Peer
	}
	return r
}

// gone tells the view that a member was killed.
func (v *View) gone(node string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	defer v.signalLocked(v.nowLocked())
	v.resignLocked(node)
	delete(v.leading, node)
	if v.candidate == node {
		v.candidate = ""
	}
}

// freshLocked returns the deeds that the event tells of and that no event has
// told of before.
func (v *View) freshLocked(e history.Raft) []deed {
	var fresh []deed
	tell := func(event, peer string, at history.Pos) {
		d := deed{event: event, node: e.Node, peer: peer}
		if v.seen[d].Less(at) {
			v.seen[d] = at
			fresh = append(fresh, d)
		}
	}
	term := history.Pos{Term: e.Term}
	switch e.What {
	case history.RaftStart:
		tell("restart", "", history.Pos{Term: e.Inc})
	case history.RaftCandidate:
		tell("candidate", "", term)
	case history.RaftVote:
		switch {
		case e.Peer == e.Node: // its own vote is part of standing
		case e.Granted:
			tell("vote-granted", e.Peer, term)
		default:
			tell("vote-refused", e.Peer, term)
		}
	case history.RaftLeader:
		tell("leader", "", term)
	case history.RaftFollower:
		if since, led := v.leading[e.Node]; led && e.Term >= since {
			tell("stepdown", "", term)
		}
		tell("follower", "", term)
	case history.RaftAppend:
		tell("append", "", history.Pos{Term: e.Term, Index: e.To})
	case history.RaftTruncate:
		tell("truncate", "", history.Pos{Term: e.Term, Index: e.Index})
	case history.RaftCommit:
		tell("commit", "", history.Pos{Term: e.Term, Index: e.Index})
	case history.RaftSnapshot:
		tell("snapshot", "", history.Pos{Term: e.EntryTerm, Index: e.Index})
	case history.RaftInstall:
		tell("install", "", history.Pos{Term: e.EntryTerm, Index: e.Index})
	}
	return fresh
}

// leadersLocked learns from the event who leads. Besides the election itself,
// whatever a member accepts from a leader names it: the view may have been
// opened long after the election.
func (v *View) leadersLocked(e history.Raft) {
	switch e.What {
	case history.RaftLeader:
		v.leading[e.Node] = max(v.leading[e.Node], e.Term)
		v.leadsLocked(e.Node, e.Term)
	case history.RaftCommit:
		if e.Lead {
			v.leadsLocked(e.Node, e.Term)
		}
	case history.RaftAppend, history.RaftTruncate, history.RaftAck, history.RaftInstall:
		v.leadsLocked(e.Peer, e.Term)
	case history.RaftFollower:
		v.endsLocked(e.Node, e.Term)
		v.leadsLocked(e.Peer, e.Term)
	case history.RaftStart:
		v.endsLocked(e.Node, e.Term)
	case history.RaftCandidate:
		// A tap may have shown it as the leader of this very term before its
		// trace says that it stood.
		v.endsLocked(e.Node, max(e.Term, 1)-1)
	}
}

// endsLocked notes that a member no longer leads term, nor one before.
func (v *View) endsLocked(node string, term uint64) {
	if v.leading[node] <= term {
		delete(v.leading, node)
	}
	if v.term <= term {
		v.resignLocked(node)
	}
}

func (v *View) leadsLocked(node string, term uint64) {
	if node != "" && term > v.floor && term > v.term {
		v.leader, v.term = node, term
	}
}

func (v *View) resignLocked(node string) {
	if v.leader == node && node != "" {
		v.leader, v.floor = "", max(v.floor, v.term)
	}
}

// rolesLocked notes who stands and who votes.
func (v *View) rolesLocked(d deed, e history.Raft) {
	switch d.event {
	case "candidate":
		if e.Term >= v.standing {
			v.candidate, v.standing = e.Node, e.Term
		}
	case "vote-granted":
		v.voter = e.Node
	}
}

// watch returns a watcher for the next event that fires the trigger.
func (v *View) watch(t Trigger) *watcher {
	w := &watcher{trigger: t, found: make(chan sighting, 1)}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.watchers[w] = struct{}{}
	if t.On == Acknowledged {
		v.awaited.Add(1)
	}
	return w
}

func (v *View) unwatch(w *watcher) {
	if w.trigger.On == Acknowledged {
		v.awaited.Add(-1)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.watchers, w)
}

// fireLocked hands the sighting to all who wait for it; each takes one.
func (v *View) fireLocked(s sighting) {
	roles := v.nowLocked()
	for w := range v.watchers {
		if s.meets(w.trigger) && w.trigger.by(s.raft.Node, roles) {
			delete(v.watchers, w)
			w.found <- s
		}
	}
}
