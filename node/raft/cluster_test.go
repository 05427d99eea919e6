package raft_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/bug"
	"github.com/usurper/usurper/node/raft"
)

// cluster is members in one process whose messages wait in flight until the
// test delivers, loses or repeats them.
type cluster struct {
	tb      testing.TB
	setup   setup
	voters  []raft.ID
	members map[raft.ID]*member
	flight  []raft.Message
	cut     func(from, to raft.ID) bool // links whose messages are lost or, with hold, wait
	hold    bool
	held    []raft.Message
	watch   watcher
	post    func(raft.Message) // takes what members send, instead of flight
	later   func() bool        // whether a member leaves its output for later; nil: never
}

// setup is what all members of a cluster share.
type setup struct {
	n         int
	election  int // T in ticks
	heartbeat int
	timeout   func(raft.ID) int
	preVote   bool
	mixed     bool // only every other member asks for pre-votes
	batch     int
	inflight  int
	bug       bug.Name
}

// watcher sees what members do, each in its order.
type watcher interface {
	event(id raft.ID, e raft.Event)
	output(id raft.ID, out *raft.Output)
}

// member is one raft with what survives its crash.
type member struct {
	raft    *raft.Raft // nil: down
	hard    raft.HardState
	snap    *raft.Snapshot
	entries []raft.Entry

	applied raft.Entry // the last one applied, without its data
	reads   []raft.Read
	deposed int
}

func newCluster(tb testing.TB, s setup, w watcher) *cluster {
	tb.Helper()
	if s.election == 0 {
		s.election, s.heartbeat = 10, 2
	}
	if s.timeout == nil {
		s.timeout = func(raft.ID) int { return s.election }
	}
	c := &cluster{tb: tb, setup: s, members: map[raft.ID]*member{}, watch: w}
	for i := range s.n {
		c.voters = append(c.voters, raft.ID(i+1))
	}
	for _, id := range c.voters {
		c.members[id] = &member{}
		c.start(id)
	}
	return c
}

// config is that of a member with what it would recover.
func (c *cluster) config(id raft.ID) raft.Config {
	m := c.members[id]
	return raft.Config{
		ID: id, Voters: c.voters,
		ElectionTicks: c.setup.election, HeartbeatTicks: c.setup.heartbeat,
		Timeout: func() int { return c.setup.timeout(id) },
		PreVote: c.setup.preVote && (!c.setup.mixed || id%2 == 0), Bug: c.setup.bug,
		MaxBatchBytes: c.setup.batch, MaxInflight: c.setup.inflight,
		State: m.hard, Snapshot: m.snap, Entries: slices.Clone(m.entries),
	}
}

func (c *cluster) start(id raft.ID) {
	r, err := raft.New(c.config(id))
	require.NoError(c.tb, err)
	m := c.members[id]
	m.raft, m.applied = r, raft.Entry{}
	if m.snap != nil {
		m.restore(m.snap)
	}
	c.flush(id)
}

// crash stops a member; what it did not persist is gone.
func (c *cluster) crash(id raft.ID) { c.members[id].raft = nil }

func (c *cluster) up(id raft.ID) *raft.Raft { return c.members[id].raft }

// heal ends all cuts; what they held is in flight again.
func (c *cluster) heal() {
	c.cut = nil
	c.flight, c.held = append(c.held, c.flight...), nil
}

// tick moves a member's time.
func (c *cluster) tick(id raft.ID, n int) {
	for range n {
		c.up(id).Tick()
		c.flush(id)
	}
}

// expire ticks a member until its election timer has fired: it stands, or asks
// for pre-votes.
func (c *cluster) expire(id raft.ID) {
	term, sent := c.up(id).Status().Term, len(c.flight)
	for range 2 * c.setup.election {
		c.tick(id, 1)
		if c.up(id).Status().Term > term || len(c.flight) > sent {
			return
		}
	}
	c.tb.Fatalf("the timer of member %d did not fire", id)
}

// elect lets a member's timer fire and delivers everything.
func (c *cluster) elect(id raft.ID) {
	c.tb.Helper()
	c.expire(id)
	c.settle()
	require.Equal(c.tb, raft.Leader, c.up(id).Status().Role, "member %d did not win", id)
}

func (c *cluster) propose(id raft.ID, data ...string) (raft.Pos, error) {
	var bs [][]byte
	for _, d := range data {
		bs = append(bs, []byte(d))
	}
	at, err := c.up(id).Propose(bs...)
	c.flush(id)
	return at, err
}

func (c *cluster) read(id raft.ID, read uint64) error {
	err := c.up(id).ReadIndex(read)
	c.flush(id)
	return err
}

// deliver hands the i-th message in flight to its receiver, if that is up.
func (c *cluster) deliver(i int) {
	m := c.flight[i]
	c.flight = slices.Delete(c.flight, i, i+1)
	c.give(m)
}

func (c *cluster) give(m raft.Message) {
	if r := c.up(m.To); r != nil {
		r.Step(m)
		if c.later == nil || !c.later() {
			c.flush(m.To)
		}
	}
}

// settle delivers messages in the order of sending until none is left.
func (c *cluster) settle() {
	c.tb.Helper()
	for n := 0; len(c.flight) > 0; n++ {
		if n > 100000 {
			c.tb.Fatalf("messages go on and on: %+v", c.flight[0])
		}
		c.deliver(0)
	}
}

// beat lets a leader send heartbeats and delivers everything.
func (c *cluster) beat(leader raft.ID) {
	c.tb.Helper()
	c.tick(leader, c.setup.heartbeat)
	c.settle()
}

// flush does all that a member's outputs ask for.
func (c *cluster) flush(id raft.ID) {
	m := c.members[id]
	for {
		out, ok := m.raft.Output()
		if !ok {
			return
		}
		c.carryOut(id, &out)
	}
}

func (c *cluster) carryOut(id raft.ID, out *raft.Output) {
	m := c.members[id]
	m.persist(out)
	if c.watch != nil {
		for _, e := range out.Events {
			c.watch.event(id, e)
		}
		c.watch.output(id, out)
	}
	for _, msg := range out.Messages {
		switch {
		case c.post != nil:
			c.post(msg)
		case c.cut == nil || !c.cut(msg.From, msg.To):
			c.flight = append(c.flight, msg)
		case c.hold:
			c.held = append(c.held, msg)
		}
	}
	for _, e := range out.Committed {
		require.Equal(c.tb, m.applied.Index+1, e.Index, "member %d applies in order, each entry once", id)
		m.applied = raft.Entry{Term: e.Term, Index: e.Index, Hash: e.Hash}
	}
	for _, read := range out.Reads {
		if read.OK {
			require.LessOrEqual(c.tb, read.Index, m.applied.Index, "a confirmed read can be served at once")
		}
	}
	m.reads = append(m.reads, out.Reads...)
	if out.Deposed {
		m.deposed++
	}
}

// persist is a disk that never fails.
func (m *member) persist(out *raft.Output) {
	if out.State != nil {
		m.hard = *out.State
	}
	if out.Install != nil {
		m.snap, m.entries = out.Install, nil
		m.restore(out.Install)
	}
	if out.Truncate != 0 {
		i, _ := slices.BinarySearchFunc(m.entries, out.Truncate, func(e raft.Entry, i uint64) int { return int(e.Index) - int(i) })
		m.entries = m.entries[:i]
	}
	m.entries = append(m.entries, out.Entries...)
}

// compact takes a snapshot of what a member has applied.
func (c *cluster) compact(id raft.ID) {
	m := c.members[id]
	if m.applied.Index == 0 || m.snap != nil && m.snap.Pos.Index == m.applied.Index {
		return
	}
	s := raft.Snapshot{
		Pos:  raft.Pos{Term: m.applied.Term, Index: m.applied.Index},
		Hash: m.applied.Hash, Digest: m.applied.Hash,
		Data: binary.LittleEndian.AppendUint64(nil, m.applied.Hash),
	}
	m.snap = &s
	m.entries = slices.DeleteFunc(m.entries, func(e raft.Entry) bool { return e.Index <= s.Pos.Index })
	require.NoError(c.tb, m.raft.Compact(s))
}

func (m *member) restore(s *raft.Snapshot) {
	m.applied = raft.Entry{Term: s.Pos.Term, Index: s.Pos.Index, Hash: binary.LittleEndian.Uint64(s.Data)}
}

// log returns the persisted entries as "term:data" words; a no-op has no data.
func (m *member) log() []string {
	words := []string{}
	for _, e := range m.entries {
		words = append(words, word(e))
	}
	return words
}
