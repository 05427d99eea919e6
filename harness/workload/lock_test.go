package workload

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/lock"
	"github.com/usurper/usurper/harness/history"
)

// judgeLocks judges what was recorded.
func judgeLocks(l *log) checker.Result {
	c := lock.New()
	for i, op := range l.ops {
		c.Event(&history.Event{Seq: uint64(i), At: time.Duration(i), Op: op})
	}
	return c.Finish()
}

// Locks that are cas on a store keep their promises, whatever gets no answer, and
// every outcome comes about.
func TestLockOnAnUnreliableStore(t *testing.T) {
	s := newSystem()
	s.trouble = flaky(3)
	l, _, _ := during(t, s, NewLock(), 5000, func(o *Options) { o.Resend = 0.5 })
	outcomes := map[history.F]map[history.OpType]int{
		history.FAcquire: {}, history.FRelease: {}, history.FFenced: {},
	}
	for _, p := range l.pairs(t) {
		outcomes[p.done.F][p.done.Type]++
		require.Zero(t, p.done.Sends, "an operation on a lock is not sent again")
		require.LessOrEqual(t, s.sends[p.done.Request], 1)
		if p.done.Type == history.OK && p.done.F != history.FFenced {
			require.NotEmpty(t, p.done.Got)
		}
	}
	for f, types := range outcomes {
		for _, typ := range []history.OpType{history.OK, history.Fail, history.Info} {
			require.Positive(t, types[typ], "%s %s", f, typ)
		}
	}
	got := judgeLocks(l)
	require.Equal(t, checker.Valid, got.Verdict, "%+v", got)
}

// A store that loses what it acknowledged gives a lock to two.
func TestLockOnAForgetfulStore(t *testing.T) {
	s := newSystem()
	n := 0
	s.trouble = func(_ string, op history.Op) fate {
		if n++; op.F == history.FCas && n%50 == 0 {
			return fate{lost: true, answer: history.OK}
		}
		return fate{}
	}
	l, _, _ := during(t, s, NewLock(), 3000, nil)
	require.Equal(t, checker.Invalid, judgeLocks(l).Verdict)
}

// Each operation has the outcome of its own cas, and none if there was no cas.
func TestLocking(t *testing.T) {
	s := newSystem()
	var down []history.F // what gets no answer
	s.trouble = func(_ string, op history.Op) fate {
		if slices.Contains(down, op.F) {
			return fate{lost: true, answer: history.Info}
		}
		return fate{}
	}
	c, err := s.dial("n1")
	require.NoError(t, err)
	one, other := locking{c, lockBook{}}, locking{c, lockBook{}}
	do := func(l locking, f history.F, arg, old string) (history.OpType, string) {
		op, _ := l.Do(t.Context(), history.Op{F: f, Key: "l", Arg: arg, Old: old})
		require.Equal(t, [4]string{"l", arg, old, string(f)}, [4]string{op.Key, op.Arg, op.Old, string(op.F)})
		return op.Type, op.Got
	}
	is := func(want history.OpType, token string) func(history.OpType, string) {
		return func(got history.OpType, gotToken string) {
			t.Helper()
			require.Equal(t, want, got)
			require.Equal(t, token, gotToken)
		}
	}
	is(history.OK, "1")(do(one, history.FAcquire, "a", ""))
	is(history.Fail, "1")(do(other, history.FAcquire, "b", ""))
	is(history.OK, "1")(do(one, history.FFenced, "v", "1"))
	is(history.Fail, "1")(do(other, history.FRelease, "b", ""))
	is(history.OK, "1")(do(one, history.FRelease, "a", "1"))
	is(history.Fail, "1")(do(one, history.FRelease, "a", "1"))
	is(history.OK, "2")(do(other, history.FAcquire, "b2", ""))
	is(history.Fail, "2")(do(one, history.FAcquire, "a2", "")) // it knew the lock as free
	is(history.OK, "2")(do(other, history.FFenced, "w", "2"))
	is(history.Fail, "2")(do(one, history.FFenced, "x", "1")) // the fence

	down = []history.F{history.FGet}
	is(history.Fail, "")(do(locking{c, lockBook{}}, history.FRelease, "b2", "2")) // a read changes nothing
	down = []history.F{history.FCas}
	is(history.Info, "")(do(other, history.FRelease, "b2", "2"))
	down = nil
	is(history.OK, "2")(do(other, history.FRelease, "b2", ""))
}
