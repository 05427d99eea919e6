package node_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node"
	"github.com/usurper/usurper/node/bug"
	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/node/wire"
)

// In these tests the member n1 runs by a clock that the test holds, and its
// only peer n2 is the test, so that the order of all that happens is the test's.

// handClock ticks when it is told to, and lets nobody rest.
type handClock chan time.Time

func (c handClock) Ticks(time.Duration) node.Ticks { return c }
func (c handClock) Rest(int)                       {}
func (c handClock) Due() <-chan time.Time          { return c }
func (c handClock) Passed(bool) int                { return 0 }
func (c handClock) Stop()                          {}

// duel is n1 and the test in the place of n2.
type duel struct {
	*member
	clock handClock
	got   chan raft.Message // what n1 sent
	peer  *wire.Transport
}

func newDuel(t *testing.T, b bug.Name) *duel {
	members := newCluster(t, 2)
	d := &duel{member: members[0], clock: make(handClock), got: make(chan raft.Message, 1024)}
	d.cfg.Bug = b
	d.member.clock = d.clock
	var err error
	d.peer, err = wire.NewTransport(wire.Config{
		ID: 2, Peers: map[raft.ID]string{1: d.peers.Addr().String()}, Listener: members[1].peers,
		Deliver: func(_ context.Context, m raft.Message) { d.got <- m },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.peer.Close()) })
	return d
}

// await returns the next message of the kind that n1 sends.
func (d *duel) await(kind raft.Kind) raft.Message {
	d.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case m := <-d.got:
			if m.Kind == kind {
				return m
			}
		case <-deadline:
			require.FailNow(d.t, "n1 did not send a "+wire.ClassOf(kind))
		}
	}
}

func (d *duel) send(m raft.Message) {
	m.From, m.To = 2, 1
	require.NoError(d.t, d.peer.Send(m))
}

// tick lets n ticks pass. The loop has taken each when it returns.
func (d *duel) tick(n int) {
	for range n {
		d.clock <- time.Time{}
	}
}

// lead makes n1 the leader, with n2's vote, and returns the append of its no-op.
func (d *duel) lead() raft.Message {
	d.t.Helper()
	var request raft.Message
	eventually(d.t, "a vote request of the present term", func() bool {
		d.tick(1) // again and again: the first requests may find no connection
		select {
		case m := <-d.got:
			request = m
			return m.Kind == raft.KindVote && m.Term == d.status().Term
		default:
			return false
		}
	})
	d.send(raft.Message{Kind: raft.KindVoteResponse, Term: request.Term})
	return d.awaitEntries()
}

// awaitEntries returns the next append that is not empty.
func (d *duel) awaitEntries() raft.Message {
	d.t.Helper()
	for {
		if m := d.await(raft.KindAppend); len(m.Entries) > 0 {
			return m
		}
	}
}

// ack acknowledges an append.
func (d *duel) ack(m raft.Message) {
	d.send(raft.Message{Kind: raft.KindAppendResponse, Term: m.Term, Log: m.Last, Last: m.Last})
}

// newLeader is a duel in which n1 leads, and n2 knows.
func newLeader(t *testing.T, b bug.Name) *duel {
	d := newDuel(t, b)
	d.start()
	d.ack(d.lead())
	return d
}

// write submits a put to the leader and returns the append that carries it.
func (d *duel) write() (answer <-chan node.Answer, m raft.Message) {
	d.t.Helper()
	answer = d.submit(node.Op{F: "put", Key: "k", Arg: "v"})
	return answer, d.awaitEntries()
}

// submit sends op in the background and returns where the answer will be.
func (d *duel) submit(op node.Op) <-chan node.Answer {
	answer := make(chan node.Answer, 1)
	go func() {
		var a node.Answer
		if d.post(context.Background(), op, &a) == nil {
			answer <- a
		}
		close(answer)
	}()
	return answer
}

func (d *duel) awaitAnswer(answer <-chan node.Answer) node.Answer {
	d.t.Helper()
	select {
	case a, ok := <-answer:
		require.True(d.t, ok, "the connection broke")
		return a
	case <-time.After(patience):
		require.FailNow(d.t, "no answer")
	}
	return node.Answer{}
}

func TestFollowerNamesLeader(t *testing.T) {
	d := newDuel(t, bug.None)
	d.start()
	a := d.do(node.Op{F: "put", Key: "k", Arg: "v"})
	require.Equal(t, node.Fail, a.Outcome)
	require.Empty(t, a.Leader)
	d.send(raft.Message{Kind: raft.KindHeartbeat, Term: 3})
	d.await(raft.KindHeartbeatResponse)
	for _, f := range []string{"put", "get", "read", "append", "delete", "cas"} {
		a = d.do(node.Op{F: f, Key: "k", Arg: "v"})
		require.Equal(t, node.Fail, a.Outcome)
		require.Equal(t, "n2", a.Leader)
		require.Equal(t, uint64(3), a.Term)
		require.Contains(t, a.Error, "not the leader")
	}
}

func TestWriteWaitsForCommit(t *testing.T) {
	d := newLeader(t, bug.None)
	answer, m := d.write()
	require.Empty(t, answer, "only n1 has it")
	d.ack(m)
	require.Equal(t, node.OK, d.awaitAnswer(answer).Outcome)
}

func TestDeposedLeaderIsUnsure(t *testing.T) {
	d := newLeader(t, bug.None)
	write, m := d.write()
	read := d.submit(node.Op{F: "get", Key: "k"})
	d.await(raft.KindHeartbeat)
	d.send(raft.Message{Kind: raft.KindHeartbeat, Term: m.Term + 1})
	a := d.awaitAnswer(write)
	require.Equal(t, node.Info, a.Outcome)
	require.Equal(t, "n2", a.Leader)
	require.Equal(t, node.Fail, d.awaitAnswer(read).Outcome, "a read has no effect")
}

func TestTimeoutIsUnsure(t *testing.T) {
	d := newLeader(t, bug.None)
	a := d.do(node.Op{F: "put", Key: "k", Arg: "v", Timeout: "10ms"})
	require.Equal(t, node.Info, a.Outcome)
	require.Contains(t, a.Error, "waited 10ms")
	require.Equal(t, node.Fail, d.do(node.Op{F: "get", Key: "k", Timeout: "10ms"}).Outcome)
}

func TestStopIsUnsure(t *testing.T) {
	d := newLeader(t, bug.None)
	answer, _ := d.write()
	require.NoError(t, d.Stop())
	require.Equal(t, node.Info, d.awaitAnswer(answer).Outcome)
}

// A dead process answers nobody.
func TestCrashAnswersNobody(t *testing.T) {
	d := newLeader(t, bug.None)
	answer, _ := d.write()
	d.crash()
	_, answered := <-answer
	require.False(t, answered)
	events := readTrace(t, d.cfg.Trace)
	require.NotEqual(t, "end", events[len(events)-1].What)
}

// What a member is seen to say is what it finds on its disk after a crash, but
// for the bugs that are about just that.
func TestWordIsKeptAcrossCrash(t *testing.T) {
	for b, kept := range map[bug.Name]bool{bug.None: true, bug.VoteBeforeSync: false} {
		t.Run("Vote/"+string(b), func(t *testing.T) {
			d := newDuel(t, b)
			d.start()
			d.send(raft.Message{Kind: raft.KindVote, Term: 9, Log: raft.Pos{Term: 8, Index: 100}})
			require.False(t, d.await(raft.KindVoteResponse).Reject)
			d.crash()
			d.start()
			events := readTrace(t, d.cfg.Trace)
			require.Equal(t, kept, events[startOf(events)].Vote == "n2")
			require.Equal(t, kept, d.status().Term == 9)
		})
	}
	for b, kept := range map[bug.Name]bool{bug.None: true, bug.AckBeforeSync: false} {
		t.Run("Ack/"+string(b), func(t *testing.T) {
			d := newDuel(t, b)
			d.start()
			d.send(raft.Message{Kind: raft.KindAppend, Term: 9, Last: raft.Pos{Term: 9, Index: 1},
				Entries: []raft.Entry{{Term: 9, Index: 1}}})
			require.Equal(t, uint64(1), d.await(raft.KindAppendResponse).Log.Index)
			d.send(raft.Message{Kind: raft.KindAppend, Term: 9, Log: raft.Pos{Term: 9, Index: 1},
				Last: raft.Pos{Term: 9, Index: 2}, Entries: []raft.Entry{{Term: 9, Index: 2, Data: []byte("x")}}})
			require.Equal(t, uint64(2), d.await(raft.KindAppendResponse).Log.Index)
			d.crash()
			events := readTrace(t, d.cfg.Trace)
			require.Equal(t, "append", events[len(events)-1].What, "it says so in the trace, bug or not")
			d.start()
			require.Equal(t, kept, d.status().Last.Index == 2)
		})
	}
}

// startOf returns the position of the last start.
func startOf(events []event) int {
	for i := len(events) - 1; ; i-- {
		if events[i].What == "start" {
			return i
		}
	}
}

func TestBugAckBeforeCommit(t *testing.T) {
	d := newLeader(t, bug.AckBeforeCommit)
	require.Equal(t, node.OK, d.do(node.Op{F: "put", Key: "k", Arg: "v"}).Outcome, "though n2 never has it")
	a := d.do(node.Op{F: "cas", Key: "k", Old: "v", Arg: "w"})
	require.Equal(t, node.Fail, a.Outcome)
	require.True(t, a.Saw)
	require.False(t, a.Found)
}

func TestBugFollowerRead(t *testing.T) {
	d := newDuel(t, bug.FollowerRead)
	d.start()
	a := d.do(node.Op{F: "get", Key: "k"})
	require.Equal(t, node.OK, a.Outcome)
	require.True(t, a.Saw)
}

// What a snapshot lost shows as soon as a process starts from it: the digest it
// recovers is not the one that was told when the snapshot was taken.
func TestSnapshotKeepsTheState(t *testing.T) {
	for b, kept := range map[bug.Name]bool{bug.None: true, bug.SnapshotDropsKey: false} {
		t.Run(string(b), func(t *testing.T) {
			m := newMember(t, "n1")
			m.cfg.SnapshotEvery = 4
			m.cfg.Bug = b
			m.start()
			for i := range 8 {
				persist(t, []*member{m}, node.Op{F: "put", Key: fmt.Sprint("k", i), Arg: "v", Request: fmt.Sprint("c/", i)})
			}
			m.crash()
			m.start()
			events := readTrace(t, m.cfg.Trace)
			start := events[startOf(events)]
			var taken event
			for _, e := range events {
				if e.What == "snapshot" && e.Index == start.Index {
					taken = e
				}
			}
			require.NotZero(t, taken.Digest)
			require.Equal(t, kept, taken.Digest == start.Digest)
		})
	}
}
