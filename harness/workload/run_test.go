package workload

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

var members = []string{"n1", "n2", "n3", "n4", "n5"}

// during runs w against s until it has done so many operations.
func during(t *testing.T, s *system, w Workload, operations int, alter func(*Options)) (*log, Stats, Options) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l := &log{}
	o := Options{Nodes: members, Dial: s.dial, Clients: 10, Seed: 1, Timeout: time.Second}
	o.Record = func(e history.Event) {
		// Of n events at least (n - clients)/2 are completions.
		if l.append(e) >= 2*operations+o.Clients {
			cancel()
		}
	}
	if alter != nil {
		alter(&o)
	}
	stats, err := Run(ctx, o, w)
	require.NoError(t, err)
	require.GreaterOrEqual(t, stats.Operations(), uint64(operations))
	return l, stats, o
}

// values lists the keys and values that a checker sees an operation write.
func values(op *history.Op) []string {
	switch op.F {
	case history.FPut, history.FCas, history.FAdd, history.FAppend:
		return []string{op.Key + " " + op.Arg}
	}
	var list []string
	for _, m := range op.Txn {
		if m.F == history.FPut {
			list = append(list, m.Key+" "+m.Arg)
		}
	}
	return list
}

func TestRunRecordsWholeOperations(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			w, err := Named(name)
			require.NoError(t, err)
			s := newSystem()
			l, stats, o := during(t, s, w, 3000, nil)
			pairs := l.pairs(t)
			require.Len(t, pairs, int(stats.Operations()))
			require.Zero(t, stats.Info)
			written := map[string]bool{}
			for _, p := range pairs {
				if !Writes(p.done.F) {
					continue
				}
				want := 1
				if ofLock(p.done.F) && p.done.Type == history.Fail {
					want = s.sends[p.done.Request] // none if a get told that it is in vain
				}
				require.Equal(t, want, s.sends[p.done.Request], "request %q", p.done.Request)
				require.LessOrEqual(t, want, 1)
				for _, v := range values(p.done) {
					require.NotEqual(t, byte(' '), v[len(v)-1], "a write of nothing")
					require.False(t, written[v], "%s is written twice", v)
					written[v] = true
				}
			}
			require.Len(t, s.asked, len(members), "every member is asked")

			before := len(l.ops)
			require.NoError(t, Final(t.Context(), o, w))
			require.Equal(t, len(w.Final()) > 0, len(l.ops) > before)
			for _, p := range l.pairs(t)[len(pairs):] {
				require.True(t, p.done.Final)
				require.Equal(t, history.OK, p.done.Type)
				require.True(t, p.done.Saw || p.done.F == history.FTxn)
				for _, m := range p.done.Txn {
					require.True(t, m.Saw)
				}
			}
		})
	}
}

func TestSomeCasSucceed(t *testing.T) {
	l, _, _ := during(t, newSystem(), NewRegister(), 3000, nil)
	tried, succeeded := 0, 0
	for _, p := range l.pairs(t) {
		if p.done.F == history.FCas {
			tried++
			if p.done.Type == history.OK {
				succeeded++
			}
		}
	}
	// How many depends on how the clients' goroutines take turns: a cas is drawn
	// only once the key's value is known.
	require.Greater(t, tried, 50)
	require.Greater(t, succeeded, tried/20)
}

// flaky answers nothing to one request in twenty, half of which take effect.
func flaky(seed uint64) func(string, history.Op) fate {
	r := rand.New(rand.NewPCG(seed, 0))
	return func(string, history.Op) fate {
		if r.IntN(20) > 0 {
			return fate{}
		}
		return fate{answer: history.Info, lost: r.IntN(2) == 0}
	}
}

func TestUnansweredRetiresTheProcess(t *testing.T) {
	s := newSystem()
	s.trouble = flaky(1)
	l, stats, o := during(t, s, NewRegister(), 3000, nil)
	require.NotZero(t, stats.Info)
	last := map[int]int{} // by client
	for _, p := range l.pairs(t) {
		client := p.done.Process % o.Clients
		require.GreaterOrEqual(t, p.done.Process, last[client], "a client's process numbers only go up")
		last[client] = p.done.Process
		require.Equal(t, p.done.Type == history.Info, p.done.Error != "" && !p.done.Saw)
	}
}

func TestKeysAreBounded(t *testing.T) {
	s := newSystem()
	s.trouble = flaky(2)
	l, _, _ := during(t, s, NewRegister(), 5000, func(o *Options) { o.Clients = 13 })
	busy := map[string]int{}
	for _, op := range l.ops {
		if op.Type == history.Invoke {
			busy[op.Key]++
			require.LessOrEqual(t, busy[op.Key], groupSize, "operations open on %s", op.Key)
		} else {
			busy[op.Key]--
		}
	}
	keys := byKey(l.pairs(t))
	require.Greater(t, len(keys), 20)
	for key, pairs := range keys {
		require.LessOrEqual(t, len(pairs), 100+moreReads, key)
		unanswered := 0
		for _, p := range pairs {
			if p.done.Type == history.Info && Writes(p.done.F) {
				unanswered++
			}
		}
		require.LessOrEqual(t, unanswered, 8, key)
	}
}

func TestRate(t *testing.T) {
	// The pacer's arithmetic, without a clock.
	p := newPacer(1000)
	now := time.Now()
	require.LessOrEqual(t, p.reserve(now), time.Duration(0))
	var last time.Duration
	for range 500 {
		last = p.reserve(now)
	}
	require.InDelta(t, 500*time.Millisecond-pacerSlack, last, float64(2*time.Millisecond))
	require.LessOrEqual(t, p.reserve(now.Add(time.Hour)), -pacerSlack, "what was missed is not made up for")

	// With a clock, the rate is never exceeded by more than the slack allows.
	start := time.Now()
	_, stats, _ := during(t, newSystem(), NewRegister(), 200, func(o *Options) { o.Clients, o.Rate = 5, 500 })
	allowed := (time.Since(start)+pacerSlack).Seconds()*500 + 10
	require.LessOrEqual(t, float64(stats.Operations()), allowed)
}

func TestClientsFollowTheLeader(t *testing.T) {
	s := newSystem()
	s.trouble = func(node string, _ history.Op) fate {
		if node == "n4" {
			return fate{}
		}
		return fate{lost: true, answer: history.Fail, hint: "n4"}
	}
	_, stats, _ := during(t, s, NewRegister(), 2000, nil)
	require.Greater(t, s.asked["n4"], 1500, "most operations go to the leader")
	for _, n := range members {
		require.NotZero(t, s.asked[n], "%s is asked too", n)
	}
	require.NotZero(t, stats.Fail)
}

func TestClientsLeaveDeadMembers(t *testing.T) {
	s := newSystem()
	s.refused["n1"], s.refused["n2"] = true, true
	l, stats, _ := during(t, s, NewSet(), 2000, nil)
	require.Zero(t, stats.Info, "a refused connection is a definite failure")
	require.NotZero(t, stats.Fail)
	require.Less(t, stats.Fail, uint64(400), "a dead member is not hammered")
	for _, p := range l.pairs(t) {
		if p.done.Type == history.Fail {
			require.Contains(t, p.done.Error, "connection refused")
			require.Contains(t, []string{"n1", "n2"}, p.done.Node)
		}
	}
}

func TestResendsAreOneOperation(t *testing.T) {
	s := newSystem()
	s.trouble = flaky(3)
	l, stats, _ := during(t, s, NewSet(), 3000, func(o *Options) { o.Resend = 0.5 })
	var resent, recovered uint64
	for _, p := range l.pairs(t) {
		if !Writes(p.done.F) {
			require.Empty(t, p.done.Request)
			continue
		}
		want := max(p.done.Sends, 1)
		require.Equal(t, want, s.sends[p.done.Request], "request %s", p.done.Request)
		if p.done.Sends > 1 {
			resent++
			if p.done.Type == history.OK {
				recovered++
			}
		}
	}
	require.Equal(t, stats.Resent, resent)
	require.NotZero(t, recovered)
	for key, list := range s.lists {
		unique := slices.Compact(slices.Sorted(slices.Values(list)))
		require.Len(t, unique, len(list), "a value is in %s twice: the request id was not the same", key)
	}
}

// A definite answer to the second send says nothing about the first.
func TestResendNeverMakesAFailure(t *testing.T) {
	s := newSystem()
	s.trouble = func(_ string, op history.Op) fate {
		if op.Request != "" && s.sends[op.Request] == 1 {
			return fate{answer: history.Info}
		}
		return fate{lost: true, answer: history.Fail}
	}
	_, stats, _ := during(t, s, NewSet(), 200, func(o *Options) { o.Resend = 1 })
	require.NotZero(t, stats.Resent)
	require.Zero(t, stats.OK)
	require.GreaterOrEqual(t, stats.Info, stats.Resent)
}

// One that was refused may have been done when it is sent again, unless that is refused
// as well.
func TestRefusedWritesAreResent(t *testing.T) {
	for _, answer := range []history.OpType{"", history.OK, history.Info} {
		s := newSystem()
		s.trouble = func(_ string, op history.Op) fate {
			if op.F == history.FCas && s.sends[op.Request] > 1 {
				return fate{lost: answer != "", answer: answer}
			}
			return fate{}
		}
		l, _, _ := during(t, s, NewRegister(), 3000, func(o *Options) { o.Resend = 1 })
		seen := map[history.OpType]int{}
		for _, p := range l.pairs(t) {
			if p.done.Sends > 1 && s.answers[p.done.Request].Type == history.Fail {
				seen[p.done.Type]++
			}
		}
		require.NotZero(t, seen[cmp.Or(answer, history.Fail)], "%v", seen)
		require.Len(t, seen, 1)
	}
}

// stubborn is a client that breaks the contract in every way that it can.
type stubborn struct{}

func (stubborn) Close() error { return nil }
func (stubborn) Do(_ context.Context, op history.Op) (history.Op, string) {
	op.Process, op.Type, op.Key, op.Request, op.Final = 99, "whatever", "x", "y", true
	op.Error = string(make([]byte, 10_000))
	return op, "nobody"
}

func TestClientsAreNotTrusted(t *testing.T) {
	l, stats, _ := during(t, newSystem(), NewRegister(), 100, func(o *Options) {
		o.Dial = func(string) (Client, error) { return stubborn{}, nil }
	})
	require.Equal(t, stats.Operations(), stats.Info)
	for _, p := range l.pairs(t) {
		require.Less(t, len(p.done.Error), 200)
	}
}

// unhurried answers those who wait for a second.
type unhurried struct{ fakeClient }

func (c *unhurried) Do(ctx context.Context, op history.Op) (history.Op, string) {
	if deadline, _ := ctx.Deadline(); time.Until(deadline) < time.Second {
		op.Type = history.Info
		return op, ""
	}
	return c.fakeClient.Do(ctx, op)
}

// Final reads wait longer and longer for a system that answers later than its clients
// otherwise wait.
func TestFinalWaitsLonger(t *testing.T) {
	s := newSystem()
	w, o := NewSet(), Options{Nodes: members, Clients: 1, Rate: 1000, Seed: 1, Timeout: 100 * time.Millisecond}
	l := &log{}
	o.Record = l.record
	w.Done(0, history.Op{Type: history.OK, F: history.FAdd, Key: w.Next(0, stream(1, "x")).Key, Arg: "v"})
	require.NotEmpty(t, w.Final())
	o.Dial = func(node string) (Client, error) { return &unhurried{fakeClient{s, node}}, nil }
	require.NoError(t, Final(t.Context(), o, w))
	require.Equal(t, history.OK, l.ops[len(l.ops)-1].Type)
	require.Greater(t, len(l.ops), 4, "the first ones waited for less than it takes")
}

func TestFinalRetriesUntilItSucceeds(t *testing.T) {
	s := newSystem()
	w := NewSet()
	l, _, o := during(t, s, w, 2000, nil)
	before := len(l.pairs(t))
	asked := map[string]int{}
	s.trouble = func(node string, op history.Op) fate {
		asked[op.Key]++
		if asked[op.Key] < 4 {
			return fate{lost: true, answer: []history.OpType{history.Fail, history.Info}[asked[op.Key]%2], hint: "n2"}
		}
		return fate{}
	}
	require.NoError(t, Final(t.Context(), o, w))
	keys := byKey(l.pairs(t)[before:])
	// A client may have chosen a set and come no further than that.
	require.Subset(t, sortedKeys(keys), sortedKeys(s.lists), "every set is read")
	for key, pairs := range keys {
		require.Len(t, pairs, 4, "each try is an operation of its own")
		require.ElementsMatch(t, s.lists[key], pairs[3].done.List)
	}

	s.trouble = func(string, history.Op) fate { return fate{lost: true, answer: history.Fail} }
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := Final(ctx, o, w)
	require.ErrorContains(t, err, "never succeeded")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := Run(t.Context(), Options{Rate: -1, Resend: 2}, NewSet())
	for _, field := range []string{"nodes", "dial and record", "clients", "rate", "timeout", "resend"} {
		require.ErrorContains(t, err, field)
	}
	require.Error(t, Final(t.Context(), Options{}, NewSet()))
}
