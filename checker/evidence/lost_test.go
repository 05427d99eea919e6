package evidence_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func newLost() verdict.Checker { return evidence.NewLost() }

// outage lets members lose their power, and come back.
func outage(h *tape.Tape, step int, nodes ...string) {
	f := history.Fault{Step: step, What: history.FaultInject, Text: "at 1s for 1s power-failure all keep nothing", Nodes: nodes}
	h.Fault(f)
	for _, n := range nodes {
		h.Proc(history.Proc{Node: n, What: history.ProcExit, Signal: "killed", Expected: true})
	}
	for _, n := range nodes {
		h.Proc(history.Proc{Node: n, What: history.ProcStart})
	}
	f.What, f.Bit, f.Evidence = history.FaultHeal, true, map[string]int64{"canaries-lost": int64(len(nodes))}
	h.Fault(f)
}

// idle is a power failure that takes nothing from any disk.
func idle(h *tape.Tape) {
	f := history.Fault{Step: 1, What: history.FaultInject, Text: "at 1s for 1s power-failure n1 keep nothing", Nodes: []string{"n1"}}
	h.Fault(f)
	f.What, f.Evidence = history.FaultHeal, map[string]int64{"canaries-survived": 1}
	h.Fault(f)
}

// struckBy is another fault.
func struckBy(h *tape.Tape, fault string, nodes ...string) {
	h.Fault(history.Fault{Step: 9, What: history.FaultInject, Text: "at 1s " + fault, Nodes: nodes})
}

// finalGet is a get after healing.
func finalGet(v string) history.Op {
	op := tape.Get(v)
	op.Final = true
	return op
}

// dark is a history on disks that can lose their power.
func dark(do func(h *tape.Tape)) func() *tape.Tape {
	return func() *tape.Tape {
		h := tape.On(tape.New(history.Run{Disk: "ext4"}), do)()
		h.End()
		return h
	}
}

const (
	ok      = history.OK
	wasLost = "an acknowledged write was lost"
)

func TestLost(t *testing.T) {
	all := []string{"n1", "n2", "n3"}
	tape.Verdicts(t, newLost, []tape.Row{
		{Name: "added before, and not there", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			h.Do(1, ok, tape.Add("b"))
			outage(h, 1, all...)
			h.Do(2, ok, tape.Final("a"))
		}), Want: verdict.Invalid, Rule: wasLost},
		{Name: "without an effect, and there", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			idle(h)
			h.Do(2, ok, tape.Final("a"))
		}), Want: verdict.Unchecked},
		{Name: "without an effect, and not there", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			idle(h)
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Invalid, Rule: wasLost},
		{Name: "added before, and there", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			h.Do(1, ok, tape.Add("b"))
			outage(h, 1, all...)
			h.Do(2, ok, tape.Final("a", "b"))
		}), Want: verdict.Valid},
		{Name: "one of two final reads has it", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			outage(h, 1, all...)
			h.Do(2, ok, tape.Final())
			h.Do(2, ok, tape.Final("a"))
		}), Want: verdict.Valid},
		{Name: "added without an answer", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			h.Do(2, history.Info, tape.Add("b"))
			outage(h, 1, all...)
			h.Do(3, ok, tape.Final("a"))
		}), Want: verdict.Valid},
		{Name: "seen after the power failure", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			outage(h, 1, all...)
			h.Do(2, ok, tape.Read("a"))
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Unchecked},
		{Name: "seen after one power failure, not after another", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			outage(h, 1, all...)
			h.Do(2, ok, tape.Read("a"))
			outage(h, 2, all...)
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Invalid, Rule: wasLost},
		{Name: "acknowledged after the power failure", Build: dark(func(h *tape.Tape) {
			outage(h, 1, all...)
			h.Do(1, ok, tape.Add("a"))
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Unchecked},
		{Name: "acknowledged while the final read was under way", Build: dark(func(h *tape.Tape) {
			h.Ask(1, tape.Add("a"))
			outage(h, 1, "n3")
			h.Ask(2, tape.Final())
			h.Answer(1, ok, tape.Add("a"))
			h.Answer(2, ok, tape.Final())
		}), Want: verdict.Unchecked},
		{Name: "a power failure that did not come to pass", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			f := history.Fault{Step: 1, What: history.FaultInject, Text: "at 1s power-failure n1"}
			h.Fault(f)
			f.What = history.FaultSkipped
			h.Fault(f)
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Unchecked},
		{Name: "no disks of their own", Build: tape.On(tape.New(history.Run{}), func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Unchecked},
		{Name: "disks may have taken what a majority synced", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			struckBy(h, "lost-write n1 wal", "n1")
			struckBy(h, "fail-sync n2", "n2")
			outage(h, 1, all...)
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Unknown},
		{Name: "… of which a write failed below the file system", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			struckBy(h, "fail-write n1 n2", "n1", "n2")
			outage(h, 1, all...)
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Unknown},
		{Name: "… of a file: who is told at once has it", Build: tape.On(tape.New(history.Run{Disk: "fuse", Nodes: all}), func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			struckBy(h, "fail-write n1 n2", "n1", "n2")
			outage(h, 1, all...)
			h.Do(2, ok, tape.Final())
			h.End()
		}), Want: verdict.Invalid, Rule: wasLost},
		{Name: "… and what a minority did, which was told", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			struckBy(h, "fail-sync n1 wal", "n1")
			outage(h, 1, all...)
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Invalid, Rule: wasLost},
		{Name: "… and was not: one of three keeps it, who need not vote", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			struckBy(h, "lost-write n1 wal", "n1")
			outage(h, 1, all...)
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Unknown},
		{Name: "… two of four keep it, of whom one votes", Build: tape.On(tape.New(history.Run{Disk: "fuse", Nodes: []string{"n1", "n2", "n3", "n4"}}), func(h *tape.Tape) {
			h.Do(1, ok, tape.Add("a"))
			struckBy(h, "lost-write n1 wal", "n1")
			outage(h, 1, all...)
			h.Do(2, ok, tape.Final())
			h.End()
		}), Want: verdict.Invalid, Rule: wasLost},
	})
}

func TestLostRegisters(t *testing.T) {
	all := []string{"n1", "n2", "n3"}
	tape.Verdicts(t, newLost, []tape.Row{
		{Name: "what was before it is read", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Put("a"))
			h.Do(1, ok, tape.Put("b"))
			outage(h, 1, all...)
			h.Do(2, ok, finalGet("a"))
		}), Want: verdict.Invalid, Rule: wasLost},
		{Name: "nothing is read", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Cas("", "a"))
			outage(h, 1, all...)
			h.Do(2, ok, finalGet(""))
		}), Want: verdict.Invalid, Rule: wasLost},
		{Name: "nothing is read, as after a delete", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Erase())
			outage(h, 1, all...)
			h.Do(2, ok, finalGet(""))
		}), Want: verdict.Unchecked},
		{Name: "what was deleted is back", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Put("a"))
			h.Do(1, ok, tape.Erase())
			outage(h, 1, all...)
			h.Do(2, ok, finalGet("a"))
		}), Want: verdict.Invalid, Rule: wasLost},
		{Name: "overwritten", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Put("a"))
			outage(h, 1, all...)
			h.Do(1, ok, tape.Put("b"))
			h.Do(2, ok, finalGet("b"))
		}), Want: verdict.Valid},
		{Name: "what was read has no answer yet", Build: dark(func(h *tape.Tape) {
			h.Ask(1, tape.Put("a"))
			h.Do(2, ok, tape.Put("b"))
			outage(h, 1, all...)
			h.Do(3, ok, finalGet("a"))
		}), Want: verdict.Unchecked},
		{Name: "what was read was written at the same time", Build: dark(func(h *tape.Tape) {
			h.Ask(1, tape.Put("a"))
			h.Ask(2, tape.Put("b"))
			h.Answer(1, ok, tape.Put("a"))
			h.Answer(2, ok, tape.Put("b"))
			outage(h, 1, all...)
			h.Do(3, ok, finalGet("a"))
		}), Want: verdict.Valid},
		{Name: "what was read was written again", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Put("a"))
			h.Do(1, ok, tape.Put("b"))
			h.Do(3, history.Info, tape.Put("a"))
			outage(h, 1, all...)
			h.Do(2, ok, finalGet("a"))
		}), Want: verdict.Valid},
		{Name: "what was read nobody wrote", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Put("a"))
			outage(h, 1, all...)
			h.Do(2, ok, finalGet("z"))
		}), Want: verdict.Unchecked},
		{Name: "transactions write the key", Build: dark(func(h *tape.Tape) {
			h.Do(1, ok, tape.Put("a"))
			h.Do(1, ok, tape.TxnOf(tape.PutAt("x", "b")))
			outage(h, 1, all...)
			h.Do(2, ok, finalGet(""))
		}), Want: verdict.Unchecked},
	})
}

// What is lost is told with what was acknowledged around it and is there, and with what
// was said of the disks.
func TestLostIsExplained(t *testing.T) {
	h := dark(func(h *tape.Tape) {
		for _, v := range []string{"a", "b", "c", "d", "e"} {
			op := tape.Add(v)
			op.Node = "n2"
			h.Do(1, ok, op)
		}
		outage(h, 4, "n1", "n2", "n3")
		read := tape.Final("a", "b", "e")
		read.Node = "n1"
		h.Do(2, ok, read)
	})()
	r := h.Judge(newLost())
	require.Equal(t, verdict.Invalid, r.Verdict)
	require.Len(t, r.Violations, 1)
	require.Equal(t, map[string]int64{"power-failures": 1, "acknowledged": 5, "there": 3, "lost": 2, "violations": 2}, r.Stats)
	require.Equal(t, `2 acknowledged writes were lost in the power failure of n1 n2 n3 at 0.015s: of 5 acknowledged in the second before it, 2. `+
		`The first, add "c" to s, was acknowledged by n2 at 0.007s; the final read by n1 at 0.021s shows 3 values without it. `+
		`Acknowledged before it and there: add "b" to s, at 0.005s; after it: add "e" to s, at 0.011s. Of the disks: canaries-lost 3`, r.Violations[0].Text)
	require.Len(t, r.Violations[0].Events, 10)
	require.Equal(t, "5 acknowledged writes, 2 lost after 1 power failure: 2 acknowledged writes were lost in the power failure of n1 n2 n3 at 0.015s: "+
		"of 5 acknowledged in the second before it, 2", r.Summary)
}

// Of several power failures that may have taken it, it is that of a majority.
func TestLostInOneOfSeveral(t *testing.T) {
	h := dark(func(h *tape.Tape) {
		h.Do(1, ok, tape.Add("a"))
		outage(h, 1, "n1")
		outage(h, 2, "n1", "n2")
		outage(h, 3, "n3")
		h.Do(2, ok, tape.Final())
	})()
	r := h.Judge(newLost())
	require.Contains(t, r.Violations[0].Text, "lost in the power failure of n1 n2 at ")
	require.Contains(t, r.Violations[0].Text, "Nobody read it between this and 2 other power failures")
}
