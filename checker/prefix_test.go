package checker_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// What a checker of Prefix finds broken in a part is broken in the whole.
func TestPrefixStaysBroken(t *testing.T) {
	count := 4000
	if testing.Short() {
		count = 500
	}
	judge := func(i int, events []history.Event) verdict.Verdict {
		h := tape.Tape{Events: events}
		return h.Judge(checker.Prefix(verdict.Options{})[i]).Verdict
	}
	drawn := map[string]func(next tape.Choices, i int) *tape.Tape{
		"linearizable": func(next tape.Choices, i int) *tape.Tape {
			return tape.DrawRegister(next, tape.RegisterShape{Steps: 24, Open: 3, Lies: i % 5, Plain: i%2 == 0})
		},
		"set": func(next tape.Choices, i int) *tape.Tape {
			return tape.DrawGrowing(next, 30, i%4, []history.F{history.FAdd, history.FAppend}[i%2])
		},
		"lock":         func(next tape.Choices, i int) *tape.Tape { return tape.DrawLock(next, 30, i%4) },
		"transactions": func(next tape.Choices, i int) *tape.Tape { return tape.DrawTxns(next, 2+i%4, i%3 == 1, i%4) },
	}
	for n, c := range checker.Prefix(verdict.Options{}) {
		t.Run(c.Name(), func(t *testing.T) {
			early := 0
			for i := range count {
				h := drawn[c.Name()](tape.Seeded(uint64(i)), i)
				if judge(n, h.Events) == verdict.Invalid { // whatever its parts are, they agree
					if judge(n, h.Events[:len(h.Events)-1]) == verdict.Invalid {
						early++
					}
					continue
				}
				for cut := range h.Events {
					require.NotEqual(t, verdict.Invalid, judge(n, h.Events[:cut]), "history %d: its first %d events are invalid, all of it is not", i, cut)
				}
			}
			t.Logf("%d of %d were broken before their end", early, count)
			require.Greater(t, early, count/8, "too few were broken before their end")
		})
	}
}
