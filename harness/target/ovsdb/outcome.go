package ovsdb

import (
	"errors"
	"fmt"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// impatience is after which time a careless client repeats an insert.
const impatience = 300 * time.Millisecond

// answer is what became of a transaction.
type answer struct {
	sent    bool  // some of it may have reached the member
	err     error // nil if there are results
	results []*result
	guarded bool // its first operation waits for it not to have happened yet
}

// result is that of one operation of a transaction; nil for one behind another that
// failed.
type result struct {
	failure
	Rows []struct {
		Value string `json:"value"`
	} `json:"rows"`
	Count int `json:"count"`
}

// timedOut is what is said of an operation that waited in vain.
const timedOut = "timed out"

// failed returns which operation failed, -1 for none. The last may be none of the
// transaction's: what failed then is to commit it.
func (a *answer) failed() int {
	for i, r := range a.results {
		if r != nil && r.Error != "" {
			return i
		}
	}
	return -1
}

func (a *answer) ok() bool { return a.err == nil && a.failed() < 0 }

// reason says why a transaction is not known to have happened.
func (a *answer) reason() error {
	switch i := a.failed(); {
	case a.err != nil:
		return a.err
	case i >= 0:
		return fmt.Errorf("operation %d: %s", i+1, &a.results[i].failure)
	}
	return errors.New("it happened")
}

// value is what was read at a key, and items what was in the set there.
func (a *answer) value() string {
	if len(a.results) == 0 || len(a.results[0].Rows) == 0 {
		return ""
	}
	return a.results[0].Rows[0].Value
}

func (a *answer) items() (all []string) {
	if len(a.results) < 2 {
		return nil
	}
	for _, r := range a.results[1].Rows {
		all = append(all, r.Value)
	}
	return all
}

// outcome classifies what became of an operation. A read that failed showed nothing and
// changed nothing.
//
// A write whose own row is there has happened: the member had made it before, and made
// it anew. One whose condition does not hold never happens: should the member have passed
// it on before, then on what another has replaced in the log, which whoever leads refuses
// to build on. All else that is said instead of results may be about the second of two.
func outcome(f history.F, a *answer) history.OpType {
	i := a.failed()
	var refused *refusal
	switch {
	case a.ok():
		return history.OK
	case !a.sent || f == history.FGet || f == history.FRead:
		return history.Fail
	case errors.As(a.err, &refused) && refused.failure.Error == "unknown database":
		return history.Fail // it has not joined its cluster yet
	case a.err != nil || !a.guarded || a.results[i].Error != timedOut:
		return history.Info
	case i == 0:
		return history.OK
	case i == 1 && (f == history.FCas || f == history.FAppend):
		return history.Fail
	}
	return history.Info
}
