package nemesis_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
)

func TestOperatorsAct(t *testing.T) {
	tests := []struct {
		plan string
		want []string
	}{
		{"at 1s defragment leader", []string{"1s inject", "1s defragment n1"}},
		{"at 1s move-leader to n4", []string{"1s inject", "1s move-leader n1 n4"}},
		{"at 1s for 2s remove n3", []string{"1s inject", "1s remove n3", "1s kill n3", "3s add n3"}},
		{"at 1s replace leader", []string{"1s inject", "1s kill n1", "1s remove n1", "1s add n1"}},
		{"at 1s for 2s failpoint x sleep(50ms) at n3", []string{"1s inject", "1s arm n3 x sleep(50ms)", "3s disarm n3 x"}},
		{"at 1s for 2s failpoint x panic at n3", []string{"1s inject", "1s arm n3 x panic", "3s disarm n3 x"}},
	}
	for _, tt := range tests {
		t.Run(tt.plan, func(t *testing.T) {
			p := play(t, tt.plan, led)
			require.NoError(t, p.err)
			require.Equal(t, tt.want, p.calls)
			require.Len(t, p.history, 2)
			require.True(t, p.history[1].Bit)
			_, err := nemesis.ParseStep(p.history[0].Resolved)
			require.NoError(t, err)
		})
	}
}

// What an administrator does takes its time, and other faults do not wait for it.
func TestKillInTheMidstOfAnOperation(t *testing.T) {
	p := play(t, "at 1s defragment n1\nat 1.005s for 1s kill n1", func(f *fake, _ *nemesis.Options) func(func()) {
		f.slow["defragment n1"] = 3 * time.Second
		return nil
	})
	require.NoError(t, p.err)
	require.Equal(t, []string{"1s inject", "1s defragment n1", "1.005s inject", "1.005s kill n1", "2.005s start n1"}, p.calls)
}

// Nothing is assumed of an operation without an answer.
func TestOperationsThatFailAreSkipped(t *testing.T) {
	tests := []struct{ name, plan, call, reason string }{
		{"not offered", "at 1s compact n1", "compact n1", "compact n1: the system does not offer this"},
		{"no leader", "at 1s move-leader to n2", "", "no such target just now: leader: no leader is known (waited 1s)"},
		{"not built with failpoints", "at 1s for 1s failpoint x panic at n2", "arm n2 x panic", "arm n2: the system does not offer this"},
		{"refused", "at 1s for 1s remove n2", "remove n2", "remove n2: the system does not offer this"},
		{"refused, once it is killed", "at 1s replace n2", "remove n2", "remove n2: the system does not offer this"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := play(t, tt.plan, func(f *fake, _ *nemesis.Options) func(func()) {
				f.refuse[tt.call] = nemesis.ErrUnsupported
				return nil
			})
			require.NoError(t, p.err)
			end := p.report.Ends[0]
			require.NotEqual(t, history.FaultHeal, end.What)
			require.Equal(t, tt.reason, end.Reason)
		})
	}
}

func TestOperationWithoutAnAnswerIsGivenUp(t *testing.T) {
	p := play(t, "at 1s snapshot-save n1", func(f *fake, o *nemesis.Options) func(func()) {
		f.slow["snapshot-save n1"] = time.Hour
		o.Patience = 2 * time.Second
		return nil
	})
	require.NoError(t, p.err)
	require.Equal(t, []string{
		"1 inject: at 1s snapshot-save n1",
		"1 skipped: snapshot-save n1: no answer within 2s (context deadline exceeded)",
	}, p.lines())
}

// An operation that was struck in the midst of it bit; one of which nobody knows that
// it was begun is skipped.
func TestOperationThatIsStruck(t *testing.T) {
	p := play(t, "at 1s defragment n1\nat 1005ms for 1s kill same\nat 5s move-leader to n3\nat 9s defragment n2", func(f *fake, _ *nemesis.Options) func(func()) {
		f.tell(leader("n2", 1))
		f.refuse["defragment n1"] = fmt.Errorf("%w: connection reset", nemesis.ErrStruck)
		f.refuse["move-leader n2 n3"] = fmt.Errorf("%w: connection reset", nemesis.ErrStruck)
		f.refuse["defragment n2"] = fmt.Errorf("never reached the member: connection refused")
		f.evidence = map[string]int64{"begun": 1, "struck": 1}
		return nil
	})
	require.NoError(t, p.err)
	require.Equal(t, []string{
		"1 inject: at 1s defragment n1", "1 heal bit=true: defragment n1: begun, then struck: connection reset",
		"2 inject: at 1.005s for 1s kill n1", "2 heal bit=true",
		"3 inject: at 5s move-leader to n3", "3 heal bit=true: move-leader n2: begun, then struck: connection reset",
		"4 inject: at 9s defragment n2", "4 skipped: defragment n2: never reached the member: connection refused",
	}, p.lines())
	require.Equal(t, map[string]int64{"begun": 1, "struck": 1}, p.report.Ends[0].Evidence)
}

func TestOperationOnSeveral(t *testing.T) {
	p := play(t, "at 1s defragment n1 n2 n3", func(f *fake, _ *nemesis.Options) func(func()) {
		f.refuse["defragment n2"] = errors.New("busy")
		return nil
	})
	require.NoError(t, p.err)
	end := p.report.Ends[0]
	require.Equal(t, history.FaultHeal, end.What)
	require.Equal(t, map[string]int64{"n1 done": 3, "n3 done": 3}, end.Evidence)
	require.Equal(t, "defragment n2: busy", end.Reason)
}

// A member that dies at its failpoint is started again.
func TestFailpointThatKills(t *testing.T) {
	p := play(t, "at 1s for 2s failpoint x panic at n3", func(f *fake, _ *nemesis.Options) func(func()) {
		f.refuse["disarm n3 x"] = nemesis.ErrGone
		f.state["n3"] = "down"
		return nil
	})
	require.NoError(t, p.err)
	require.Equal(t, "3s start n3", p.calls[len(p.calls)-1])
	require.Equal(t, int64(1), p.report.Ends[0].Evidence["pids-gone"])
}

// A removal without an answer may have been done: the member is made one again
// before the step ends.
func TestRemovalWithoutAnAnswer(t *testing.T) {
	for _, done := range []bool{false, true} {
		t.Run(fmt.Sprint(done), func(t *testing.T) {
			p := play(t, "at 1s for 3s remove n2", func(f *fake, _ *nemesis.Options) func(func()) {
				f.refuse["remove n2"] = context.DeadlineExceeded
				if done {
					f.out["n2"] = true
				}
				return nil
			})
			require.NoError(t, p.err)
			require.Equal(t, []string{"1s inject", "1s remove n2", "1s add n2"}, p.calls)
			require.Equal(t, history.FaultSkipped, p.report.Ends[0].What)
		})
	}
}

// A member comes back when the system lets it, however long the plan is over.
func TestReturnIsTriedAgain(t *testing.T) {
	p := play(t, "at 1s replace n2", func(f *fake, o *nemesis.Options) func(func()) {
		o.Until = 2 * time.Second
		f.refuse["add n2"] = nemesis.ErrRefused
		return f.relent("add n2", 15*time.Second)
	})
	require.NoError(t, p.err)
	require.Equal(t, history.FaultHeal, p.report.Ends[0].What)
	require.Empty(t, p.report.Unhealed)
}

// A fault that would leave too few is refused, and the member stays.
func TestRemovalKeepsAMajority(t *testing.T) {
	p := play(t, "at 1s for 5s kill n1 n2\nat 2s replace n3\nat 2s for 1s remove n4", nil)
	require.NoError(t, p.err)
	require.Equal(t, []string{"1s inject", "1s kill n1", "1s kill n2", "2s inject", "2s inject", "6s start n1", "6s start n2"}, p.calls)
	require.Equal(t, 2, p.report.Count(history.FaultSkipped))
}

// Nobody starts, kills or pauses a member that is out.
func TestOthersLeaveARemovedMemberAlone(t *testing.T) {
	p := play(t, "at 1s for 5s remove n3\nat 2s for 1s kill n3\nat 2s for 1s pause n3\nat 3s restart n3", nil)
	require.NoError(t, p.err)
	require.Equal(t, []string{"1s inject", "1s remove n3", "1s kill n3", "6s add n3"}, p.calls)
	require.Equal(t, 3, p.report.Count(history.FaultSkipped))
}
