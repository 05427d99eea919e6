package nats

import (
	"errors"

	nats "github.com/nats-io/nats.go"

	"github.com/usurper/usurper/harness/history"
)

// refusal is the error in an answer of JetStream.
type refusal struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (r *refusal) Error() string { return r.Description }

// The errors that the client looks at: that a condition did not hold, by either number,
// and that there is no such message.
const (
	errWrongSequence         = 10071
	errWrongSequenceConstant = 10164
	errNoMessage             = 10037
)

// unmet tells whether a leader refused a message since its condition did not hold.
func (r *refusal) unmet() bool {
	return r.ErrCode == errWrongSequence || r.ErrCode == errWrongSequenceConstant
}

// errUnsent says of an error that nothing was written to a connection.
type errUnsent struct{ error }

func (e errUnsent) Unwrap() error { return e.error }

// errGarbled is why an answer is not believed.
var errGarbled = errors.New("the answer does not fit the request")

// outcome classifies the error of a write.
//
// No refusal is certain. Two servers may both take themselves for a stream's leader, as
// they do for a while when one of them was cut off, and a message goes to all that listen:
// that one of them refuses it, by what it knows, says nothing of what the other does. Nor is the end of a
// connection: nats.go has one error for what was written to it before and what was not.
func outcome(err error) history.OpType {
	var unsent errUnsent
	switch {
	case err == nil:
		return history.OK
	case errors.As(err, &unsent):
		return history.Fail
	case errors.Is(err, nats.ErrNoResponders):
		// The member that was asked knew of nobody who listens to the subject: it
		// handed the message to nobody.
		return history.Fail
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrBadSubject):
		return history.Fail // found by nats.go itself, before it sends anything
	}
	return history.Info
}
