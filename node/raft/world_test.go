package raft_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
	"github.com/usurper/usurper/node/raft"
)

// What a world demands besides the invariants of the oracle.
const (
	noPanic      = "no panic"
	keptContract = "kept contract" // with the caller: entries to apply come in order
	progress     = "progress"      // without faults a leader is elected, and commits
)

// Virtual time: members act in the middle of slots, all their clocks together,
// once in tickSlots. An election timeout is electionTicks at least.
const (
	slot          = time.Millisecond
	tickSlots     = 10
	electionTicks = 10
	compactEvery  = 20
)

// world is a cluster in virtual time that the nemesis attacks as it attacks
// processes: it implements nemesis.System. One goroutine owns it, that of the
// test; faults, which have goroutines of their own, hand it what they want done.
//
// A trial comes out the same each time: members act in the middle of a slot, each
// step of the plan at a moment of its own (see stagger), and where faults act at the
// same time nevertheless, as when all that is in force ends, the world has them do so
// one by one.
type world struct {
	*cluster
	oracle *oracle
	net    *network
	view   *nemesis.View
	began  time.Time
	calls  chan call
	events chan history.Raft // nil: nobody watches

	incs   map[raft.ID]uint64
	paused map[raft.ID]bool
	inbox  []parcel // what waits for paused members
	rngs   map[raft.ID]*rand.Rand
	client uint64 // number of the next proposal or read
	trail  *xxhash.Digest
	told   int  // events
	dead   bool // a member panicked, or broke the contract with its caller
	stack  string
}

func newWorld(t trial) *world {
	w := &world{
		net: newNetwork(t.seed), view: nemesis.NewView(), began: time.Now(), calls: make(chan call),
		incs: map[raft.ID]uint64{}, paused: map[raft.ID]bool{}, rngs: map[raft.ID]*rand.Rand{}, trail: xxhash.New(),
	}
	for id := range raft.ID(t.nodes) {
		w.rngs[id+1] = rand.New(rand.NewPCG(t.seed, uint64(id+1)))
	}
	rng := rand.New(rand.NewPCG(t.seed, 0))
	s := setup{
		n: t.nodes, election: electionTicks, heartbeat: 2, bug: t.bug, preVote: t.preVote, mixed: t.mixed,
		timeout: func(id raft.ID) int { return electionTicks + w.rngs[id].IntN(electionTicks) },
		batch:   1 + rng.IntN(200), inflight: 1 + rng.IntN(4),
	}
	w.oracle = newOracle(s)
	w.cluster = newCluster(judge{world: w}, s, w)
	w.post = func(m raft.Message) { w.net.send(m, w.now()) }
	return w
}

// now is the last slot whose middle is over.
func (w *world) now() int64 { return int64((time.Since(w.began) - slot/2) / slot) }

// pass lets time pass until done, for so many slots at most, and tells whether it
// came to that.
func (w *world) pass(slots int64, done func() bool) bool {
	timer := time.NewTimer(slot) // never one of no time, which crashes the race build in a bubble, rarely
	defer timer.Stop()
	for end := w.now() + slots; !done(); {
		next := w.due()
		if next > end {
			return false
		}
		timer.Reset(time.Until(w.began.Add(time.Duration(next)*slot + slot/2)))
		select {
		case <-timer.C:
			w.guard(func() { w.turn(next) })
		case c := <-w.calls:
			w.serve(c)
		}
	}
	return true
}

// due is the next slot in which something happens.
func (w *world) due() int64 {
	tick := (w.now()/tickSlots + 1) * tickSlots
	if len(w.net.flight) > 0 {
		return min(tick, max(w.net.flight[0].due, w.now()+1))
	}
	return tick
}

// turn does all that happens in a slot.
func (w *world) turn(now int64) {
	for _, p := range w.net.arrived(now) {
		if w.paused[p.To] {
			w.inbox = append(w.inbox, p)
		} else {
			w.give(p.Message)
		}
	}
	if now%tickSlots != 0 {
		return
	}
	for _, id := range w.voters {
		if w.up(id) != nil && !w.paused[id] {
			w.tick(id, 1)
			w.ask(id)
		}
	}
}

// ask is what clients want of a member, and what it does for itself: it compacts
// its log.
func (w *world) ask(id raft.ID) {
	w.client++
	switch w.rngs[id].IntN(4) {
	case 0:
		w.oracle.asked[w.client] = w.oracle.top
		_ = w.read(id, w.client)
	case 1, 2:
		_, _ = w.propose(id, fmt.Sprintf("p%d", w.client))
	}
	m := w.members[id]
	if m.applied.Index >= m.raft.Status().Snapshot.Index+compactEvery {
		w.compact(id)
		w.tell(history.Raft{What: history.RaftSnapshot, Node: nameOf(id), EntryTerm: m.applied.Term, Index: m.applied.Index})
	}
}

// guard calls f, unless the world is dead, and takes a panic for a breach.
func (w *world) guard(f func()) {
	if w.dead {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			w.dead, w.stack = true, string(debug.Stack())
			w.oracle.breach(noPanic, "%v", p)
		}
	}()
	f()
}

// call is what a fault wants done. Its name orders those that come at the same
// moment.
type call struct {
	name string
	do   func()
	done chan struct{}
}

// call has f done by the goroutine that owns the world. Before it returns,
// whoever watches has seen the events of it. The dead do nothing.
func (w *world) call(name string, f func()) {
	w.hand(call{name, func() { w.guard(f) }, make(chan struct{})})
}

func (w *world) hand(c call) {
	w.calls <- c
	<-c.done
}

// serve does what is wanted at this moment, one after the other: the next one once
// nobody has anything to do but to wait for it.
func (w *world) serve(c call) {
	for waiting := []call{c}; len(waiting) > 0; waiting = waiting[1:] {
		synctest.Wait()
		for more := true; more; {
			select {
			case c := <-w.calls:
				waiting = append(waiting, c)
			default:
				more = false
			}
		}
		slices.SortStableFunc(waiting, func(a, b call) int { return strings.Compare(a.name, b.name) })
		before := w.told
		waiting[0].do()
		if w.told > before {
			synctest.Wait()
		}
		close(waiting[0].done)
	}
}

func (w *world) event(id raft.ID, e raft.Event) {
	w.oracle.event(id, e)
	w.follow(e.What, uint64(w.now()), uint64(id), e.Term, uint64(e.Peer), e.PeerTerm, e.Index, e.To, e.Hash)
	w.tell(history.Raft{
		What: history.RaftWhat(e.What), Node: nameOf(id), Term: e.Term, Peer: nameOf(e.Peer), PeerTerm: e.PeerTerm,
		To: e.To, EntryTerm: e.EntryTerm, Index: e.Index, Granted: e.Granted, Lead: e.Lead,
	})
}

// follow adds to the digest of all that happened.
func (w *world) follow(what string, numbers ...uint64) {
	_, _ = w.trail.WriteString(what)
	var b [8]byte
	for _, n := range numbers {
		binary.LittleEndian.PutUint64(b[:], n)
		_, _ = w.trail.Write(b[:])
	}
}

func (w *world) output(id raft.ID, out *raft.Output) { w.oracle.output(id, out) }

// tell lets the nemesis see an event.
func (w *world) tell(e history.Raft) {
	w.told++
	if w.events != nil {
		w.events <- e
	} else {
		w.view.Observe(e)
	}
}

// judge is what the cluster fails when it finds a member to break the contract
// with its caller.
type judge struct {
	testing.TB
	world *world
}

func (judge) Helper() {}

func (j judge) Errorf(format string, args ...any) {
	j.world.oracle.breach(keptContract, format, args...)
}

func (j judge) FailNow() { panic("the contract is broken") }

// What follows is nemesis.System.

func (w *world) Nodes() []string { return names(len(w.voters)) }

func (w *world) Kill(_ context.Context, node string) (pid int, err error) {
	w.call("kill "+node, func() {
		id := idOf(node)
		if w.up(id) == nil {
			err = fmt.Errorf("%s is down", node)
			return
		}
		w.crash(id)
		w.paused[id] = false
		w.release(id, false)
		pid = int(1000*w.incs[id]) + int(id)
	})
	return pid, err
}

func (w *world) Start(_ context.Context, node string) (err error) {
	w.call("start "+node, func() {
		id := idOf(node)
		if w.up(id) != nil {
			err = fmt.Errorf("%s is up", node)
			return
		}
		w.incs[id]++
		w.tell(history.Raft{What: history.RaftStart, Node: node, Inc: w.incs[id], Term: w.members[id].hard.Term})
		w.cluster.start(id)
	})
	return err
}

func (w *world) Pause(_ context.Context, node string) (err error) {
	w.call("pause "+node, func() {
		if id := idOf(node); w.up(id) == nil || w.paused[id] {
			err = fmt.Errorf("%s does not run", node)
		} else {
			w.paused[id] = true
		}
	})
	return err
}

func (w *world) Resume(_ context.Context, node string) (err error) {
	w.call("resume "+node, func() {
		if id := idOf(node); !w.paused[id] {
			err = fmt.Errorf("%s is not paused", node)
		} else {
			w.paused[id] = false
			w.release(id, true)
		}
	})
	return err
}

// release lets a member have what has come while it was paused, or not.
func (w *world) release(id raft.ID, have bool) {
	var rest []parcel
	for _, p := range w.inbox {
		switch {
		case p.To != id:
			rest = append(rest, p)
		case have:
			p.due = w.now() + 1
			w.net.put(p)
		}
	}
	w.inbox = rest
}

func (w *world) Apply(_ context.Context, r nemesis.Rule) (nemesis.Applied, error) {
	if _, no := refused()[r.Action]; no {
		return nil, errors.ErrUnsupported
	}
	a := removable{world: w}
	w.call("install "+fmt.Sprint(r), func() { a.rule = w.net.install(r) })
	return a, nil
}

func (w *world) Operate(context.Context, string, string, ...string) (map[string]int64, error) {
	return nil, nemesis.ErrUnsupported
}

func (w *world) Watch() (<-chan history.Raft, func()) {
	events := make(chan history.Raft, 64)
	w.call("watch", func() { w.events = events })
	return events, func() { w.call("watch", func() { w.events = nil }) }
}

// healed tells what is not as it was before all faults.
func (w *world) healed() error {
	for _, id := range w.voters {
		if w.up(id) == nil || w.paused[id] {
			return fmt.Errorf("%s does not run", nameOf(id))
		}
	}
	if n := len(w.net.rules); n > 0 {
		return fmt.Errorf("%d rules are left", n)
	}
	return nil
}
