package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/picture/page"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/seen"
)

// showRun sends the page of a run, which asks for its picture. The page is this program's,
// whatever pages are in the directory.
func (s *Server) showRun(w http.ResponseWriter, r *http.Request) {
	dir, run, ok := s.asked(w, r)
	if !ok {
		return
	}
	feed := page.Feed{Picture: link("picture", dir), Home: "/"}
	if run.Verdict == underWay {
		feed.Events = link("events", dir)
	}
	var b bytes.Buffer
	policy, err := page.Policy()
	if err == nil {
		err = page.Shell(&b, run.Name, feed)
	}
	if err != nil {
		s.problem(w, http.StatusInternalServerError, "The page cannot be made: "+word(err.Error()))
		return
	}
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(b.Bytes()) // who has gone needs no answer
}

// asked is the run that a request is about. If there is none it is answered.
func (s *Server) asked(w http.ResponseWriter, r *http.Request) (dir string, run *entry, ok bool) {
	if dir, ok = s.within(w, r); !ok {
		return dir, nil, false
	}
	run, err := s.index.run(dir)
	if err != nil {
		s.failed(w, err)
	}
	return dir, run, err == nil
}

// sendPicture sends the picture of a run as JSON.
func (s *Server) sendPicture(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	dir, run, ok := s.asked(w, r)
	if !ok {
		return
	}
	var text []byte
	var err error
	if run.Verdict == underWay {
		text, err = s.live.picture(r.Context(), dir)
	} else {
		text, err = s.picture(r.Context(), dir)
	}
	switch {
	case r.Context().Err() != nil:
	case errors.Is(err, errNoFile):
		s.failed(w, err)
	case err != nil:
		s.problem(w, http.StatusUnprocessableEntity, "This run cannot be drawn: "+s.said(err))
	default:
		w.Write(text) // who has gone needs no answer
	}
}

// parts are the files that a picture is made of.
func parts() []string {
	return []string{results.HistoryFile, results.PackedFile, results.ZstdFile, results.ConfigFile, results.PlanFile, results.ExecutedFile, results.ScheduleFile, results.VerdictFile, results.ReportFile}
}

// picture returns the picture of a run that has ended: that of its page, if it has one
// that is as new as the rest, or else one that is drawn now, one at a time.
func (s *Server) picture(ctx context.Context, dir string) ([]byte, error) {
	if err := plain(s.root, dir, parts()...); err != nil {
		return nil, err
	}
	state := s.state(dir)
	if text, ok := s.drawn.get(dir, state); ok {
		return text, nil
	}
	if text, ok := s.fromPage(dir); ok {
		s.drawn.put(dir, state, text)
		return text, nil
	}
	select {
	case s.draw <- struct{}{}:
		defer func() { <-s.draw }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if text, ok := s.drawn.get(dir, state); ok { // whoever was before wanted the same
		return text, nil
	}
	text, err := s.drawing(dir)
	if err == nil {
		s.drawn.put(dir, state, text)
	}
	return text, err
}

// drawing draws a run. Whatever becomes of its files meanwhile, all of them are opened
// below the root.
func (s *Server) drawing(dir string) ([]byte, error) {
	run, err := results.Within(filepath.Join(s.dir, filepath.FromSlash(dir)), func(name string) (*os.File, error) {
		f, _, err := open(s.root, path.Join(dir, name))
		return f, err
	})
	if err != nil {
		return nil, err
	}
	var report checker.Report // of nobody, if there is none that can be read
	if text, err := head(s.root, path.Join(dir, results.VerdictFile), maxPicture); err == nil {
		json.Unmarshal(text, &report)
	}
	p, err := seen.Picture(run, report)
	if err != nil && len(p.Lanes) == 0 {
		return nil, err
	}
	return json.Marshal(&p)
}

// state changes whenever what a picture is made of does.
func (s *Server) state(dir string) string { return s.stateOf(dir, append(parts(), page.Name)...) }

// stateOf changes whenever files of a directory do.
func (s *Server) stateOf(dir string, names ...string) string {
	text := ""
	for _, name := range names {
		if info, err := s.root.Lstat(path.Join(dir, name)); err == nil {
			text += fmt.Sprintln(name, info.Size(), info.ModTime().UnixNano())
		}
	}
	return text
}

// maxPicture bounds the pages and verdicts that are read.
const maxPicture = 32 << 20

// fromPage takes the picture out of a run's page, if that is as new as its history and its
// verdict. It takes the data and nothing else.
func (s *Server) fromPage(dir string) ([]byte, bool) {
	made, err := s.root.Lstat(path.Join(dir, page.Name))
	if err != nil || !made.Mode().IsRegular() || made.Size() > maxPicture {
		return nil, false
	}
	for _, name := range []string{results.HistoryFile, results.PackedFile, results.ZstdFile, results.VerdictFile} {
		if info, err := s.root.Lstat(path.Join(dir, name)); err == nil && info.ModTime().After(made.ModTime()) {
			return nil, false
		}
	}
	text, err := head(s.root, path.Join(dir, page.Name), maxPicture)
	if err != nil {
		return nil, false
	}
	_, text, found := bytes.Cut(text, []byte(`<script type="application/json" id="data">`))
	text, _, closed := bytes.Cut(text, []byte("</script>"))
	var p picture.Picture
	if !found || !closed || json.Unmarshal(text, &p) != nil || p.Format != picture.Format {
		return nil, false
	}
	return bytes.TrimSpace(text), true
}

// drawings keeps the last few pictures that were drawn.
type drawings struct {
	mu  sync.Mutex
	all []drawing
}

type drawing struct {
	dir, state string
	text       []byte
}

// What is kept: so many, of so many bytes each at most.
const (
	maxKept      = 4
	maxKeptBytes = 8 << 20
)

func (d *drawings) get(dir, state string) ([]byte, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range d.all {
		if one.dir == dir && one.state == state {
			return one.text, true
		}
	}
	return nil, false
}

func (d *drawings) put(dir, state string, text []byte) {
	if len(text) > maxKeptBytes {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = slices.DeleteFunc(d.all, func(one drawing) bool { return one.dir == dir })
	d.all = append(d.all, drawing{dir, state, text})
	if len(d.all) > maxKept {
		d.all = slices.Delete(d.all, 0, 1)
	}
}
