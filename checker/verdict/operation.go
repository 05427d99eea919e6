package verdict

import (
	"math"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// Outcome is what is known of an operation. The zero value is Open.
type Outcome uint8

// How an operation ended.
const (
	Open   Outcome = iota // info, or never completed: it may take effect, or have, or neither
	OK                    // it happened
	Failed                // it did not and never will
)

// Type is the outcome as a completion of the history has it.
func (o Outcome) Type() history.OpType {
	return [...]history.OpType{history.Info, history.OK, history.Fail}[o]
}

// OutcomeOf is what a completion tells.
func OutcomeOf(t history.OpType) Outcome {
	switch t {
	case history.OK:
		return OK
	case history.Fail:
		return Failed
	}
	return Open
}

// Forever is the return of an operation that may take effect at any later time.
const Forever = math.MaxInt64

// Stamp is a place in the history. The zero value stands for none.
type Stamp struct {
	Seq uint64
	At  time.Duration
}

// StampOf is where an event stands.
func StampOf(e *history.Event) Stamp { return Stamp{Seq: e.Seq, At: e.At} }
