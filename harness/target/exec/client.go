package exec

import (
	"context"
	"fmt"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/workload"
)

// clientSpec says how clients talk to a member.
type clientSpec struct {
	address    *text
	idempotent bool
	readLast   bool
	actions    map[history.F]*action
	reason     *extraction // nil: the whole answer is the reason
	hint       *extraction
}

// client carries out operations at one member.
type client struct {
	spec   *clientSpec
	member member
	conn   conn
}

var _ workload.Client = (*client)(nil)

// Do sends op once, if it can connect, and waits for the answer until ctx is
// done.
func (c *client) Do(ctx context.Context, op history.Op) (done history.Op, hint string) {
	done = op
	act := c.spec.actions[op.F]
	if act == nil {
		done.Type, done.Error = history.Fail, fmt.Sprintf("the system has no %s: nothing was sent", op.F)
		return done, ""
	}
	x := c.conn.exchange(ctx, act.request, newOperation(&c.member, &op))
	if err := act.outcome(&done, &x); err != nil {
		done.Error = err.Error()
		if c.spec.reason != nil && x.answer != nil {
			if why, ok := c.spec.reason.find(x.answer); ok && why != "" {
				done.Error = why
			}
		}
	}
	if h := c.spec.hint; h != nil && x.answer != nil {
		word, _ := h.find(x.answer)
		hint = c.member.whoIs(word, h.called)
	}
	return done, hint
}

// Close closes the connection. The client connects again when it is next used.
func (c *client) Close() error { return c.conn.Close() }
