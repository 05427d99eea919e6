package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/target"
)

const (
	// prepareLeast is how long a target may take at least to set its system up.
	prepareLeast = 30 * time.Second
	// prepareGrace is how long it may take to notice that its time is up.
	prepareGrace = 2 * time.Second
)

// setUp lets the target set its system up, once.
func (r *run) setUp(ctx context.Context) error {
	p, ok := r.cfg.Target.(target.Preparer)
	if !ok {
		return nil
	}
	limit := r.cfg.Settle
	if limit == 0 {
		limit = max(prepareLeast, r.readyTimeout())
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done within %s (--settle gives it longer; in Go Config.Settle)", limit))
	defer cancel()
	say := func(what string) { r.preparing.Store(&what) }
	say("")
	defer r.preparing.Store(nil)
	setup := target.Setup{Run: func(ctx context.Context, c target.Command) error { return cluster.Errand(ctx, r.host, c) }, Say: say}
	for _, name := range r.cluster.Names() {
		m, err := r.cluster.Member(name)
		if err != nil {
			return err
		}
		setup.Members = append(setup.Members, m)
	}
	done := make(chan error, 1)
	go func() { done <- p.Prepare(ctx, setup) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		select {
		case err = <-done:
		case <-time.After(prepareGrace): // it cannot be ended; what it still does, it does to a cluster that is gone
			err = fmt.Errorf("it has not returned %s after its time was up", prepareGrace)
		}
	}
	switch {
	case err == nil:
		r.note("", "the system was set up")
		return r.settleDisks()
	case ctx.Err() != nil:
		return fmt.Errorf("prepare the system: %w: %w", context.Cause(ctx), err)
	}
	return fmt.Errorf("prepare the system: %w", err)
}
