package reproduce

import (
	"fmt"

	"github.com/usurper/usurper/checker"
)

// Outcome says in a few words what a run came to.
func (a *Attempt) Outcome() string {
	switch broken := a.Report.Breaches(); {
	case a.Reproduced:
		return "reproduced"
	case len(broken) > 0:
		return "broke another rule: " + broken[0].String()
	}
	return "not reproduced, " + string(a.Report.Verdict)
}

// Summary is "REPRODUCED  7 of 8 (95 % sure: 47 % to 100 %)  votes: two votes in one
// term", and what else was broken in a line of its own.
func (c Count) Summary(b checker.Breach) string {
	word := "NOT REPRODUCED"
	if c.Reproduced > 0 {
		word = "REPRODUCED"
	}
	text := fmt.Sprintf("%s  %s  %s\n", word, c, b)
	if other := c.OtherText(); other != "" {
		text += "broken instead: " + other + "\n"
	}
	return text
}

// Answered tells when a replay of at most times runs has answered its question,
// whether the breach comes more often or less often than every second time: as
// soon as the exact interval leaves out one half, for which six runs that agree
// are enough. Looking after every run makes the interval somewhat less sure than
// it says; all runs together, as with a times that is not cut short, do not.
func Answered(times int) func(Count) bool {
	return func(c Count) bool {
		low, high := Interval(c.Reproduced, c.Runs, Confidence)
		return c.Runs >= times || low > 0.5 || high < 0.5
	}
}

// All waits for as many runs.
func All(times int) func(Count) bool { return func(c Count) bool { return c.Runs >= times } }

// Found waits for the first reproduction.
func Found(c Count) bool { return c.Reproduced > 0 }
