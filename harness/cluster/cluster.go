// Package cluster lays out the members of a system under test, and starts,
// kills, pauses and restarts their processes. Every start, signal and exit is in
// the history, as is every event of the members' traces.
//
// Read cluster.go first; node.go is one member, survey.go what all say of themselves.
// host.go and process.go are how a process is started and signalled, power.go how several
// lose their power at once, kin_linux.go tells who belongs to a member, serving.go who
// serves in its place, and crash.go what a member prints that crashes.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// Options describe a cluster. All but Vain, Started, Emptied and Grace must be set.
type Options struct {
	Target  target.Target
	Host    Host
	Members []target.Member // with everything but Inc and TraceFile
	Dir     string          // where logs and traces go, a folder a member; exists
	Record  func(history.Event)
	// Vain, if not nil, is called once as soon as Cluster.Vain returns an error, with
	// that, and returns soon.
	Vain func(error)
	// Started, if not nil, is called with every process of a member as soon as it was
	// started, and while nobody else acts on the member.
	Started func(name string, pid int)
	// Emptied, if not nil, is called with a member whose data was removed, before it is
	// started as a new one.
	Emptied func(name string) error
	// Grace is how long a member may take to end after SIGTERM before it is
	// killed. 0 means 3 s.
	Grace time.Duration
}

// Cluster is the processes of the system under test. Its methods may be called
// from any goroutine; those that act on one member take turns.
type Cluster struct {
	o       Options
	nodes   []*node
	tails   tails
	crashed *crashes
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
	c := &Cluster{o: o, crashed: newCrashes(o.Target, o.Vain)}
	for _, m := range o.Members {
		n, err := newNode(&c.o, &c.tails, c.crashed, m)
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

// ReadTraces returns once the trace of every member has been read as far as it is
// written now, or with an error when ctx ends.
func (c *Cluster) ReadTraces(ctx context.Context) error {
	for _, n := range c.nodes {
		n.mu.Lock()
		run := n.run // the traces of those before have been read
		n.mu.Unlock()
		if run == nil || run.tail == nil {
			continue
		}
		read := make(chan struct{})
		go func() { // the end of the process waits for whoever reads its trace
			defer close(read)
			run.tail.drain()
		}()
		select {
		case <-read:
		case <-ctx.Done():
			return fmt.Errorf("read the trace of %s: %w", n.name, context.Cause(ctx))
		}
	}
	return nil
}

// Pids returns the process of each member that has one; it leads the process
// group of all that the member started.
func (c *Cluster) Pids() map[string][]int {
	pids := make(map[string][]int)
	for _, n := range c.nodes {
		if pid := n.pid.Load(); pid != 0 {
			pids[n.name] = []int{int(pid)}
		}
	}
	return pids
}

// EndedAlone says of a member that has no process, because that ended by itself, how it did
// and how long ago.
func (c *Cluster) EndedAlone(name string) (how End, ago time.Duration, ok bool) {
	for _, n := range c.nodes {
		if end := n.lone.Load(); n.name == name && end != nil {
			return end.how, time.Since(end.at), true
		}
	}
	return End{}, 0, false
}

// Start starts a member that is down, on the data it left.
func (c *Cluster) Start(ctx context.Context, name string) error {
	return c.begin(ctx, name, (*node).startLocked)
}

// Kill ends a member's process, and all that descend from it, with SIGKILL and waits
// until it is reaped and its trace is read to the end. It returns the pid that is
// gone; whether somebody serves in its place, Serves tells.
func (c *Cluster) Kill(ctx context.Context, name string) (pid int, err error) {
	err = c.act(ctx, name, func(n *node) error {
		pid, err = n.killLocked()
		return err
	})
	return pid, err
}

// Pause stops a member's process, and all that descend from it, where they stand
// (SIGSTOP). Until it goes on the member is asked whether it does stand still: see
// Serves.
func (c *Cluster) Pause(ctx context.Context, name string) error {
	return c.act(ctx, name, (*node).pauseLocked)
}

// Resume lets a paused member go on (SIGCONT).
func (c *Cluster) Resume(ctx context.Context, name string) error {
	return c.act(ctx, name, (*node).resumeLocked)
}

// Stop ends all members, with SIGTERM and a grace first, so that their traces
// have an end, and waits for everything. It returns a line for each member of which,
// or in whose place, a process is left behind. The cluster cannot be used again.
func (c *Cluster) Stop() (left []string) {
	var wg sync.WaitGroup
	all := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		wg.Go(func() { all[i] = n.stop() })
	}
	wg.Wait()
	c.closeLogs()
	return slices.DeleteFunc(all, func(line string) bool { return line == "" })
}

// AwaitReady waits until every member answers and a majority follows a leader
// among them. It is for a start, when every member is up: one that ends by itself
// is an error at once, with its last log lines, as is one that never answers.
func (c *Cluster) AwaitReady(ctx context.Context) error {
	var seen survey
	for {
		if err := errors.Join(c.dead()...); err != nil {
			return fmt.Errorf("await ready: %w", err)
		}
		seen = c.look(ctx, seen)
		if _, _, err := c.leader(seen); err == nil && len(seen.statuses) == len(c.nodes) {
			return nil
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("await ready: %w: %s", err, c.unready(seen))
		}
	}
}

// AwaitLeader waits until a majority of the members agree on a leader that
// agrees, and returns it and its term. Where members say nothing of roles, it
// waits for a majority that answers, and the leader is "". Once too many members
// have ended by themselves to make a majority, it waits no longer.
func (c *Cluster) AwaitLeader(ctx context.Context) (leader string, term uint64, err error) {
	var seen survey
	for {
		seen = c.look(ctx, seen)
		leader, term, err := c.leader(seen)
		if err == nil {
			return leader, term, nil
		}
		dead := c.dead()
		if len(dead) > 0 {
			err = errors.Join(append([]error{err}, dead...)...)
		}
		if len(c.nodes)-len(dead) <= len(c.nodes)/2 {
			return "", 0, fmt.Errorf("await leader: %w", err)
		}
		if cut := pause(ctx); cut != nil {
			return "", 0, fmt.Errorf("await leader: %w (%w)", err, cut)
		}
	}
}

// Leader asks every member once who leads, as AwaitLeader does until it knows.
func (c *Cluster) Leader(ctx context.Context) (leader string, term uint64, err error) {
	return c.leader(c.ask(ctx))
}

// pause waits a moment between two looks at the cluster, or returns why ctx
// ended.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(10 * time.Millisecond):
		return nil
	}
}

// dead returns an error for each member that ended without being asked to.
func (c *Cluster) dead() []error {
	var errs []error
	for _, n := range c.nodes {
		if err := n.failure(); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
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

// begin is act for what starts the member.
func (c *Cluster) begin(ctx context.Context, name string, do func(*node) error) error {
	n, err := c.node(name)
	if err != nil {
		return err
	}
	n.starting.Lock()
	defer n.starting.Unlock()
	if n.barred != nil {
		return fmt.Errorf("%s %w", name, n.barred)
	}
	return c.act(ctx, name, do)
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

// LogFile returns where what a member prints goes, in a cluster with this Dir.
func LogFile(dir, name string) string { return filepath.Join(nodeDir(dir, name), "log") }

func nodeDir(root, name string) string { return filepath.Join(root, name) }
