package workload

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/history"
)

const (
	// lateShare is the part of the requests that are sent again on purpose that
	// wait first: whoever led, or was up, when it was first sent may not be any more.
	lateShare = 0.5
	// LatestResend is how long after a request was first sent it is sent again at the
	// latest: whoever remembers what he was asked cannot do so for ever. How long it is
	// on its way, faults decide.
	LatestResend = 30 * time.Second
	// LatestClients is how many processes of clients begin at most until then.
	LatestClients = 4096
	// firstResend is how long one waits at least, unless Options.Hurry says so.
	firstResend = 50 * time.Millisecond
	// lateOpen is how many may wait at once.
	lateOpen = 64
	// lateHints is how often a request that was sent to somebody who names another
	// is sent there.
	lateHints = 3
)

// late sends requests again after a while, at the end of the run at the latest.
// Until then the operation is open; its client goes on as another process.
type late struct {
	o   *Options
	w   Workload
	run context.Context

	sending sync.WaitGroup
	mu      sync.Mutex
	open    int
	begun   int64 // processes
	stats   Stats
}

// began counts a process.
func (l *late) began() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun++
}

// take takes an operation over from its client, with what the first request, which was
// sent at a time, came to, or reports false: this one does not wait.
func (l *late) take(client int, op, first history.Op, sent time.Time) bool {
	random := stream(l.o.Seed, "resend "+op.Request)
	if random.Float64() >= lateShare {
		return false
	}
	latest := sent.Add(LatestResend)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= lateOpen {
		return false
	}
	l.open++
	born := l.begun
	least := max(l.o.Hurry, firstResend)
	wait := time.Duration(float64(least) * math.Pow(float64(LatestResend)/float64(least), random.Float64()))
	k := &worker{
		o: l.o, client: client, members: make([]member, len(l.o.Nodes)), locks: make(lockBook),
		at: random.IntN(len(l.o.Nodes)), patience: newPatience(l.o, 0), moves: random,
	}
	l.sending.Go(func() {
		defer k.close()
		pause(l.run, min(wait, time.Until(latest)-l.o.Timeout))
		done := l.again(k, born, latest, op, first)
		k.record(done)
		l.w.Done(client, done)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.open--
		l.stats.count(&done)
	})
	return true
}

// again sends the request to a member and to whom that names, up to the latest time, and
// unless its first sending may be forgotten. It returns what is known of the operation.
func (l *late) again(k *worker, born int64, latest time.Time, op, first history.Op) history.Op {
	l.mu.Lock()
	forgotten := l.begun-born > LatestClients
	l.mu.Unlock()
	if forgotten {
		return first
	}
	done, node := first, k.at
	done.Sends = 1
	for n := 0; n < lateHints && time.Now().Before(latest); n++ {
		answer, hint := k.send(node, op)
		done.Sends++
		if counts(&first, &answer) {
			answer.Sends = done.Sends
			return answer
		}
		to := slices.Index(l.o.Nodes, hint)
		if answer.Type != history.Fail || to < 0 || to == node {
			break
		}
		node = to
	}
	return done
}

// wait returns, once all have been sent, what became of them.
func (l *late) wait() Stats {
	l.sending.Wait()
	return l.stats
}
