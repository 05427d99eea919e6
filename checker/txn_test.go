package checker_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

func newTransactions() checker.Checker { return checker.NewTransactions() }

// deeds parses "append x 1, read y 1 2": what a transaction does, and what it
// reads if it happens.
func deeds(text string) history.Op {
	op := history.Op{F: history.FTxn}
	for _, part := range strings.Split(text, ", ") {
		words := strings.Fields(part)
		m := history.Micro{F: history.F(words[0]), Key: words[1]}
		switch m.F {
		case history.FRead:
			m.List, m.Saw = words[2:], true
		case history.FAppend, history.FPut:
			m.Arg = words[2]
		}
		op.Txn = append(op.Txn, m)
	}
	return op
}

func (t *tape) askTxn(process int, text string) {
	op := deeds(text)
	for i := range op.Txn {
		op.Txn[i].List, op.Txn[i].Saw = nil, false
	}
	op.Process, op.Type = process, history.Invoke
	t.op(op)
}

func (t *tape) answerTxn(process int, outcome history.OpType, text string) {
	op := deeds(text)
	if outcome != history.OK {
		for i := range op.Txn {
			op.Txn[i].List, op.Txn[i].Saw = nil, false
		}
	}
	op.Process, op.Type = process, outcome
	t.op(op)
}

func (t *tape) doTxn(process int, outcome history.OpType, text string) {
	t.askTxn(process, text)
	t.answerTxn(process, outcome, text)
}

// together is a history of acknowledged transactions that all overlap.
func together(texts ...string) func() *tape {
	return func() *tape {
		h := newTape(history.Run{})
		for i, text := range texts {
			h.askTxn(i, text)
		}
		for i, text := range texts {
			h.answerTxn(i, history.OK, text)
		}
		return h
	}
}

// inTurn is a history of transactions one after the other. Those whose text
// begins with ? are not answered, those with ! fail.
func inTurn(texts ...string) func() *tape {
	return func() *tape {
		h := newTape(history.Run{})
		for i, text := range texts {
			outcome := history.OK
			switch text[0] {
			case '?':
				outcome = history.Info
			case '!':
				outcome = history.Fail
			}
			h.doTxn(i, outcome, strings.TrimLeft(text, "?!"))
		}
		return h
	}
}

// Each anomaly is followed by its neighbour: almost the same, and legal.
func TestTransactions(t *testing.T) {
	verdicts(t, newTransactions, []row{
		{"all is well", inTurn(
			"append x 1, append y 1", "read x 1, read y 1, append x 2", "read x 1 2, append x 3, read x 1 2 3", "read y 1",
		), checker.Valid, ""},
		{"G0: two write in two orders", together(
			"append x 1, append y 1", "append x 2, append y 2", "read x 1 2, read y 2 1",
		), checker.Invalid, "G0"},
		{"two write in one order", together(
			"append x 1, append y 1", "append x 2, append y 2", "read x 2 1, read y 2 1",
		), checker.Valid, ""},
		{"G0: one in the middle of another", together(
			"append x 1, append x 2", "append x 3", "read x 1 3 2",
		), checker.Invalid, "G0"},
		{"one behind another", together(
			"append x 1, append x 2", "append x 3", "read x 1 2 3",
		), checker.Valid, ""},
		{"G1a: a failed append is read", inTurn("!append x 1", "read x 1"), checker.Invalid, "G1a"},
		{"an unanswered append is read", inTurn("?append x 1", "read x 1"), checker.Valid, ""},
		{"G1b: half of a transaction is read", together("append x 1, append x 2", "read x 1", "read x 1 2"), checker.Invalid, "G1b"},
		{"its other half is never read", together("append x 1, append x 2", "read x 1"), checker.Invalid, "G1b"},
		{"all of it is read", together("append x 1, append x 2", "read x 1 2", "read x"), checker.Valid, ""},
		{"a transaction sees its own half", together("append x 1, read x 1, append x 2", "read x 1 2"), checker.Valid, ""},
		{"the first half is missing", together("append x 1, append x 2", "read x 2"), checker.Invalid, "G-single"},
		{"G1c: two read each other", together("append x 1, read y 1", "append y 1, read x 1"), checker.Invalid, "G1c"},
		{"one reads the other", together("append x 1, read y", "append y 1, read x 1"), checker.Valid, ""},
		{"G-single: read skew", together(
			"append x 1, append y 1", "read x 1, read y", "read y 1",
		), checker.Invalid, "G-single"},
		{"no skew", together("append x 1, append y 1", "read x, read y", "read x 1, read y 1"), checker.Valid, ""},
		{"G-single: a lost update", together("read x, append x 1", "read x, append x 2", "read x 1 2"), checker.Invalid, "G-single"},
		{"updates", together("read x, append x 1", "read x 1, append x 2", "read x 1 2"), checker.Valid, ""},
		{"G2-item: write skew", together("read x, append y 1", "read y, append x 1", "read x 1, read y 1"), checker.Invalid, "G2-item"},
		{"write skew that nobody reads", together("read x, append y 1", "read y, append x 1"), checker.Invalid, "G2-item"},
		{"two that find one list and append to it unread", together("read x, append x 1", "read x, append x 2"), checker.Invalid, "G2-item"},
		{"no write skew", together("read x, append y 1", "read y 1, append x 1", "read x 1, read y 1"), checker.Valid, ""},
		{"a long fork", together("append x 1", "append y 1", "read x 1, read y", "read x, read y 1"), checker.Invalid, "G2-item"},
		{"no fork", together("append x 1", "append y 1", "read x 1, read y", "read x 1, read y 1"), checker.Valid, ""},

		{"G0-realtime: appended before the one that had ended", inTurn("append x 1", "append x 2", "read x 2 1"), checker.Invalid, "G0-realtime"},
		{"either order of two at once", together("append x 1", "append x 2", "read x 2 1"), checker.Valid, ""},
		{"G1c-realtime: read before it was asked for", inTurn("read x 1", "append x 1"), checker.Invalid, "G1c-realtime"},
		{"read while it was under way", together("read x 1", "append x 1"), checker.Valid, ""},
		{"G-single-realtime: a stale read", inTurn("append x 1", "read x", "read x 1"), checker.Invalid, "G-single-realtime"},
		{"an old read of one under way", together("append x 1", "read x", "read x 1"), checker.Valid, ""},
		{"lost append", inTurn("append x 1", "read x"), checker.Invalid, "lost append"},
		{"an unanswered append, not there", inTurn("?append x 1", "read x"), checker.Valid, ""},
		{"a failed append, not there", inTurn("!append x 1", "read x"), checker.Valid, ""},
		{"a lost append of one that was seen", inTurn("?append x 1, append y 1", "read y 1", "read x"), checker.Invalid, "G-single-realtime"},
		{"one that was seen only later", inTurn("?append x 1, append y 1", "read x", "read x 1, read y 1"), checker.Valid, ""},
		{"G2-item-realtime: three at two times", func() *tape {
			// 1 misses 2's append, 2 misses 3's, and 3 had ended when 1 began.
			h := newTape(history.Run{})
			h.askTxn(2, "append x 1, read y")
			h.doTxn(3, history.OK, "append y 1")
			h.doTxn(1, history.OK, "read x")
			h.answerTxn(2, history.OK, "append x 1, read y")
			h.doTxn(4, history.OK, "read x 1, read y 1")
			return h
		}, checker.Invalid, "G2-item-realtime"},
		{"the same at one time", together("append x 1, read y", "append y 1", "read x", "read x 1, read y 1"), checker.Valid, ""},

		{"internal: its own append is not there", together("append x 1, read x", "append x 2"), checker.Invalid, "internal"},
		{"internal: its own append is not last", together("append x 1, read x 1 2", "append x 2"), checker.Invalid, "internal"},
		{"internal: two reads differ", together("read x, read x 1", "append x 1"), checker.Invalid, "internal"},
		{"its own append is there", together("append x 1, read x 2 1, read x 2 1", "append x 2"), checker.Valid, ""},
		{"future-read", together("read x 1, append x 1"), checker.Invalid, "future-read"},
		{"no future read", together("read x, append x 1, read x 1"), checker.Valid, ""},
		{"duplicate-elements", together("append x 1", "append x 2", "read x 1 2 1"), checker.Invalid, "duplicate-elements"},
		{"appended twice, there twice", together("append x 1", "append x 1", "read x 1 1"), checker.Unknown, ""},
		{"the same value in two lists", together("append x 1", "append y 1", "read x 1, read y 1"), checker.Valid, ""},
		{"garbage-read", together("append x 1", "read x 1 7"), checker.Invalid, "garbage-read"},
		{"incompatible-order", together("append x 1", "append x 2", "read x 1 2", "read x 2 1"), checker.Invalid, "incompatible-order"},
		{"incompatible-order: two readers of one value each", together("append x 1", "append x 2", "read x 1", "read x 2"), checker.Invalid, "incompatible-order"},
		{"incompatible-order: in another order than they were appended", together("append x 1, append x 2", "read x 2 1"), checker.Invalid, "incompatible-order"},
		{"compatible orders", together("append x 1", "append x 2", "read x 1 2", "read x 1", "read x"), checker.Valid, ""},

		{"a list that is also a register", inTurn("append x 1", "put x 2", "read x"), checker.Unknown, ""},
		{"another list shows it all the same", inTurn("append x 1, append y 1", "put x 2", "read y"), checker.Invalid, "lost append"},
		{"a repeated value in one list, an anomaly in another", inTurn("append x 1", "append x 1, append y 1", "read y"), checker.Invalid, "lost append"},
		{"nothing was read", inTurn("append x 1"), checker.Unknown, ""},
		{"a transaction that never ends", func() *tape {
			h := inTurn("append x 1", "read x 1")()
			h.askTxn(9, "append x 2")
			h.doTxn(3, history.OK, "read x 1")
			h.doTxn(3, history.OK, "read x 1 2")
			return h
		}, checker.Valid, ""},
		{"an end without a beginning", func() *tape {
			h := inTurn("append x 1", "read x 1")()
			h.answerTxn(9, history.OK, "append x 2")
			return h
		}, checker.Unknown, ""},
		{"another end than its beginning", func() *tape {
			h := inTurn("append x 1", "read x 1")()
			h.askTxn(9, "append x 2")
			h.answerTxn(9, history.OK, "append x 3")
			return h
		}, checker.Unknown, ""},
		{"a transaction of registers only", inTurn("put x 1"), checker.Valid, ""},
	})
}

func TestTransactionsTellTheShortestCycle(t *testing.T) {
	h := together(
		"append a 1, read b 1", "append b 1, read c 1", "append c 1, read a 1", // three
		"append c 2, read d 1", "append d 1, read c 1 2") // two, in the same component or not
	got := h().judge(newTransactions())
	require.Equal(t, checker.Invalid, got.Verdict)
	for _, v := range got.Violations {
		require.Equal(t, "G1c", v.Rule)
		require.LessOrEqual(t, len(v.Events), 6, v.Text)
	}
}

func TestTransactionsExplain(t *testing.T) {
	var b strings.Builder
	for _, h := range []*tape{
		together("append x 1, append y 1", "append x 2, append y 2", "read x 1 2, read y 2 1")(),
		inTurn("!append x 1", "read x 1")(),
		together("append x 1, append x 2", "read x 1")(),
		together("append x 1, read y 1", "append y 1, read x 1")(),
		together("append x 1, append y 1", "read x 1, read y", "read y 1")(),
		together("read x, append y 1", "read y, append x 1")(),
		inTurn("append x 1", "append x 2", "read x 2 1")(),
		inTurn("append x 1", "read x", "read x 1")(),
		inTurn("append x 1", "read x")(),
		together("append x 1, read x", "append x 2")(),
		together("append x 1", "read x 1, append x 2", "read x 1, append x 3", "read x 1 2 3")(),
		together("append x 1", "append x 2", "read x 1 2", "read x 2 1")(),
		together("append x 1", "read x 1 7")(),
		inTurn("?append x 1, append y 1", "read y 1", "read x")(),
	} {
		got := h.judge(checker.NewTransactions())
		require.Equal(t, checker.Invalid, got.Verdict)
		for _, v := range got.Violations {
			b.WriteString(v.Text + "\n")
			for i := range v.Events {
				b.WriteString("    " + checker.Describe(&v.Events[i]) + "\n")
			}
		}
	}
	golden(t, "transactions.txt", b.String())
}
