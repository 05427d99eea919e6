package workload

import (
	"context"

	"github.com/usurper/usurper/harness/history"
)

// Client talks to one member of a system, for one worker at a time.
type Client interface {
	// Do carries out the operation of an invoke event and returns its completion:
	// Type OK, Fail or Info, with what was read and the error. It sends the
	// request at most once, keeps to ctx's deadline, and answers Info whenever it
	// is not certain. Hint, if not empty, is the member to ask instead.
	Do(ctx context.Context, op history.Op) (done history.Op, hint string)
	// Close gives up the connection. The client is not used afterwards.
	Close() error
}
