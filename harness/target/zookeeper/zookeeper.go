// Package zookeeper is the target for Apache ZooKeeper as Debian packages it: the jar is
// not patched, members talk through the fabric at both of their ports, elections are
// judged from what a passive tap decodes of that traffic (harness/dialect/zookeeper), and
// clients use go-zookeeper/zk.
//
// Read zookeeper.go first. install.go finds the jar and a JRE, config.go writes what a
// member is told, status.go asks it. The client is client.go, over the one connection of
// session.go; outcome.go says what an error means.
package zookeeper

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/usurper/usurper/harness/dialect/zookeeper"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
)

// syncLimit is after how many ticks without a word a member gives its leader up, or a
// leader a follower; initLimit is how many an elected leader waits for its followers, and
// they for it.
const (
	syncLimit = 5
	initLimit = 25
)

// Options say how the members of a ZooKeeper cluster are run.
type Options struct {
	Jar  string // path of zookeeper.jar, see Find; required
	Java string // path of a java executable, see Find; required

	// Election is after how long without a word a member gives its leader up, five
	// ticks of ZooKeeper's: at least 100 ms, in whole multiples of 5 ms.
	Election time.Duration
	// SnapshotCount is how many transactions there are between snapshots; 0 for
	// ZooKeeper's own 100,000.
	SnapshotCount uint64 `json:",omitempty"`
	// SyncReads lets clients read after a sync, which members promise less for than most
	// people think: a leader that is none any more, and does not know it yet, answers a
	// sync by itself. A checker must say so.
	SyncReads bool `json:",omitempty"`
	// PlainReads lets clients read what the member that they ask has: such reads may be
	// stale by design, and a checker must say so once a member is cut off.
	PlainReads bool `json:",omitempty"`
	// Vary draws from Seed, for each member, how often it takes snapshots, and whether as
	// a leader it sends one to all who follow it.
	Vary bool   `json:",omitempty"`
	Seed uint64 `json:",omitempty"`
}

// Target is ZooKeeper as a system under test.
type Target struct {
	target.Opaque
	o     Options
	leads atomic.Pointer[string] // the member that last said that it leads
}

var (
	_ target.Target   = (*Target)(nil)
	_ target.Ringed   = (*Target)(nil)
	_ target.Slow     = (*Target)(nil)
	_ target.Usual    = (*Target)(nil)
	_ target.Varied   = (*Target)(nil)
	_ target.Preparer = (*Target)(nil)
	_ target.Built    = (*Target)(nil)
)

// New returns a target that runs members as o says.
func New(o Options) (*Target, error) {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(o.Jar != "" && o.Java != "", "no jar or no java: see Find")
	check(o.Election >= 100*time.Millisecond && o.Election%(syncLimit*time.Millisecond) == 0,
		"election %v: use at least 100ms, in whole multiples of 5ms: ZooKeeper counts five ticks of whole milliseconds", o.Election)
	check(!o.SyncReads || !o.PlainReads, "sync reads and plain reads: choose one")
	if len(errs) > 0 {
		return nil, fmt.Errorf("zookeeper target: %w", errors.Join(errs...))
	}
	return &Target{Opaque: target.Opaque{Wire: zookeeper.Dialect()}, o: o}, nil
}

// Name returns "zookeeper".
func (*Target) Name() string { return "zookeeper" }

// Binary is the path of the jar.
func (t *Target) Binary() string { return t.o.Jar }

// Ops lists what clients can do. Sets and lists are znodes below one of their own.
func (*Target) Ops() []history.F {
	return []history.F{
		history.FGet, history.FPut, history.FCas, history.FDelete,
		history.FAdd, history.FAppend, history.FRead,
	}
}

// electionPort is the name of the port at which members elect. PeerAddr is that at which
// the elected one is followed.
const electionPort = "election"

// Ports returns the election port.
func (*Target) Ports() []string { return []string{electionPort} }

// PeerPorts returns the election port.
func (*Target) PeerPorts() []string { return []string{electionPort} }

// ReadyWithin is long: several JVMs start at once.
func (*Target) ReadyWithin() time.Duration { return 60 * time.Second }

// tick is ZooKeeper's unit of time.
func (t *Target) tick() time.Duration { return t.o.Election / syncLimit }

// Usual tells the timers: a leader pings twice a tick.
func (t *Target) Usual(int) target.Habits {
	return target.Habits{Election: t.o.Election, Heartbeat: t.tick() / 2}
}

// Prepare makes the znodes that clients work below.
func (t *Target) Prepare(ctx context.Context, s target.Setup) error {
	if len(s.Members) == 0 {
		return errors.New("no members")
	}
	c := newClient(s.Members[0].ClientAddr, linearizable)
	defer c.Close()
	for {
		err := c.prepare(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		select { // it answers, and has nobody to follow just now
		case <-ctx.Done():
		case <-time.After(t.tick()):
		}
	}
}

// Client returns a client of m alone, with one session at a time.
func (t *Target) Client(m target.Member) (workload.Client, error) {
	reads := linearizable
	switch {
	case t.o.SyncReads:
		reads = afterSync
	case t.o.PlainReads:
		reads = plain
	}
	return newClient(m.ClientAddr, reads), nil
}
