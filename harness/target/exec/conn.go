package exec

import (
	"bufio"
	"context"
	"net"
	"time"

	"github.com/usurper/usurper/harness/workload"
)

// maxAnswer bounds an answer: the longest list of a workload, many times over.
const maxAnswer = 1 << 20

// conn is the one connection of a client. A request is written to it once, by
// one call, and there is nothing that could repeat it: not a pool, not a
// library that knows better.
type conn struct {
	addr string
	conn net.Conn // nil until dialled, and after anything went wrong
	in   *bufio.Reader
}

// exchange is how far one request got.
type exchange struct {
	sent   bool // some byte of the request may have left this process
	answer *answer
	err    error // why there is no answer
}

// exchange connects if need be, writes the request and reads the answer, until
// ctx is done.
func (c *conn) exchange(ctx context.Context, r request, data any) (x exchange) {
	defer func() {
		if x.err != nil {
			c.Close() // whatever else comes in answers no request of ours
		}
	}()
	var b []byte
	if b, x.err = r.encode(c.addr, data); x.err != nil {
		return x
	}
	if x.err = c.connect(ctx); x.err != nil {
		return x
	}
	deadline, _ := ctx.Deadline()
	if x.err = c.conn.SetDeadline(deadline); x.err != nil {
		return x
	}
	open := c.conn
	stop := context.AfterFunc(ctx, func() { open.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() {
			c.Close() // the deadline may be set yet, on the next request
		}
	}()
	var n int
	n, x.err = c.conn.Write(b)
	x.sent = n > 0
	if x.err != nil {
		return x
	}
	var keep bool
	x.answer, keep, x.err = r.receive(c.in)
	if !keep {
		c.Close()
	}
	return x
}

// connect makes sure that there is a connection, and that the member has not
// closed it, or said something unasked, while it was idle: then a request would
// be sent in vain and its fate be unknown.
func (c *conn) connect(ctx context.Context) error {
	if c.conn != nil && c.in.Buffered() == 0 && workload.Idle(c.conn) {
		return nil
	}
	c.Close()
	var d net.Dialer
	open, err := d.DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return err
	}
	c.conn = open
	if c.in == nil {
		c.in = bufio.NewReader(open)
	} else {
		c.in.Reset(open)
	}
	return nil
}

// Close closes the connection. The next exchange connects again.
func (c *conn) Close() error {
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}
