package nemesis

import (
	"context"
	"errors"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// System is all that faults may touch. The harness implements it for real
// processes; tests use a fake.
type System interface {
	// Nodes lists the members, in order.
	Nodes() []string

	// Kill ends a member's process with SIGKILL and reaps it; it reports the pid
	// that is gone. Like the next three it fails when the member is not in a state
	// for it; the error is ErrGone if the process has ended by itself.
	Kill(ctx context.Context, node string) (pid int, err error)
	// Start starts the process of a member again, on the same data.
	Start(ctx context.Context, node string) error
	// Pause stops the process of a member, with SIGSTOP.
	Pause(ctx context.Context, node string) error
	// Resume lets it go on.
	Resume(ctx context.Context, node string) error

	// Operate does to a member what an administrator would: operation is one of the
	// Op constants, which say what args are. It returns counts that show what was
	// done. It fails with ErrUnsupported if the system offers no such operation, with
	// ErrRefused if certainly nothing was done, with ErrGone if the member's process
	// has ended by itself; after any other error nobody knows what was done. With
	// ErrStruck, the member was at work on it when it was struck: evidence counts
	// that.
	//
	// OpRemove has other members take this one out of the membership. OpAdd makes
	// sure that it is a member and runs, and reports added if it has become a new one;
	// it may be tried again after an error. From OpRemove, or OpArm with a panic, on,
	// that the member's process ends by itself is no surprise.
	Operate(ctx context.Context, node, operation string, args ...string) (evidence map[string]int64, err error)

	// Apply installs a traffic rule on directed links and returns a handle to
	// remove it. An error means that nothing was installed.
	Apply(ctx context.Context, r Rule) (Applied, error)

	// Watch delivers raft events, from taps and traces alike, as they are
	// recorded, until cancel is called. A slow reader loses the oldest ones.
	Watch() (events <-chan history.Raft, cancel func())
}

// Witness is a System that can tell whether a signal did what it was for.
type Witness interface {
	// Serves says who serves in the place of a member that was killed, or has since it
	// was paused; "" for nobody.
	Serves(ctx context.Context, node string) string
}

// What may become of an operation, see [System.Operate].
var (
	ErrUnsupported = errors.New("the system does not offer this")
	ErrRefused     = errors.New("refused")
	ErrStruck      = errors.New("begun, then struck")
	ErrGone        = errors.New("the process has ended by itself")
)

// Applied is a rule in force.
type Applied interface {
	// Remove takes the rule out and reports what it did to the traffic: named
	// counts, all zero when it never bit.
	Remove(ctx context.Context) (evidence map[string]int64, err error)
}

// Rule is one thing to do to the traffic of some directed links. Its fields
// mean what those of the fabric's rule mean.
type Rule struct {
	Action        string // cut delay throttle reset refuse drop duplicate reorder hold
	Links         [][2]string
	Class         string
	Delay, Jitter time.Duration
	Rate          int64
	Chance        float64
	Count         int
}
