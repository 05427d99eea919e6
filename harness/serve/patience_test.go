package serve

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// deaf asks for something, and never reads the answer.
func deaf(t *testing.T, address, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	_, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
	require.NoError(t, err)
	return c
}

// soon waits for what must come, some day.
func soon[T any](t *testing.T, c <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-c:
	case <-time.After(time.Minute):
		require.FailNow(t, "it never comes")
	}
	return got
}

// Who does not take an answer is let go.
func TestPatience(t *testing.T) {
	s := &Server{takeWithin: 100 * time.Millisecond}
	failed := make(chan error, 1)
	web := httptest.NewServer(s.patiently(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				failed <- err
				return
			}
		}
	})))
	defer web.Close()
	deaf(t, web.Listener.Addr().String(), "/")
	require.ErrorIs(t, soon(t, failed), os.ErrDeadlineExceeded)
}

// clerk notes what becomes of an answer, and the deadlines of it.
type clerk struct {
	*httptest.ResponseRecorder
	notes []string
	until time.Time
}

func (c *clerk) SetWriteDeadline(until time.Time) error {
	c.notes, c.until = append(c.notes, "deadline"), until
	return nil
}

func (c *clerk) Write(b []byte) (int, error) {
	c.notes = append(c.notes, fmt.Sprint(len(b)))
	return c.ResponseRecorder.Write(b)
}

func (c *clerk) FlushError() error {
	c.notes = append(c.notes, "flush")
	return nil
}

// Who takes it slowly is not: each part of an answer has as long as the one before.
func TestPatienceAnew(t *testing.T) {
	c, begin := &clerk{ResponseRecorder: httptest.NewRecorder()}, time.Now()
	s := &Server{takeWithin: time.Hour}
	s.patiently(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "a part")
		require.NoError(t, http.NewResponseController(w).Flush())
		w.Write(make([]byte, 130<<10))
	})).ServeHTTP(c, httptest.NewRequest("GET", "/", nil))
	require.Equal(t, "deadline deadline 6 deadline flush deadline 65536 deadline 65536 deadline 2048 deadline", strings.Join(c.notes, " "))
	require.WithinRange(t, c.until, begin.Add(s.takeWithin), time.Now().Add(s.takeWithin))
}

// Its end ends everything that it began, whoever still holds on.
func TestNothingIsLeft(t *testing.T) {
	dir := t.TempDir()
	defer held(t, dir, "one")()
	put(t, dir, "one/log", "")
	require.NoError(t, os.Truncate(filepath.Join(dir, "one", "log"), 1<<30))
	s, err := New(dir, Options{Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	at := &site{t, s, &http.Client{}, strings.TrimSuffix(s.URL(), "/")}
	for _, path := range []string{"/", "/run/one", "/picture/one", "/files/one"} {
		at.ok(path)
	}
	for _, path := range []string{"/file/one/log", "/zip/one", "/events/one", "/events/one"} {
		deaf(t, s.net.Addr().String(), path)
	}
	lines := at.watch("/events/one")
	require.Equal(t, "data: 3", at.next(lines))
	cancel()
	require.NoError(t, soon(t, ended))
	at.web.CloseIdleConnections()
	require.Eventually(t, func() bool {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		return !strings.Contains(string(stacks), "harness/serve.(*")
	}, time.Minute, 10*time.Millisecond)
}

// A port that is taken is told from one that there cannot be.
func TestNoPort(t *testing.T) {
	dir := t.TempDir()
	s := up(t, dir, Options{})
	_, err := New(dir, Options{Listen: strings.TrimPrefix(s.at, "http://")})
	require.ErrorContains(t, err, "is another one running there? name another address with --listen")
	_, err = New(dir, Options{Listen: "127.0.0.1:99999"})
	require.ErrorContains(t, err, "name another address with --listen")
	require.NotContains(t, err.Error(), "is another one running")
}
