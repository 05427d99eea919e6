package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/usurper/usurper/harness"
)

// status shows how a run goes: one line that is rewritten on a terminal, a plain
// line every few seconds and at every change of phase elsewhere.
type status struct {
	out   io.Writer
	width int // of the terminal; 0: not a terminal

	mu    sync.Mutex
	shown bool
	phase string
	next  time.Duration
}

const plainEvery = 5 * time.Second

func newStatus(out io.Writer) *status {
	s := &status{out: out}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.width = 80
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 20 {
			s.width = w
		}
	}
	return s
}

// line prints a line of its own.
func (s *status) line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearLocked()
	fmt.Fprintf(s.out, format+"\n", args...)
}

// update shows the run's progress.
func (s *status) update(p harness.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := describe(p)
	if s.width > 0 {
		if r := []rune(text); len(r) >= s.width {
			text = string(r[:s.width-1])
		}
		fmt.Fprintf(s.out, "\r\x1b[K%s", text)
		s.shown = true
		return
	}
	if p.Phase == s.phase && p.At < s.next {
		return
	}
	s.phase, s.next = p.Phase, p.At+plainEvery
	fmt.Fprintln(s.out, text)
}

// done takes the rewritten line away.
func (s *status) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearLocked()
}

func (s *status) clearLocked() {
	if s.shown {
		fmt.Fprint(s.out, "\r\x1b[K")
		s.shown = false
	}
}

func describe(p harness.Progress) string {
	leader := "no leader yet"
	if p.Leader != "" {
		leader = fmt.Sprintf("term %d, leader %s", p.Term, p.Leader)
	}
	phase := p.Phase
	if phase == "" {
		phase = "start"
	}
	text := fmt.Sprintf("%5.1fs  %-6s  %s  %4.0f ok/s", p.At.Seconds(), phase, leader, p.PerSec)
	if p.Steps > 0 {
		text += fmt.Sprintf("  step %d/%d", p.Done, p.Steps)
	}
	if len(p.Faults) > 0 {
		text += "  " + strings.Join(p.Faults, "; ")
	}
	return text
}
