package ovsdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

const (
	// maxReply bounds the answer to one request.
	maxReply = 16 << 20
	// idle is how long a connection may lie unused: ovsdb-server asks who is silent for
	// 5 s whether it is there, and nobody listens then.
	idle = 2 * time.Second
)

// conn is a connection of JSON-RPC, for one request at a time. A request is sent once; a
// connection that failed is made anew for the next.
type conn struct {
	network, addr string

	nc      net.Conn
	limited *io.LimitedReader
	answers *json.Decoder
	id      uint64
	used    time.Time
}

// failure is what an ovsdb-server said instead of a result.
type failure struct {
	Error   string `json:"error"`
	Details string `json:"details"`
}

func (f *failure) String() string {
	if f.Details == "" {
		return f.Error
	}
	return f.Error + ": " + f.Details
}

// refusal is an answer of JSON-RPC's that is no result.
type refusal struct{ failure }

func (r *refusal) Error() string { return "refused: " + r.String() }

// reply is what comes: an answer, or a request of the server's own.
type reply struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// call sends a request and awaits its answer, which is put into result. sent tells
// whether any of it may have reached the server.
func (c *conn) call(ctx context.Context, method string, params []any, result any) (sent bool, err error) {
	if c.nc != nil && time.Since(c.used) > idle {
		c.Close()
	}
	if err := c.connect(ctx); err != nil {
		return false, err
	}
	deadline, _ := ctx.Deadline()
	nc := c.nc
	nc.SetDeadline(deadline) // the zero time is none
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() {
			c.Close() // whose deadline may still be set
		}
	}()
	c.id++
	request, err := json.Marshal(map[string]any{"method": method, "params": params, "id": c.id})
	if err != nil {
		return false, err
	}
	if _, err = nc.Write(request); err == nil {
		err = c.await(result)
	}
	c.used = time.Now()
	var refused *refusal
	if err != nil && !errors.As(err, &refused) {
		c.Close()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			err = context.DeadlineExceeded // whether or not ctx has noticed yet
		case ctx.Err() != nil:
			err = ctx.Err()
		}
	}
	return true, err
}

func (c *conn) connect(ctx context.Context) error {
	if c.nc != nil {
		return nil
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, c.network, c.addr)
	if err != nil {
		return err
	}
	c.nc = nc
	c.limited = &io.LimitedReader{R: nc}
	c.answers = json.NewDecoder(c.limited)
	return nil
}

// await reads until the answer to the last request comes, and answers the server's own
// questions meanwhile.
func (c *conn) await(result any) error {
	want := fmt.Sprint(c.id)
	c.limited.N = maxReply
	for {
		var r reply
		if err := c.answers.Decode(&r); err != nil {
			if c.limited.N <= 0 {
				return fmt.Errorf("an answer of over %d MiB", maxReply>>20)
			}
			return err
		}
		switch {
		case r.Method == "echo":
			alive, err := json.Marshal(map[string]any{"id": r.ID, "result": r.Params, "error": nil})
			if err == nil {
				_, err = c.nc.Write(alive)
			}
			if err != nil {
				return err
			}
		case r.Method != "" || string(r.ID) != want: // not ours to answer
		case len(r.Error) > 0 && string(r.Error) != "null":
			var f failure
			if json.Unmarshal(r.Error, &f) != nil || f.Error == "" {
				f.Error = string(r.Error)
			}
			return &refusal{f}
		default:
			return json.Unmarshal(r.Result, result)
		}
	}
}

// Close ends the connection.
func (c *conn) Close() error {
	if c.nc == nil {
		return nil
	}
	err := c.nc.Close()
	c.nc = nil
	return err
}
