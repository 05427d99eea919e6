package checker_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// named is a new checker of those that judge a run.
func named(t *testing.T, name string) checker.Checker {
	all := checker.All(checker.Options{})
	i := slices.IndexFunc(all, func(c checker.Checker) bool { return c.Name() == name })
	require.GreaterOrEqual(t, i, 0, name)
	return all[i]
}

func txn(micro ...history.Micro) history.Op { return history.Op{F: history.FTxn, Txn: micro} }

func putAt(key, v string) history.Micro { return history.Micro{F: history.FPut, Key: key, Arg: v} }
func getAt(key, v string) history.Micro {
	return history.Micro{F: history.FGet, Key: key, Got: v, Saw: true}
}

func getOf(key, v string) history.Op {
	return history.Op{F: history.FGet, Key: key, Got: v, Saw: true}
}

func TestLinearizableInTransactions(t *testing.T) {
	both := txn(putAt("x", "1"), putAt("y", "2"))
	verdicts(t, func() checker.Checker { return named(t, "linearizable") }, []row{
		{"what a transaction wrote is read", func() *tape {
			h := newTape(history.Run{})
			h.do(1, history.OK, both)
			h.do(2, history.OK, getOf("x", "1"))
			h.do(2, history.OK, txn(getAt("x", "1"), getAt("y", "2")))
			return h
		}, checker.Valid, ""},
		{"a write of a transaction is lost", func() *tape {
			h := newTape(history.Run{})
			h.do(1, history.OK, both)
			h.do(2, history.OK, getOf("y", ""))
			return h
		}, checker.Invalid, "a value at two times"},
		{"a transaction reads what was overwritten", func() *tape {
			h := newTape(history.Run{})
			h.do(1, history.OK, both)
			h.do(1, history.OK, txn(putAt("x", "3")))
			h.do(2, history.OK, txn(getAt("x", "1"), getAt("y", "2")))
			return h
		}, checker.Invalid, "a value at two times"},
		{"a failed transaction wrote nothing", func() *tape {
			h := newTape(history.Run{})
			h.do(1, history.Fail, both)
			h.do(2, history.OK, getOf("x", ""))
			return h
		}, checker.Valid, ""},
		{"what a failed transaction wrote is read", func() *tape {
			h := newTape(history.Run{})
			h.do(1, history.Fail, both)
			h.do(2, history.OK, getOf("y", "2"))
			return h
		}, checker.Invalid, "a value whose write failed"},
		{"an unanswered transaction takes effect later, the next one of its client before", func() *tape {
			h := newTape(history.Run{})
			h.ask(1, both)
			h.do(2, history.OK, getOf("x", ""))
			h.answer(1, history.Info, both)
			h.do(12, history.OK, txn(putAt("z", "1")))
			h.do(2, history.OK, getOf("x", "1"))
			return h
		}, checker.Valid, ""},
		{"a transaction deletes", func() *tape {
			h := newTape(history.Run{})
			h.do(1, history.OK, both)
			h.do(1, history.OK, txn(history.Micro{F: history.FDelete, Key: "x"}))
			h.do(2, history.OK, getOf("x", ""))
			return h
		}, checker.Valid, ""},
		{"a completion that fits no transaction", func() *tape {
			h := newTape(history.Run{})
			h.ask(1, txn(putAt("x", "1")))
			h.answer(1, history.OK, both)
			return h
		}, checker.Unknown, ""},
	})
}

// Evidence names the client and the transaction, not what stands in for it.
func TestTransactionsAreShownAsSuch(t *testing.T) {
	h := newTape(history.Run{})
	h.do(1, history.OK, txn(putAt("x", "1"), putAt("y", "2")))
	h.do(2, history.OK, txn(getAt("y", ""), getAt("x", "1")))
	result := h.judge(named(t, "linearizable"))
	require.Len(t, result.Violations, 1)
	var lines []string
	for i := range result.Violations[0].Events {
		lines = append(lines, checker.Describe(&result.Violations[0].Events[i]))
	}
	require.Contains(t, lines, `client 1 is answered: in a transaction, put y = "2"`)
	require.Contains(t, lines, "client 2 is answered: in a transaction, get y = nothing")
}
