package harness

import (
	"context"
	"time"
)

// awaitCaughtUp waits until every member has applied what any of them knew
// committed when first asked, or ctx ends. Members that do not say what they have
// applied are not waited for. It judges nothing: it gives a member that lags the
// time after which the checker "availability" takes it for stuck.
func (r *run) awaitCaughtUp(ctx context.Context) {
	var goal uint64
	for first := true; ; first = false {
		statuses := r.cluster.Statuses(ctx)
		if first {
			for _, s := range statuses {
				goal = max(goal, s.Commit)
			}
		}
		behind := false
		for _, s := range statuses {
			behind = behind || s.Applied > 0 && s.Applied < goal
		}
		if !behind || ctx.Err() != nil {
			return
		}
		sleep(ctx, max(r.cfg.Election/4, 10*time.Millisecond))
	}
}
