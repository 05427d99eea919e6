package workload

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

// The first sending of every add is unanswered, and its second comes late for half of
// them: the client goes on meanwhile, and the operation is still one.
func TestSomeResendsComeLate(t *testing.T) {
	s := newSystem()
	s.trouble = func(_ string, op history.Op) fate {
		if op.Request != "" && s.sends[op.Request] == 1 {
			return fate{answer: history.Info}
		}
		return fate{}
	}
	l, stats, o := during(t, s, NewSet(), 300, func(o *Options) { o.Resend = 1 })
	require.Equal(t, stats.OK, stats.Operations(), "every second sending is answered")
	open := map[int]int{} // by client
	most := 0
	for _, op := range l.ops {
		client := op.Process % o.Clients
		if op.Type == history.Invoke {
			open[client]++
			most = max(most, open[client])
		} else {
			open[client]--
		}
	}
	require.Greater(t, most, 2, "clients go on while their requests wait")
	for key, list := range s.lists {
		unique := slices.Compact(slices.Sorted(slices.Values(list)))
		require.Len(t, unique, len(list), "a value is in %s twice: the request id was not the same", key)
	}
}

// lateOne hands one put over, with what its first sending came to, and returns how it
// ended when the run did.
func lateOne(t *testing.T, s *system, first history.OpType, alter func(*late)) history.Op {
	t.Helper()
	return lateSince(t, s, first, time.Now(), alter)
}

// lateSince is lateOne of a put that was first sent at a time.
func lateSince(t *testing.T, s *system, first history.OpType, sent time.Time, alter func(*late)) history.Op {
	t.Helper()
	log := &log{}
	o := &Options{Nodes: members, Dial: s.dial, Clients: 1, Seed: 1, Timeout: time.Second, Record: log.record}
	run, end := context.WithCancel(t.Context())
	a := &late{o: o, w: NewRegister(), run: run}
	op := history.Op{Type: history.Invoke, F: history.FPut, Key: "k", Arg: "v"}
	for n, taken := 0, false; !taken; n++ { // half of them are not to wait
		op.Request = string(rune('a' + n))
		known := op
		known.Type = first
		taken = a.take(0, op, known, sent)
	}
	if time.Until(sent.Add(LatestResend)) > o.Timeout {
		require.Zero(t, log.recorded(), "it waits")
	}
	if alter != nil {
		alter(a)
	}
	end()
	a.wait()
	require.Len(t, log.ops, 1)
	return *log.ops[0]
}

func TestLateResend(t *testing.T) {
	leads := func(s *system) {
		s.trouble = func(node string, _ history.Op) fate {
			if node == "n4" {
				return fate{}
			}
			return fate{lost: true, answer: history.Fail, hint: "n4"}
		}
	}
	s := newSystem()
	leads(s)
	done := lateOne(t, s, history.Info, nil)
	require.Equal(t, history.OK, done.Type, "it follows a hint")
	require.Equal(t, "v", s.values["k"])
	require.Greater(t, done.Sends, 1)

	s = newSystem()
	s.trouble = func(string, history.Op) fate { return fate{lost: true, answer: history.Fail} }
	require.Equal(t, history.Info, lateOne(t, s, history.Info, nil).Type, "the first sending may yet take effect")
	require.Equal(t, history.OK, lateOne(t, s, history.OK, nil).Type)

	s = newSystem()
	done = lateOne(t, s, history.Info, func(a *late) {
		for range LatestClients + 1 {
			a.began()
		}
	})
	require.Equal(t, history.Info, done.Type)
	require.Empty(t, s.sends, "nobody need remember the first sending any more")

	s = newSystem()
	done = lateSince(t, s, history.Info, time.Now().Add(10*time.Second-LatestResend), nil)
	require.Equal(t, history.OK, done.Type, "there is time yet")
	s = newSystem()
	done = lateSince(t, s, history.Info, time.Now().Add(-LatestResend), nil)
	require.Equal(t, history.Info, done.Type)
	require.Empty(t, s.sends, "nor may the time be up while the first one was not answered")
}
