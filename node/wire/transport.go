package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usurper/usurper/node/raft"
)

// Config configures a Transport. Zero values of the fields below Deliver mean
// their defaults.
type Config struct {
	ID       raft.ID            // of this member, not 0
	Peers    map[raft.ID]string // where to dial each other member, host:port; ID itself is ignored
	Listener net.Listener       // where the others dial; the Transport closes it
	// Deliver takes each message that arrives. It may block, and so hold back the
	// sender, until its context, which Close cancels, is done. It is called from
	// one goroutine per connection, at the same time for different ones.
	Deliver func(context.Context, raft.Message)

	Log         *slog.Logger  // default: none
	QueueFrames int           // frames that may wait for one peer; default 4096
	QueueBytes  int           // bytes that may wait for one peer; default 4 MiB
	DialTimeout time.Duration // default 1s
	MinBackoff  time.Duration // before the second dial; it doubles up to MaxBackoff; default 10ms
	MaxBackoff  time.Duration // default 100ms
}

func (c *Config) validate() error {
	var errs []error
	if c.ID == 0 {
		errs = append(errs, errors.New("the member's id is 0"))
	}
	if c.Listener == nil {
		errs = append(errs, errors.New("there is no listener"))
	}
	if c.Deliver == nil {
		errs = append(errs, errors.New("there is nobody to deliver to"))
	}
	for id, addr := range c.Peers {
		if _, _, err := net.SplitHostPort(addr); id != c.ID && err != nil {
			errs = append(errs, fmt.Errorf("address of peer %d: %w: use host:port", id, err))
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	setDefault(&c.QueueFrames, 4096)
	setDefault(&c.QueueBytes, 4<<20)
	setDefault(&c.DialTimeout, time.Second)
	setDefault(&c.MinBackoff, 10*time.Millisecond)
	setDefault(&c.MaxBackoff, 100*time.Millisecond)
	return errors.Join(errs...)
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Transport exchanges messages with the other members. It keeps one connection
// to each of them, which it dials and on which frames flow only outwards; what
// the others send comes in on those that they dial. It promises nothing but
// that frames arrive whole: they may be lost when a connection breaks or a queue
// is full, and never are sent again.
type Transport struct {
	config   Config
	peers    map[raft.ID]*peer
	rejected atomic.Uint64

	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// PeerStats counts what has become of the messages to one peer.
type PeerStats struct {
	Sent    uint64 // frames handed to the kernel
	Dropped uint64 // frames given up: the queue was full, or the connection broke
	Dials   uint64 // connections made
}

// NewTransport starts to listen and to dial. Close it to stop.
func NewTransport(c Config) (*Transport, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	t := &Transport{config: c, peers: make(map[raft.ID]*peer)}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	for id, addr := range c.Peers {
		if id == c.ID {
			continue
		}
		p := newPeer(t, id, addr)
		t.peers[id] = p
		t.done.Go(func() { p.run(t.ctx) })
	}
	t.done.Go(t.accept)
	return t, nil
}

// Send queues messages for the members that they are to, and never blocks. A
// message that finds a full queue is dropped and counted. Send keeps nothing of
// the messages. It fails only for messages that have no frame or whose receiver
// is unknown, and sends all others.
func (t *Transport) Send(messages ...raft.Message) error {
	var errs []error
	for i := range messages {
		m := &messages[i]
		p := t.peers[m.To]
		if p == nil {
			errs = append(errs, fmt.Errorf("cannot send %s: no peer has id %d", ClassOf(m.Kind), m.To))
			continue
		}
		if err := p.enqueue(m); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Stats returns the counts of every peer.
func (t *Transport) Stats() map[raft.ID]PeerStats {
	stats := make(map[raft.ID]PeerStats, len(t.peers))
	for id, p := range t.peers {
		stats[id] = p.stats()
	}
	return stats
}

// Rejected counts incoming connections that were dropped for what they sent.
func (t *Transport) Rejected() uint64 { return t.rejected.Load() }

// Close closes every connection and waits until nothing of the Transport runs.
// Queued messages are lost. A second Close does nothing.
func (t *Transport) Close() error {
	t.cancel()
	err := t.config.Listener.Close()
	t.done.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
