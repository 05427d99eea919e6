package wire_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/node/wire"
)

const patience = time.Minute

// member is a Transport and what it was delivered.
type member struct {
	*wire.Transport
	inbox chan raft.Message
	addr  string
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	var l net.Listener
	require.Eventually(t, func() bool {
		var err error
		l, err = net.Listen("tcp", addr)
		return err == nil
	}, patience, time.Millisecond)
	return l
}

// start starts member c.ID on l; peers[c.ID] is not needed.
func start(t *testing.T, l net.Listener, c wire.Config) *member {
	t.Helper()
	m := &member{inbox: make(chan raft.Message, 100), addr: l.Addr().String()}
	c.Listener = l
	c.Deliver = func(ctx context.Context, msg raft.Message) {
		select {
		case m.inbox <- msg:
		case <-ctx.Done():
		}
	}
	var err error
	m.Transport, err = wire.NewTransport(c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// pair starts members 1 and 2.
func pair(t *testing.T) (a, b *member) {
	t.Helper()
	la, lb := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	peers := map[raft.ID]string{1: la.Addr().String(), 2: lb.Addr().String()}
	return start(t, la, wire.Config{ID: 1, Peers: peers}), start(t, lb, wire.Config{ID: 2, Peers: peers})
}

func heartbeat(from, to raft.ID, context uint64) raft.Message {
	return raft.Message{Kind: raft.KindHeartbeat, From: from, To: to, Term: 1, Context: context}
}

func (m *member) receive(t *testing.T) raft.Message {
	t.Helper()
	select {
	case msg := <-m.inbox:
		return msg
	case <-time.After(patience):
		require.FailNow(t, "no message came")
		return raft.Message{}
	}
}

func TestTransportDeliversInOrder(t *testing.T) {
	a, b := pair(t)
	const n = 2000
	var sender sync.WaitGroup
	defer sender.Wait()
	sender.Go(func() {
		for i := range uint64(n) {
			a.Send(heartbeat(1, 2, i))
		}
	})
	for i := range uint64(n) {
		require.Equal(t, heartbeat(1, 2, i), b.receive(t))
	}
	entries := []raft.Entry{{Term: 1, Index: 1, Data: []byte("x")}}
	require.NoError(t, b.Send(raft.Message{Kind: raft.KindAppend, From: 2, To: 1, Entries: entries}))
	entries[0].Data[0] = 'y' // Send has kept nothing
	require.Equal(t, "x", string(a.receive(t).Entries[0].Data))
	require.Eventually(t, func() bool { return b.Stats()[1].Sent == 1 }, patience, time.Millisecond)
}

func TestTransportConfig(t *testing.T) {
	_, err := wire.NewTransport(wire.Config{Peers: map[raft.ID]string{2: "nonsense"}})
	for _, part := range []string{"id is 0", "no listener", "nobody to deliver to", "peer 2", "host:port"} {
		require.ErrorContains(t, err, part)
	}
	a, _ := pair(t)
	require.ErrorContains(t, a.Send(heartbeat(1, 3, 0)), "no peer has id 3")
	require.ErrorContains(t, a.Send(heartbeat(1, 1, 0)), "no peer has id 1")
	require.ErrorContains(t, a.Send(raft.Message{Kind: 77, To: 2}), "unknown kind 77")
	require.NoError(t, a.Close())
	require.NoError(t, a.Close())
}

// countingHandler counts log lines.
type countingHandler struct {
	slog.Handler
	lines *atomic.Int64
}

func (h countingHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h countingHandler) Handle(context.Context, slog.Record) error {
	h.lines.Add(1)
	return nil
}

// Garbage on the port costs the connection that it came on, and one line.
func TestTransportDropsGarbage(t *testing.T) {
	la, lb := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	peers := map[raft.ID]string{1: la.Addr().String(), 2: lb.Addr().String(), 3: "127.0.0.1:1"}
	var lines atomic.Int64
	a := start(t, la, wire.Config{ID: 1, Peers: peers})
	b := start(t, lb, wire.Config{ID: 2, Peers: peers, Log: slog.New(countingHandler{lines: &lines})})
	require.NoError(t, a.Send(heartbeat(1, 2, 1)))
	require.EqualValues(t, 1, b.receive(t).Context)

	badPayload := encode(t, raft.Message{Kind: raft.KindAppend, From: 1, To: 2, Entries: []raft.Entry{{Index: 1}}})
	badPayload[len(badPayload)-1]++
	garbage := [][]byte{
		[]byte("GET / HTTP/1.0\r\n\r\n"),
		make([]byte, 4096),
		badPayload,
		encode(t, heartbeat(1, 3, 666)), // for another
		encode(t, heartbeat(9, 2, 666)), // from nobody
		encode(t, heartbeat(2, 2, 666)), // from itself
		encode(t, heartbeat(0, 2, 666)),
	}
	for _, g := range garbage {
		requireHangsUp(t, b.addr, g)
	}
	// A connection belongs to the peer that speaks first.
	requireHangsUp(t, b.addr, encode(t, heartbeat(3, 2, 2), heartbeat(1, 2, 666)))
	require.EqualValues(t, 2, b.receive(t).Context)

	require.NoError(t, a.Send(heartbeat(1, 2, 3)))
	require.EqualValues(t, 3, b.receive(t).Context)
	require.EqualValues(t, len(garbage)+1, b.Rejected())
	require.EqualValues(t, len(garbage)+1, lines.Load())
	require.EqualValues(t, 1, a.Stats()[2].Dials, "the good connection was dropped")
}

// requireHangsUp writes b to addr and waits until the other side closes.
func requireHangsUp(t *testing.T, addr string, b []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write(b)
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection stayed open")
}

// A connection that breaks within a frame is nobody's fault.
func TestTransportSilentOnCutFrames(t *testing.T) {
	a, b := pair(t)
	frame := encode(t, heartbeat(1, 2, 1))
	for n := range frame {
		conn, err := net.Dial("tcp", b.addr)
		require.NoError(t, err)
		_, err = conn.Write(frame[:n])
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
	require.NoError(t, a.Send(heartbeat(1, 2, 2)))
	require.EqualValues(t, 2, b.receive(t).Context)
	require.Zero(t, b.Rejected())
}

// The idle side notices by reading that its peer has gone, so the first message
// after the restart is not lost to a dead connection.
func TestTransportReconnects(t *testing.T) {
	a, b := pair(t)
	require.NoError(t, a.Send(heartbeat(1, 2, 1)))
	b.receive(t)
	for round := range uint64(5) {
		require.NoError(t, b.Close())
		l := listen(t, b.addr)
		b = start(t, l, wire.Config{ID: 2, Peers: map[raft.ID]string{1: a.addr}})
		require.Eventually(t, func() bool { return a.Stats()[2].Dials == round+2 }, patience, time.Millisecond)
		require.NoError(t, a.Send(heartbeat(1, 2, round+10)))
		require.EqualValues(t, round+10, b.receive(t).Context)
	}
}

// What is sent before the peer is there waits for it.
func TestTransportQueuesWhileDialling(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	a := start(t, listen(t, "127.0.0.1:0"), wire.Config{ID: 1, Peers: map[raft.ID]string{2: addr}})
	for i := range uint64(10) {
		require.NoError(t, a.Send(heartbeat(1, 2, i)))
	}
	b := start(t, listen(t, addr), wire.Config{ID: 2, Peers: map[raft.ID]string{1: a.addr}})
	for i := range uint64(10) {
		require.Equal(t, i, b.receive(t).Context)
	}
}

// stalled is a peer that accepts and never reads.
func stalled(t *testing.T) string {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	var done sync.WaitGroup
	var conns []net.Conn
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, conn)
		}
	})
	t.Cleanup(func() {
		l.Close()
		done.Wait()
		for _, conn := range conns {
			conn.Close()
		}
	})
	return l.Addr().String()
}

func TestTransportBoundsItsQueue(t *testing.T) {
	big := raft.Message{Kind: raft.KindAppend, From: 1, To: 2, Entries: []raft.Entry{{Index: 1, Data: make([]byte, 1<<20)}}}
	for name, test := range map[string]struct {
		config wire.Config
		send   raft.Message
	}{
		"bytes":  {wire.Config{QueueBytes: 3 << 20}, big},
		"frames": {wire.Config{QueueFrames: 5}, big},
		"single": {wire.Config{QueueBytes: 1000}, big}, // larger than the queue
	} {
		t.Run(name, func(t *testing.T) {
			test.config.ID, test.config.Peers = 1, map[raft.ID]string{2: stalled(t)}
			a := start(t, listen(t, "127.0.0.1:0"), test.config)
			// Fill the socket, then the queue: from then on Send drops, at once.
			require.Eventually(t, func() bool {
				require.NoError(t, a.Send(test.send))
				return a.Stats()[2].Dropped >= 10
			}, patience, 100*time.Microsecond)
			require.NoError(t, a.Close()) // although a write is stuck
		})
	}
}

// A receiver that does not take its messages holds back the sender, and does
// not keep Close from returning.
func TestTransportBackPressure(t *testing.T) {
	a, b := pair(t)
	payload := make([]byte, 256<<10)
	m := raft.Message{Kind: raft.KindAppend, From: 1, To: 2, Entries: []raft.Entry{{Index: 1, Data: payload}}}
	require.Eventually(t, func() bool {
		require.NoError(t, a.Send(m))
		return len(b.inbox) == cap(b.inbox) && a.Stats()[2].Dropped > 0
	}, patience, 100*time.Microsecond)
	require.NoError(t, b.Close())
}

// A proxy that accepts and closes at once is dialled with back-off, not in a
// tight loop.
func TestTransportBacksOff(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	var done sync.WaitGroup
	times := make(chan time.Time, 1000)
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			times <- time.Now()
			conn.Close()
		}
	})
	c := wire.Config{ID: 1, Peers: map[raft.ID]string{2: l.Addr().String()}, MinBackoff: time.Millisecond, MaxBackoff: 40 * time.Millisecond}
	start(t, listen(t, "127.0.0.1:0"), c)
	first := <-times
	var last time.Time
	for range 7 { // 1, 2, 4, 8, 16, 32, 40 ms
		last = <-times
	}
	require.Greater(t, last.Sub(first), 90*time.Millisecond)
	require.NoError(t, l.Close())
	done.Wait()
}

func BenchmarkTransport(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	ready := make(chan struct{})
	var got atomic.Int64
	target := int64(b.N)
	receiver, err := wire.NewTransport(wire.Config{ID: 2, Listener: l, Peers: map[raft.ID]string{1: "127.0.0.1:1"},
		Deliver: func(context.Context, raft.Message) {
			if got.Add(1) == target {
				close(ready)
			}
		}})
	require.NoError(b, err)
	defer receiver.Close()
	own, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	sender, err := wire.NewTransport(wire.Config{ID: 1, Listener: own, Peers: map[raft.ID]string{2: l.Addr().String()},
		Deliver: func(context.Context, raft.Message) {}, QueueFrames: b.N + 1, QueueBytes: 1 << 40})
	require.NoError(b, err)
	defer sender.Close()
	m := appendOf(1)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		sender.Send(m)
	}
	<-ready
}
