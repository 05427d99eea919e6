package txn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/txn"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func newTransactions() verdict.Checker { return txn.New() }

// Each anomaly is followed by its neighbour: almost the same, and legal.
func TestTransactions(t *testing.T) {
	tape.Verdicts(t, newTransactions, []tape.Row{
		{Name: "all is well", Build: tape.InTurn(
			"append x 1, append y 1", "read x 1, read y 1, append x 2", "read x 1 2, append x 3, read x 1 2 3", "read y 1",
		), Want: verdict.Valid},
		{Name: "G0: two write in two orders", Build: tape.Together(
			"append x 1, append y 1", "append x 2, append y 2", "read x 1 2, read y 2 1",
		), Want: verdict.Invalid, Rule: "G0"},
		{Name: "two write in one order", Build: tape.Together(
			"append x 1, append y 1", "append x 2, append y 2", "read x 2 1, read y 2 1",
		), Want: verdict.Valid},
		{Name: "G0: one in the middle of another", Build: tape.Together(
			"append x 1, append x 2", "append x 3", "read x 1 3 2",
		), Want: verdict.Invalid, Rule: "G0"},
		{Name: "one behind another", Build: tape.Together(
			"append x 1, append x 2", "append x 3", "read x 1 2 3",
		), Want: verdict.Valid},
		{Name: "G1a: a failed append is read", Build: tape.InTurn("!append x 1", "read x 1"), Want: verdict.Invalid, Rule: "G1a"},
		{Name: "an unanswered append is read", Build: tape.InTurn("?append x 1", "read x 1"), Want: verdict.Valid},
		{Name: "G1b: half of a transaction is read", Build: tape.Together("append x 1, append x 2", "read x 1", "read x 1 2"), Want: verdict.Invalid, Rule: "G1b"},
		{Name: "its other half is never read", Build: tape.Together("append x 1, append x 2", "read x 1"), Want: verdict.Invalid, Rule: "G1b"},
		{Name: "all of it is read", Build: tape.Together("append x 1, append x 2", "read x 1 2", "read x"), Want: verdict.Valid},
		{Name: "a transaction sees its own half", Build: tape.Together("append x 1, read x 1, append x 2", "read x 1 2"), Want: verdict.Valid},
		{Name: "the first half is missing", Build: tape.Together("append x 1, append x 2", "read x 2"), Want: verdict.Invalid, Rule: "G-single"},
		{Name: "G1c: two read each other", Build: tape.Together("append x 1, read y 1", "append y 1, read x 1"), Want: verdict.Invalid, Rule: "G1c"},
		{Name: "one reads the other", Build: tape.Together("append x 1, read y", "append y 1, read x 1"), Want: verdict.Valid},
		{Name: "G-single: read skew", Build: tape.Together(
			"append x 1, append y 1", "read x 1, read y", "read y 1",
		), Want: verdict.Invalid, Rule: "G-single"},
		{Name: "no skew", Build: tape.Together("append x 1, append y 1", "read x, read y", "read x 1, read y 1"), Want: verdict.Valid},
		{Name: "G-single: a lost update", Build: tape.Together("read x, append x 1", "read x, append x 2", "read x 1 2"), Want: verdict.Invalid, Rule: "G-single"},
		{Name: "updates", Build: tape.Together("read x, append x 1", "read x 1, append x 2", "read x 1 2"), Want: verdict.Valid},
		{Name: "G2-item: write skew", Build: tape.Together("read x, append y 1", "read y, append x 1", "read x 1, read y 1"), Want: verdict.Invalid, Rule: "G2-item"},
		{Name: "write skew that nobody reads", Build: tape.Together("read x, append y 1", "read y, append x 1"), Want: verdict.Invalid, Rule: "G2-item"},
		{Name: "two that find one list and append to it unread", Build: tape.Together("read x, append x 1", "read x, append x 2"), Want: verdict.Invalid, Rule: "G2-item"},
		{Name: "no write skew", Build: tape.Together("read x, append y 1", "read y 1, append x 1", "read x 1, read y 1"), Want: verdict.Valid},
		{Name: "a long fork", Build: tape.Together("append x 1", "append y 1", "read x 1, read y", "read x, read y 1"), Want: verdict.Invalid, Rule: "G2-item"},
		{Name: "no fork", Build: tape.Together("append x 1", "append y 1", "read x 1, read y", "read x 1, read y 1"), Want: verdict.Valid},

		{Name: "G0-realtime: appended before the one that had ended", Build: tape.InTurn("append x 1", "append x 2", "read x 2 1"), Want: verdict.Invalid, Rule: "G0-realtime"},
		{Name: "either order of two at once", Build: tape.Together("append x 1", "append x 2", "read x 2 1"), Want: verdict.Valid},
		{Name: "G1c-realtime: read before it was asked for", Build: tape.InTurn("read x 1", "append x 1"), Want: verdict.Invalid, Rule: "G1c-realtime"},
		{Name: "read while it was under way", Build: tape.Together("read x 1", "append x 1"), Want: verdict.Valid},
		{Name: "G-single-realtime: a stale read", Build: tape.InTurn("append x 1", "read x", "read x 1"), Want: verdict.Invalid, Rule: "G-single-realtime"},
		{Name: "an old read of one under way", Build: tape.Together("append x 1", "read x", "read x 1"), Want: verdict.Valid},
		{Name: "lost append", Build: tape.InTurn("append x 1", "read x"), Want: verdict.Invalid, Rule: "lost append"},
		{Name: "an unanswered append, not there", Build: tape.InTurn("?append x 1", "read x"), Want: verdict.Valid},
		{Name: "a failed append, not there", Build: tape.InTurn("!append x 1", "read x"), Want: verdict.Valid},
		{Name: "a lost append of one that was seen", Build: tape.InTurn("?append x 1, append y 1", "read y 1", "read x"), Want: verdict.Invalid, Rule: "G-single-realtime"},
		{Name: "one that was seen only later", Build: tape.InTurn("?append x 1, append y 1", "read x", "read x 1, read y 1"), Want: verdict.Valid},
		{Name: "G2-item-realtime: three at two times", Build: func() *tape.Tape {
			// 1 misses 2's append, 2 misses 3's, and 3 had ended when 1 began.
			h := tape.New(history.Run{})
			h.AskTxn(2, "append x 1, read y")
			h.DoTxn(3, history.OK, "append y 1")
			h.DoTxn(1, history.OK, "read x")
			h.AnswerTxn(2, history.OK, "append x 1, read y")
			h.DoTxn(4, history.OK, "read x 1, read y 1")
			return h
		}, Want: verdict.Invalid, Rule: "G2-item-realtime"},
		{Name: "the same at one time", Build: tape.Together("append x 1, read y", "append y 1", "read x", "read x 1, read y 1"), Want: verdict.Valid},

		{Name: "internal: its own append is not there", Build: tape.Together("append x 1, read x", "append x 2"), Want: verdict.Invalid, Rule: "internal"},
		{Name: "internal: its own append is not last", Build: tape.Together("append x 1, read x 1 2", "append x 2"), Want: verdict.Invalid, Rule: "internal"},
		{Name: "internal: two reads differ", Build: tape.Together("read x, read x 1", "append x 1"), Want: verdict.Invalid, Rule: "internal"},
		{Name: "its own append is there", Build: tape.Together("append x 1, read x 2 1, read x 2 1", "append x 2"), Want: verdict.Valid},
		{Name: "future-read", Build: tape.Together("read x 1, append x 1"), Want: verdict.Invalid, Rule: "future-read"},
		{Name: "no future read", Build: tape.Together("read x, append x 1, read x 1"), Want: verdict.Valid},
		{Name: "duplicate-elements", Build: tape.Together("append x 1", "append x 2", "read x 1 2 1"), Want: verdict.Invalid, Rule: "duplicate-elements"},
		{Name: "appended twice, there twice", Build: tape.Together("append x 1", "append x 1", "read x 1 1"), Want: verdict.Unknown},
		{Name: "failed, and appended again", Build: tape.InTurn("!append x 1", "append x 1", "read x 1"), Want: verdict.Valid},
		{Name: "failed, appended again, and there twice", Build: tape.InTurn("!append x 1", "append x 1", "read x 1 1"), Want: verdict.Invalid, Rule: "duplicate-elements"},
		{Name: "failed, appended again, and lost", Build: tape.InTurn("!append x 1", "append x 1", "read x"), Want: verdict.Invalid, Rule: "lost append"},
		{Name: "failed, and read before it was appended again", Build: tape.InTurn("!append x 1", "read x 1", "append x 1"), Want: verdict.Invalid, Rule: "G1c-realtime"},
		{Name: "failed twice, and there", Build: tape.InTurn("!append x 1", "!append x 1", "read x 1"), Want: verdict.Invalid, Rule: "G1a"},
		{Name: "unanswered, and appended again", Build: tape.InTurn("?append x 1", "append x 1", "read x 1"), Want: verdict.Unknown},
		{Name: "the same value in two lists", Build: tape.Together("append x 1", "append y 1", "read x 1, read y 1"), Want: verdict.Valid},
		{Name: "garbage-read", Build: tape.Together("append x 1", "read x 1 7"), Want: verdict.Invalid, Rule: "garbage-read"},
		{Name: "incompatible-order", Build: tape.Together("append x 1", "append x 2", "read x 1 2", "read x 2 1"), Want: verdict.Invalid, Rule: "incompatible-order"},
		{Name: "incompatible-order: two readers of one value each", Build: tape.Together("append x 1", "append x 2", "read x 1", "read x 2"), Want: verdict.Invalid, Rule: "incompatible-order"},
		{Name: "incompatible-order: in another order than they were appended", Build: tape.Together("append x 1, append x 2", "read x 2 1"), Want: verdict.Invalid, Rule: "incompatible-order"},
		{Name: "compatible orders", Build: tape.Together("append x 1", "append x 2", "read x 1 2", "read x 1", "read x"), Want: verdict.Valid},

		{Name: "a list that is also a register", Build: tape.InTurn("append x 1", "put x 2", "read x"), Want: verdict.Unknown},
		{Name: "another list shows it all the same", Build: tape.InTurn("append x 1, append y 1", "put x 2", "read y"), Want: verdict.Invalid, Rule: "lost append"},
		{Name: "a repeated value in one list, an anomaly in another", Build: tape.InTurn("append x 1", "append x 1, append y 1", "read y"), Want: verdict.Invalid, Rule: "lost append"},
		{Name: "nothing was read", Build: tape.InTurn("append x 1"), Want: verdict.Unknown},
		{Name: "a transaction that never ends", Build: tape.On(tape.InTurn("append x 1", "read x 1")(), func(h *tape.Tape) {
			h.AskTxn(9, "append x 2")
			h.DoTxn(3, history.OK, "read x 1")
			h.DoTxn(3, history.OK, "read x 1 2")
		}), Want: verdict.Valid},
		{Name: "an end without a beginning", Build: tape.On(tape.InTurn("append x 1", "read x 1")(), func(h *tape.Tape) {
			h.AnswerTxn(9, history.OK, "append x 2")
		}), Want: verdict.Unknown},
		{Name: "another end than its beginning", Build: tape.On(tape.InTurn("append x 1", "read x 1")(), func(h *tape.Tape) {
			h.AskTxn(9, "append x 2")
			h.AnswerTxn(9, history.OK, "append x 3")
		}), Want: verdict.Unknown},
		{Name: "a transaction of registers only", Build: tape.InTurn("put x 1"), Want: verdict.Unchecked},
	})
}

func TestTransactionsTellTheShortestCycle(t *testing.T) {
	h := tape.Together(
		"append a 1, read b 1", "append b 1, read c 1", "append c 1, read a 1", // three
		"append c 2, read d 1", "append d 1, read c 1 2") // two, in the same component or not
	got := h().Judge(newTransactions())
	require.Equal(t, verdict.Invalid, got.Verdict)
	for _, v := range got.Violations {
		require.Equal(t, "G1c", v.Rule)
		require.LessOrEqual(t, len(v.Events), 6, v.Text)
	}
}
