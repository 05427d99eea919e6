// Package screen is how the subcommands of usurper say things: what they were asked for,
// as wide as the terminal is (output.go), how it is going (status.go), and by which status
// they end (exit.go).
package screen

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/text"
)

// Status shows how a run goes: a few lines that are rewritten on a terminal, a plain
// line every few seconds and at every change of phase elsewhere.
type Status struct {
	Out  io.Writer
	Size func() (width, height int) // of the terminal, in columns and rows; nil: not one

	mu    sync.Mutex
	shown []string // the lines that are rewritten
	phase string
	next  time.Duration
}

const (
	plainEvery = 5 * time.Second
	// buildEvery is how often a plain line says that a build goes on.
	buildEvery = 15 * time.Second
	// roomFor is how many rows a terminal has that shows the members too.
	roomFor = 10
)

// NewStatus returns what shows it on out.
func NewStatus(out io.Writer) *Status {
	s := &Status{Out: out}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.Size = func() (int, int) { return terminalSize(f) }
	}
	return s
}

// terminalSize returns how many columns and rows a terminal has just now; the usual
// ones if it does not say so, or says nonsense.
func terminalSize(f *os.File) (width, height int) {
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 20 || height < 1 {
		return 80, 24
	}
	return width, height
}

// Line prints a line of its own.
func (s *Status) Line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearLocked()
	fmt.Fprintf(s.Out, format+"\n", args...)
}

// Update shows the run's progress.
func (s *Status) Update(p engine.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Size != nil {
		width, height := s.Size()
		lines := []string{fitProgress(p, width-1)} // the last column makes some terminals wrap
		if height >= roomFor {
			lines = append(lines, membersOf(p.Members, width-1)...)
		}
		s.showLocked(lines)
		return
	}
	if p.Phase == s.phase && p.At < s.next {
		return
	}
	s.phase, s.next = p.Phase, p.At+plainEvery
	fmt.Fprintln(s.Out, fitProgress(p, plainWidth))
}

// Rows shows lines that are rewritten, for a terminal of so many columns and rows;
// nothing where there is none.
func (s *Status) Rows(lines func(width, height int) []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Size != nil {
		s.showLocked(lines(s.Size()))
	}
}

// Busy returns what tells of something that takes time, and how long it has taken
// while it does; done ends the last of it.
func (s *Status) Busy() (say func(string), done func()) {
	var end func()
	done = func() {
		if end != nil {
			end()
			end = nil
		}
	}
	return func(what string) {
		done()
		s.Line("%s", what)
		end = s.count(what)
	}, done
}

// count shows the seconds that something takes, until it is ended.
func (s *Status) count(what string) (end func()) {
	period := buildEvery
	if s.Size != nil {
		period = time.Second
	}
	began := time.Now()
	stop := Every(period, func() { s.elapsed(what, time.Since(began)) })
	return func() {
		stop()
		s.Done()
	}
}

// Every calls do after each period, until it is stopped.
func Every(period time.Duration, do func()) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(period)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				do()
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

func (s *Status) elapsed(what string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := fmt.Sprintf("%5.0fs  %s", d.Seconds(), what)
	if s.Size == nil {
		fmt.Fprintln(s.Out, said)
		return
	}
	width, _ := s.Size()
	s.showLocked([]string{text.Shorten(said, width-1)})
}

// Done takes the rewritten lines away.
func (s *Status) Done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearLocked()
}

// showLocked writes lines in the place of those shown.
func (s *Status) showLocked(lines []string) {
	fmt.Fprint(s.Out, s.backLocked(), strings.Join(lines, "\n"))
	s.shown = lines
}

func (s *Status) clearLocked() {
	fmt.Fprint(s.Out, s.backLocked())
	s.shown = nil
}

// backLocked is what brings the cursor to where the lines shown begin, with nothing
// from there on. A terminal that has become narrower since has wrapped them.
func (s *Status) backLocked() string {
	if len(s.shown) == 0 {
		return ""
	}
	width, _ := s.Size()
	up := -1
	for _, line := range s.shown {
		up += 1 + max(0, text.Columns(line)-1)/width
	}
	if up == 0 {
		return "\r\x1b[J"
	}
	return fmt.Sprintf("\r\x1b[%dA\x1b[J", up)
}
