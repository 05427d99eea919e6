package screen

import (
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	"github.com/usurper/usurper/checker"
)

// Output is where a command says what it was asked for. It remembers that something
// could not be said: a verdict that nobody was told is not one to go on with.
type Output struct {
	io.Writer

	mu  sync.Mutex
	err error // the first
}

// Write writes, and remembers an error.
func (o *Output) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if err != nil {
		err = fmt.Errorf("what it has to say cannot be written: %w", err)
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.err == nil {
			o.err = err
		}
		return n, o.err
	}
	return n, nil
}

// Failed returns the first error.
func (o *Output) Failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// PrintReport prints a report as wide as out is.
func PrintReport(out io.Writer, r *checker.Report) { fmt.Fprint(out, r.Text(Width(out))) }

// Width is how wide what is written to out may be, in columns: as wide as the
// terminal that shows it, or what reports in files have.
func Width(out io.Writer) int {
	if f := terminal(out); f != nil {
		width, _ := terminalSize(f)
		return width
	}
	return checker.Width
}

// IsTerminal tells whether what is written to out is shown by a terminal.
func IsTerminal(out io.Writer) bool { return terminal(out) != nil }

// terminal returns the terminal that out is, nil if it is none.
func terminal(out io.Writer) *os.File {
	if o, ok := out.(*Output); ok {
		out = o.Writer
	}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}
