package cli

import (
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	"github.com/usurper/usurper/checker"
)

// output is where a command says what it was asked for. It remembers that something
// could not be said: a verdict that nobody was told is not one to go on with.
type output struct {
	io.Writer

	mu  sync.Mutex
	err error // the first
}

// Write writes, and remembers an error.
func (o *output) Write(b []byte) (int, error) {
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

// failed returns the first error.
func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// printReport prints a report as wide as out is.
func printReport(out io.Writer, r *checker.Report) { fmt.Fprint(out, r.Text(pageWidth(out))) }

// pageWidth is how wide what is written to out may be, in columns: as wide as the
// terminal that shows it, or what reports in files have.
func pageWidth(out io.Writer) int {
	if o, ok := out.(*output); ok {
		out = o.Writer
	}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		width, _ := terminalSize(f)
		return width
	}
	return checker.Width
}
