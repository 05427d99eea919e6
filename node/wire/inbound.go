package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/rawio"
)

// accept serves incoming connections until the listener is closed.
func (t *Transport) accept() {
	for {
		conn, err := t.config.Listener.Accept()
		switch {
		case err == nil:
			t.done.Go(func() { t.serve(conn) })
		case t.ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return
		default: // such as too many open files: it passes, or it is the operator's
			t.config.Log.Warn("cannot accept a peer", "err", err)
			pause(t.ctx, t.config.MaxBackoff)
		}
	}
}

// serve delivers what comes in on conn until the first byte that has no place
// there, which costs the connection and nothing else.
func (t *Transport) serve(conn net.Conn) {
	_, hangUp := closeWith(t.ctx, conn)
	defer hangUp()
	err := t.receive(NewDecoder(rawio.New(conn)))
	if t.ctx.Err() != nil || !errors.Is(err, ErrMalformed) {
		return // connections break, that is their nature
	}
	t.rejected.Add(1)
	t.config.Log.Warn("dropped a peer connection", "remote", conn.RemoteAddr(), "err", err)
}

// receive returns only with an error. All frames of a connection must be from
// the same peer, for the dialler sends only its own.
func (t *Transport) receive(d *Decoder) error {
	var from raft.ID
	for {
		h, err := d.nextHeader()
		if err != nil {
			return err
		}
		if from == 0 && t.peers[h.From] != nil {
			from = h.From
		}
		if h.To != t.config.ID || h.From != from || from == 0 {
			return fmt.Errorf("%w: %s from %d to %d has no place here", ErrMalformed, ClassOf(h.Kind), h.From, h.To)
		}
		m, err := d.nextPayload(h)
		if err != nil {
			return err
		}
		t.config.Deliver(t.ctx, m)
		if t.ctx.Err() != nil {
			return t.ctx.Err()
		}
	}
}

// closeWith closes conn when the context that it returns is done. hangUp ends
// that context, and returns once conn is closed.
func closeWith(parent context.Context, conn net.Conn) (ctx context.Context, hangUp func()) {
	ctx, cancel := context.WithCancel(parent)
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() {
		conn.Close()
		close(closed)
	})
	return ctx, func() {
		cancel()
		<-closed
	}
}

// pause waits for d or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
