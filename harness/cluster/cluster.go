// Package cluster lays out the members of a system under test, and starts,
// kills, pauses and restarts their processes. Every start, signal and exit is in
// the history, as is every event of the members' traces.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// Options describe a cluster. All but Grace must be set.
type Options struct {
	Target  target.Target
	Host    Host
	Members []target.Member // with everything but Inc and TraceFile
	Dir     string          // where logs and traces go, a folder a member; exists
	Record  func(history.Event)
	// Grace is how long a member may take to end after SIGTERM before it is
	// killed. 0 means 3 s.
	Grace time.Duration
}

// Cluster is the processes of the system under test. Its methods may be called
// from any goroutine; those that act on one member take turns.
type Cluster struct {
	o     Options
	nodes []*node
}

// ErrDown says that a member has no process, ErrUp that it has one.
var (
	ErrDown = errors.New("is down")
	ErrUp   = errors.New("is up")
)

// New lays out the cluster; nothing is started yet.
func New(o Options) (*Cluster, error) {
	if o.Grace == 0 {
		o.Grace = 3 * time.Second
	}
	c := &Cluster{o: o}
	for _, m := range o.Members {
		n, err := newNode(&c.o, m)
		if err != nil {
			c.closeLogs()
			return nil, err
		}
		c.nodes = append(c.nodes, n)
	}
	return c, nil
}

// Names lists the members, in order.
func (c *Cluster) Names() []string {
	names := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		names[i] = n.name
	}
	return names
}

// Member returns how the member is laid out.
func (c *Cluster) Member(name string) (target.Member, error) {
	n, err := c.node(name)
	if err != nil {
		return target.Member{}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.member, nil
}

// Start starts a member that is down, on the data it left.
func (c *Cluster) Start(ctx context.Context, name string) error {
	return c.act(ctx, name, (*node).startLocked)
}

// Kill ends a member's process with SIGKILL and waits until it is reaped and its
// trace is read to the end. It returns the pid that is gone.
func (c *Cluster) Kill(ctx context.Context, name string) (pid int, err error) {
	err = c.act(ctx, name, func(n *node) error {
		pid, err = n.killLocked()
		return err
	})
	return pid, err
}

// Pause stops a member's process where it stands (SIGSTOP).
func (c *Cluster) Pause(ctx context.Context, name string) error {
	return c.act(ctx, name, func(n *node) error { return n.signalLocked(syscall.SIGSTOP) })
}

// Resume lets a paused member go on (SIGCONT).
func (c *Cluster) Resume(ctx context.Context, name string) error {
	return c.act(ctx, name, func(n *node) error { return n.signalLocked(syscall.SIGCONT) })
}

// Stop ends all members, with SIGTERM and a grace first, so that their traces
// have an end, and waits for everything. The cluster cannot be used again.
func (c *Cluster) Stop() {
	var wg sync.WaitGroup
	for _, n := range c.nodes {
		wg.Go(n.stop)
	}
	wg.Wait()
	c.closeLogs()
}

// AwaitLeader waits until a majority of the members agree on a leader that
// agrees, and returns it and its term.
func (c *Cluster) AwaitLeader(ctx context.Context) (leader string, term uint64, err error) {
	for {
		leader, term, err := c.leader(ctx)
		if err == nil {
			return leader, term, nil
		}
		select {
		case <-ctx.Done():
			return "", 0, fmt.Errorf("await leader: %w (%w)", err, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Statuses asks every member for its status at once. Members that do not answer
// within a second are left out.
func (c *Cluster) Statuses(ctx context.Context) map[string]target.Status {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	all := make(map[string]target.Status)
	for _, n := range c.nodes {
		wg.Go(func() {
			m, err := c.Member(n.name)
			if err != nil {
				return
			}
			s, err := c.o.Target.Status(ctx, m)
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			all[n.name] = s
		})
	}
	wg.Wait()
	return all
}

func (c *Cluster) leader(ctx context.Context) (string, uint64, error) {
	if err := c.dead(); err != nil {
		return "", 0, err
	}
	all := c.Statuses(ctx)
	for name, s := range all {
		if s.Role != "leader" {
			continue
		}
		agree := 0
		for _, other := range all {
			if other.Term == s.Term && other.Leader == name {
				agree++
			}
		}
		if agree > len(c.nodes)/2 {
			return name, s.Term, nil
		}
	}
	return "", 0, fmt.Errorf("no leader that a majority follows: %d of %d members answer", len(all), len(c.nodes))
}

// dead reports the members that ended without being asked to.
func (c *Cluster) dead() error {
	var errs []error
	for _, n := range c.nodes {
		errs = append(errs, n.failure())
	}
	return errors.Join(errs...)
}

func (c *Cluster) act(ctx context.Context, name string, do func(*node) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n, err := c.node(name)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := do(n); err != nil {
		return fmt.Errorf("%s %w", name, err)
	}
	return nil
}

func (c *Cluster) node(name string) (*node, error) {
	i := slices.IndexFunc(c.nodes, func(n *node) bool { return n.name == name })
	if i < 0 {
		return nil, fmt.Errorf("no member %q: the cluster has %v", name, c.Names())
	}
	return c.nodes[i], nil
}

func (c *Cluster) closeLogs() {
	for _, n := range c.nodes {
		n.log.close()
	}
}

func nodeDir(root, name string) string { return filepath.Join(root, name) }
