package register_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// alone is the evidence of a violation as a history. A value whose writer is not
// among it counts as written by an operation without an answer.
func alone(evidence []history.Event) *tape.Tape {
	h := tape.New(history.Run{})
	wrote := map[string]bool{"": true}
	for _, e := range evidence {
		if e.Op.Type == history.Invoke && (e.Op.F == history.FPut || e.Op.F == history.FCas) {
			wrote[e.Op.Arg] = true
		}
	}
	process := 1000
	for _, e := range evidence {
		for _, v := range []string{e.Op.Got, e.Op.Old} {
			if !wrote[v] {
				wrote[v] = true
				process++
				h.Ask(process, tape.Put(v))
			}
		}
	}
	for _, e := range evidence {
		h.Op(*e.Op)
	}
	return h
}

// What is shown as a proof is one: it is rejected by itself. (Where nobody wrote a
// value, what proves it is that there is nothing else.)
func TestProofsProve(t *testing.T) {
	t.Parallel()
	absent := []string{"a value that nobody wrote", "a value whose write failed"}
	proofs := 0
	for seed := range uint64(40_000) {
		next := tape.Seeded(seed)
		h := tape.DrawRegister(next, tape.RegisterShape{Steps: 8 + next(24), Open: 2 + next(3), Lies: 1 + int(seed%4), Plain: seed%4 > 0})
		for _, v := range h.Judge(newLinearizable()).Violations {
			if slices.Contains(absent, v.Rule) {
				continue
			}
			proofs++
			if got := alone(v.Events).Judge(newLinearizable()); got.Verdict != verdict.Invalid {
				var text strings.Builder
				for i := range v.Events {
					fmt.Fprintln(&text, v.Events[i].Seq, verdict.Describe(&v.Events[i]))
				}
				require.Fail(t, "a proof that proves nothing", "seed %d: %s: %s\n%s", seed, v.Rule, v.Text, &text)
			}
		}
	}
	require.Greater(t, proofs, 9_000)
}
