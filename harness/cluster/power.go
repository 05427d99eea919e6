package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// standStill bounds how long members may take to stand still that were stopped, on
// however busy a machine.
const standStill = 5 * time.Second

// gather is how long disks that finish nothing are written to before the power goes.
const gather = 10 * time.Millisecond

// Failure is a failure of power, and what comes after it.
type Failure struct {
	// Hold, if not nil, has the disks finish nothing any more, just before the processes are
	// stopped, so that the power goes in the midst of what they are about to keep. It
	// returns what takes that back if they cannot be stopped, or nil if no disk can.
	Hold func() (release func())
	// Cut takes the power, once every process stands still.
	Cut func() error
	// Restore brings back the disk of a member that has no process any more. It is called
	// for all of them at once. A member of which it fails is never started again.
	Restore func(name string) error
}

// PowerOff takes the power from members at one instant. All their processes are stopped
// before it is cut; then they are killed and reaped, and the disks come back. Nothing
// starts one of the members before that is over. One that is down has no process to
// lose, but its disk takes part. It returns the pids that are gone, by member. After an
// error that comes with none nothing was done.
func (c *Cluster) PowerOff(ctx context.Context, names []string, f Failure) (pids map[string]int, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	nodes, err := c.inOrder(names)
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		n.starting.Lock()
		defer n.starting.Unlock()
		if n.barred != nil {
			return nil, fmt.Errorf("%s %w", n.name, n.barred)
		}
	}
	if pids, err = blackOut(ctx, nodes, f); pids == nil {
		return nil, err
	}
	errs := make([]error, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() {
			if errs[i] = f.Restore(n.name); errs[i] != nil {
				n.barred = fmt.Errorf("is not started any more: %w", errs[i])
			}
		})
	}
	wg.Wait()
	return pids, errors.Join(append([]error{err}, errs...)...)
}

// inOrder finds members, each once, in the order of the cluster.
func (c *Cluster) inOrder(names []string) ([]*node, error) {
	for _, name := range names {
		if _, err := c.node(name); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(slices.Clone(c.nodes), func(n *node) bool { return !slices.Contains(names, n.name) }), nil
}

// blackOut stops them all, cuts, and kills them all. It returns no pids if nothing was
// done but to stop them, which is undone.
func blackOut(ctx context.Context, nodes []*node, f Failure) (map[string]int, error) {
	for _, n := range nodes {
		n.mu.Lock()
		defer n.mu.Unlock()
	}
	release := func() {}
	if f.Hold != nil {
		if hold := f.Hold(); hold != nil {
			release = hold
			time.Sleep(gather)
		}
	}
	if err := stopAllLocked(ctx, nodes); err != nil {
		release()
		return nil, err
	}
	err := f.Cut() // some of them may be without power even if it fails
	pids := make(map[string]int)
	var mu sync.Mutex
	errs := make([]error, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		if n.run == nil {
			continue
		}
		wg.Go(func() {
			pid, err := n.killLocked()
			if errs[i] = err; err != nil {
				errs[i] = fmt.Errorf("%s %w", n.name, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			pids[n.name] = pid
		})
	}
	wg.Wait()
	return pids, errors.Join(append([]error{err}, errs...)...)
}

// stopAllLocked has every process stand still, or lets those go on that it has stopped.
func stopAllLocked(ctx context.Context, nodes []*node) error {
	var err error
	var stopped []*node
	for _, n := range nodes {
		if n.run == nil || n.asking != nil { // it is down, or paused
			continue
		}
		stopped = append(stopped, n)
		// Whom a signal does not reach the kill may.
		if err = n.signalLocked(syscall.SIGSTOP); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, ErrMissed) {
			break
		}
		err = nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, standStill, fmt.Errorf("not all of them stand still %s after they were stopped", standStill))
	defer cancel()
	still := func(n *node) bool {
		if n.run.proc.Stopped() {
			return true
		}
		_ = n.run.proc.Signal(syscall.SIGSTOP) // a thread that the first one did not reach
		return false
	}
	for err == nil && slices.ContainsFunc(stopped, func(n *node) bool { return !still(n) }) {
		select {
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
	if err == nil {
		return nil
	}
	for _, n := range stopped {
		n.signalLocked(syscall.SIGCONT)
	}
	return fmt.Errorf("stop all members before the power is cut: %w", err)
}
