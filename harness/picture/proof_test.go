package picture_test

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// proofsAreTrue holds what proves something to the lines that have its numbers.
func proofsAreTrue(t *testing.T, seen line, lines []line) {
	t.Helper()
	type broken struct {
		rule   string
		v      line
		proven int64 // when its rule was, first
	}
	var all []broken
	first := make(map[string]int64)
	for _, r := range list(seen["report"].(line), "results") {
		for _, v := range list(r, "violations") {
			rule, events, last := word(r, "checker")+word(v, "rule"), list(v, "events"), int64(0)
			if len(events) > 0 {
				last = number(events[len(events)-1], "n")
			}
			of := rule
			if word(r, "checker") == "linearizable" { // what it calls rules are ways to prove one
				of = "linearizable"
			}
			if _, ok := first[of]; !ok {
				first[of] = last
			}
			all = append(all, broken{rule, v, first[of]})
		}
	}
	slices.SortStableFunc(all, func(a, b broken) int { return cmp.Compare(a.proven, b.proven) })
	require.Len(t, list(seen, "proofs"), len(all))
	for i, b := range all {
		p := list(seen, "proofs")[i]
		require.Equal(t, b.rule, word(p, "checker")+word(p, "rule"))
		require.Len(t, list(p, "events"), len(list(b.v, "events")))
		for i, e := range list(b.v, "events") {
			pointIsTrue(t, lines[number(e, "n")], list(p, "events")[i])
		}
	}
}

func pointIsTrue(t *testing.T, l, point line) {
	t.Helper()
	require.Equal(t, number(l, "n"), number(point, "seq"))
	require.Equal(t, at(l), number(point, "at"))
	client, member := int64(-1), ""
	for _, kind := range []string{"raft", "proc", "claim", "run", "state"} {
		if of, ok := payload(l, kind); ok {
			member = word(of, "node")
		}
	}
	if op, ok := payload(l, "op"); ok {
		client = number(op, "process")
	}
	require.Equal(t, client, number(point, "client"))
	require.Equal(t, member, word(point, "member"))
}
