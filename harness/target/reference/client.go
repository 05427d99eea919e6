package reference

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/node"
	"github.com/usurper/usurper/rawio"
)

// maxAnswer bounds the body of an answer: the longest list of a workload, many
// times over.
const maxAnswer = 16 << 20

// client speaks HTTP over one connection of its own instead of through
// net/http's client, which may send a request a second time on another
// connection when a kept one turns out to be closed. Here a request is written
// once, by one call, and there is nothing that could repeat it.
type client struct {
	addr string
	head string // of every request, up to the content length

	conn net.Conn    // nil until dialled, and after anything went wrong
	raw  *rawio.Conn // conn
	in   *bufio.Reader
	out  []byte // the request, reused
}

func newClient(addr string) *client {
	return &client{
		addr: addr,
		head: "POST /v1/op HTTP/1.1\r\nHost: " + addr + "\r\nContent-Type: application/json\r\nContent-Length: ",
	}
}

var _ workload.Client = (*client)(nil)

// Do sends op once, if it can connect, and waits for the answer until ctx is
// done.
func (c *client) Do(ctx context.Context, op history.Op) (done history.Op, hint string) {
	var x exchange
	x.err = c.connect(ctx)
	if x.err == nil {
		x = c.exchange(ctx, &op)
	}
	done = op
	var reason error
	done.Type, reason = x.outcome(op.F)
	if reason != nil {
		done.Error = reason.Error()
	}
	if x.err != nil {
		c.Close() // whatever else comes in answers no request of ours
	}
	if done.Type != history.Info {
		done.Got, done.Saw, done.List = x.answer.Got, x.answer.Saw, x.answer.List
	}
	return done, x.answer.Leader
}

// Close closes the connection. The client connects again when it is next used.
func (c *client) Close() error {
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}

// connect makes sure that there is a connection, and that the member has not
// closed it while it was idle: then a request would be sent in vain and its
// fate be unknown.
func (c *client) connect(ctx context.Context) error {
	if c.conn != nil && workload.Idle(c.conn) {
		return nil
	}
	c.Close()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return err
	}
	c.conn, c.raw = conn, rawio.New(conn)
	if c.in == nil {
		c.in = bufio.NewReader(c.raw)
	} else {
		c.in.Reset(c.raw)
	}
	return nil
}

// exchange writes the request and reads the response.
func (c *client) exchange(ctx context.Context, op *history.Op) (x exchange) {
	if x.err = c.encode(op); x.err != nil {
		return x
	}
	deadline, _ := ctx.Deadline()
	if x.err = c.conn.SetDeadline(deadline); x.err != nil {
		return x
	}
	conn := c.conn
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() {
			c.Close() // the deadline may be set yet, on the next request
		}
	}()

	n, err := c.raw.Write(c.out)
	x.sent = n > 0
	if err != nil {
		x.err = err
		return x
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		x.err = fmt.Errorf("response: %w", err)
		return x
	}
	x.status = resp.StatusCode
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		x.err = fmt.Errorf("response: %w", err)
	case len(body) > maxAnswer:
		x.err = fmt.Errorf("response: more than %d bytes", maxAnswer)
	case x.status == http.StatusOK:
		if err := json.Unmarshal(body, &x.answer); err != nil {
			x.err = fmt.Errorf("response: %w", err)
			x.answer = node.Answer{}
		}
	}
	if resp.Close || x.status != http.StatusOK {
		c.Close()
	}
	return x
}

// encode makes the request of op in c.out.
func (c *client) encode(op *history.Op) error {
	f := op.F
	if f == history.FAdd {
		f = history.FAppend // a set is a list whose order does not matter
	}
	for _, s := range [...]string{op.Key, op.Arg, op.Old} {
		if !utf8.ValidString(s) {
			return fmt.Errorf("request: %q is no UTF-8, which the node's JSON needs", s)
		}
	}
	body, err := json.Marshal(node.Op{F: string(f), Key: op.Key, Arg: op.Arg, Old: op.Old, Request: op.Request})
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	c.out = append(c.out[:0], c.head...)
	c.out = strconv.AppendInt(c.out, int64(len(body)), 10)
	c.out = append(c.out, "\r\n\r\n"...)
	c.out = append(c.out, body...)
	return nil
}
