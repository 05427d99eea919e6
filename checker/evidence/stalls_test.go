package evidence_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// stalling is a run of a cluster that served before the faults, and of a machine that
// stalls after healing, and maybe before.
type stalling struct {
	seconds int                   // from healing to the stop
	stalls  map[int]time.Duration // length of those that end with that second
	quiet   [2]int                // seconds in which no operation is under way
	serves  int                   // second from which operations succeed; 0 for never
	before  time.Duration         // a stall that ends just before healing
	extra   func(h *tape.Tape)    // just after healing
}

func (s stalling) build() *tape.Tape {
	h := tape.Traced()
	for _, n := range h.Nodes {
		h.Proc(history.Proc{Node: n, What: history.ProcStart})
	}
	h.Lead("n1", 1)
	h.Phase(history.PhaseReady)
	h.Do(1, history.OK, tape.Put("a"))
	h.Wait(time.Minute)
	if s.before > 0 {
		h.Run(history.Run{What: history.RunStall, Stall: s.before})
	}
	h.Phase(history.PhaseHealed)
	if s.extra != nil {
		s.extra(h)
	}
	for second := 1; second <= s.seconds; second++ {
		h.Wait(900 * time.Millisecond)
		if took := s.stalls[second]; took > 0 {
			h.Run(history.Run{What: history.RunStall, Stall: took})
		}
		h.Wait(100 * time.Millisecond)
		switch {
		case s.quiet[0] <= second && second < s.quiet[1]:
		case s.serves > 0 && second >= s.serves:
			h.Do(1, history.OK, tape.Put("b"))
		default:
			h.Do(1, history.Info, tape.Put("b"))
		}
	}
	h.Phase(history.PhaseStop)
	h.End()
	return h
}

// every is a stall of that length at the end of each so many seconds, up to the last.
func every(seconds, last int, took time.Duration) map[int]time.Duration {
	stalls := make(map[int]time.Duration)
	for at := seconds; at <= last; at += seconds {
		stalls[at] = took
	}
	return stalls
}

// A stall excuses what comes shortly after it; from then on the system has the whole
// bound, 10 s here, and no more.
func TestAvailabilityIsJudgedAnewAfterEachStall(t *testing.T) {
	const rule = "did not recover"
	once := func(second int) map[int]time.Duration { return map[int]time.Duration{second: time.Second} }
	dead := func(name string, s stalling) tape.Row {
		return tape.Row{Name: name, Build: s.build, Want: verdict.Invalid, Rule: rule}
	}
	unknown := func(name string, s stalling) tape.Row {
		return tape.Row{Name: name, Build: s.build, Want: verdict.Unknown}
	}
	valid := func(name string, s stalling) tape.Row {
		return tape.Row{Name: name, Build: s.build, Want: verdict.Valid}
	}
	tape.Verdicts(t, func() verdict.Checker { return evidence.NewAvailability() }, []tape.Row{
		dead("stalled early", stalling{seconds: 13, stalls: once(1)}),
		dead("stalled in the middle, and long enough after it", stalling{seconds: 18, stalls: once(6)}),
		dead("stalled near the end, after a whole bound", stalling{seconds: 14, stalls: once(13)}),
		dead("stalled just before healing", stalling{seconds: 12, before: time.Second}),
		dead("stalled many times, then no more", stalling{seconds: 32, stalls: every(2, 20, 500*time.Millisecond)}),
		dead("stalls too short to matter", stalling{seconds: 11, stalls: every(1, 11, tape.ElectionTimeout/4)}),
		dead("a whole bound between two that starve it for long", stalling{seconds: 60, stalls: map[int]time.Duration{20: 19 * time.Second, 58: 25 * time.Second}}),

		unknown("stalled in the middle of too short a time", stalling{seconds: 15, stalls: once(8)}),
		unknown("stalled near the end of the bound", stalling{seconds: 11, stalls: once(10)}),
		unknown("stalled early, and no whole bound after it", stalling{seconds: 11, stalls: once(1)}),
		unknown("stalled just before healing, which leaves less than the bound", stalling{seconds: 10, before: 30 * time.Second}),
		unknown("stalled evenly, so that no bound is whole", stalling{seconds: 120, stalls: every(10, 120, 300*time.Millisecond)}),
		unknown("starved all the time", stalling{seconds: 120, stalls: every(1, 120, 900*time.Millisecond)}),
		unknown("starved in one piece", stalling{seconds: 61, stalls: map[int]time.Duration{60: time.Minute}, quiet: [2]int{2, 60}}),
		unknown("nobody asks from the stall on", stalling{seconds: 30, stalls: once(5), quiet: [2]int{5, 31}}),
		unknown("nobody asks any more, without a stall", stalling{seconds: 30, quiet: [2]int{5, 31}}),
		unknown("held, with stalls within, and no client", stalling{seconds: 40,
			stalls: map[int]time.Duration{20: time.Second, 38: 35 * time.Second}, quiet: [2]int{3, 38}}),
		unknown("a fault without an end", stalling{seconds: 30, extra: func(h *tape.Tape) {
			h.Fault(history.Fault{Step: 2, What: history.FaultInject, Text: "at 2s for 1s isolate n3"})
		}}),

		valid("healthy, with stalls", stalling{seconds: 60, stalls: every(3, 60, time.Second), serves: 1}),
		valid("late, after a bound that a stall cut short", stalling{seconds: 18, stalls: once(8), serves: 17}),
	})

	// The rule is that it serves at all: how late is told. Its beginning is judged as if
	// nothing came after it.
	late := stalling{seconds: 18, serves: 17}.build().Judge(evidence.NewAvailability())
	require.Equal(t, verdict.Valid, late.Verdict)
	require.Greater(t, late.Stats["recovery-ms"], int64(16_000))
}
