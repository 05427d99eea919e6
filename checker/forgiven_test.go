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
	for fault, want := range map[string]checker.Verdict{
		"power-failure n1 keep nothing": checker.Invalid, "fail-sync n1 wal": checker.Invalid, "lost-write n1 wal": checker.Unknown, "bit-rot n1 wal": checker.Unknown,
	} {
		got := verdicts(t, robbed(fault, "a"))
		require.Equal(t, want, got["votes"], fault)
		require.Equal(t, want, got["linearizable"], fault)
		require.Equal(t, checker.Invalid, verdicts(t, robbed(fault, "z"))["linearizable"], "nobody ever wrote it")
	}
}
