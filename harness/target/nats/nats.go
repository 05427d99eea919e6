// Package nats is the target for NATS JetStream as its users run it: a nats-server that
// nobody patched, its routes through the fabric, its elections judged from what a passive
// tap decodes of them, each of its Rafts (the meta group, every stream) by itself.
//
// Read nats.go first, then client.go, which says what an operation is in JetStream, and
// outcome.go, which says what an error means.
//
// Servers sync what they write every two minutes unless told otherwise, which is
// documented: what is written survives the kill of a process, and does not survive a loss of
// power (Options.SyncAlways).
package nats

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	dialect "github.com/usurper/usurper/harness/dialect/nats"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
)

// Timers that a server has, and cannot be told to change.
const (
	Election  = 4 * time.Second
	Heartbeat = time.Second
)

// monitor is the port at which a server tells of itself.
const monitor = "monitor"

// nowhere is what members advertise to each other: nobody listens there. Each has routes
// of its own to all others; what it would hear of others beyond that would lead past the fabric.
const nowhere = "127.0.0.1:1"

// Options say how the members of a cluster are run.
type Options struct {
	Binary  string // path of a nats-server, see Build; required
	Version string // what it is, see Version; required, for clients depend on it

	// Replicas is how many members hold each stream; 0 for as many as there are, at most
	// 5, and one less if that is even.
	Replicas int `json:",omitempty"`
	// DirectReads lets any replica answer reads from what it knows, as the bucket's own
	// clients do. Such reads may be old: a checker must say so. Otherwise a read counts
	// once a write behind it has confirmed it, see client.go.
	DirectReads bool `json:",omitempty"`
	// NoAck lets clients call a write ok once it is sent.
	NoAck bool `json:",omitempty"`
	// Forget takes from a member all that it had written, whenever it is started again.
	Forget bool `json:",omitempty"`
	// Assertions lets members write the assertions of the Antithesis SDK, for which the
	// binary must have been built: they are read as what members say of themselves.
	Assertions bool `json:",omitempty"`
	// SyncAlways lets members sync what they write before they say that it is written,
	// and not every two minutes.
	SyncAlways bool `json:",omitempty"`
	// Args are further arguments for every member.
	Args []string `json:",omitempty"`
}

// Target is NATS JetStream as a system under test.
type Target struct {
	target.Opaque
	o     Options
	minor int // of version 2
}

var (
	_ target.Target   = (*Target)(nil)
	_ target.Preparer = (*Target)(nil)
	_ target.Ported   = (*Target)(nil)
	_ target.Limited  = (*Target)(nil)
	_ target.LastRead = (*Target)(nil)
	_ target.Usual    = (*Target)(nil)
	_ target.Built    = (*Target)(nil)

	_ target.Asserting = (*Target)(nil)
)

// New returns a target that runs members as o says.
func New(o Options) (*Target, error) {
	var errs []error
	if o.Binary == "" {
		errs = append(errs, errors.New("no binary: give the path of a nats-server"))
	}
	minor, err := minorOf(o.Version)
	errs = append(errs, err)
	if o.Replicas < 0 || o.Replicas > maxReplicas {
		errs = append(errs, fmt.Errorf("%d replicas: use 1 to %d, or 0 for as many as there are members", o.Replicas, maxReplicas))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("nats target: %w", err)
	}
	t := &Target{o: o, minor: minor}
	if answersInTerm(o.Version) {
		t.Wire = dialect.Dialect()
	}
	return t, nil
}

// Name returns "nats".
func (*Target) Name() string { return "nats" }

// Binary is the path of the nats-server executable.
func (t *Target) Binary() string { return t.o.Binary }

// Ports names the port at which a member tells of itself.
func (*Target) Ports() []string { return []string{monitor} }

// Ops returns what clients can do.
func (*Target) Ops() []history.F {
	return []history.F{
		history.FGet, history.FPut, history.FCas, history.FDelete,
		history.FAppend, history.FAdd, history.FRead,
	}
}

// confirms tells whether a write can be made to depend on another subject than its own,
// so that reads can be confirmed without a trace.
func (t *Target) confirms() bool { return t.minor >= 12 }

// ReadLast tells whether reads leave traces: before 2.12 what confirms one is another
// write of what was read.
func (t *Target) ReadLast() bool { return !t.confirms() && !t.o.DirectReads }

// Usual says what timers servers have.
func (*Target) Usual(int) target.Habits {
	return target.Habits{Election: Election, Heartbeat: Heartbeat}
}

// Command returns the command of a server with JetStream, and a route to each other
// member. Its data is in m's directory.
func (t *Target) Command(m target.Member) (target.Command, error) {
	host, port, err := net.SplitHostPort(m.ClientAddr)
	if err != nil {
		return target.Command{}, fmt.Errorf("%s: %w", m.Name, err)
	}
	monitorHost, monitorPort, err := net.SplitHostPort(m.Ports[monitor])
	if err != nil || monitorHost != host {
		return target.Command{}, fmt.Errorf("%s: a port to monitor it at %s:*, not %q", m.Name, host, m.Ports[monitor])
	}
	args := []string{"-a", host, "-p", port, "-m", monitorPort, "--name", m.Name, "-js", "-sd", m.DataDir}
	if len(m.Peers) > 0 {
		var routes []string
		for _, name := range slices.Sorted(maps.Keys(m.Peers)) {
			routes = append(routes, "nats-route://"+m.Peers[name])
		}
		args = append(args, "--cluster_name", "usurper", "--cluster", "nats://"+m.PeerAddr,
			"--routes", strings.Join(routes, ","), "--no_advertise", "--cluster_advertise", nowhere)
	}
	if t.o.Forget && m.Inc > 1 {
		if err := forget(m.DataDir); err != nil {
			return target.Command{}, fmt.Errorf("%s is to forget its data: %w", m.Name, err)
		}
	}
	if t.o.SyncAlways {
		path, err := syncing(m.DataDir)
		if err != nil {
			return target.Command{}, fmt.Errorf("%s is to sync always: %w", m.Name, err)
		}
		args = append(args, "-c", path)
	}
	c := target.Command{Path: t.o.Binary, Args: append(args, t.o.Args...)}
	if t.o.Assertions {
		c.Env = append(c.Env, target.AssertionVariable+"="+t.AssertionFile(m))
	}
	return c, nil
}

// AssertionFile is where a process of m writes its assertions; "" if it writes none.
func (t *Target) AssertionFile(m target.Member) string {
	if !t.o.Assertions {
		return ""
	}
	return target.AssertionPath(m)
}

// syncing writes a server's configuration into a directory: there is no flag for it.
func syncing(dir string) (path string, err error) {
	path = filepath.Join(dir, "sync.conf")
	return path, target.Provide(path, []byte("jetstream {\n  sync_interval: always\n}\n"))
}

// forget empties a directory.
func forget(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Client returns a client of m alone, which connects when it is first used.
func (t *Target) Client(m target.Member) (workload.Client, error) {
	return newClient(m.ClientAddr, t.o, t.confirms()), nil
}
