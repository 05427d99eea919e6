package checker_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// named is a new checker of those that judge a run.
func named(t *testing.T, name string) verdict.Checker {
	all := checker.All(verdict.Options{})
	i := slices.IndexFunc(all, func(c verdict.Checker) bool { return c.Name() == name })
	require.GreaterOrEqual(t, i, 0, name)
	return all[i]
}

func TestLinearizableInTransactions(t *testing.T) {
	both := tape.TxnOf(tape.PutAt("x", "1"), tape.PutAt("y", "2"))
	tape.Verdicts(t, func() verdict.Checker { return named(t, "linearizable") }, []tape.Row{
		{Name: "what a transaction wrote is read", Build: tape.On(tape.New(history.Run{}), func(h *tape.Tape) {
			h.Do(1, history.OK, both)
			h.Do(2, history.OK, tape.GetOf("x", "1"))
			h.Do(2, history.OK, tape.TxnOf(tape.GetAt("x", "1"), tape.GetAt("y", "2")))
		}), Want: verdict.Valid},
		{Name: "a write of a transaction is lost", Build: tape.On(tape.New(history.Run{}), func(h *tape.Tape) {
			h.Do(1, history.OK, both)
			h.Do(2, history.OK, tape.GetOf("y", ""))
		}), Want: verdict.Invalid, Rule: "a value at two times"},
		{Name: "a transaction reads what was overwritten", Build: tape.On(tape.New(history.Run{}), func(h *tape.Tape) {
			h.Do(1, history.OK, both)
			h.Do(1, history.OK, tape.TxnOf(tape.PutAt("x", "3")))
			h.Do(2, history.OK, tape.TxnOf(tape.GetAt("x", "1"), tape.GetAt("y", "2")))
		}), Want: verdict.Invalid, Rule: "a value at two times"},
		{Name: "a failed transaction wrote nothing", Build: tape.On(tape.New(history.Run{}), func(h *tape.Tape) {
			h.Do(1, history.Fail, both)
			h.Do(2, history.OK, tape.GetOf("x", ""))
		}), Want: verdict.Valid},
		{Name: "what a failed transaction wrote is read", Build: tape.On(tape.New(history.Run{}), func(h *tape.Tape) {
			h.Do(1, history.Fail, both)
			h.Do(2, history.OK, tape.GetOf("y", "2"))
		}), Want: verdict.Invalid, Rule: "a value whose write failed"},
		{Name: "an unanswered transaction takes effect later, the next one of its client before", Build: tape.On(tape.New(history.Run{}), func(h *tape.Tape) {
			h.Ask(1, both)
			h.Do(2, history.OK, tape.GetOf("x", ""))
			h.Answer(1, history.Info, both)
			h.Do(12, history.OK, tape.TxnOf(tape.PutAt("z", "1")))
			h.Do(2, history.OK, tape.GetOf("x", "1"))
		}), Want: verdict.Valid},
		{Name: "a transaction deletes", Build: tape.On(tape.New(history.Run{}), func(h *tape.Tape) {
			h.Do(1, history.OK, both)
			h.Do(1, history.OK, tape.TxnOf(history.Micro{F: history.FDelete, Key: "x"}))
			h.Do(2, history.OK, tape.GetOf("x", ""))
		}), Want: verdict.Valid},
		{Name: "a completion that fits no transaction", Build: tape.On(tape.New(history.Run{}), func(h *tape.Tape) {
			h.Ask(1, tape.TxnOf(tape.PutAt("x", "1")))
			h.Answer(1, history.OK, both)
		}), Want: verdict.Unknown},
	})
}

// Evidence names the client and the transaction, not what stands in for it.
func TestTransactionsAreShownAsSuch(t *testing.T) {
	h := tape.New(history.Run{})
	h.Do(1, history.OK, tape.TxnOf(tape.PutAt("x", "1"), tape.PutAt("y", "2")))
	h.Do(2, history.OK, tape.TxnOf(tape.GetAt("y", ""), tape.GetAt("x", "1")))
	result := h.Judge(named(t, "linearizable"))
	require.Len(t, result.Violations, 1)
	var lines []string
	for i := range result.Violations[0].Events {
		lines = append(lines, verdict.Describe(&result.Violations[0].Events[i]))
	}
	require.Contains(t, lines, `client 1 is answered: in a transaction, put y = "2"`)
	require.Contains(t, lines, "client 2 is answered: in a transaction, get y = nothing")
}
