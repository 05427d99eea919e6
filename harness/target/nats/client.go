package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	nats "github.com/nats-io/nats.go"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/workload"
)

const (
	// dialWait bounds each step of connecting, pingEvery is how often a silent
	// connection is tried.
	dialWait  = time.Second
	pingEvery = 2 * time.Second
	// readTries is how often one read looks at the stream until nothing comes between
	// what it saw and its confirmation.
	readTries = 4
)

// The headers of JetStream.
const (
	headOperation      = "KV-Operation"
	headSequence       = "Nats-Sequence"
	headPending        = "Nats-Num-Pending"
	headStatus         = "Status"
	headExpect         = "Nats-Expected-Last-Subject-Sequence"
	headExpectSubject  = "Nats-Expected-Last-Subject-Sequence-Subject"
	headMark           = "Usurper-Mark" // a message that confirms a read and is no element
	operationOfDeletes = "DEL"
)

// client is NATS' own client, held to one member and one attempt: its JetStream context
// would publish again by itself when nobody listens, and a connection that breaks would
// keep what is published until it is back.
//
// A value is a key of a bucket, as its own clients see it. A list is the messages of one subject of a
// stream; an append publishes one. A cas reads the key's sequence, and publishes if that is
// still the last: two requests, of which only the second changes anything.
//
// No read of JetStream is linearizable: any replica answers a direct one, and a leader
// that was deposed answers as such for ten seconds until it notices. So a read
// is confirmed: a message is published elsewhere in the stream, on condition that what was
// seen is still the last of its subject. It passes through the stream's Raft; so when it
// is acknowledged, there was a moment since the read began at which that held.
type client struct {
	addr     string
	o        Options
	confirms bool
	conn     *nats.Conn // nil or closed: it connects before the next operation
}

func newClient(addr string, o Options, confirms bool) *client {
	return &client{addr: addr, o: o, confirms: confirms}
}

var _ workload.Client = (*client)(nil)

// Do carries out op. It gives no hint: members pass requests on to a stream's leader.
func (c *client) Do(ctx context.Context, op history.Op) (done history.Op, hint string) {
	done = op
	done.Type = history.Invoke
	err := c.connect(ctx)
	if err == nil {
		err = c.do(ctx, &done)
	}
	if done.Type == history.Invoke {
		done.Type = outcome(err)
	}
	if err != nil {
		done.Error = err.Error()
	}
	return done, ""
}

// Close closes the connection.
func (c *client) Close() error {
	if c.conn != nil {
		c.conn.Close()
	}
	return nil
}

func (c *client) connect(ctx context.Context) error {
	if c.conn != nil && c.conn.IsConnected() {
		return nil
	}
	if c.conn != nil {
		c.conn.Close()
	}
	var err error
	if c.conn, err = connect(ctx, c.addr); err != nil {
		return errUnsent{fmt.Errorf("connect: %w", err)}
	}
	return nil
}

// do sends the request and sets in op what it showed. It sets op's type to Fail where
// that does not follow from the error.
func (c *client) do(ctx context.Context, op *history.Op) error {
	if op.Key == "" || strings.ContainsAny(op.Key, ".*> \t\r\n") {
		return errUnsent{fmt.Errorf("the key %.40q is no token of a subject", op.Key)}
	}
	value, list := "$KV."+bucket+"."+op.Key, listStream+"."+op.Key
	switch op.F {
	case history.FGet:
		got, err := c.get(ctx, value)
		op.Got, op.Saw = got, err == nil
		return c.read(op, err)
	case history.FRead:
		elements, err := c.list(ctx, list)
		op.List, op.Saw = elements, err == nil
		return c.read(op, err)
	case history.FPut:
		return c.write(ctx, value, nil, op.Arg)
	case history.FDelete:
		return c.write(ctx, value, nats.Header{headOperation: {operationOfDeletes}}, "")
	case history.FCas:
		return c.cas(ctx, op, value)
	case history.FAppend, history.FAdd:
		return c.write(ctx, list, nil, op.Arg)
	}
	return errUnsent{fmt.Errorf("nats client: operation %q is not one of its own", op.F)}
}

// read says what became of a read: one that failed showed nothing and changed nothing.
func (c *client) read(op *history.Op, err error) error {
	if err != nil {
		op.Type = history.Fail
	}
	return err
}

// cas writes the value if the key still has the sequence that it had when it had the
// value that is expected.
func (c *client) cas(ctx context.Context, op *history.Op, subject string) error {
	last, err := c.last(ctx, bucketStream, subject)
	if err != nil {
		op.Type = history.Fail // nothing but a read was sent
		return fmt.Errorf("read before cas: %w", err)
	}
	if last.value() != op.Old {
		op.Type = history.Fail // what was seen is not confirmed, so it is not told
		return errors.New("another value is there")
	}
	return c.write(ctx, subject, expect(last.sequence), op.Arg)
}

func expect(sequence uint64) nats.Header {
	return nats.Header{headExpect: {strconv.FormatUint(sequence, 10)}}
}

// write publishes a message and waits for the stream's answer, unless its answer is
// not to matter.
func (c *client) write(ctx context.Context, subject string, header nats.Header, data string) error {
	m := &nats.Msg{Subject: subject, Header: header, Data: []byte(data)}
	if c.o.NoAck {
		if err := c.conn.PublishMsg(m); err != nil {
			return errUnsent{err}
		}
		return c.conn.FlushWithContext(ctx)
	}
	answer, err := c.conn.RequestMsgWithContext(ctx, m)
	if err != nil {
		return err
	}
	var ack struct {
		Stream   string   `json:"stream"`
		Sequence uint64   `json:"seq"`
		Error    *refusal `json:"error"`
	}
	switch err := json.Unmarshal(answer.Data, &ack); {
	case err != nil:
		return fmt.Errorf("%w: %.60q", errGarbled, answer.Data)
	case ack.Error != nil:
		return ack.Error
	case ack.Stream == "" || ack.Sequence == 0:
		return fmt.Errorf("%w: %.60q", errGarbled, answer.Data)
	}
	return nil
}

// get returns a key's value, "" if it has none.
func (c *client) get(ctx context.Context, subject string) (string, error) {
	var last message
	err := c.confirmed(ctx, func() (err error) {
		last, err = c.last(ctx, bucketStream, subject)
		return err
	}, func() error {
		return c.confirm(ctx, "$KV."+bucket, subject, last)
	})
	return last.value(), err
}

// list returns the elements of a list.
func (c *client) list(ctx context.Context, subject string) ([]string, error) {
	var messages []message
	err := c.confirmed(ctx, func() (err error) {
		messages, err = c.all(ctx, subject)
		return err
	}, func() error {
		var last message
		if n := len(messages); n > 0 {
			last = messages[n-1]
		}
		return c.confirm(ctx, listStream, subject, last)
	})
	var elements []string
	for _, m := range messages {
		if !m.mark {
			elements = append(elements, m.data)
		}
	}
	return elements, err
}

// confirmed looks, and confirms what it saw, until nothing comes between.
func (c *client) confirmed(ctx context.Context, look, confirm func() error) error {
	for try := 1; ; try++ {
		if err := look(); err != nil || c.o.DirectReads {
			return err
		}
		err := confirm()
		var refused *refusal
		if try < readTries && errors.As(err, &refused) && refused.unmet() {
			continue
		}
		if err != nil {
			return fmt.Errorf("confirm a read: %w", err)
		}
		return nil
	}
}

// confirm has the stream acknowledge that a message is the last of its subject: by a
// message on another one, below prefix, or, where a condition holds for a message's own subject
// only, by the same once more.
func (c *client) confirm(ctx context.Context, prefix, subject string, last message) error {
	header := expect(last.sequence)
	if c.confirms {
		header.Set(headExpectSubject, subject)
		return c.write(ctx, prefix+".confirmed", header, "")
	}
	if last.deleted || last.sequence == 0 && prefix != listStream {
		header.Set(headOperation, operationOfDeletes)
	}
	if prefix == listStream {
		header.Set(headMark, "1")
		return c.write(ctx, subject, header, "")
	}
	return c.write(ctx, subject, header, last.data)
}
