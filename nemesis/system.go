package nemesis

import (
	"context"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// System is all that faults may touch. The harness implements it for real
// processes; tests use a fake.
type System interface {
	// Nodes lists the members, in order.
	Nodes() []string

	// Kill ends a member's process with SIGKILL and reaps it; it reports the pid
	// that is gone. Start starts it again on the same data. Pause and Resume stop
	// and continue it. Each is an error when the member is not in a state for it.
	Kill(ctx context.Context, node string) (pid int, err error)
	Start(ctx context.Context, node string) error
	Pause(ctx context.Context, node string) error
	Resume(ctx context.Context, node string) error

	// Apply installs a traffic rule on directed links and returns a handle to
	// remove it. An error means that nothing was installed.
	Apply(ctx context.Context, r Rule) (Applied, error)

	// Watch delivers raft events, from taps and traces alike, as they are
	// recorded, until cancel is called. A slow reader loses the oldest ones.
	Watch() (events <-chan history.Raft, cancel func())
}

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
