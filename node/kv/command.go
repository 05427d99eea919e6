package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Op is what a command does. Its values are in the log: never renumber.
type Op uint8

// The operations that are logged. A get is not: it reads, see [Store.Get].
const (
	OpPut    Op = iota + 1 // set Key to the string Arg, whatever it held
	OpCas                  // set Key to Arg if it holds Old
	OpAppend               // add Arg to the end of the list at Key
	OpDelete               // remove Key
)

// Command is one write as the log carries it.
//
// Client and Seq are the request's identity: a client numbers its writes
// upwards and has one open at a time, so that a resend is known by its number.
// An empty Client is a write that nobody will resend.
type Command struct {
	Op     Op
	Key    string
	Arg    string // put, cas, append
	Old    string // cas: "" stands for no value
	Client string
	Seq    uint64
}

// ErrCommand is wrapped by every error of Decode.
var ErrCommand = errors.New("malformed command")

// AppendTo appends c's encoding to b and returns the longer slice. The encoding
// is a byte for the operation, then the fields in order: strings as their
// length (uvarint) and bytes, Seq as uvarint. It is never empty, so that it
// cannot be mistaken for a leader's no-op.
func (c *Command) AppendTo(b []byte) []byte {
	b = append(b, byte(c.Op))
	b = appendString(b, c.Key)
	b = appendString(b, c.Arg)
	b = appendString(b, c.Old)
	b = appendString(b, c.Client)
	return binary.AppendUvarint(b, c.Seq)
}

// Decode parses what AppendTo wrote. It keeps nothing of b.
func Decode(b []byte) (Command, error) {
	d := decoder{b: b}
	c := Command{Op: Op(d.byte())}
	c.Key, c.Arg, c.Old, c.Client = d.string(), d.string(), d.string(), d.string()
	c.Seq = d.uvarint()
	switch {
	case d.failed:
		return Command{}, fmt.Errorf("%w: cut short at byte %d of %d", ErrCommand, len(b)-len(d.b), len(b))
	case len(d.b) > 0:
		return Command{}, fmt.Errorf("%w: %d bytes too many", ErrCommand, len(d.b))
	case c.Op < OpPut || c.Op > OpDelete:
		return Command{}, fmt.Errorf("%w: unknown operation %d", ErrCommand, c.Op)
	}
	return c, nil
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// decoder reads the fields of an encoding off the front of b. After the first
// field that is not there it is failed and yields zero values, so that callers
// check once, at the end.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) byte() byte {
	if d.failed || len(d.b) == 0 {
		d.failed = true
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if d.failed || n <= 0 {
		d.failed = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) string() string {
	n := d.uvarint()
	if d.failed || n > uint64(len(d.b)) {
		d.failed = true
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}
