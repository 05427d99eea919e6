package txn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
)

func TestHardTransactions(t *testing.T) {
	turns := func(texts ...string) func(h *tape.Tape) {
		return func(h *tape.Tape) { h.Events = tape.InTurn(texts...)().Events }
	}
	at := func(texts ...string) func(h *tape.Tape) {
		return func(h *tape.Tape) { h.Events = tape.Together(texts...)().Events }
	}
	for _, r := range []tape.Hard{
		{Name: "half of one without an answer", Want: verdict.Invalid, Build: turns("?append x 1, append y 1", "read x 1, read y")},
		{Name: "one without an answer comes late", Want: verdict.Valid, Build: turns("?append x 1, append y 1", "read x, read y", "read x 1, read y 1")},
		{Name: "and goes", Want: verdict.Invalid, Build: turns("?append x 1, append y 1", "read x 1", "read y")},
		{Name: "what it found does not bind it", Want: verdict.Valid, Build: turns("append x 1", "?read x, append y 1", "read x 1, read y 1")},
		{Name: "one that failed is there", Want: verdict.Invalid, Build: turns("!append x 1, append y 1", "read y 1")},
		{Name: "one that failed read what never was", Want: verdict.Valid, Build: turns("append x 1", "!read x 7, append x 2", "read x 1")},
		{Name: "its own append is missing", Want: verdict.Invalid, Build: turns("append x 1, read x")},
		{Name: "its own append is not at the end", Want: verdict.Invalid, Build: at("append x 1, read x 1 2", "append x 2")},
		{Name: "its own appends in another order", Want: verdict.Invalid, Build: turns("append x 1, append x 2, read x 2 1")},
		{Name: "two reads that differ", Want: verdict.Invalid, Build: at("read x, read x 1", "append x 1")},
		{Name: "it read before what it found there", Want: verdict.Invalid, Build: turns("read x 1, append x 1")},
		{Name: "a value twice in a read", Want: verdict.Invalid, Build: turns("append x 1", "read x 1 1")},
		{Name: "two that read each other's lists as they were", Want: verdict.Invalid, Build: at("read x, append y 1", "read y, append x 1")},
		{Name: "the same, one after the other", Want: verdict.Invalid, Build: turns("read x, append y 1", "read y, append x 1")},
		{Name: "the same, in order", Want: verdict.Valid, Build: turns("read x, append y 1", "read y 1, append x 1")},
		{Name: "an update lost", Want: verdict.Invalid, Build: at("read x, append x 1", "read x, append x 2", "read x 1 2")},
		{Name: "a beginning, read late", Want: verdict.Invalid, Build: turns("append x 1", "append x 2", "read x 1")},
		{Name: "a beginning, read in time", Want: verdict.Valid, Build: at("append x 1", "append x 2", "read x 1")},
		{Name: "two orders of one list", Want: verdict.Invalid, Build: at("append x 1", "append x 2", "read x 1 2", "read x 2")},
		{Name: "three lists in a circle", Want: verdict.Invalid, Build: at("read x, append y 1", "read y, append z 1", "read z, append x 1")},
		{Name: "three lists in a row", Want: verdict.Valid, Build: at("read x, append y 1", "read y, append z 1", "read z, append w 1")},
	} {
		h := r.Require(t, newTransactions)
		require.Equal(t, r.Want == verdict.Valid, serializable(h.Events), "%s: all orders", r.Name)
	}
}
