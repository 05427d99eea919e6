// Package serve shows run directories in a browser: an index of runs and nights, each
// run's page, files and logs, and a run under way as it goes on. It only reads.
//
// Read server.go first: what there is, and how a request is answered. guard.go says who may
// ask, and what a page may do; index.go and head.go find runs, list.go filters them;
// run.go makes the picture of one, live.go follows one under way; files.go and zip.go
// hand out what is there, patience.go to those who take it; night.go is about nights, changes.go about one
// that goes on; going.go tells what does.
//
// Nothing outside the directory leaves it: all files are opened below an os.Root, and what
// is no regular file is not opened at all. Nothing in it is believed: no file of it is ever
// sent as a page of this server, and no script of a page is made of data.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	nights "github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/results"
)

// Options say who may look, and where.
type Options struct {
	// Listen is a host and a port; port 0 takes a free one. A host that is not loopback
	// needs a Token.
	Listen string
	// Token is what others must know, at least [ShortestToken] characters. On loopback it
	// may be empty: then everybody on this machine may look.
	Token string
}

// ShortestToken is how many characters a token has at least.
const ShortestToken = 16

// Server shows what is below one directory.
type Server struct {
	dir   string
	root  *os.Root
	guard guard
	index *index
	live  *lives
	draw  chan struct{} // holds one while a picture is drawn
	drawn drawings
	pages *pages
	net   net.Listener
	done  chan struct{} // closed when it ends: what goes on and on ends too

	takeWithin time.Duration // the constant, but for tests
}

// New opens a directory and the address. [Server.Serve] must be called, and closes both.
func New(dir string, o Options) (*Server, error) {
	g, err := newGuard(o)
	if err != nil {
		return nil, err
	}
	p, err := loadPages()
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("serve: %w: name a directory with runs", err)
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		root.Close()
		taken := ""
		if errors.Is(err, syscall.EADDRINUSE) {
			taken = "is another one running there? "
		}
		return nil, fmt.Errorf("serve: %w: %sname another address with --listen, such as 127.0.0.1:0 for any port", err, taken)
	}
	s := &Server{dir: dir, root: root, guard: g, index: newIndex(root), draw: make(chan struct{}, 1), pages: p, net: l, done: make(chan struct{}), takeWithin: takeWithin}
	s.guard.port(l.Addr())
	s.live = newLives(s)
	return s, nil
}

// URL is where it can be looked at from this machine, with the token if there is one.
func (s *Server) URL() string {
	host, port, err := net.SplitHostPort(s.net.Addr().String())
	if err != nil {
		return "http://" + s.net.Addr().String() + "/"
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port) + "/" + s.guard.query()
}

// How long a connection may take: for its request, to take a part of an answer (all of it
// may be as long as it is), and without any.
const (
	readWithin = 10 * time.Second
	takeWithin = 30 * time.Second
	idleFor    = 2 * time.Minute
	endWithin  = 3 * time.Second
)

// Serve answers until ctx ends, and has then ended everything that it began.
func (s *Server) Serve(ctx context.Context) error {
	defer s.root.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	scans, stop := context.WithCancel(ctx)
	defer stop()
	wg.Go(func() { s.index.keep(scans) })
	web := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: readWithin, ReadTimeout: readWithin, IdleTimeout: idleFor, MaxHeaderBytes: 16 << 10,
	}
	ended := make(chan error, 1)
	wg.Go(func() { ended <- web.Serve(s.net) })
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		close(s.done)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
		defer cancel()
		if web.Shutdown(grace) != nil {
			web.Close()
		}
	}
	s.live.end()
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// Handler answers requests.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.showIndex)
	mux.HandleFunc("GET /style.css", s.style)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /run/{path...}", s.showRun)
	mux.HandleFunc("GET /picture/{path...}", s.sendPicture)
	mux.HandleFunc("GET /events/{path...}", s.sendEvents)
	mux.HandleFunc("GET /files/{path...}", s.showFiles)
	mux.HandleFunc("GET /file/{path...}", s.sendFile)
	mux.HandleFunc("GET /zip/{path...}", s.sendZip)
	mux.HandleFunc("GET /night/{path...}", s.showNight)
	mux.HandleFunc("GET /changes/{path...}", s.sendChanges)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			s.problem(w, http.StatusMethodNotAllowed, "Only reading is possible here.")
			return
		}
		s.problem(w, http.StatusNotFound, "There is no such page.")
	})
	return s.patiently(s.guard.wrap(s, mux))
}

// within returns the path that a request names below the directory, and answers it if
// there can be none.
func (s *Server) within(w http.ResponseWriter, r *http.Request) (path string, ok bool) {
	path = r.PathValue("path")
	if path == "" {
		path = "."
	}
	if !fs.ValidPath(path) {
		s.problem(w, http.StatusNotFound, "There is nothing of this name.")
		return "", false
	}
	return path, true
}

// failed answers a request whose file could not be had.
func (s *Server) failed(w http.ResponseWriter, err error) {
	if why := s.gone(); why != "" {
		s.problem(w, http.StatusGone, why)
		return
	}
	switch {
	case errors.Is(err, errNoRun):
		s.problem(w, http.StatusNotFound, "There is no run in this directory: it has neither "+results.HistoryFile+" nor "+results.VerdictFile+".")
	case errors.Is(err, errNoNight):
		s.problem(w, http.StatusNotFound, "There is no night in this directory: it has no "+nights.LogFile+".")
	case errors.Is(err, fs.ErrNotExist):
		s.problem(w, http.StatusNotFound, "There is nothing of this name: it was removed, or never was.")
	case errors.Is(err, fs.ErrPermission):
		s.problem(w, http.StatusForbidden, "This cannot be read: permission denied.")
	case errors.Is(err, errNoFile):
		s.problem(w, http.StatusForbidden, "This is no file or directory that is shown.")
	default: // of an os.Root that is left, among others: it says where to, which is nobody's business
		s.problem(w, http.StatusForbidden, "This cannot be read.")
	}
}

// gone says what has become of the directory, if it is no longer where it was.
func (s *Server) gone() string {
	name := filepath.Base(s.dir)
	now, err := os.Stat(s.dir)
	if err != nil {
		return "The directory " + name + " is no longer there: it was moved or removed while it was shown."
	}
	if was, err := s.root.Stat("."); err == nil && !os.SameFile(was, now) {
		return "The directory " + name + " is another one now than the one that is shown: end usurper serve, and start it again."
	}
	return ""
}
