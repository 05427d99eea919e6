package cli

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

// status shows how a run goes: a few lines that are rewritten on a terminal, a plain
// line every few seconds and at every change of phase elsewhere.
type status struct {
	out  io.Writer
	size func() (width, height int) // of the terminal, in columns and rows; nil: not one

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

func newStatus(out io.Writer) *status {
	s := &status{out: out}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.size = func() (int, int) { return terminalSize(f) }
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

// line prints a line of its own.
func (s *status) line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearLocked()
	fmt.Fprintf(s.out, format+"\n", args...)
}

// update shows the run's progress.
func (s *status) update(p engine.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size != nil {
		width, height := s.size()
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
	fmt.Fprintln(s.out, fitProgress(p, plainWidth))
}

// rows shows lines that are rewritten, for a terminal of so many columns and rows;
// nothing where there is none.
func (s *status) rows(lines func(width, height int) []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size != nil {
		s.showLocked(lines(s.size()))
	}
}

// busy returns what tells of something that takes time, and how long it has taken
// while it does; done ends the last of it.
func (s *status) busy() (say func(string), done func()) {
	var end func()
	done = func() {
		if end != nil {
			end()
			end = nil
		}
	}
	return func(what string) {
		done()
		s.line("%s", what)
		end = s.count(what)
	}, done
}

// count shows the seconds that something takes, until it is ended.
func (s *status) count(what string) (end func()) {
	period := buildEvery
	if s.size != nil {
		period = time.Second
	}
	began := time.Now()
	stop := every(period, func() { s.elapsed(what, time.Since(began)) })
	return func() {
		stop()
		s.done()
	}
}

// every calls do after each period, until it is stopped.
func every(period time.Duration, do func()) (stop func()) {
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

func (s *status) elapsed(what string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := fmt.Sprintf("%5.0fs  %s", d.Seconds(), what)
	if s.size == nil {
		fmt.Fprintln(s.out, said)
		return
	}
	width, _ := s.size()
	s.showLocked([]string{text.Shorten(said, width-1)})
}

// done takes the rewritten lines away.
func (s *status) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearLocked()
}

// showLocked writes lines in the place of those shown.
func (s *status) showLocked(lines []string) {
	fmt.Fprint(s.out, s.backLocked(), strings.Join(lines, "\n"))
	s.shown = lines
}

func (s *status) clearLocked() {
	fmt.Fprint(s.out, s.backLocked())
	s.shown = nil
}

// backLocked is what brings the cursor to where the lines shown begin, with nothing
// from there on. A terminal that has become narrower since has wrapped them.
func (s *status) backLocked() string {
	if len(s.shown) == 0 {
		return ""
	}
	width, _ := s.size()
	up := -1
	for _, line := range s.shown {
		up += 1 + max(0, text.Columns(line)-1)/width
	}
	if up == 0 {
		return "\r\x1b[J"
	}
	return fmt.Sprintf("\r\x1b[%dA\x1b[J", up)
}
