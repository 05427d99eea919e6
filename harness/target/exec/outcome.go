package exec

import (
	"errors"
	"fmt"

	"github.com/usurper/usurper/harness/history"
)

// action is how clients carry out one kind of operation.
type action struct {
	f        history.F
	request  request
	ok       []condition
	fail     []condition
	mismatch []condition
	absent   []condition
	value    *extraction // nil if the answer shows none
}

// errNoValue is why the answer to a read is not believed.
var errNoValue = errors.New("the answer has no value, nor does absent hold for it")

// outcome completes op with what an exchange means. Three things are certain: a
// request of which no byte was sent had no effect, and whatever the file says is
// a success or a failure is one. All else is Info.
func (c *action) outcome(op *history.Op, x *exchange) error {
	op.Type = history.Info
	if x.err != nil {
		if !x.sent {
			op.Type = history.Fail
		}
		return x.err
	}
	a := x.answer
	reads := c.f == history.FGet || c.f == history.FRead
	absent := anyHolds(c.absent, a)
	ok := anyHolds(c.ok, a) || reads && absent
	mismatch := anyHolds(c.mismatch, a)
	fail := anyHolds(c.fail, a) || mismatch
	switch {
	case ok && fail:
		return fmt.Errorf("the answer is a success and a failure: %s", a)
	case ok && reads:
		if !c.see(op, a, absent) {
			return fmt.Errorf("%w: %s", errNoValue, a)
		}
		op.Type = history.OK
		return nil
	case ok:
		op.Type = history.OK
		return nil
	case fail:
		op.Type = history.Fail
		if mismatch {
			c.see(op, a, absent)
		}
		return errors.New(a.String())
	}
	return fmt.Errorf("neither a success nor a failure: %s", a)
}

// see fills in what the answer shows the key to hold, and reports whether it
// shows that.
func (c *action) see(op *history.Op, a *answer, absent bool) bool {
	switch {
	case absent:
		op.Saw = true
	case c.value == nil:
	case c.f == history.FRead:
		op.List, op.Saw = c.value.list(a)
	default:
		op.Got, op.Saw = c.value.find(a)
	}
	return op.Saw
}
