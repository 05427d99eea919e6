package checker_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// What a checker of Prefix finds broken in a part is broken in the whole.
func TestPrefixStaysBroken(t *testing.T) {
	const count = 4000
	judge := func(i int, events []history.Event) checker.Verdict {
		h := tape{events: events}
		return h.judge(checker.Prefix(checker.Options{})[i]).Verdict
	}
	drawn := map[string]func(next choices, i int) *tape{
		"linearizable": func(next choices, i int) *tape {
			return draw(next, shape{steps: 24, open: 3, lies: i % 5, plain: i%2 == 0})
		},
		"set": func(next choices, i int) *tape {
			return drawGrowing(next, 30, i%4, []history.F{history.FAdd, history.FAppend}[i%2])
		},
		"lock":         func(next choices, i int) *tape { return drawLock(next, 30, i%4) },
		"transactions": func(next choices, i int) *tape { return drawTxns(next, 2+i%4, i%3 == 1, i%4) },
	}
	for n, c := range checker.Prefix(checker.Options{}) {
		t.Run(c.Name(), func(t *testing.T) {
			early := 0
			for i := range count {
				h := drawn[c.Name()](seeded(uint64(i)), i)
				whole := judge(n, h.events)
				for cut := range h.events {
					if judge(n, h.events[:cut]) != checker.Invalid {
						continue
					}
					early++
					require.Equal(t, checker.Invalid, whole, "history %d: its first %d events are invalid", i, cut)
				}
			}
			require.Greater(t, early, count/2, "too few were broken before their end")
		})
	}
}
