package wire

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/rawio"
)

// peer is the outgoing side to one member: a bounded queue of encoded frames
// and the goroutine that dials and writes them.
type peer struct {
	transport *Transport
	id        raft.ID
	addr      string
	wake      chan struct{} // there is something in the queue

	mu     sync.Mutex
	queue  []byte // whole frames, in order
	frames int    // in queue
	count  PeerStats
}

func newPeer(t *Transport, id raft.ID, addr string) *peer {
	return &peer{transport: t, id: id, addr: addr, wake: make(chan struct{}, 1)}
}

// enqueue encodes m into the queue, or drops it if there is no room. A frame
// that is larger than the whole queue may wait alone.
func (p *peer) enqueue(m *raft.Message) error {
	c := &p.transport.config
	size := HeaderSize + payloadSize(m)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frames > 0 && (p.frames >= c.QueueFrames || len(p.queue)+size > c.QueueBytes) {
		p.count.Dropped++
		return nil
	}
	var err error
	if p.queue, err = AppendFrame(p.queue, m); err != nil {
		return err
	}
	p.frames++
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return nil
}

// take exchanges the queue for an empty buffer.
func (p *peer) take(empty []byte) (batch []byte, frames int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	batch, frames = p.queue, p.frames
	p.queue, p.frames = empty[:0], 0
	return batch, frames
}

func (p *peer) stats() PeerStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// run dials, writes until the connection breaks, and dials again. A connection
// that breaks at once counts as a failed dial: a proxy accepts before it knows
// whether the member behind it is there.
func (p *peer) run(ctx context.Context) {
	c := &p.transport.config
	backoff := c.MinBackoff
	for ctx.Err() == nil {
		start := time.Now()
		p.connect(ctx)
		if time.Since(start) > c.MaxBackoff {
			backoff = c.MinBackoff
		}
		pause(ctx, backoff)
		backoff = min(2*backoff, c.MaxBackoff)
	}
}

// connect dials once and returns when the connection has broken and nothing of
// it runs any more.
func (p *peer) connect(ctx context.Context) {
	dialer := net.Dialer{Timeout: p.transport.config.DialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.count.Dials++
	p.mu.Unlock()
	ctx, hangUp := closeWith(ctx, conn)
	var watch sync.WaitGroup
	watch.Go(func() {
		// The peer never sends here. A read returns when it has gone away, which a
		// writer with nothing to write would not notice.
		conn.Read(make([]byte, 1))
		hangUp()
	})
	p.write(ctx, conn)
	hangUp()
	watch.Wait()
}

// write sends the queue, one write for all that has gathered, until ctx is done
// or the connection breaks. What a broken connection was given is lost.
func (p *peer) write(ctx context.Context, conn net.Conn) {
	var buffer []byte
	out := rawio.New(conn)
	for {
		select {
		case <-p.wake:
		case <-ctx.Done():
			return
		}
		batch, frames := p.take(buffer)
		if frames == 0 {
			buffer = batch
			continue // the last write has taken it along
		}
		_, err := out.Write(batch)
		p.mu.Lock()
		if err != nil {
			p.count.Dropped += uint64(frames)
		} else {
			p.count.Sent += uint64(frames)
		}
		p.mu.Unlock()
		if err != nil {
			return
		}
		if buffer = batch; cap(buffer) > 2*p.transport.config.QueueBytes {
			buffer = nil
		}
	}
}
