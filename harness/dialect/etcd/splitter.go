package etcd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/usurper/usurper/harness/tap"
)

const (
	// maxMessage bounds a raft message: what the fabric takes as one frame, less
	// the chunk headers within it.
	maxMessage = 60 << 20
	// keepPart is the largest buffer kept once a large message is through.
	keepPart = 1 << 20
	// maxAsked bounds the requests on one connection without an answer. etcd's
	// client has one at a time.
	maxAsked = 64
)

// content is what a body holds.
type content uint8

const (
	opaque        content = iota
	messageStream         // messages, each behind its length
	appendStream          // see appendFrame
	oneMessage            // nothing but a message
	snapshotPost          // a message behind its length, then a database
	database              // the rest of a snapshotPost
)

// exchange is a request that waits for its answer.
type exchange struct {
	content  content // of a good answer
	headOnly bool
}

// conn is what the two directions of one connection share.
type conn struct {
	cluster *tap.Cluster
	asked   []exchange
}

// direction splits one direction of a connection. A frame is a whole raft
// message with the framing before it and, if the message ends where an HTTP
// chunk does, the end of the chunk; or a head, or a piece of a body that holds
// no messages. So every message is a frame of its own even where chunks hold
// several, or parts of them.
//
// It looks at each byte once: at bytes of the frame at hand have been looked at
// when Next had to ask for more.
type direction struct {
	conn     *conn
	from, to end
	answer   bool // it carries responses

	at      int
	inBody  bool
	content content
	body    transfer
	part    []byte // payload of the message at hand

	message raftpb.Message
	stream  appends
	told    *tap.Message // what the frame at hand says
}

// Next implements tap.Decoder.
func (d *direction) Next(b []byte, m *tap.Message) (n int, class string, err error) {
	d.told = m
	class, err = d.next(b)
	if err != nil || class == "" {
		return 0, "", err
	}
	n, d.at = d.at, 0
	return n, class, nil
}

// next returns the class of the frame that b[:d.at] has become, or "" if it is
// not whole.
func (d *direction) next(b []byte) (class string, err error) {
	if !d.inBody {
		ok, alone, err := d.head(b)
		if !ok || err != nil {
			return "", err
		}
		if alone {
			return classOther, nil
		}
	}
	switch d.content {
	case messageStream:
		return d.messageFrame(b)
	case appendStream:
		return d.appendFrame(b)
	case oneMessage:
		return d.bodyFrame(b)
	case snapshotPost:
		class, err := d.messageFrame(b)
		if d.inBody && class != "" {
			d.content = database
		}
		return class, err
	case database:
		return d.pass(b, classSnapshotData)
	}
	return d.pass(b, classOther)
}

// head looks for a whole head. alone says that the head is a frame by itself.
func (d *direction) head(b []byte) (ok, alone bool, err error) {
	if err := plausible(b, d.answer); err != nil {
		return false, false, err
	}
	from := max(0, d.at-len(headEnd)+1)
	end := bytes.Index(b[from:], headEnd)
	if end < 0 {
		d.at = len(b)
		if d.at >= maxHead {
			return false, false, fmt.Errorf("an HTTP head of over %d bytes", maxHead)
		}
		if line := bytes.IndexByte(b, '\n'); line >= 0 {
			_, err = parseHead(b[:line+1], d.answer) // the first line decides whether it is HTTP
		}
		return false, false, err
	}
	d.at = from + end + len(headEnd)
	if d.at > maxHead {
		return false, false, fmt.Errorf("an HTTP head of over %d bytes", maxHead)
	}
	h, err := parseHead(b[:d.at], d.answer)
	if err != nil {
		return false, false, err
	}
	d.body = newTransfer(&h, d.answer)
	if d.answer {
		err = d.answered(&h)
	} else {
		err = d.requested(&h)
	}
	d.part, d.inBody = d.part[:0], !d.body.ended
	together := d.inBody && !h.expects && (d.content == oneMessage || d.content == snapshotPost)
	return err == nil, !together, err
}

var (
	pipelinePath = []byte("/raft")
	snapshotPath = []byte("/raft/snapshot")
	messagePath  = []byte("/raft/stream/message/")
	appendPath   = []byte("/raft/stream/msgapp/")
)

// requested takes the head of a request.
func (d *direction) requested(h *head) error {
	if len(d.conn.asked) >= maxAsked {
		return fmt.Errorf("%d requests without an answer", maxAsked)
	}
	if err := d.from.meet(d.conn.cluster, h.from); err != nil {
		return err
	}
	d.content = opaque
	x := exchange{headOnly: string(h.method) == "HEAD"}
	switch {
	case bytes.Equal(h.path, pipelinePath) && string(h.method) == "POST":
		d.content = oneMessage
	case bytes.Equal(h.path, snapshotPath) && string(h.method) == "POST":
		d.content = snapshotPost
	case bytes.HasPrefix(h.path, messagePath):
		x.content = messageStream
	case bytes.HasPrefix(h.path, appendPath):
		x.content = appendStream
	}
	d.conn.asked = append(d.conn.asked, x)
	return nil
}

// answered takes the head of a response.
func (d *direction) answered(h *head) error {
	switch {
	case h.status == 101:
		return errors.New("the connection turned to another protocol")
	case len(d.conn.asked) == 0:
		return fmt.Errorf("a response with status %d to no request", h.status)
	}
	x := d.conn.asked[0]
	if !h.hasBody(x.headOnly) {
		d.body = transfer{ended: true}
	}
	if h.status < 200 {
		return nil // the answer is still to come
	}
	d.conn.asked = slices.Delete(d.conn.asked, 0, 1)
	d.content = opaque
	if h.status == 200 {
		d.content = x.content
	}
	d.stream = appends{}
	return nil
}

// fetch gathers payload until there are need bytes of it. Without error, false
// means that more bytes are needed or that the body has ended.
func (d *direction) fetch(b []byte, need int) (bool, error) {
	for len(d.part) < need {
		n, ok, err := d.body.framing(b[d.at:])
		d.at += n
		if !ok || err != nil || d.body.ended {
			return false, err
		}
		run := int(min(int64(need-len(d.part)), d.body.left, int64(len(b)-d.at)))
		if run == 0 {
			return false, nil
		}
		d.part = append(d.part, b[d.at:d.at+run]...)
		d.at += run
		d.body.took(run)
	}
	return true, nil
}

// short is the end of a frame whose message is not there yet: none, unless the
// body has ended. etcd may end a stream in the middle of a message, which is
// then none.
func (d *direction) short() string {
	if !d.body.ended {
		return ""
	}
	d.finish()
	return classOther
}

// whole makes sure that the end of a chunk belongs to the message before it.
func (d *direction) whole(b []byte) (bool, error) {
	n, ok, err := d.body.closeChunk(b[d.at:])
	d.at += n
	return ok, err
}

// finish ends a message, and the body if that was all of it.
func (d *direction) finish() {
	d.inBody = !d.body.ended
	d.part = d.part[:0]
	if cap(d.part) > keepPart {
		d.part = nil
	}
}

// messageFrame splits a message behind its length.
func (d *direction) messageFrame(b []byte) (string, error) {
	const lengthSize = 8
	ok, err := d.fetch(b, lengthSize)
	if !ok || err != nil {
		return d.short(), err
	}
	size := binary.BigEndian.Uint64(d.part)
	if size > maxMessage {
		return "", fmt.Errorf("a message of %d bytes", size)
	}
	if ok, err = d.fetch(b, lengthSize+int(size)); !ok || err != nil {
		return d.short(), err
	}
	if ok, err = d.whole(b); !ok || err != nil {
		return "", err
	}
	class, err := d.decode(d.part[lengthSize:])
	d.finish()
	return class, err
}

// bodyFrame splits a body that is one message.
func (d *direction) bodyFrame(b []byte) (string, error) {
	for !d.body.ended {
		need := int64(len(d.part)) + max(d.body.left, 1)
		if need > maxMessage {
			return "", fmt.Errorf("a message of %d bytes or more", need)
		}
		ok, err := d.fetch(b, int(need))
		if err != nil || !ok && !d.body.ended {
			return "", err
		}
	}
	class := classOther
	var err error
	if len(d.part) > 0 {
		class, err = d.decode(d.part)
	}
	d.finish()
	return class, err
}

// pass takes what there is of a body that is not looked into.
func (d *direction) pass(b []byte, class string) (string, error) {
	for !d.body.ended {
		n, ok, err := d.body.framing(b[d.at:])
		d.at += n
		if err != nil {
			return "", err
		}
		run := int(min(d.body.left, int64(len(b)-d.at)))
		if !ok || run == 0 {
			break
		}
		d.at += run
		d.body.took(run)
	}
	if d.body.ended {
		d.finish()
	}
	if d.at == 0 {
		return "", nil
	}
	return class, nil
}

// decode decodes a message, and says what a tap makes of it.
func (d *direction) decode(b []byte) (string, error) {
	m := &d.message
	reset(m)
	if err := m.Unmarshal(b); err != nil {
		return "", fmt.Errorf("raft message: %w", err)
	}
	class := classOf(m)
	if class == classOther {
		return class, nil
	}
	if err := d.recognize(m); err != nil {
		return "", err
	}
	if class == classAppend && changesMembers(m.Entries) {
		d.conn.cluster.Reconfigured("")
	}
	d.observed(class, m)
	return class, nil
}
