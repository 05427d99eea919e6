package checker

import (
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// clocks says what the times of a report count from: events have the run's, steps of
// a plan have that of the faults, which began later.
type clocks struct {
	faults time.Duration // when they began, since the run did
	begun  bool
}

func (c *clocks) event(e *history.Event) {
	if e.Run != nil && e.Run.What == history.RunPhase && e.Run.Phase == history.PhaseFaults {
		c.faults, c.begun = e.At, true
	}
}

// String is a line of a report; none without faults, for then there is one clock.
func (c clocks) String() string {
	if !c.begun {
		return ""
	}
	return "times: since the run began; those of the plan, as in \"at 5s\", since the faults did, at " + verdict.Seconds(c.faults)
}
