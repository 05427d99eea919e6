// Package etcd is the target for etcd as its users run it: the binary is not
// patched, its members talk through the fabric, its elections are judged from
// what a passive tap decodes of that traffic, and clients make etcd's own calls.
//
// Read etcd.go first. What members say to each other, dialect/etcd reads. The client is client.go, its transactions clienttxn.go and
// listtxn.go, and outcome.go says what an error means. operator.go, membership.go
// and failpoint.go are what administrators do, console.go how they are connected;
// status.go and audit.go what members are asked, shown.go what can be seen of them,
// usual.go how a cluster is run unless told otherwise, binary.go where they come from.
package etcd

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	dialect "github.com/usurper/usurper/harness/dialect/etcd"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
)

// What etcd itself demands of its timers.
const (
	electionRatio = 5
	maxElection   = 50 * time.Second
)

// Options say how the members of an etcd cluster are run. A zero field leaves
// etcd its own default, but for a member that is alone, see usual.go.
type Options struct {
	Binary  string // path of an etcd executable, see Build; required
	Version string // what it is, see Version; required, because flags depend on it

	// Heartbeat is the time between a leader's heartbeats, Election the time
	// without one after which a follower stands; whole milliseconds. etcd's
	// defaults are 100 ms and 1 s; Election is at least five times Heartbeat.
	Heartbeat time.Duration
	Election  time.Duration

	SnapshotCount uint64 // applied entries between snapshots
	// Vary draws from Seed, for each member, how often it takes snapshots and its timers,
	// none of which is shorter than Election.
	Vary bool   `json:",omitempty"`
	Seed uint64 `json:",omitempty"`
	// NoFsync makes members not sync what they write, which no kill of a process
	// shows. 3.5 and later.
	NoFsync bool
	// Fsync lets a member that is alone sync what it writes: it does not otherwise. On a disk
	// that loses its power it has to.
	Fsync bool `json:",omitempty"`
	// SerializableReads lets members answer reads from what they know themselves.
	// Such reads may be stale: a checker must say so once a member is cut off.
	SerializableReads bool
	// PeerTLS lets members talk to each other over TLS, with certificates that each
	// makes for itself. The tap is off then: nobody can read what they say.
	PeerTLS bool
	// Token is the name that tells clusters apart; "usurper" if empty.
	Token string
	// Args are further arguments for every member.
	Args []string
}

// Target is etcd as a system under test. Clients must not resend requests: etcd
// applies a request as often as it is sent.
type Target struct {
	o     Options
	minor int // of version 3

	mu    sync.Mutex
	added map[uint64]string // names of members that did not begin with their cluster
}

var (
	_ target.Target     = (*Target)(nil)
	_ target.Idempotent = (*Target)(nil)
)

// New returns a target that runs members as o says.
func New(o Options) (*Target, error) {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(o.Binary != "", "no binary: give the path of an etcd executable")
	minor, err := minorOf(o.Version)
	check(err == nil, "%w", err)
	check(o.Heartbeat >= 0 && o.Heartbeat%time.Millisecond == 0, "heartbeat %v: must be whole milliseconds", o.Heartbeat)
	check(o.Election >= 0 && o.Election%time.Millisecond == 0, "election %v: must be whole milliseconds", o.Election)
	heartbeat, election := o.timers()
	check(election >= electionRatio*heartbeat, "election %v: etcd wants at least %d heartbeats of %v", election, electionRatio, heartbeat)
	check(election <= maxElection, "election %v: etcd wants at most %v", election, maxElection)
	check(!o.NoFsync || !o.Fsync, "fsync and no fsync: choose one")
	check(!o.NoFsync || err != nil || SkipsFsync(o.Version), "no fsync: etcd %s always syncs; use 3.5 or later", o.Version)
	if o.Token == "" {
		o.Token = "usurper"
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("etcd target: %w", errors.Join(errs...))
	}
	return &Target{o: o, minor: minor}, nil
}

// SkipsFsync tells whether a version can be told not to sync: NoFsync.
func SkipsFsync(version string) bool {
	minor, err := minorOf(version)
	return err == nil && minor >= 5
}

// timers returns the timers in force.
func (o *Options) timers() (heartbeat, election time.Duration) {
	heartbeat, election = 100*time.Millisecond, time.Second
	if o.Heartbeat > 0 {
		heartbeat = o.Heartbeat
	}
	if o.Election > 0 {
		election = o.Election
	}
	return heartbeat, election
}

// minorOf returns the 6 of v3.6.16.
func minorOf(version string) (int, error) {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) == 3 && parts[0] == "3" {
		if minor, err := strconv.Atoi(parts[1]); err == nil && minor >= 4 {
			return minor, nil
		}
	}
	return 0, fmt.Errorf("version %.40q: must be 3.4 or later, like 3.6.16", version)
}

// Name returns "etcd".
func (*Target) Name() string { return "etcd" }

// Binary is the path of the etcd executable.
func (t *Target) Binary() string { return t.o.Binary }

// Traced returns false: etcd writes no trace.
func (*Target) Traced() bool { return false }

// Trace fails: there is no trace to parse.
func (*Target) Trace([]byte) (history.Raft, error) {
	return history.Raft{}, errors.New("etcd writes no trace")
}

// Idempotent returns false: etcd applies a request as often as it is sent.
func (*Target) Idempotent() bool { return false }

// OneAddress returns true: all members dial a member at its advertised peer URL.
func (*Target) OneAddress() bool { return true }

// Rules states pre-votes where members ask for them: from 3.5 on by default, or by
// an argument of the target's. One that is granted late counts for the next term.
func (t *Target) Rules() []history.Rule {
	asks := t.minor >= 5
	for _, arg := range t.o.Args {
		name, value, given := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if name != "pre-vote" {
			continue
		}
		if !given {
			value = "true" // a flag without a value is set, whatever comes next
		}
		on, err := strconv.ParseBool(value)
		asks = on && err == nil
	}
	if !asks {
		return nil
	}
	return []history.Rule{history.PreVotes, history.LatePreVotes}
}

// Command returns the etcd command for m. A member that has data in its
// directory goes on with the cluster that it finds there.
func (t *Target) Command(m target.Member) (target.Command, error) {
	cluster, err := t.initialCluster(m)
	if err != nil {
		return target.Command{}, fmt.Errorf("%s: %w", m.Name, err)
	}
	for _, addr := range []string{m.PeerAddr, m.ClientAddr} {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return target.Command{}, fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	heartbeat, election, snapshots := t.member(m.Name)
	noFsync, rest := t.o.NoFsync, t.o.Args
	if alone(m) {
		snapshots, noFsync, rest = t.spared(snapshots)
	}
	state := "new"
	if m.Joins != nil {
		state = "existing"
	}
	args := []string{
		"--name", m.Name,
		"--data-dir", m.DataDir,
		"--listen-peer-urls", t.peerURL(m.PeerAddr),
		"--initial-advertise-peer-urls", t.peerURL(advertised(m, m.Name)),
		"--listen-client-urls", url(m.ClientAddr),
		"--advertise-client-urls", url(m.ClientAddr),
		"--initial-cluster", cluster,
		"--initial-cluster-state", state,
		"--initial-cluster-token", t.o.Token,
		"--heartbeat-interval", strconv.FormatInt(heartbeat.Milliseconds(), 10),
		"--election-timeout", strconv.FormatInt(election.Milliseconds(), 10),
		"--log-level", "warn",
	}
	if t.minor < 5 {
		args = append(args, "--logger=zap") // else it ignores --log-level
	}
	if snapshots > 0 {
		args = append(args, "--snapshot-count", strconv.FormatUint(snapshots, 10))
	}
	if t.o.PeerTLS {
		args = append(args, "--peer-auto-tls")
	}
	if noFsync {
		args = append(args, "--unsafe-no-fsync")
	}
	command := target.Command{Path: t.o.Binary, Args: append(args, rest...)}
	if m.FailpointAddr != "" {
		command.Env = []string{"GOFAIL_HTTP=" + m.FailpointAddr} // nothing to an ordinary binary
	}
	return command, nil
}

func url(addr string) string { return "http://" + addr }

// peerURL is where other members reach the one at addr.
func (t *Target) peerURL(addr string) string {
	if t.o.PeerTLS {
		return "https://" + addr
	}
	return url(addr)
}

// advertised returns the address at which a member is reached. One that is alone
// has only its own.
func advertised(m target.Member, name string) string {
	if len(m.Advertised) == 0 && name == m.Name {
		return m.PeerAddr
	}
	return m.Advertised[name]
}

// initialCluster formats the value of --initial-cluster, in order of the names.
func (t *Target) initialCluster(m target.Member) (string, error) {
	names := slices.Sorted(maps.Keys(m.Advertised))
	if m.Joins != nil {
		names = slices.Sorted(slices.Values(m.Joins))
	}
	switch {
	case len(names) == 0 && len(m.Peers) > 0:
		return "", errors.New("no advertised addresses: members of etcd know each other by one address each")
	case len(names) == 0:
		names = []string{m.Name}
	case m.Advertised[m.Name] == "":
		return "", errors.New("the advertised addresses lack its own")
	}
	for i, name := range names {
		names[i] = name + "=" + t.peerURL(advertised(m, name))
	}
	return strings.Join(names, ","), nil
}

// Client returns a client of m alone, which connects when it is first used.
func (t *Target) Client(m target.Member) (workload.Client, error) {
	return newClient(m, t.o.SerializableReads)
}

// Protocol decodes etcd's peer traffic for nobody: a run's fabric gets its Tap
// instead, see target.Tap. It tells which classes of frames there are. It is nil
// if members talk over TLS.
func (t *Target) Protocol() fabric.Protocol {
	if t.o.PeerTLS {
		return nil
	}
	return dialect.Dialect().Watch(nil, nil)
}

// Tap watches the traffic of one cluster as it splits it into frames: it is a
// fabric.Protocol, and has to be that of the fabric whose frames it is told of.
func (t *Target) Tap(members []string, emit func(history.Raft)) target.Tap {
	if t.o.PeerTLS {
		return nil
	}
	return dialect.Dialect().Watch(members, emit)
}
