package evidence_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// A power failure is named alone only if nothing else can have taken the write.
func TestLostWithRivals(t *testing.T) {
	all := []string{"n1", "n2", "n3"}
	kill := func(h *tape.Tape, n string) {
		h.Proc(history.Proc{Node: n, What: history.ProcExit, Signal: "killed", Expected: true})
		h.Proc(history.Proc{Node: n, What: history.ProcStart})
	}
	for name, c := range map[string]struct {
		do   func(h *tape.Tape)
		want string
	}{
		"nothing else": {func(h *tape.Tape) {
			h.Lead("n1", 1)
			h.Do(1, ok, tape.Add("a"))
			outage(h, 1, all...)
		}, "1 acknowledged write was lost in the power failure of n1 n2 n3 at"},
		"somebody has to lead again": {func(h *tape.Tape) {
			h.Lead("n1", 1)
			h.Do(1, ok, tape.Add("a"))
			outage(h, 1, all...)
			h.Lead("n2", 2)
		}, "was lost in the power failure of n1 n2 n3 at"},
		"also after the leader alone": {func(h *tape.Tape) {
			h.Lead("n1", 1)
			h.Do(1, ok, tape.Add("a"))
			outage(h, 1, "n1")
			h.Lead("n2", 2)
		}, "was lost in the power failure of n1 at"},
		"twice": {func(h *tape.Tape) {
			h.Lead("n1", 1)
			h.Do(1, ok, tape.Add("a"))
			outage(h, 1, all...)
			h.Lead("n2", 2)
			h.Lead("n3", 3)
		}, "lost, in the power failure of n1 n2 n3 at 0.008s or otherwise (the leader changed at 0.014s)"},
		"twice, but it was gone before": {func(h *tape.Tape) {
			h.Lead("n1", 1)
			h.Do(1, ok, tape.Add("a"))
			outage(h, 1, all...)
			h.Lead("n2", 2)
			h.Do(2, ok, tape.Read())
			h.Lead("n3", 3)
		}, "was lost in the power failure of n1 n2 n3 at"},
		"the leader was not hit": {func(h *tape.Tape) {
			h.Lead("n2", 1)
			h.Do(1, ok, tape.Add("a"))
			outage(h, 1, "n1")
			h.Lead("n3", 2)
		}, "or otherwise (the leader changed at"},
		"another led before": {func(h *tape.Tape) {
			h.Lead("n1", 1)
			h.Do(1, ok, tape.Add("a"))
			h.Lead("n2", 2)
			outage(h, 1, all...)
		}, "or otherwise (the leader changed at"},
		"another led before, and it was seen then": {func(h *tape.Tape) {
			h.Lead("n1", 1)
			h.Do(1, ok, tape.Add("a"))
			h.Lead("n2", 2)
			h.Do(2, ok, tape.Read("a"))
			outage(h, 1, all...)
		}, "was lost in the power failure of n1 n2 n3 at"},
		"a kill": {func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			kill(h, "n2")
			outage(h, 1, all...)
		}, "or otherwise (n2 was killed at 0.004s)"},
		"one of two may have gone otherwise": {func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			kill(h, "n2")
			h.Do(1, ok, tape.Add("b"))
			outage(h, 1, all...)
		}, "1 acknowledged write was lost in the power failure of n1 n2 n3 at 0.011s, and 1 more then or otherwise: of 2"},
	} {
		t.Run(name, func(t *testing.T) {
			h := dark(func(h *tape.Tape) {
				c.do(h)
				h.Do(3, ok, tape.Final())
			})()
			r := h.Judge(newLost())
			require.Equal(t, verdict.Invalid, r.Verdict)
			require.Contains(t, r.Violations[0].Text, c.want)
		})
	}
}

// What was seen to be gone before the power failed is not its doing.
func TestLostBeforeThePowerFailed(t *testing.T) {
	tape.Verdicts(t, newLost, []tape.Row{
		{Name: "the second of two took nothing", Build: dark(func(h *tape.Tape) {
			outage(h, 1, "n1")
			h.Do(1, ok, tape.Add("a"))
			h.Do(2, ok, tape.Read())
			outage(h, 2, "n1", "n2", "n3")
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Unchecked},
		{Name: "killed once it was back, while others had no power yet", Build: dark(func(h *tape.Tape) { backAndKilled(h, false) }), Want: verdict.Unchecked},
		{Name: "… and gone before", Build: dark(func(h *tape.Tape) { backAndKilled(h, true) }), Want: verdict.Invalid, Rule: wasLost},
	})
}

// backAndKilled has members come back one by one, of which the first is killed; something is
// added before that, or before the power failed.
func backAndKilled(h *tape.Tape, before bool) {
	start := func(n string) { h.Proc(history.Proc{Node: n, What: history.ProcStart}) }
	end := func(n string) {
		h.Proc(history.Proc{Node: n, What: history.ProcExit, Signal: "killed", Expected: true})
	}
	if before {
		h.Do(1, ok, tape.Add("a"))
	}
	f := history.Fault{Step: 1, What: history.FaultInject, Text: "at 1s for 1s power-failure all keep nothing staggered", Nodes: h.Nodes}
	h.Fault(f)
	for _, n := range h.Nodes {
		end(n)
	}
	start("n1")
	start("n2")
	if !before {
		h.Do(1, ok, tape.Add("a"))
	}
	end("n1")
	start("n1")
	start("n3")
	f.What, f.Bit = history.FaultHeal, true
	h.Fault(f)
	h.Do(2, ok, tape.Final())
}
