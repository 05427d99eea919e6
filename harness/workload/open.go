package workload

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// arrivals start operations at drawn moments, whether or not earlier ones have been
// answered: in a closed loop all clients soon wait at the member that answers nobody,
// and then nobody asks the others. Each is carried out by a client that is not busy, any
// of them, so that no more are open on a key than in a closed loop: a key is shared by as
// many clients.
type arrivals struct {
	w     Workload
	gap   float64 // between two, on average, in ns
	draws *rand.Rand
	busy  sync.WaitGroup

	mu      sync.Mutex
	idle    []*worker
	untried uint64 // found all clients busy
}

func newArrivals(o *Options, w Workload, workers []*worker) *arrivals {
	return &arrivals{
		w:     w,
		gap:   float64(time.Second) / o.Rate,
		draws: stream(o.Seed, "arrivals"),
		idle:  append([]*worker(nil), workers...),
	}
}

// run lets operations arrive until ctx is done, and waits for those that are open. What
// should have come while it did not get the processor is not made up for, but for a
// moment's worth.
func (a *arrivals) run(ctx context.Context) {
	defer a.busy.Wait()
	next := time.Now()
	for {
		next = next.Add(time.Duration(a.draws.ExpFloat64() * a.gap))
		if oldest := time.Now().Add(-pacerSlack); next.Before(oldest) {
			next = oldest
		}
		if !pause(ctx, time.Until(next)) {
			return
		}
		a.arrive()
	}
}

// arrive gives an operation to a client that is not busy. If all are, it is counted and
// not tried.
func (a *arrivals) arrive() {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := len(a.idle)
	if n == 0 {
		a.untried++
		return
	}
	i := a.draws.IntN(n)
	k := a.idle[i]
	a.idle[i] = a.idle[n-1]
	a.idle = a.idle[:n-1]
	a.busy.Go(func() {
		k.operate(a.w)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.idle = append(a.idle, k)
	})
}

// missed returns how many found all clients busy so far.
func (a *arrivals) missed() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.untried
}
