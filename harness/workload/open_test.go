package workload

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

// stuck is a system that answers nobody until it is let go.
type stuck struct {
	s    *system
	free chan struct{}
}

type stuckClient struct {
	Client
	free chan struct{}
}

func (s stuck) dial(node string) (Client, error) {
	c, err := s.s.dial(node)
	return stuckClient{c, s.free}, err
}

func (c stuckClient) Do(ctx context.Context, op history.Op) (history.Op, string) {
	select {
	case <-c.free:
		return c.Client.Do(ctx, op)
	case <-ctx.Done():
		op.Type = history.Info
		return op, ""
	}
}

// invoked counts what was asked so far.
func (l *log) invoked() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, op := range l.ops {
		if op.Type == history.Invoke {
			n++
		}
	}
	return n
}

// Operations arrive while all earlier ones hang, up to the bound, and then again as
// soon as some have been answered; in a closed loop nobody asks any more.
func TestOpenArrivals(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := Named(name)
			require.NoError(t, err)
			system := stuck{newSystem(), make(chan struct{})}
			l := &log{}
			o := Options{
				Nodes: members, Dial: system.dial, Record: l.record, Seed: 1,
				Clients: 3, InFlight: 12, Rate: 2000, Timeout: time.Hour,
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			stats := make(chan Stats, 1)
			go func() {
				s, err := Run(ctx, o, w)
				require.NoError(t, err)
				stats <- s
			}()
			reaches := func(n int) {
				t.Helper()
				require.Eventually(t, func() bool { return l.invoked() >= n }, 30*time.Second, time.Millisecond)
			}
			reaches(o.InFlight)
			require.Equal(t, o.InFlight, l.invoked(), "no more than the bound are open")
			close(system.free)
			reaches(200)
			stop()
			sum := <-stats
			pairs := l.pairs(t) // every process does one thing at a time
			require.Len(t, pairs, int(sum.Operations()))
			clients := map[int]bool{}
			for _, p := range pairs {
				clients[p.done.Process%o.InFlight] = true
			}
			require.Greater(t, len(clients), o.Clients)
			require.NoError(t, Final(t.Context(), o, w))
		})
	}
}

// What finds all clients busy is counted, and told.
func TestOpenArrivalsAreBounded(t *testing.T) {
	system := stuck{newSystem(), make(chan struct{})}
	l := &log{}
	o := Options{Nodes: members, Dial: system.dial, Record: l.record, Clients: 1, InFlight: 2, Rate: 1, Seed: 1, Timeout: time.Hour}
	require.NoError(t, o.validate())
	workers := []*worker{newWorker(&o, 0, 0), newWorker(&o, 1, 1)}
	a := newArrivals(&o, NewRegister(), workers)
	for range 5 {
		a.arrive()
	}
	require.EqualValues(t, 3, a.missed())
	close(system.free)
	a.busy.Wait()
	require.Equal(t, 2, l.invoked())
	a.arrive()
	a.busy.Wait()
	require.Equal(t, 3, l.invoked())
	require.EqualValues(t, 3, a.missed())

	o.Rate = 0
	require.ErrorContains(t, o.validate(), "in flight without a rate")
}

// A client without an answer goes on as another process, and a key has no more
// operations open, nor without an answer, than it may.
func TestOpenArrivalsWithoutAnswers(t *testing.T) {
	s := newSystem()
	s.trouble = func(_ string, op history.Op) fate {
		if Writes(op.F) {
			return fate{answer: history.Info}
		}
		return fate{}
	}
	l, stats, o := during(t, s, NewRegister(), 2000, func(o *Options) { o.Clients, o.InFlight, o.Rate = 5, 20, 1e5 })
	require.Positive(t, stats.Info)
	for key, ops := range byKey(l.pairs(t)) {
		infos := 0
		for _, p := range ops {
			if p.done.Type == history.Info {
				infos++
			}
		}
		require.LessOrEqual(t, infos, 8, key)
	}
	open := map[string]int{}
	for _, op := range l.ops {
		if op.Type == history.Invoke {
			open[op.Key]++
			require.LessOrEqual(t, open[op.Key], groupSize, op.Key)
		} else {
			open[op.Key]--
		}
	}
	require.Equal(t, 20, o.numbers())
}
