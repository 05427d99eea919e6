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
