package checker_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/harness/history"
)

// robbed is a history in which n1 comes back without a vote and an entry that were on its
// disk, and a client without what was acknowledged, after a fault.
func robbed(fault string, read string) *tape.Tape {
	h := tape.Started("n1", "n2", "n3")
	h.Do(1, history.OK, tape.Put("a"))
	h.Do(1, history.OK, tape.Put("b"))
	h.Elect("n2", 1, "n1")
	h.Fault(history.Fault{Step: 1, What: history.FaultInject, Text: "at 1s " + fault, Nodes: []string{"n1"}})
	h.Fault(history.Fault{Step: 1, What: history.FaultHeal, Text: "at 1s " + fault, Nodes: []string{"n1"}, Bit: true})
	h.Restart("n1", 0, "")
	h.Do(2, history.OK, tape.Get(read))
	h.End()
	return h
}

// verdicts are those of a history, by checker.
func verdicts(t *testing.T, h *tape.Tape) map[string]checker.Verdict {
	t.Helper()
	r, err := checker.Run(checker.All(checker.Options{}), h.All())
	require.NoError(t, err)
	var file bytes.Buffer
	for i := range h.Events {
		require.NoError(t, json.NewEncoder(&file).Encode(&h.Events[i]))
	}
	batched, err := checker.RunBatches(checker.All(checker.Options{}), history.NewReader("h", &file).Batches())
	require.NoError(t, err)
	require.Equal(t, r.Verdict, batched.Verdict)
	all := make(map[string]checker.Verdict)
	for _, result := range r.Results {
		all[result.Checker] = result.Verdict
	}
	return all
}

// What a member was robbed of without a word it need not keep, nor anybody what was
// acknowledged then; a power failure, or an error that it was told of, takes nothing.
func TestLossIsForgivenWhereItIsNobodysFault(t *testing.T) {
	for fault, want := range map[string][2]checker.Verdict{
		"power-failure n1 keep nothing": {checker.Invalid, checker.Invalid}, "fail-sync n1 wal": {checker.Invalid, checker.Invalid},
		"lost-write n1 wal": {checker.Valid, checker.Unknown}, "bit-rot n1 wal": {checker.Valid, checker.Unknown},
	} {
		got := verdicts(t, robbed(fault, "a"))
		require.Equal(t, want[0], got["votes"], fault)
		require.Equal(t, want[1], got["linearizable"], fault)
		require.Equal(t, checker.Invalid, verdicts(t, robbed(fault, "z"))["linearizable"], "nobody ever wrote it")
	}
}

// A bug of another member, and what was wrong before, is found beside a fault that takes
// what was synced.
func TestBugsAreFoundBesideLoss(t *testing.T) {
	rot := history.Fault{Step: 1, What: history.FaultInject, Text: "at 1s bit-rot n1 wal", Nodes: []string{"n1"}}
	twice := func(h *tape.Tape, voter string) {
		h.Stand("n2", 1)
		h.Stand("n4", 1)
		h.Grant(voter, "n2", 1)
		h.Grant(voter, "n4", 1)
	}
	for name, c := range map[string]struct {
		build func(h *tape.Tape)
		want  map[string]checker.Verdict
	}{
		"the member that was robbed": {func(h *tape.Tape) { h.Fault(rot); twice(h, "n1") }, map[string]checker.Verdict{"votes": checker.Valid}},
		"another":                    {func(h *tape.Tape) { h.Fault(rot); twice(h, "n3") }, map[string]checker.Verdict{"votes": checker.Invalid}},
		"another, for a log that is behind": {func(h *tape.Tape) {
			h.Fault(rot)
			h.Elect("n2", 1, "n3", "n4")
			h.Put("n2", "n2", 1, 1, 1)
			h.Put("n3", "n2", 1, 1, 1)
			h.Stand("n5", 2)
			h.Grant("n3", "n5", 2)
		}, map[string]checker.Verdict{"votes": checker.Invalid}},
		"before": {func(h *tape.Tape) { twice(h, "n1"); h.Fault(rot) }, map[string]checker.Verdict{"votes": checker.Invalid}},
		"clients, before": {func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(1, history.OK, tape.Put("b"))
			h.Do(2, history.OK, tape.Get("a"))
			h.Fault(rot)
		}, map[string]checker.Verdict{"linearizable": checker.Invalid}},
	} {
		h := tape.Started("n1", "n2", "n3", "n4", "n5")
		c.build(h)
		h.End()
		got := verdicts(t, h)
		for checker, want := range c.want {
			require.Equal(t, want, got[checker], name)
		}
	}
}

// Files are damaged by faults that tell nobody, and by members that were told.
func TestFilesThatFaultsDamaged(t *testing.T) {
	for _, c := range []struct {
		fault, whose string
		want         checker.Verdict
	}{
		{"lost-write", "n1", checker.Unknown},
		{"bit-rot", "n1", checker.Unknown},
		{"lost-write", "", checker.Unknown}, // of several
		{"lost-write", "n2", checker.Invalid},
		{"fail-write", "n1", checker.Invalid},
		{"fail-sync", "n1", checker.Invalid},
		{"short-write", "", checker.Invalid},
	} {
		h := tape.Started("n1", "n2", "n3")
		h.Fault(history.Fault{Step: 1, What: history.FaultInject, Text: "at 1s " + c.fault + " n1", Nodes: []string{"n1"}})
		h.Run(history.Run{What: history.RunAutopsy, Node: c.whose, Text: "entry 4 is missing"})
		h.End()
		require.Equal(t, c.want, verdicts(t, h)["autopsy"], "%+v", c)
	}
}

// A run that fails fast does not end for what is forgiven in the end.
func TestNobodyFailsFastForWhatIsForgiven(t *testing.T) {
	for fault, want := range map[string]bool{"lost-write n1 wal": false, "power-failure n1 keep nothing": true} {
		r := checker.NewRunner(checker.All(checker.Options{}))
		h := robbed(fault, "a")
		for i := range h.Events {
			r.Event(&h.Events[i])
		}
		require.Equal(t, want, r.Breached(checker.Breach{Checker: "votes"}), fault)
		require.Equal(t, want, r.Violated(), fault)
	}
}

// A fault excuses those whom it hit, from then on, if it had an effect.
func TestNobodyElseIsForgiven(t *testing.T) {
	hit := func(h *tape.Tape, step int, fault string, bit bool, nodes ...string) {
		f := history.Fault{Step: step, What: history.FaultInject, Text: "at 1s " + fault, Nodes: nodes}
		h.Fault(f)
		f.What, f.Bit = history.FaultHeal, bit
		h.Fault(f)
	}
	twice := func(h *tape.Tape, voter string, term uint64) {
		h.Stand("n2", term)
		h.Stand("n4", term)
		h.Grant(voter, "n2", term)
		h.Grant(voter, "n4", term)
	}
	dies := func(h *tape.Tape, node string) {
		h.Proc(history.Proc{Node: node, What: history.ProcExit, Code: 2})
	}
	asserts := func(h *tape.Tape, node string) {
		h.Run(history.Run{What: history.RunAssertion, Node: node, Assertion: &history.Assertion{
			Type: history.AssertAlways, Message: "m", Must: true, Hit: true,
		}})
	}
	for name, c := range map[string]struct {
		nodes   int
		checker string
		build   func(h *tape.Tape)
		want    checker.Verdict
	}{
		"robbed later than another": {5, "votes", func(h *tape.Tape) {
			hit(h, 1, "lost-write n2", true, "n2")
			twice(h, "n1", 1)
			hit(h, 2, "lost-write n1", true, "n1")
		}, checker.Invalid},
		"of nothing": {5, "votes", func(h *tape.Tape) {
			hit(h, 1, "lost-write n1", false, "n1")
			twice(h, "n1", 1)
		}, checker.Invalid},
		"more often than is kept, and once another": {5, "votes", func(h *tape.Tape) {
			hit(h, 1, "lost-write n1", true, "n1")
			for term := range uint64(4) {
				twice(h, "n1", term+1)
			}
			twice(h, "n3", 5)
		}, checker.Unknown},
		"as often as is kept": {5, "votes", func(h *tape.Tape) {
			hit(h, 1, "lost-write n1", true, "n1")
			for term := range uint64(3) {
				twice(h, "n1", term+1)
			}
		}, checker.Valid},
		"another ends, who has what is lost":        {3, "node-logs", func(h *tape.Tape) { hit(h, 1, "lost-write n1", true, "n1"); dies(h, "n2") }, checker.Unknown},
		"another ends, and two of four keep all":    {4, "node-logs", func(h *tape.Tape) { hit(h, 1, "lost-write n1", true, "n1"); dies(h, "n2") }, checker.Invalid},
		"another ends before":                       {3, "node-logs", func(h *tape.Tape) { dies(h, "n2"); hit(h, 1, "lost-write n1", true, "n1") }, checker.Invalid},
		"another ends, and nothing was lost":        {3, "node-logs", func(h *tape.Tape) { hit(h, 1, "lost-write n1", false, "n1"); dies(h, "n2") }, checker.Invalid},
		"another ends, and power failed":            {3, "node-logs", func(h *tape.Tape) { hit(h, 1, "power-failure n1", true, "n1"); dies(h, "n2") }, checker.Invalid},
		"who was robbed asserts what does not hold": {4, "assertions", func(h *tape.Tape) { hit(h, 1, "lost-write n1", true, "n1"); asserts(h, "n1") }, checker.Unknown},
		"another asserts it":                        {4, "assertions", func(h *tape.Tape) { hit(h, 1, "lost-write n1", true, "n1"); asserts(h, "n2") }, checker.Invalid},
		"robbed of an acknowledged write by many, later": {6, "linearizable", func(h *tape.Tape) {
			hit(h, 1, "lost-write n1", true, "n1")
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(1, history.OK, tape.Put("b"))
			h.Do(2, history.OK, tape.Get("a"))
			hit(h, 2, "lost-write n2", true, "n2")
		}, checker.Invalid},
		"… and before": {6, "linearizable", func(h *tape.Tape) {
			hit(h, 1, "lost-write n1", true, "n1")
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(1, history.OK, tape.Put("b"))
			hit(h, 2, "lost-write n2", true, "n2")
			h.Do(2, history.OK, tape.Get("a"))
		}, checker.Unknown},
	} {
		h := tape.New(history.Run{Traced: true, Disk: "fuse", Nodes: []string{"n1", "n2", "n3", "n4", "n5", "n6"}[:c.nodes]})
		h.Start()
		c.build(h)
		h.End()
		require.Equal(t, c.want, verdicts(t, h)[c.checker], name)
	}
}
