package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/usurper/usurper/harness/target"
)

// maxErrand bounds what is kept of what a program prints, of which an error tells.
const maxErrand = 2 << 10

// Errand runs a program that is no member to its end, and that of all that it has
// started. What lives when ctx ends is killed. A
// *target.Failed tells how it ended, unless that was with status 0, and what it printed
// last.
func Errand(ctx context.Context, host Host, c target.Command) error {
	var said lastBytes
	name := filepath.Base(c.Path)
	p, err := host.Start(c, &said)
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		if err := p.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, ErrMissed) {
			return fmt.Errorf("%s: %w, and it cannot be ended: %w", name, context.Cause(ctx), err)
		}
		<-p.Done()
		return fmt.Errorf("%s: %w, and was ended; %s", name, context.Cause(ctx), said.last())
	}
	if end := p.End(); end != (End{}) {
		return &target.Failed{Program: name, End: end.String(), Said: said.text()}
	}
	return nil
}

// lastBytes keeps the end of what is written to it, from one goroutine.
type lastBytes struct{ b []byte }

func (l *lastBytes) Write(b []byte) (int, error) {
	l.b = append(l.b, b[max(0, len(b)-maxErrand):]...)
	l.b = l.b[max(0, len(l.b)-maxErrand):]
	return len(b), nil
}

func (l *lastBytes) text() string { return strings.TrimSpace(strings.ToValidUTF8(string(l.b), "?")) }

// last says what it is.
func (l *lastBytes) last() string {
	if text := l.text(); text != "" {
		return "it printed last:\n" + text
	}
	return "it printed nothing"
}
