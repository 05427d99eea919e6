package reference

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/node"
)

// exchange is how far one request got.
type exchange struct {
	// sent says that some byte of the request may have left this process.
	sent bool
	// status is the HTTP status, 0 when there was no response.
	status int
	answer node.Answer // if err is nil and status is 200
	err    error       // the first thing that went wrong
}

// errNoValue is why the answer to a read is not believed.
var errNoValue = errors.New("the answer has no value")

// outcome classifies an exchange, and says why if it is not OK. Only two things
// are certain: what a well-formed answer says, and that a request of which no
// byte was sent had no effect.
func (x *exchange) outcome(f history.F) (history.OpType, error) {
	switch {
	case !x.sent:
		return history.Fail, x.err
	case x.err != nil:
		return history.Info, x.err
	case x.status != http.StatusOK:
		return history.Info, fmt.Errorf("http status %d", x.status)
	}
	var reason error
	if x.answer.Error != "" {
		reason = errors.New(x.answer.Error)
	}
	switch x.answer.Outcome {
	case node.OK:
		if (f == history.FGet || f == history.FRead) && !x.answer.Saw {
			return history.Info, errNoValue
		}
		return history.OK, nil
	case node.Fail:
		return history.Fail, reason
	case node.Info:
		return history.Info, reason
	}
	return history.Info, fmt.Errorf("unknown outcome %.20q", string(x.answer.Outcome))
}
