package zookeeper

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"
)

// sessionTimeout is how long a session outlives its connection. Nobody resumes one here,
// but what a client's library waits for before it calls a silent member dead follows from it.
const sessionTimeout = 4 * time.Second

// session is one session on one connection, to one member. The library would connect
// again by itself, and send then what it had not sent yet: long after whoever asked has
// given up, and by another way. Here it may dial once; what the wire took is known, and
// nothing is sent any more once the session has ended.
type session struct {
	lib  *zk.Conn
	wire wire
	up   chan struct{} // closed once it may be used
	down chan struct{} // closed once it has ended
	done chan struct{} // closed once the library has stopped

	dialled, ending sync.Once
	ended           sync.WaitGroup
}

// begin connects to the member at addr, and does not wait for that.
func begin(addr string) (*session, error) {
	s := &session{up: make(chan struct{}), down: make(chan struct{}), done: make(chan struct{})}
	made := make(chan struct{})
	defer close(made)
	var rising sync.Once
	lib, events, err := zk.Connect([]string{addr}, sessionTimeout,
		zk.WithDialer(func(network, addr string, timeout time.Duration) (net.Conn, error) {
			return s.dial(network, addr, timeout, made)
		}),
		zk.WithEventCallback(func(e zk.Event) {
			switch {
			case e.Type != zk.EventSession:
			case e.State == zk.StateHasSession:
				rising.Do(func() { close(s.up) })
			case e.State == zk.StateDisconnected, e.State == zk.StateExpired:
				s.end(made)
			}
		}),
		zk.WithLogger(silent{}), zk.WithLogInfo(false))
	if err != nil {
		return nil, fmt.Errorf("zookeeper client of %s: %w", addr, err)
	}
	s.lib = lib
	s.ended.Go(func() {
		for range events { // until the library has stopped
		}
		close(s.done)
	})
	return s, nil
}

// errOnce is why the library may not dial again.
var errOnce = errors.New("a session has one connection here")

func (s *session) dial(network, addr string, timeout time.Duration, made <-chan struct{}) (conn net.Conn, err error) {
	err = errOnce
	s.dialled.Do(func() {
		var tcp net.Conn
		if tcp, err = net.DialTimeout(network, addr, timeout); err == nil {
			conn, err = s.wire.attach(tcp)
		}
	})
	if err != nil {
		s.end(made)
	}
	return conn, err
}

// await waits until the session may be used.
func (s *session) await(ctx context.Context) error {
	select {
	case <-s.down:
		return zk.ErrConnectionClosed
	default:
	}
	select {
	case <-s.up:
		return nil
	case <-s.down:
		return zk.ErrConnectionClosed
	case <-ctx.Done():
		return fmt.Errorf("no session yet: %w", context.Cause(ctx))
	}
}

// over tells whether it has ended.
func (s *session) over() bool {
	select {
	case <-s.down:
		return true
	default:
		return false
	}
}

// end ends the session without a word to the member. From then on nothing is sent, and
// whoever waits for an answer is told that there is none.
func (s *session) end(made <-chan struct{}) {
	s.ending.Do(func() {
		s.wire.close()
		close(s.down)
		s.ended.Go(func() {
			if made != nil {
				<-made
			}
			s.lib.Close()
		})
	})
}

// close ends the session in order, if it may still be used, and waits until the library
// has stopped.
func (s *session) close() {
	select {
	case <-s.up:
		if !s.over() {
			s.lib.Close() // waits for a second at most
		}
	default:
	}
	s.end(nil)
	s.ended.Wait()
}

// wire is the connection of a session.
type wire struct {
	net.Conn

	mu     sync.Mutex
	closed bool
	sent   int // requests that were handed to it, pings not counted
}

func (w *wire) attach(c net.Conn) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		c.Close()
		return nil, net.ErrClosed
	}
	w.Conn = c
	return w, nil
}

// Write counts requests: the library writes one at a time, whole: a length, and the
// number of the request, which is over 0.
func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return 0, net.ErrClosed
	}
	if len(b) >= 8 && int32(binary.BigEndian.Uint32(b[4:])) > 0 {
		w.sent++
	}
	w.mu.Unlock()
	return w.Conn.Write(b)
}

// requests is how many were handed to it so far.
func (w *wire) requests() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent
}

func (w *wire) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.Conn != nil {
		w.Conn.Close()
	}
}

// silent is a logger that says nothing.
type silent struct{}

func (silent) Printf(string, ...any) {}

// stopped tells whether nothing of the session is left.
func (s *session) stopped() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}
