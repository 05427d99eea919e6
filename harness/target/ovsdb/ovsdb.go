// Package ovsdb is the target for clustered OVSDB, the database of Open vSwitch and OVN,
// as packages bring it: members are ovsdb-server, elections are judged from what they
// say to each other, and after a run ovsdb-tool looks at the files that they left.
//
// Read ovsdb.go first. genesis.go is the file that a member begins with, programs.go
// where programs come from; the client is client.go and jsonrpc.go, and outcome.go says
// what an answer means; status.go is what members are asked, operator.go what
// administrators do, autopsy.go what is done with their files.
package ovsdb

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"time"

	dialect "github.com/usurper/usurper/harness/dialect/ovsdb"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
)

// DefaultElection is ovsdb-server's own election timer.
const DefaultElection = time.Second

// What ovsdb-server itself demands of its timer.
const (
	minElection = 100 * time.Millisecond
	maxElection = 600 * time.Second
	// beats is how many heartbeats a leader sends within one timer.
	beats = 3
)

// Options say how the members of a cluster are run.
type Options struct {
	Server  string // path of ovsdb-server, see Find; required
	Tool    string // path of ovsdb-tool; required
	Version string // what they are, such as 3.1.0

	// Election is the election timer, whole milliseconds: who hears nothing for so long,
	// and up to a second more, stands. 0 is ovsdb-server's own, 1 s.
	Election time.Duration
	// Standalone makes one member a database by itself, without a log that it shares.
	Standalone bool `json:",omitempty"`
	// Durable lets clients ask that what they write is on disk before it is answered, which
	// a Standalone member does not take care of by itself, and others always do.
	Durable bool `json:",omitempty"`
	// Careless is how clients do wrong on purpose, by which a checker shows that it
	// sees; "" for not at all. See Carelessness.
	Careless string `json:",omitempty"`
}

// Carelessness lists the values of Options.Careless:
//
//   - unanswered: a write without an answer counts as done.
//   - again: an insert without an answer is made anew, and nothing keeps it from
//     taking effect twice.
//   - local-reads: a read is of what the member that is asked happens to know.
func Carelessness() []string { return []string{unanswered, again, localReads} }

const (
	unanswered = "unanswered"
	again      = "again"
	localReads = "local-reads"
)

// Target is clustered OVSDB as a system under test.
type Target struct {
	target.Opaque
	o Options
}

var (
	_ target.Target  = (*Target)(nil)
	_ target.Limited = (*Target)(nil)
	_ target.Built   = (*Target)(nil)
	_ target.Crasher = (*Target)(nil)
	_ target.Usual   = (*Target)(nil)
)

// New returns a target that runs members as o says.
func New(o Options) (*Target, error) {
	var errs []error
	if o.Server == "" || o.Tool == "" {
		errs = append(errs, errors.New("no programs: find ovsdb-server and ovsdb-tool first"))
	}
	if o.Election == 0 {
		o.Election = DefaultElection
	}
	if o.Election%time.Millisecond != 0 || o.Election < minElection || o.Election > maxElection {
		errs = append(errs, fmt.Errorf("election %v: ovsdb-server wants whole milliseconds from %v to %v", o.Election, minElection, maxElection))
	}
	if !careless(o.Careless) {
		errs = append(errs, fmt.Errorf("careless %.40q: use one of %q", o.Careless, Carelessness()))
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("ovsdb target: %w", errors.Join(errs...))
	}
	return &Target{Opaque: target.Opaque{Wire: dialect.Dialect()}, o: o}, nil
}

func careless(word string) bool {
	switch word {
	case "", unanswered, again, localReads:
		return true
	}
	return false
}

// Name returns "ovsdb".
func (*Target) Name() string { return "ovsdb" }

// Binary is the path of ovsdb-server.
func (t *Target) Binary() string { return t.o.Server }

// OneAddress returns true: the log itself says at which address each member is.
func (*Target) OneAddress() bool { return true }

// Ops lists what clients do.
func (*Target) Ops() []history.F {
	return []history.F{
		history.FGet, history.FPut, history.FCas, history.FDelete,
		history.FAdd, history.FRead, history.FAppend,
	}
}

// Usual states the timers that members have.
func (t *Target) Usual(int) target.Habits {
	return target.Habits{Election: t.o.Election, Heartbeat: Heartbeat(t.o.Election)}
}

// Heartbeat is the time between a leader's heartbeats with an election timer.
func Heartbeat(election time.Duration) time.Duration {
	return (election / beats).Truncate(time.Millisecond)
}

// Crashes adds what ovsdb-server logs before it gives up.
func (*Target) Crashes() []*regexp.Regexp {
	return append(target.CrashLines(), regexp.MustCompile(`^[0-9T:.-]+Z\|\d+\|[^|]*\|EMER\|`))
}

// Command returns the command of m, which gets its file at its first start.
func (t *Target) Command(m target.Member) (target.Command, error) {
	if m.Joins != nil {
		return target.Command{}, fmt.Errorf("%s: members of ovsdb are not replaced in a run", m.Name)
	}
	dir, err := filepath.Abs(m.DataDir)
	if err != nil {
		return target.Command{}, fmt.Errorf("%s: its data directory: %w", m.Name, err)
	}
	host, port, err := net.SplitHostPort(m.ClientAddr)
	if err != nil {
		return target.Command{}, fmt.Errorf("%s: its address for clients: %w", m.Name, err)
	}
	if err := t.begin(m); err != nil {
		return target.Command{}, fmt.Errorf("%s: write its first file: %w", m.Name, err)
	}
	return target.Command{
		Path: t.o.Server,
		Args: []string{
			"--remote=ptcp:" + port + ":" + host,
			"--unixctl=" + filepath.Join(dir, controlFile),
			"-vconsole:info", "-vsyslog:off", "-vfile:off",
			filepath.Join(dir, databaseFile),
		},
		Dir: dir,
	}, nil
}

// Client returns a client of m alone, which connects when it is first used.
func (t *Target) Client(m target.Member) (workload.Client, error) {
	return newClient(m.ClientAddr, t.o)
}
