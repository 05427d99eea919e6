package engine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
)

// leaderOf returns who led first, and in which term.
func leaderOf(t *testing.T, events []*history.Event) (string, uint64) {
	t.Helper()
	for _, e := range events {
		if e.Raft != nil && e.Raft.What == history.RaftLeader {
			return e.Raft.Node, e.Raft.Term
		}
	}
	t.Fatal("nobody led")
	return "", 0
}

// A run leaves the order of its messages, and the next one can be held to it.
func TestScheduleOfARun(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	first, err := engine.Run(t.Context(), cfg)
	require.NoError(t, err)
	require.Nil(t, first.Followed)
	leader, term := leaderOf(t, read(t, first.Dir))
	schedule, err := engine.ReadSchedule(first.Dir)
	require.NoError(t, err)
	for _, stage := range []fabric.Stage{fabric.Sent, fabric.Delivered} {
		for _, class := range []string{"vote", "append"} {
			require.True(t, slices.ContainsFunc(schedule, func(m fabric.Moment) bool {
				return m.Stage == stage && m.Link.From == leader && m.ID == fabric.ID{Class: class, Term: term}
			}), "%s %s of %s in term %d: %q", class, stage, leader, term, schedule)
		}
	}

	cfg.Schedule = schedule
	second, err := engine.Run(t.Context(), cfg)
	require.NoError(t, err)
	require.NotEqual(t, checker.Invalid, second.Report.Verdict, second.Report.String())
	require.NotNil(t, second.Followed)
	require.Positive(t, second.Followed.Deliveries)
	if second.Followed.Diverged == nil { // timers are beyond the reach of a schedule
		again, in := leaderOf(t, read(t, second.Dir))
		require.Equal(t, leader, again)
		require.Equal(t, term, in)
	}
}

// A schedule that no run can keep to delays an election, is told of, and makes
// nothing invalid.
func TestImpossibleSchedule(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	lines := []string{fabric.ScheduleHeader, "sent n9 > n1 vote 1"}
	for _, from := range cfg.Names() {
		for _, to := range cfg.Names() {
			if from != to {
				lines = append(lines, "delivered "+from+" > "+to+" vote 1")
			}
		}
	}
	var err error
	cfg.Schedule, err = fabric.ParseSchedule("test", strings.NewReader(strings.Join(lines, "\n")+"\n"))
	require.NoError(t, err)
	result, err := engine.Run(t.Context(), cfg)
	require.NoError(t, err)
	require.NotEqual(t, checker.Invalid, result.Report.Verdict, result.Report.String())
	require.Equal(t, 6, result.Followed.Deliveries)
	require.NotNil(t, result.Followed.Diverged)
	require.Equal(t, "sent n9 > n1 vote 1", result.Followed.Diverged.Missed.String())
	require.True(t, slices.ContainsFunc(read(t, result.Dir), func(e *history.Event) bool {
		return e.Run != nil && strings.HasPrefix(e.Run.Text, "message schedule: followed ")
	}))
}

// Who cannot follow says so before anything is started.
func TestScheduleNeedsNamedFrames(t *testing.T) {
	cfg := configFor(t)
	cfg.Nodes, cfg.Schedule = 1, fabric.Schedule{}
	require.ErrorContains(t, cfg.Validate(), "a message schedule to follow")
}
