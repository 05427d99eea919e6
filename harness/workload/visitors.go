package workload

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/history"
)

const (
	// visitOps is how many operations a visitor carries out at each change of leaders,
	// and visitFor, in Options.Hurry, how long that may take.
	visitOps = 6
	visitFor = 8
	// visitReads is how many reads of what others have written come before that.
	visitReads = 8
	// toDeposed and toAnybody are the shares of a visitor's reads that go to whom the
	// new leader replaces, and to anybody.
	toDeposed = 0.5
	toAnybody = 0.25
)

// visitors are clients that come when somebody else leads, before those that have
// waited for the old leader have noticed: they write to the new one first thing, and
// read at the old one and at others what had been written then. There are as many as
// share a key, and they share it with nobody else; but every other one first reads at the
// new leader what those have written who wait for the old one. Each time they come with
// new connections, as new processes.
type visitors struct {
	workers []*worker
	w       Workload
	busy    []chan struct{} // has room while the visitor is away
	visits  sync.WaitGroup
}

// firstVisitor is the number of the first one, after all other clients.
func (o *Options) firstVisitor() int { return (o.clients() + groupSize - 1) / groupSize * groupSize }

// numbers returns how many numbers of clients there are.
func (o *Options) numbers() int {
	if o.Leaders == nil {
		return o.clients()
	}
	return o.firstVisitor() + groupSize
}

func newVisitors(o *Options, w Workload, again *late) *visitors {
	v := &visitors{w: w}
	for i := range groupSize {
		k := newWorker(o, o.firstVisitor()+i, o.firstVisitor()+i)
		k.late = again
		v.workers = append(v.workers, k)
		v.busy = append(v.busy, make(chan struct{}, 1))
	}
	return v
}

// run sends them to each new leader until ctx is done, and waits for them.
func (v *visitors) run(ctx context.Context, leaders <-chan string) {
	defer v.visits.Wait()
	deposed := ""
	for {
		select {
		case <-ctx.Done():
			return
		case leader, ok := <-leaders:
			if !ok {
				return
			}
			v.visit(ctx, leader, deposed)
			deposed = leader
		}
	}
}

// visit sends all who are not still busy with an earlier one.
func (v *visitors) visit(ctx context.Context, leader, deposed string) {
	nodes := v.workers[0].o.Nodes
	to, from := slices.Index(nodes, leader), slices.Index(nodes, deposed)
	if to < 0 {
		return
	}
	for i, k := range v.workers {
		select {
		case v.busy[i] <- struct{}{}:
		default:
			continue
		}
		v.visits.Go(func() {
			defer func() { <-v.busy[i] }()
			if i%2 == 1 {
				k.lookAfter(ctx, v.w, to)
			}
			k.visit(ctx, v.w, to, from)
		})
	}
}

// arrive lets a visitor come as a new process, and says how long it hurries.
func (k *worker) arrive() (hurry time.Duration) {
	k.become(k.process + k.o.numbers())
	hurry = max(k.o.Hurry, 10*time.Millisecond)
	k.patience = patience{least: hurry, most: k.o.Timeout, now: min(2*hurry, k.o.Timeout)}
	return hurry
}

// lookAfter reads at the new leader what others have written.
func (k *worker) lookAfter(ctx context.Context, w Workload, leader int) {
	end := time.Now().Add(k.arrive())
	for n := 0; n < visitReads && ctx.Err() == nil && time.Now().Before(end); n++ {
		op, ok := inherit(w, k.client, k.draws)
		if !ok {
			return
		}
		done, _, _ := k.perform(leader, op)
		w.Done(k.client, done)
		if done.Type != history.OK {
			pause(ctx, firstPause)
		}
	}
}

// visit carries out some operations at the new leader and whom it replaces, -1 for
// nobody.
func (k *worker) visit(ctx context.Context, w Workload, leader, deposed int) {
	defer k.close()
	hurry := k.arrive()
	end := time.Now().Add(visitFor * hurry)
	for n := 0; n < visitOps && ctx.Err() == nil && time.Now().Before(end); n++ {
		op := w.Next(k.client, k.draws)
		done, _, over := k.perform(k.whom(op.F, leader, deposed), op)
		if over {
			w.Done(k.client, done)
		}
		if done.Type != history.OK && !done.Saw {
			pause(ctx, firstPause+time.Duration(k.moves.Int64N(int64(8*firstPause))))
		}
	}
}

// whom returns the member that a visitor asks.
func (k *worker) whom(f history.F, leader, deposed int) int {
	if Writes(f) {
		return leader
	}
	switch where := k.moves.Float64(); {
	case where < toDeposed && deposed >= 0:
		return deposed
	case where < toDeposed+toAnybody:
		return k.moves.IntN(len(k.members))
	}
	return leader
}
