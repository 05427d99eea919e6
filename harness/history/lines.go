package history

import (
	"bytes"
	"io"
)

// lines is what was read of a file and not yet used, with at least one whole line
// in it after a call of more that went well.
type lines struct {
	in    io.Reader
	b     []byte // its last bytes, margin of them, are not read into
	next  int    // where the next line begins
	whole int    // where the last line that has its end ends
	end   int    // of what was read
	err   error  // that came with the last bytes
}

// margin is room for the end of the last line, and for the zeros that the parser
// wants at the end.
const margin = 16

func newLines(in io.Reader) lines { return lines{in: in, b: make([]byte, 256<<10)} }

// more reads on until there is a whole line, once those before it are used.
func (l *lines) more() error {
	l.end = copy(l.b, l.b[l.next:l.end])
	l.next, l.whole = 0, 0
	for idle := 0; idle < 100; idle++ {
		if err := l.err; err != nil {
			l.err = nil
			return err
		}
		if l.end == len(l.b)-margin {
			l.b = append(l.b, make([]byte, len(l.b))...)
		}
		n, err := l.in.Read(l.b[l.end : len(l.b)-margin])
		l.err = err
		from := l.end
		l.end += n
		if last := bytes.LastIndexByte(l.b[from:l.end], '\n'); last >= 0 {
			l.whole = from + last + 1
			return nil
		}
		if n > 0 {
			idle = 0
		}
	}
	return io.ErrNoProgress
}

// finish gives the last line the end that it lacks. It reports whether there is
// a line.
func (l *lines) finish() bool {
	if l.next == l.end {
		return false
	}
	l.b[l.end] = '\n'
	l.end++
	l.whole = l.end
	return true
}

// line returns the next line without its end.
func (l *lines) line() []byte {
	line := l.b[l.next:l.whole]
	return line[:bytes.IndexByte(line, '\n')]
}
