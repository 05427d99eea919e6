package evidence_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/harness/history"
)

// A loss of the leader lasts until another one leads, and one that nobody ever
// succeeds lasts to the end: a system that never elects is not fast.
func TestPace(t *testing.T) {
	exit := func(h *tape.Tape, n string) {
		h.Proc(history.Proc{Node: n, What: history.ProcExit, Expected: true})
	}
	signal := func(h *tape.Tape, n string, s syscall.Signal) {
		h.Proc(history.Proc{Node: n, What: history.ProcSignal, Signal: s.String()})
	}
	inject := func(h *tape.Tape) { h.Fault(history.Fault{Step: 1, What: history.FaultInject}) }
	for _, c := range []struct {
		name string
		do   func(h *tape.Tape)
		want map[string]int64 // of the stats
	}{
		{"killed", func(h *tape.Tape) {
			inject(h)
			exit(h, "n1")
			h.Wait(250 * time.Millisecond)
			h.Stand("n2", 2)
			h.Stand("n3", 3)
			h.Stand("n3", 3) // as a tap tells
			h.Lead("n3", 3)
		}, map[string]int64{"failovers": 1, "failover-median-ms": 257, "candidacies": 2, "terms": 2, "faults": 1}},
		{"another is killed", func(h *tape.Tape) { exit(h, "n2"); h.Wait(time.Second) },
			map[string]int64{"failovers": 0, "candidacies": 0, "terms": 0}},
		{"killed, and nobody leads any more", func(h *tape.Tape) { exit(h, "n1"); h.Wait(5 * time.Second) },
			map[string]int64{"failovers": 1, "failovers-in-vain": 1, "failover-median-ms": 5001}},
		{"paused, and succeeded", func(h *tape.Tape) {
			signal(h, "n1", syscall.SIGSTOP)
			h.Wait(300 * time.Millisecond)
			h.Elect("n2", 2, "n3")
			h.Wait(time.Second)
			signal(h, "n1", syscall.SIGCONT)
		}, map[string]int64{"failovers": 1, "failovers-in-vain": 0, "failover-median-ms": 304}},
		{"paused for long, and not succeeded", func(h *tape.Tape) {
			signal(h, "n1", syscall.SIGSTOP)
			h.Wait(time.Second)
			signal(h, "n1", syscall.SIGCONT)
		}, map[string]int64{"failovers": 1, "failovers-in-vain": 1, "failover-median-ms": 1001}},
		{"paused for a moment", func(h *tape.Tape) {
			signal(h, "n1", syscall.SIGSTOP)
			h.Wait(tape.ElectionTimeout)
			signal(h, "n1", syscall.SIGCONT)
		}, map[string]int64{"failovers": 0}},
		{"paused, killed while it was, and back", func(h *tape.Tape) {
			signal(h, "n1", syscall.SIGSTOP)
			h.Wait(100 * time.Millisecond)
			exit(h, "n1")
			h.Wait(100 * time.Millisecond)
			h.Elect("n1", 2, "n3")
		}, map[string]int64{"failovers": 1, "failovers-in-vain": 0, "failover-median-ms": 205}},
		{"silent", func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Wait(90 * time.Millisecond)
			h.Do(1, history.OK, tape.Put("b"))
			h.Wait(time.Second)
			h.Do(1, history.OK, tape.Put("c"))
			h.Wait(2 * time.Second)
			h.Do(1, history.Fail, tape.Put("d"))
		}, map[string]int64{"longest-gap-ms": 2002, "silent-ms": 3004}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := tape.Traced()
			h.Elect("n1", 1, "n2")
			h.Phase(history.PhaseReady)
			h.Phase(history.PhaseFaults)
			c.do(h)
			h.Phase(history.PhaseStop)
			exit(h, "n1")
			got := h.Judge(evidence.NewAvailability()).Stats
			for stat, want := range c.want {
				require.Equal(t, want, got[stat], "%s in %v", stat, got)
			}
		})
	}
}
