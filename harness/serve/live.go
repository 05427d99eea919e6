package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/results"
)

// Times of the live view.
const (
	lookEvery  = 200 * time.Millisecond // at the end of a history, for more
	tellEvery  = 400 * time.Millisecond // viewers, at most
	beatEvery  = 15 * time.Second       // so that a connection that is gone is noticed
	tellWithin = 10 * time.Second
	lingers    = 30 * time.Second // a run is followed on when nobody looks
)

// maxViewers bounds those who watch at the same time.
const maxViewers = 64

// lives follows runs that are under way and watched: each history is read once, as it
// grows, however many watch.
type lives struct {
	s *Server

	mu      sync.Mutex
	runs    map[string]*live
	viewers int
	over    bool
	wg      sync.WaitGroup
}

func newLives(s *Server) *lives { return &lives{s: s, runs: make(map[string]*live)} }

// live is a run that is followed.
type live struct {
	mu      sync.Mutex
	drawing *picture.Live
	events  uint64 // that were read
	changed chan struct{}
	caught  bool // up with the history, once
	ended   bool
	failed  error
	looked  time.Time // when somebody last did
}

// follow returns a run, which is followed from now on if it was not.
func (l *lives) follow(dir string) (*live, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if run := l.runs[dir]; run != nil {
		run.look()
		return run, nil
	}
	if l.over {
		return nil, http.ErrServerClosed
	}
	if err := plain(l.s.root, dir, parts()...); err != nil {
		return nil, err
	}
	f, _, err := open(l.s.root, path.Join(dir, results.HistoryFile))
	if err != nil {
		return nil, err
	}
	run := &live{drawing: picture.NewLive(l.source(dir)), changed: make(chan struct{}), looked: time.Now()}
	l.runs[dir] = run
	l.wg.Go(func() {
		defer f.Close()
		t := &tail{f: f, done: l.s.done, over: func() bool { return run.isIdle() || l.isOver(dir) }, caught: run.tell}
		run.read(history.NewReader(path.Join(dir, results.HistoryFile), t))
		l.mu.Lock()
		delete(l.runs, dir)
		l.mu.Unlock()
	})
	return run, nil
}

// end waits for all that is followed; the server's done is closed before.
func (l *lives) end() {
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	l.wg.Wait()
}

// source is what is known of a run beside its history.
func (l *lives) source(dir string) picture.Source {
	var cfg struct{ For time.Duration }
	if text, err := head(l.s.root, path.Join(dir, results.ConfigFile), configHead); err == nil {
		json.Unmarshal(text, &cfg)
	}
	s := picture.Source{Title: path.Base(dir)}
	if cfg.For > 0 && cfg.For < 1<<60 {
		const around = 10 * time.Second // to be ready, and to settle
		s.Length = cfg.For + around
	}
	if text, err := head(l.s.root, path.Join(dir, results.PlanFile), configHead); err == nil {
		s.Plan = string(text)
	}
	return s
}

// isOver tells whether nothing more comes: there is a verdict, or the history has not
// grown for long.
func (l *lives) isOver(dir string) bool {
	if _, err := l.s.root.Lstat(path.Join(dir, results.VerdictFile)); err == nil {
		return true
	}
	info, err := l.s.root.Lstat(path.Join(dir, results.HistoryFile))
	return err != nil || time.Since(info.ModTime()) > quietFor
}

// read reads the history as long as there comes something.
func (l *live) read(r *history.Reader) {
	var failed error
	for e, err := range r.Events() {
		if err != nil {
			failed = err
			break
		}
		l.mu.Lock()
		l.drawing.Event(e)
		l.events++
		l.mu.Unlock()
	}
	l.mu.Lock()
	l.ended, l.failed = true, failed
	l.mu.Unlock()
	l.tell()
}

// tell wakes those who watch.
func (l *live) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.caught = true
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *live) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looked = time.Now()
}

func (l *live) isIdle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.looked) > lingers
}

// now returns how many events were read, whether more may come, and what is closed when
// that changes.
func (l *live) now() (events uint64, caught, ended bool, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looked = time.Now()
	return l.events, l.caught, l.ended, l.changed
}

// picture returns the picture of a run under way, of what was read of it.
func (l *lives) picture(ctx context.Context, dir string) ([]byte, error) {
	run, err := l.follow(dir)
	if err != nil {
		return nil, err
	}
	for wait := time.After(tellWithin); ; {
		_, caught, _, changed := run.now()
		if caught {
			break
		}
		select {
		case <-changed:
			continue
		case <-wait: // as far as it has come
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		break
	}
	run.mu.Lock()
	p := run.drawing.Picture()
	err = run.failed
	run.mu.Unlock()
	if err != nil {
		p.Missing = append(p.Missing, "the history cannot be read on: "+word(err.Error()))
	}
	return json.Marshal(&p)
}

// sendEvents tells a page, by server-sent events, that there is more to draw, until there
// is no more.
func (s *Server) sendEvents(w http.ResponseWriter, r *http.Request) {
	dir, run, ok := s.asked(w, r)
	if !ok {
		return
	}
	leave, ok := s.live.enter()
	if !ok {
		s.problem(w, http.StatusServiceUnavailable, "Too many watch already.")
		return
	}
	defer leave()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	if r.Method == http.MethodHead {
		return
	}
	c := http.NewResponseController(w)
	send := func(text string) bool {
		_, err := io.WriteString(w, text)
		return err == nil && c.Flush() == nil
	}
	var l *live
	if run.Verdict == underWay {
		var err error
		if l, err = s.live.follow(dir); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.failed(w, err)
			return
		}
	}
	if l == nil {
		send("event: end\ndata: 0\n\n")
		return
	}
	s.watch(r.Context(), l, send)
}

// watch sends a number whenever there are more events, and in the end that it is one.
func (s *Server) watch(ctx context.Context, l *live, send func(string) bool) {
	sent := ^uint64(0)
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		events, caught, ended, changed := l.now()
		switch {
		case ended:
			send(fmt.Sprintf("event: end\ndata: %d\n\n", events))
			return
		case caught && events != sent:
			if sent = events; !send(fmt.Sprintf("data: %d\n\n", events)) {
				return
			}
			select {
			case <-time.After(tellEvery):
			case <-ctx.Done():
				return
			case <-s.done:
				return
			}
			continue
		}
		select {
		case <-changed:
		case <-beat.C:
			if !send(": still there\n\n") {
				return
			}
		case <-ctx.Done():
			return
		case <-s.done:
			return
		}
	}
}

// enter counts one who watches, unless there are too many.
func (l *lives) enter() (leave func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.viewers >= maxViewers {
		return nil, false
	}
	l.viewers++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.viewers--
	}, true
}
