package fabric

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/usurper/usurper/harness/fabric/owner"
)

// conn is one connection through the fabric: a stream in each direction.
type conn struct {
	fabric   *Fabric
	lane     *lane
	forward  *stream // dialler to accepter
	backward *stream
	done     chan struct{} // closed by kill
	ctx      context.Context
	cancel   context.CancelFunc

	splitting sync.Mutex  // the two splitters of a connection take turns
	plain     atomic.Bool // cannot be decoded
	lost      atomic.Bool // … and should have been
	tape      Tape        // nil: nobody keeps what enters
	reported  sync.Once

	mu     sync.Mutex
	killed bool
	socket []*net.TCPConn // dialler's, then the accepter's
}

func newConn(f *Fabric, l *lane, dialler *net.TCPConn) *conn {
	c := &conn{fabric: f, lane: l, done: make(chan struct{}), socket: []*net.TCPConn{dialler}}
	c.ctx, c.cancel = context.WithCancel(f.ctx)
	c.forward = newStream(c, l.forward)
	c.backward = newStream(c, l.backward)
	c.forward.attach(dialler, nil)
	c.backward.attach(nil, dialler)
	return c
}

// run dials the backend, carries both directions to their ends and closes.
func (c *conn) run() {
	defer c.forget()
	dialled := c.forward.pass(dial)
	<-c.lane.slots
	switch dialled {
	case finished:
		c.carry()
	case failed: // refused by the accepter, whose answer is traffic too
		c.backward.pass(rst)
	}
}

func (c *conn) carry() {
	if capture := c.fabric.opts.Capture; capture != nil {
		if c.tape = capture.Open(c.lane.pair); c.tape != nil {
			defer c.tape.Closed()
		}
	}
	if c.lane.decode {
		pair := c.lane.pair
		forward, backward := c.fabric.opts.Protocol.Open(pair.From, pair.To)
		c.forward.frames = newFramer(forward, c.fabric.reaches(pair.To))
		c.backward.frames = newFramer(backward, c.fabric.reaches(pair.From))
	}
	var wg sync.WaitGroup
	var forward, backward outcome
	wg.Go(func() { backward = c.backward.run() })
	forward = c.forward.run()
	wg.Wait()
	// An endpoint that closed in order and was then found gone answers with a
	// RST, behind its FIN.
	switch {
	case forward == failed && backward == finished:
		c.backward.pass(rst)
	case backward == failed && forward == finished:
		c.forward.pass(rst)
	}
}

// connect dials the backend for the forward stream.
func (c *conn) connect(ctx context.Context) error {
	nc, err := c.dial(ctx)
	if err != nil {
		return err
	}
	tcp := nc.(*net.TCPConn)
	c.mu.Lock()
	killed := c.killed
	if !killed {
		c.socket = append(c.socket, tcp)
	}
	c.mu.Unlock()
	if killed {
		abort(tcp)
		return net.ErrClosed
	}
	c.forward.attach(nil, tcp)
	c.backward.attach(tcp, nil)
	return nil
}

// redialPause is the time between two dials of a backend that refuses them.
const redialPause = 10 * time.Millisecond

// dial dials the backend, and again while it refuses, for as long as the lane says and
// somebody waits for it. What changes the rules begins that time anew.
func (c *conn) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1}
	for end := time.Now().Add(c.lane.redial); ; {
		nc, err := d.DialContext(ctx, "tcp", c.lane.backend)
		if !errors.Is(err, syscall.ECONNREFUSED) || time.Now().Add(redialPause).After(end) || owner.PeerOf(c.socket[0]) != owner.PeerOpen {
			return nc, err
		}
		select {
		case <-time.After(redialPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// undecodable makes the connection pass as plain bytes from here on.
func (c *conn) undecodable(l Link, err error) {
	c.reported.Do(func() {
		c.plain.Store(true)
		c.lost.Store(!errors.Is(err, ErrAside))
		if o := c.fabric.opts.Observer; o != nil {
			o.Undecodable(l, err)
		}
		c.fabric.opts.Logf("fabric: %s: cannot decode, passing plain bytes: %v", l, err)
	})
}

// other returns the stream of the opposite direction.
func (c *conn) other(s *stream) *stream {
	if s == c.forward {
		return c.backward
	}
	return c.forward
}

// kill closes both sockets with RST and ends whatever the connection is doing.
// It reports whether this call did so.
func (c *conn) kill() bool {
	c.mu.Lock()
	if c.killed {
		c.mu.Unlock()
		return false
	}
	c.killed = true
	sockets := c.socket
	c.mu.Unlock()
	close(c.done)
	c.cancel()
	for _, s := range sockets {
		abort(s)
	}
	return true
}

// forget closes what is still open and strikes the connection off.
func (c *conn) forget() {
	c.mu.Lock()
	if !c.killed {
		c.killed = true
		for _, s := range c.socket {
			s.Close() // both directions have ended: nothing is left to fail
		}
	}
	c.mu.Unlock()
	c.cancel()
	c.forward.end()
	c.backward.end()
	f := c.fabric
	f.mu.Lock()
	delete(f.conns, c)
	f.mu.Unlock()
}

// abort closes a socket with RST.
func abort(s *net.TCPConn) {
	// Fails only on a socket that is closed already.
	_ = s.SetLinger(0)
	s.Close()
}
