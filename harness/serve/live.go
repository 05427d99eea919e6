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
	beatEvery  = 15 * time.Second // so that a connection that is gone is noticed
	tellWithin = 10 * time.Second
	lingers    = 30 * time.Second // a run is followed on when nobody looks
)

// maxViewers bounds those who watch at the same time.
const maxViewers = 64

// Looks at a history for more, and so the pictures that are told of, come no closer to each
// other than soonest and never further apart than latest: what an event waits for until a
// picture has it. Between these a look is followed by so many times the time that it and
// its picture took, so that who watches a run slows it down by about one in so many.
const (
	soonest = 300 * time.Millisecond
	latest  = 650 * time.Millisecond
	pauses  = 100
)

// pace is how long the next look is waited for after one that cost so much.
func pace(cost time.Duration) time.Duration { return min(max(soonest, pauses*cost), latest) }

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
	draw sync.Mutex // held while the picture is made, once for all who want it

	mu      sync.Mutex
	drawing *picture.Live
	events  uint64 // that were read
	told    uint64 // … when those who watch were woken last
	changed chan struct{}
	caught  bool // up with the history, once
	ended   bool
	failed  error
	text    []byte        // the picture of these events; nil: it has yet to be made
	cost    time.Duration // of reading and drawing, since the last look
	looked  time.Time     // when somebody last did
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
		t := &tail{f: f, done: l.s.done, over: func() bool { return run.isIdle() || l.isOver(dir) }, caught: run.upToDate}
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

// isOver tells whether nothing more comes: there is a verdict, or the run is not under way.
func (l *lives) isOver(dir string) bool {
	_, err := l.s.root.Lstat(path.Join(dir, results.VerdictFile))
	return err == nil || !goesOn(l.s.root, dir)
}

// read reads the history as long as there comes something.
func (l *live) read(r *history.Reader) {
	var failed error
	for b, err := range r.Batches() {
		if err != nil {
			failed = err
			break
		}
		begin := time.Now()
		l.mu.Lock()
		for _, e := range b.Events {
			l.drawing.Event(e)
		}
		l.events += uint64(len(b.Events))
		l.text = nil
		l.cost += 2 * time.Since(begin) // with the reading, which takes about as long
		l.mu.Unlock()
		b.Release()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.caught, l.ended, l.failed, l.text = true, true, failed, nil
	l.wakeLocked()
}

// upToDate wakes those who watch, if there is more than they know of, and returns how
// long to wait for more.
func (l *live) upToDate() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.caught || l.events != l.told {
		l.caught, l.told = true, l.events
		l.wakeLocked()
	}
	wait := pace(l.cost)
	l.cost = 0
	return wait
}

func (l *live) wakeLocked() {
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
	return run.picture()
}

// picture is the picture of what was read, made once for all who want it.
func (l *live) picture() ([]byte, error) {
	l.draw.Lock()
	defer l.draw.Unlock()
	begin := time.Now()
	l.mu.Lock()
	if l.text != nil {
		defer l.mu.Unlock()
		return l.text, nil
	}
	p, failed := l.drawing.Picture(), l.failed
	of, ended := l.events, l.ended
	l.mu.Unlock()
	if failed != nil {
		p.Lack("the history cannot be read on: " + line(failed.Error(), 250))
	}
	text, err := json.Marshal(&p)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cost += time.Since(begin)
	if l.events == of && l.ended == ended {
		l.text = text
	}
	return text, nil
}

// sendEvents tells a page, by server-sent events, that there is more to draw, until there
// is no more.
func (s *Server) sendEvents(w http.ResponseWriter, r *http.Request) {
	dir, run, ok := s.asked(w, r)
	if !ok {
		return
	}
	send, leave, ok := s.stream(w, r)
	if !ok {
		return
	}
	defer leave()
	var l *live
	if run.Verdict == underWay {
		var err error
		switch l, err = s.live.follow(dir); {
		case errors.Is(err, http.ErrServerClosed):
			return // the run goes on
		case err != nil:
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

// stream begins an answer of server-sent events, unless too many watch or none are wanted.
// Who sends calls leave in the end.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) (send func(string) bool, leave func(), ok bool) {
	leave, ok = s.live.enter()
	if !ok {
		s.problem(w, http.StatusServiceUnavailable, "Too many watch already.")
		return nil, nil, false
	}
	w.Header().Set("Content-Type", "text/event-stream")
	if r.Method == http.MethodHead {
		leave()
		return nil, nil, false
	}
	c := http.NewResponseController(w)
	return func(text string) bool {
		_, err := io.WriteString(w, text)
		return err == nil && c.Flush() == nil
	}, leave, true
}

// watch sends a number whenever there are more events, and in the end that it is one.
func (s *Server) watch(ctx context.Context, l *live, send func(string) bool) {
	sent := ^uint64(0)
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		events, caught, ended, changed := l.now()
		switch {
		case ended && s.closing(): // it is not read on, for this reason
			return
		case ended:
			send(fmt.Sprintf("event: end\ndata: %d\n\n", events))
			return
		case caught && events != sent:
			if sent = events; !send(fmt.Sprintf("data: %d\n\n", events)) {
				return
			}
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

// closing tells whether the server is about to end.
func (s *Server) closing() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
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
