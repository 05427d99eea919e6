package golden

import (
	"slices"

	"github.com/usurper/usurper/harness/tap"
)

// Wire is one connection, from n1 to n2 of three members, on which a test says what it
// likes, and what a dialect makes of it.
type Wire struct {
	// Watch is the dialect at work, of which nobody is told.
	Watch *tap.Watch
	// Frames are those that were found so far, in order.
	Frames []Frame
	// Err is what ended the decoding, nil while it goes on.
	Err error
	// Pending are the bytes of each direction that are no whole frame yet.
	Pending [2][]byte

	// Decoders are those of the two directions.
	Decoders [2]tap.Decoder

	poured []string
}

// Frame is a frame that was found.
type Frame struct {
	Class   string
	Message tap.Message
}

// Connect makes the connection. Of the classes that are poured as many bytes are a frame as
// there are: of several in turn Frames has the first.
func Connect(d tap.Dialect, poured ...string) *Wire {
	w := &Wire{poured: poured}
	open := d.Open
	d.Open = func(c *tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
		conn := open(c)
		w.Decoders[0], w.Decoders[1] = conn("n1", "n2")
		return conn
	}
	w.Watch = d.Watch([]string{"n1", "n2", "n3"}, nil)
	return w
}

// Take says bytes in a direction, 0 for what n1 says. It is as a fabric's framer: bytes that
// are no whole frame yet are shown again.
func (w *Wire) Take(direction int, b []byte) {
	p := append(w.Pending[direction], b...)
	for len(p) > 0 && w.Err == nil {
		var m tap.Message
		n, class, err := w.Decoders[direction].Next(p, &m)
		if w.Err = err; n == 0 {
			break
		}
		p = p[n:]
		if k := len(w.Frames) - 1; k >= 0 && w.Frames[k].Class == class && slices.Contains(w.poured, class) {
			continue
		}
		w.Frames = append(w.Frames, Frame{class, m})
	}
	w.Pending[direction] = p
}
