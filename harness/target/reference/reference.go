// Package reference is the target for the project's own Raft key-value store,
// the usurper node. It is the only part of the harness that knows the node.
package reference

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/node"
	"github.com/usurper/usurper/node/bug"
)

// Options say how the members of a reference cluster are run. A zero field
// leaves the node its own default.
type Options struct {
	Binary string // path of the usurper executable; required

	Bug           string // a deliberate bug, see package bug; one of pre-votes turns them on
	PreVote       bool
	SnapshotEvery uint64 // applied entries between snapshots
	// Election is T, the lower end of the range [T, 2T) of election timers;
	// Heartbeat is at most half of it.
	Election  time.Duration
	Heartbeat time.Duration
	Seed      uint64
	// Vary draws from Seed, for each member, how often it takes snapshots, its timers,
	// none of which is shorter than Election, whether it asks for pre-votes, and how
	// much it sends at a time.
	Vary    bool `json:",omitempty"`
	NoTrace bool // members write no trace: only taps and clients give evidence
}

// Target is the reference system under test.
type Target struct {
	o    Options
	http *http.Client // for Status only

	traces traces
}

var _ target.Target = (*Target)(nil)

// New returns a target that runs members as o says.
func New(o Options) (*Target, error) {
	if o.Binary == "" {
		return nil, errors.New("reference target: no binary: give the path of the usurper executable")
	}
	if _, err := bug.Parse(o.Bug); err != nil {
		return nil, fmt.Errorf("reference target: %w", err)
	}
	t := &Target{
		o: o,
		http: &http.Client{
			Transport: &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		},
	}
	t.o.PreVote = t.o.PreVote || t.preVoteBug()
	return t, nil
}

// Name returns "reference".
func (*Target) Name() string { return "reference" }

// Binary is the path of the usurper executable.
func (t *Target) Binary() string { return t.o.Binary }

// Ops lists what the node can do: anything with a single key.
func (*Target) Ops() []history.F {
	return []history.F{
		history.FGet, history.FPut, history.FCas, history.FDelete,
		history.FAppend, history.FAdd, history.FRead,
	}
}

// Traced tells whether members write a trace.
func (t *Target) Traced() bool { return !t.o.NoTrace }

// Shows lists what a tap tells, if nothing else does; nil if there is a trace.
func (t *Target) Shows() []history.RaftWhat {
	if t.Traced() {
		return nil
	}
	return tap.Shows()
}

// Rules lists what members do beside what makes Raft safe.
func (t *Target) Rules() []history.Rule {
	rules := []history.Rule{history.FirstCome, history.Timers}
	if t.o.PreVote && (!t.o.Vary || t.preVoteBug()) { // else only some ask
		rules = append(rules, history.PreVotes)
	}
	return rules
}

// Command returns the usurper node command for m.
func (t *Target) Command(m target.Member) (target.Command, error) {
	peerHost, peerPort, err := net.SplitHostPort(m.PeerAddr)
	if err != nil {
		return target.Command{}, fmt.Errorf("%s: peer address: %w", m.Name, err)
	}
	clientHost, clientPort, err := net.SplitHostPort(m.ClientAddr)
	if err != nil {
		return target.Command{}, fmt.Errorf("%s: client address: %w", m.Name, err)
	}
	args := []string{
		"node", "--id", m.Name,
		"--bind", peerHost, "--peer-port", peerPort,
		"--client-bind", clientHost, "--client-port", clientPort,
		"--peers", peers(m),
		"--data-dir", m.DataDir,
		"--inc", strconv.FormatUint(m.Inc, 10),
		"--seed", strconv.FormatUint(t.o.Seed, 10),
	}
	add := func(set bool, flag, value string) {
		if set {
			args = append(args, flag, value)
		}
	}
	add(!t.o.NoTrace && m.TraceFile != "", "--trace", m.TraceFile)
	v := t.member(m.Name)
	add(v.election > 0, "--election", v.election.String())
	add(v.heartbeat > 0, "--heartbeat", v.heartbeat.String())
	add(v.snapshotEvery > 0, "--snapshot-every", strconv.FormatUint(v.snapshotEvery, 10))
	add(v.maxBatch > 0, "--max-batch", strconv.Itoa(v.maxBatch))
	add(v.maxInflight > 0, "--max-inflight", strconv.Itoa(v.maxInflight))
	add(t.o.Bug != "", "--bug", t.o.Bug)
	if v.preVote {
		args = append(args, "--pre-vote")
	}
	return target.Command{Path: t.o.Binary, Args: args}, nil
}

// peers formats the value of --peers, in order of the names. A member that is
// alone has itself to name.
func peers(m target.Member) string {
	addrs := m.Peers
	if len(addrs) == 0 {
		addrs = map[string]string{m.Name: m.PeerAddr}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(addrs)) {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(name + "=" + addrs[name])
	}
	return b.String()
}

// maxStatus bounds the body of a status.
const maxStatus = 64 << 10

// Status asks m for its status, over a connection of its own.
func (t *Target) Status(ctx context.Context, m target.Member) (target.Status, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.ClientAddr+"/v1/status", nil)
	if err != nil {
		return target.Status{}, fmt.Errorf("status of %s: %w", m.Name, err)
	}
	resp, err := t.http.Do(req)
	if err != nil {
		return target.Status{}, fmt.Errorf("status of %s: %w", m.Name, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxStatus))
	if err != nil {
		return target.Status{}, fmt.Errorf("status of %s: %w", m.Name, err)
	}
	if resp.StatusCode != http.StatusOK {
		return target.Status{}, fmt.Errorf("status of %s: answered %s", m.Name, resp.Status)
	}
	var s node.Status
	if err := json.Unmarshal(body, &s); err != nil {
		return target.Status{}, fmt.Errorf("status of %s: %w", m.Name, err)
	}
	if s.ID != m.Name {
		return target.Status{}, fmt.Errorf("status of %s: %s answered as %q: another process has taken its address",
			m.Name, m.ClientAddr, s.ID)
	}
	return target.Status{
		Role: s.Role, Term: s.Term, Leader: s.Leader,
		Commit: s.Commit, Applied: s.Applied, Digest: s.Digest,
		Atomic: true, // the node's loop fills it in between two turns, once all is durable
	}, nil
}

// Client returns a client of m, which connects when it is first used.
func (*Target) Client(m target.Member) (workload.Client, error) {
	return newClient(m.ClientAddr), nil
}

// OneAddress returns false: every member has its own addresses for the others.
func (*Target) OneAddress() bool { return false }

// Protocol decodes the frames of package node/wire.
func (*Target) Protocol() fabric.Protocol { return protocol{} }

// Tap watches the frames that Protocol finds.
func (*Target) Tap(members []string, emit func(history.Raft)) target.Tap {
	return newObserver(emit, members)
}
