package reproduce

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
