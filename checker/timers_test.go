package checker_test

import (
	"testing"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

func TestTimers(t *testing.T) {
	stand := func(heard time.Duration, known bool) func() *tape {
		return func() *tape {
			h := traced()
			h.start()
			h.trace("n2", history.Raft{What: history.RaftCandidate, Term: 2, Heard: heard, Known: known})
			h.end()
			return h
		}
	}
	verdicts(t, func() checker.Checker { return checker.NewTimers() }, []row{
		{"after the election timeout", stand(electionTimeout, true), checker.Valid, ""},
		{"much later", stand(10*electionTimeout, true), checker.Valid, ""},
		{"a tick early", stand(electionTimeout-20*time.Millisecond, true), checker.Valid, ""},
		{"with its leader alive", stand(electionTimeout/2, true), checker.Invalid, "stood although its leader was alive"},
		{"without a leader", stand(0, false), checker.Valid, ""},
	})
}

func TestTimersAreRandom(t *testing.T) {
	// times is candidacies after the same wait, but for the first one.
	times := func(n int, first time.Duration) func() *tape {
		return func() *tape {
			h := traced()
			h.start()
			for i := range n {
				wait := electionTimeout + 10*time.Millisecond
				if i == 0 {
					wait = first
				}
				h.trace("n2", history.Raft{What: history.RaftCandidate, Term: uint64(i + 2), Heard: wait, Known: true})
			}
			h.end()
			return h
		}
	}
	same := electionTimeout + 10*time.Millisecond
	verdicts(t, func() checker.Checker { return checker.NewTimers() }, []row{
		{"always the same", times(40, same), checker.Invalid, "the election timer is not random"},
		{"once another", times(40, same+5*time.Millisecond), checker.Valid, ""},
		{"too few to tell", times(12, same), checker.Valid, ""},
	})
}
