// Package rawio reads and writes sockets and files that grow, without
// telling Go's scheduler of each system call.
//
// A process that wakes up some hundred times a second to pass on a few bytes spends
// more on the scheduler than on its work: the first ordinary system call after a
// moment of rest wakes the runtime's monitor thread, which then looks after that call
// every 20 µs. A socket of Go's never blocks in read(2) or write(2), so there is
// nothing to look after. Waiting is left to the runtime's poller, as it is by package
// net: deadlines and Close work as they do there.
package rawio

import (
	"io"
	"os"
	"syscall"
)

// Conn reads and writes a socket or file. One goroutine may read while another one
// writes. It owns nothing: close what it was made of.
type Conn struct {
	plain io.ReadWriter // used instead where raw is nil
	raw   syscall.RawConn

	reading, writing piece
	read, write      func(fd uintptr) (done bool)
}

// piece is what a call is at.
type piece struct {
	b   []byte
	n   int
	err error
}

// New returns a Conn of c. One that has no file descriptor, such as that of
// net.Pipe, is read and written as it always is.
func New(c io.ReadWriter) *Conn {
	conn := &Conn{plain: c}
	s, ok := c.(syscall.Conn)
	if !ok {
		return conn
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return conn // closed: Read and Write will say so
	}
	conn.init(raw)
	return conn
}

// Read reads what there is, as net.Conn does: it waits for the first byte, and returns
// io.EOF at the end.
func (c *Conn) Read(b []byte) (int, error) {
	if c.raw == nil || len(b) == 0 {
		return c.plain.Read(b)
	}
	c.reading = piece{b: b}
	err := c.raw.Read(c.read)
	return c.reading.end(c.why(err))
}

// Write writes all of b, as net.Conn does, or returns how much it wrote and why not
// all.
func (c *Conn) Write(b []byte) (int, error) {
	if c.raw == nil || len(b) == 0 {
		return c.plain.Write(b)
	}
	c.writing = piece{b: b}
	err := c.raw.Write(c.write)
	return c.writing.end(c.why(err))
}

// why is an error of the poller in the words of the package that c is of.
func (c *Conn) why(err error) error {
	if _, file := c.plain.(*os.File); file && err != nil {
		return os.ErrClosed // files have no deadlines here
	}
	return err
}

func (p *piece) end(err error) (int, error) {
	n := p.n
	if err == nil {
		err = p.err
	}
	*p = piece{}
	return n, err
}
