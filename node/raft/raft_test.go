package raft_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/bug"
	"github.com/usurper/usurper/node/raft"
)

func valid() raft.Config {
	return raft.Config{
		ID: 1, Voters: []raft.ID{3, 1, 2}, ElectionTicks: 10, HeartbeatTicks: 2,
		Timeout: func() int { return 10 },
	}
}

func TestConfigErrorsSayWhatIsWrong(t *testing.T) {
	for want, spoil := range map[string]func(*raft.Config){
		"id is 0":                      func(c *raft.Config) { c.ID = 0 },
		"lack id 4":                    func(c *raft.Config) { c.ID = 4 },
		"repeat an id":                 func(c *raft.Config) { c.Voters = []raft.ID{1, 1} },
		"contain 0":                    func(c *raft.Config) { c.Voters = []raft.ID{1, 0} },
		"heartbeat of 0 ticks":         func(c *raft.Config) { c.HeartbeatTicks = 0 },
		"election timeout of 2 ticks":  func(c *raft.Config) { c.ElectionTicks = 2 },
		"no Timeout":                   func(c *raft.Config) { c.Timeout = nil },
		"max batch of -1 bytes":        func(c *raft.Config) { c.MaxBatchBytes = -1 },
		"max inflight of -1 appends":   func(c *raft.Config) { c.MaxInflight = -1 },
		"index 2 where 1 must be":      func(c *raft.Config) { c.Entries = []raft.Entry{{Term: 1, Index: 2}} },
		"entry 1 has hash 5, its log ": func(c *raft.Config) { c.Entries = []raft.Entry{{Term: 1, Index: 1, Hash: 5}} },
	} {
		c := valid()
		spoil(&c)
		_, err := raft.New(c)
		require.ErrorContains(t, err, want)
	}
	r, err := raft.New(valid())
	require.NoError(t, err)
	out, ok := r.Output()
	require.True(t, ok)
	require.Equal(t, []raft.ID{1, 2, 3}, out.Events[0].Voters)
	_, ok = r.Output()
	require.False(t, ok, "nothing is handed out twice")
}

func TestProposalsNeedDataAndALeader(t *testing.T) {
	c := newCluster(t, setup{n: 1}, nil)
	_, err := c.propose(1, "x")
	require.ErrorIs(t, err, raft.ErrNotLeader)
	c.elect(1)
	_, err = c.propose(1)
	require.ErrorIs(t, err, raft.ErrEmpty)
	_, err = c.propose(1, "x", "")
	require.ErrorIs(t, err, raft.ErrEmpty)
	require.Len(t, c.members[1].entries, 1, "all or nothing")
}

func TestSingleMemberNeedsNobody(t *testing.T) {
	c := newCluster(t, setup{n: 1}, nil)
	c.elect(1)
	at, err := c.propose(1, "x")
	require.NoError(t, err)
	require.Equal(t, at.Index, c.members[1].applied.Index)
	require.NoError(t, c.read(1, 7))
	require.Equal(t, []raft.Read{{ID: 7, Index: at.Index, OK: true}}, c.members[1].reads)
	c.tick(1, 100)
	require.Equal(t, raft.Leader, c.role(1))
}

// One output carries the entries, their appends and their commitment: the
// caller persists before it comes to the others.
func TestOutputIsOneBatch(t *testing.T) {
	c := newCluster(t, setup{n: 1}, nil)
	c.elect(1)
	r := c.up(1)
	for _, data := range []string{"a", "b", "c"} {
		_, err := r.Propose([]byte(data))
		require.NoError(t, err)
	}
	out, ok := r.Output()
	require.True(t, ok)
	require.True(t, out.MustSync)
	require.Len(t, out.Entries, 3)
	require.Len(t, out.Committed, 3)
	require.Len(t, out.Events, 2, "one append event for the run, one commit event")
	require.Equal(t, uint64(2), out.Events[0].From)
	require.Equal(t, uint64(4), out.Events[0].To)
	require.Equal(t, []uint64{out.Entries[0].Hash, out.Entries[1].Hash, out.Entries[2].Hash}, out.Events[0].Hashes)
}

func TestPipelineIsBounded(t *testing.T) {
	c := newCluster(t, setup{n: 3, batch: 1, inflight: 4}, nil)
	c.elect(1)
	for range 10 {
		_, err := c.propose(1, "x")
		require.NoError(t, err)
	}
	require.Len(t, c.flight, 2*4)
	c.settle()
	require.Equal(t, uint64(11), c.members[1].applied.Index)
}

func TestCompactRefusesWhatIsNotApplied(t *testing.T) {
	c := newCluster(t, setup{n: 1}, nil)
	c.elect(1)
	st := c.up(1).Status()
	require.ErrorContains(t, c.up(1).Compact(raft.Snapshot{Pos: raft.Pos{Term: 1, Index: 2}}), "only entries up to 1 are applied")
	require.ErrorContains(t, c.up(1).Compact(raft.Snapshot{Pos: raft.Pos{Term: 9, Index: 1}}), "the log has term 1")
	require.NoError(t, c.up(1).Compact(raft.Snapshot{Pos: st.Last, Hash: st.Hash}))
	require.NoError(t, c.up(1).Compact(raft.Snapshot{Pos: st.Last, Hash: st.Hash}), "again: nothing to do")
	require.Equal(t, st.Last, c.up(1).Status().Snapshot)
}

// Of the acknowledgements that one output would send to the leader only the
// last goes out; a refusal among them keeps its place.
func TestAcknowledgementsAreSentOnce(t *testing.T) {
	c := newCluster(t, setup{n: 3}, nil)
	entries := logOf(1, 1, 1)
	for n := range entries {
		at := raft.Pos{}
		if n > 0 {
			at = raft.Pos{Term: 1, Index: uint64(n)}
		}
		c.up(1).Step(raft.Message{Kind: raft.KindAppend, From: 2, To: 1, Term: 1, Log: at, Entries: entries[n : n+1]})
	}
	c.up(1).Step(raft.Message{Kind: raft.KindAppend, From: 2, To: 1, Term: 1, Log: raft.Pos{Term: 1, Index: 9}})
	c.flush(1)
	require.Len(t, c.flight, 2)
	require.Equal(t, raft.Pos{Term: 1, Index: 3}, c.flight[0].Log)
	require.True(t, c.flight[1].Reject)
	require.Equal(t, uint64(9), c.flight[1].Context)
}

// What no correct member says changes nothing.
func TestLeaderIgnoresWhatCannotBe(t *testing.T) {
	c := newCluster(t, setup{n: 3}, nil)
	c.elect(1)
	before := c.up(1).Status()
	for _, m := range []raft.Message{
		{Kind: raft.KindAppendResponse, Term: 1, Log: raft.Pos{Term: 1, Index: 99}},
		{Kind: raft.KindAppendResponse, Term: 1, Log: raft.Pos{Term: 9, Index: 1}},
		{Kind: raft.KindAppendResponse, Term: 1, Reject: true, Context: 99},
		{Kind: raft.KindAppend, Term: 1, Entries: logOf(1, 1)}, // a second leader
		{Kind: raft.KindSnapshot, Term: 1},
		{Kind: 77, Term: 1},
		{Kind: raft.KindHeartbeat},
	} {
		m.From, m.To = 2, 1
		c.give(m)
		require.Equal(t, before, c.up(1).Status(), "%+v", m)
	}
	require.Empty(t, c.flight)
}

// Nothing comes of the ticks that are said to be quiet, in whatever state.
func TestQuietTicks(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 3))
		c := newCluster(t, setup{n: 3, preVote: seed%2 == 0, timeout: func(raft.ID) int { return 10 + rng.IntN(10) }}, nil)
		quiet, busy := 0, 0
		for range 2000 {
			id := raft.ID(1 + rng.IntN(3))
			switch rng.IntN(4) {
			case 0, 1:
				n := rng.IntN(c.up(id).Quiet())
				for range n {
					c.up(id).Tick()
				}
				_, ok := c.up(id).Output()
				require.False(t, ok, "seed %d, member %d, %d ticks", seed, id, n)
				quiet += n
				if rng.IntN(3) == 0 && c.up(id).Quiet() == 1 {
					c.tick(id, 1)
					busy++
				}
			case 2:
				_, _ = c.propose(id, "x")
			default:
				if len(c.flight) > 0 {
					c.deliver(rng.IntN(len(c.flight)))
				}
			}
		}
		require.Greater(t, quiet, 100)
		require.Greater(t, busy, 10)
	}
}

// FuzzStep gives members of every role, with every bug, any message.
func FuzzStep(f *testing.F) {
	f.Add(uint64(1), uint8(0), uint8(3))
	f.Add(uint64(2), uint8(7), uint8(1))
	f.Fuzz(func(t *testing.T, seed uint64, bugNumber, members uint8) {
		rng := rand.New(rand.NewPCG(seed, 2))
		bugs := bug.All()
		c := newCluster(t, setup{
			n: int(members%7) + 1, preVote: seed%3 == 0,
			bug: append([]bug.Bug{{}}, bugs...)[int(bugNumber)%(len(bugs)+1)].Name,
		}, nil)
		r := c.up(1)
		for range 300 {
			switch rng.IntN(8) {
			case 0:
				r.Tick()
			case 1:
				_, _ = r.Propose([]byte("x"))
			case 2:
				_ = r.ReadIndex(rng.Uint64())
			case 3:
				c.compact(1)
			default:
				r.Step(garbage(rng))
			}
			if rng.IntN(3) == 0 {
				c.flush(1)
				c.flight = nil
			}
		}
	})
}

// garbage is any message, with numbers that are often plausible.
func garbage(rng *rand.Rand) raft.Message {
	number := func() uint64 {
		switch rng.IntN(20) {
		case 0:
			return math.MaxUint64 - rng.Uint64N(3)
		case 1:
			return math.MaxInt64 - rng.Uint64N(3)
		}
		return rng.Uint64N(8)
	}
	pos := func() raft.Pos { return raft.Pos{Term: number(), Index: number()} }
	m := raft.Message{
		Kind: raft.Kind(rng.IntN(12)), From: raft.ID(rng.IntN(5)), To: raft.ID(rng.IntN(2) + rng.IntN(2)),
		Term: number(), Reject: rng.IntN(2) == 0,
		Log: pos(), Last: pos(), Commit: number(), Context: number(),
	}
	at := m.Log
	for range rng.IntN(4) {
		at.Index++
		at.Term += rng.Uint64N(2)
		m.Entries = append(m.Entries, raft.Entry{Term: at.Term, Index: at.Index})
	}
	if rng.IntN(3) != 0 {
		s := raft.Snapshot{Pos: pos(), Data: make([]byte, 8)}
		m.Snapshot = &s
	}
	return m
}

// BenchmarkCommit measures entries from proposal to application at the leader of
// five members in memory, with batches of proposals.
func BenchmarkCommit(b *testing.B) {
	for _, batch := range []int{1, 64} {
		b.Run(map[int]string{1: "one", 64: "batch=64"}[batch], func(b *testing.B) { benchmarkCommit(b, batch) })
	}
}

func benchmarkCommit(b *testing.B, batch int) {
	c := newBench(b)
	data := make([][]byte, batch)
	for i := range data {
		data[i] = make([]byte, 100)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += batch {
		if _, err := c.members[0].Propose(data...); err != nil {
			b.Fatal(err)
		}
		c.settle()
		if st := c.members[0].Status(); st.Last.Index-st.Snapshot.Index > 100000 {
			c.compact()
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	st := c.members[0].Status()
	require.Equal(b, st.Last.Index, st.Applied)
}

// bench is a cluster that does nothing but carry messages.
type bench struct {
	members      []*raft.Raft
	flight, next []raft.Message
}

func newBench(b *testing.B) *bench {
	c := &bench{}
	for id := range raft.ID(5) {
		r, err := raft.New(raft.Config{
			ID: id + 1, Voters: []raft.ID{1, 2, 3, 4, 5}, ElectionTicks: 10, HeartbeatTicks: 2,
			Timeout: func() int { return 10 },
		})
		require.NoError(b, err)
		c.members = append(c.members, r)
	}
	for range 10 {
		c.members[0].Tick()
	}
	c.settle()
	require.Equal(b, raft.Leader, c.members[0].Status().Role)
	return c
}

func (c *bench) settle() {
	for {
		for _, r := range c.members {
			for out, ok := r.Output(); ok; out, ok = r.Output() {
				c.next = append(c.next, out.Messages...)
			}
		}
		if len(c.next) == 0 {
			return
		}
		c.flight, c.next = c.next, c.flight[:0]
		for i := range c.flight {
			c.members[c.flight[i].To-1].Step(c.flight[i])
		}
	}
}

func (c *bench) compact() {
	for _, r := range c.members {
		for range 2 {
			r.Tick()
		}
	}
	c.settle()
	for _, r := range c.members {
		st := r.Status()
		if err := r.Compact(raft.Snapshot{Pos: raft.Pos{Term: st.Last.Term, Index: st.Applied}}); err != nil {
			panic(err)
		}
	}
}
