package tape

import (
	"github.com/usurper/usurper/harness/history"
)

// covered is a run in which everything happened that should, but for what the
// options leave out or add.
type Whole struct {
	Steps, Bit        int
	Before, During    bool
	After, Final, End bool
	Leader            bool
	Extra             func(h *Tape)
}

// WholeRun is a run of one fault that lacks nothing.
func WholeRun() Whole { return Whole{1, 1, true, true, true, true, true, true, nil} }

// Build makes the history.
func (c Whole) Build() *Tape {
	h := New(history.Run{Traced: true, Steps: c.Steps, Workload: "register"})
	if c.Leader {
		h.Lead("n1", 1)
	}
	outcome := func(ok bool) history.OpType {
		if ok {
			return history.OK
		}
		return history.Fail
	}
	h.Phase(history.PhaseReady)
	h.Do(1, outcome(c.Before), Put("a"))
	h.Phase(history.PhaseFaults)
	for i := range c.Steps {
		h.Fault(history.Fault{Step: i + 1, What: history.FaultInject, Text: "pause one"})
	}
	h.Do(1, outcome(c.During), Put("b"))
	for i := range c.Steps {
		h.Fault(history.Fault{Step: i + 1, What: history.FaultHeal, Text: "pause one", Bit: i < c.Bit})
	}
	if c.Extra != nil {
		c.Extra(h)
	}
	h.Phase(history.PhaseHealed)
	h.Do(1, outcome(c.After), Put("c"))
	h.Phase(history.PhaseFinal)
	read := Get("c")
	read.Final = true
	h.Do(1, outcome(c.Final), read)
	h.Phase(history.PhaseStop)
	if c.End {
		h.End()
	}
	return h
}

// Replicate is a cluster in which n1 leads term 1 and all hold count entries of
// it, of which the first half is committed everywhere.
func Replicate(h *Tape, count int) {
	h.Start()
	h.Elect("n1", 1, "n2", "n3")
	for _, n := range h.Nodes {
		if n != "n1" {
			h.Follow(n, "n1", 1)
		}
		h.Put(n, "n1", 1, 1, count)
	}
	for _, n := range h.Nodes {
		h.Commit(n, 1, uint64(count/2), n == "n1")
	}
}
