package workload

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// Options say how a workload is run. All fields without a zero meaning are
// required.
type Options struct {
	Nodes []string
	// Dial returns a client for a member. It must not block for long; a client
	// that connects when it is first used is best. An error means that nothing
	// was sent.
	Dial func(node string) (Client, error)
	// Record takes the invocation before the request is sent and the completion
	// after it. It is called by several goroutines, and keeps the event.
	Record func(history.Event)

	Clients int
	// InFlight, if it is above 0, is how many clients there are in the place of Clients,
	// but for final reads, and opens the loop: operations begin at drawn moments, Rate a
	// second on average, whether or not others have been answered, as long as a client is
	// not busy: see open.go.
	InFlight int
	Rate     float64 // operations a second of all clients together; 0: as fast as they can
	Seed     uint64
	Timeout  time.Duration // for one request; final reads that got nowhere wait longer, for up to 4 s
	// Hurry lets every other client give up sooner than Timeout once it has learnt
	// how long answers take: after eight times as long, and no sooner than Hurry. 0
	// lets none. Final reads have all of Timeout.
	Hurry time.Duration
	// Leaders, if not nil, tells who leads from now on. Then five more clients, with
	// numbers above all others, come at each change, ask the new leader first thing,
	// and read at whom it replaced: see visitors.go.
	Leaders <-chan string
	// Lull, if not nil, may hold all of them back for a while.
	Lull *Lull
	// Resend is the share, 0 to 1, of unanswered and of refused writes that are sent
	// once more with the same request id, to this member or another. An eighth of it is
	// the share of acknowledged writes that are. Half of them are so at once, the others after up to LatestResend, or when the run ends. Either is
	// recorded as one operation that spans both sends. It is sound only for a
	// system that applies a request id once, for as long as LatestResend and
	// LatestClients say: leave it 0 for any other.
	Resend float64
}

// validate reports everything that is wrong with o.
func (o *Options) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(len(o.Nodes) > 0, "nodes: give at least one")
	check(o.Dial != nil && o.Record != nil, "dial and record: both are required")
	check(o.Clients > 0, "clients: %d, must be at least 1", o.Clients)
	check(o.InFlight >= 0, "in flight: %d, must not be negative", o.InFlight)
	check(o.InFlight == 0 || o.Rate > 0, "in flight without a rate: operations that arrive by themselves need one")
	check(o.Rate >= 0, "rate: %v operations a second, must not be negative", o.Rate)
	check(o.Timeout > 0, "timeout: %v, must be positive", o.Timeout)
	check(o.Hurry >= 0, "hurry: %v, must not be negative", o.Hurry)
	check(o.Resend >= 0 && o.Resend <= 1, "resend: %v, must be from 0 to 1", o.Resend)
	if len(errs) > 0 {
		return fmt.Errorf("workload options: %w", errors.Join(errs...))
	}
	return nil
}

// Stats counts what became of the operations of a run.
type Stats struct {
	OK, Fail, Info uint64 // completions by type
	Resent         uint64 // operations whose request was sent more than once, on purpose
	Untried        uint64 // those of an open loop that found all clients busy, and were not begun
}

// Operations returns how many operations there were.
func (s Stats) Operations() uint64 { return s.OK + s.Fail + s.Info }

// count counts an operation that is over.
func (s *Stats) count(done *history.Op) {
	switch done.Type {
	case history.OK:
		s.OK++
	case history.Fail:
		s.Fail++
	default:
		s.Info++
	}
	if done.Sends > 1 {
		s.Resent++
	}
}

func (s *Stats) add(t Stats) {
	s.OK += t.OK
	s.Fail += t.Fail
	s.Info += t.Info
	s.Resent += t.Resent
}

// clients returns how many clients there are, but for those that visit leaders.
func (o *Options) clients() int {
	if o.InFlight > 0 {
		return o.InFlight
	}
	return o.Clients
}

// finalProcess is the number of the first process of the final reads: no run
// retires so many processes that it comes near.
const finalProcess = 1 << 30

// Run runs the workload until ctx is done. Requests that are open then are not
// cancelled, so that a run does not end in a burst of operations that nobody
// knows the fate of: Run returns within a few times Timeout. Every operation
// invoked has its completion recorded. An error means that nothing was run.
func Run(ctx context.Context, o Options, w Workload) (Stats, error) {
	if err := o.validate(); err != nil {
		return Stats{}, err
	}
	pace := newPacer(o.Rate)
	again := &late{o: &o, w: w, run: ctx}
	workers := make([]*worker, o.clients())
	for i := range workers {
		workers[i] = newWorker(&o, i, i)
		workers[i].late = again
		again.began()
	}
	var done sync.WaitGroup
	open := newArrivals(&o, w, workers)
	if o.InFlight > 0 {
		done.Go(func() { open.run(ctx) })
	}
	for _, k := range workers {
		if o.InFlight == 0 {
			done.Go(func() { k.run(ctx, pace, w) })
		}
		defer k.close()
	}
	if o.Leaders != nil {
		guests := newVisitors(&o, w, again)
		done.Go(func() { guests.run(ctx, o.Leaders) })
		workers = append(workers, guests.workers...)
	}
	done.Wait()
	sum := again.wait()
	sum.Untried = open.missed()
	for _, k := range workers {
		sum.add(k.stats)
	}
	return sum, nil
}

// Final makes the workload's final reads, after Run has returned and the system
// is healed. Each is tried as a new operation, marked Final, until it succeeds
// or ctx is done. An error says how many reads never succeeded.
func Final(ctx context.Context, o Options, w Workload) error {
	if err := o.validate(); err != nil {
		return err
	}
	reads := w.Final()
	var next, read atomic.Int64
	var done sync.WaitGroup
	for i := range min(o.Clients, len(reads)) {
		k := newWorker(&o, i, finalProcess+i)
		done.Go(func() {
			defer k.close()
			for n := next.Add(1); n <= int64(len(reads)); n = next.Add(1) {
				if k.readFinally(ctx, reads[n-1]) {
					read.Add(1)
				}
			}
		})
	}
	done.Wait()
	if missing := int64(len(reads)) - read.Load(); missing > 0 {
		return fmt.Errorf("final reads: %d of %d never succeeded: %w", missing, len(reads), context.Cause(ctx))
	}
	return nil
}

// stream derives a named generator from the seed. Adding a stream never shifts
// another.
func stream(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
