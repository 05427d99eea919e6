package reference

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/workload"
)

// server is a member that reads requests and does as its script says: one reply
// for each request, over all connections. After the last one it closes.
type server struct {
	net.Listener
	mu       sync.Mutex
	replies  []string
	requests []string // their bodies
	conns    int
	gone     sync.WaitGroup
}

const (
	closes = "" // no answer: the connection is closed
	hangs  = "hang"
)

// says is a whole response.
func says(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func serve(t *testing.T, replies ...string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{Listener: l, replies: replies}
	s.gone.Go(s.accept)
	t.Cleanup(func() {
		l.Close()
		s.gone.Wait()
	})
	return s
}

func (s *server) accept() {
	for {
		conn, err := s.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns++
		s.mu.Unlock()
		s.gone.Go(func() {
			defer conn.Close()
			s.talk(conn)
		})
	}
}

func (s *server) talk(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		reply := s.next(string(body))
		if reply == hangs {
			io.Copy(io.Discard, in) // until the client hangs up
		}
		if reply == closes || reply == hangs {
			return
		}
		if _, err := io.WriteString(conn, reply); err != nil {
			return
		}
	}
}

func (s *server) next(body string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, body)
	if len(s.replies) == 0 {
		return closes
	}
	reply := s.replies[0]
	s.replies = s.replies[1:]
	return reply
}

func (s *server) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

// patience is for what ends by itself.
const patience = 30 * time.Second

// until is a context that ends a moment after n requests have come.
func (s *server) until(t *testing.T, n int) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	s.gone.Go(func() {
		for len(s.received()) < n && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		time.AfterFunc(200*time.Millisecond, cancel)
	})
	return ctx
}

func put(value string) history.Op {
	return history.Op{Process: 3, Type: history.Invoke, F: history.FPut, Key: "r0-1", Arg: value, Request: "c3-3/1", Node: "n1"}
}

func ask(t *testing.T, c *client, op history.Op) (history.Op, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return c.Do(ctx, op)
}

func TestClientKeepsItsConnection(t *testing.T) {
	s := serve(t,
		says(`{"outcome":"ok","leader":"n1"}`),
		says(`{"outcome":"fail","error":"not the leader","leader":"n2"}`),
		says(`{"outcome":"ok","saw":true,"list":["a","b"]}`))
	c := newClient(s.Addr().String())
	defer c.Close()

	done, _ := ask(t, c, put("c3-1"))
	want := put("c3-1")
	want.Type = history.OK
	require.Equal(t, want, done)

	done, hint := ask(t, c, put("c3-2"))
	require.Equal(t, history.Fail, done.Type)
	require.Equal(t, "not the leader", done.Error)
	require.Equal(t, "n2", hint)

	done, _ = ask(t, c, history.Op{F: history.FRead, Key: "s0-1"})
	require.Equal(t, []string{"a", "b"}, done.List)
	require.True(t, done.Saw)

	ask(t, c, history.Op{F: history.FAdd, Key: "s0-1", Arg: "x"})
	require.Equal(t, []string{
		`{"f":"put","key":"r0-1","arg":"c3-1","request":"c3-3/1"}`,
		`{"f":"put","key":"r0-1","arg":"c3-2","request":"c3-3/1"}`,
		`{"f":"read","key":"s0-1"}`,
		`{"f":"append","key":"s0-1","arg":"x"}`,
	}, s.received())
	require.Equal(t, 1, s.conns)
}

// A kept connection that the member closes just when it has the next request
// is where net/http's client sends a request again. Ours must not.
func TestEachRequestIsSentExactlyOnce(t *testing.T) {
	s := serve(t, says(`{"outcome":"ok"}`), closes, says(`{"outcome":"ok"}`), closes)
	c := newClient(s.Addr().String())
	defer c.Close()
	for i, want := range []history.OpType{history.OK, history.Info, history.OK, history.Info} {
		done, _ := ask(t, c, put(fmt.Sprint("v", i)))
		require.Equal(t, want, done.Type, "request %d", i)
		require.Len(t, s.received(), i+1, "request %d was sent once", i)
	}
}

func TestConnectionClosedWhileIdle(t *testing.T) {
	s := serve(t, says(`{"outcome":"ok"}`), says(`{"outcome":"ok"}`))
	c := newClient(s.Addr().String())
	defer c.Close()
	done, _ := ask(t, c, put("v1"))
	require.Equal(t, history.OK, done.Type)
	require.True(t, workload.Idle(c.conn))

	stale, err := net.Dial("tcp", s.Addr().String())
	require.NoError(t, err)
	require.NoError(t, stale.(*net.TCPConn).CloseWrite()) // the server closes in turn
	c.conn.Close()
	c.conn = stale
	require.Eventually(t, func() bool { return !workload.Idle(stale) }, patience, time.Millisecond)
	done, _ = ask(t, c, put("v2"))
	require.Equal(t, history.OK, done.Type, "nothing was sent on the dead connection, so nothing is in doubt")
	require.Len(t, s.received(), 2)
}

func TestUnusableAnswers(t *testing.T) {
	for name, reply := range map[string]string{
		"no http":           "SSH-2.0-OpenSSH\r\n\r\n",
		"garbage body":      says(`}{`),
		"body cut short":    "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
		"server error":      "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
		"redirect":          "HTTP/1.1 307 Go\r\nLocation: /v1/op\r\nContent-Length: 0\r\n\r\n",
		"empty body":        says(``),
		"unknown outcome":   says(`{"outcome":"perhaps"}`),
		"headers never end": "HTTP/1.1 200 OK\r\n" + string(make([]byte, 100)),
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, reply)
			c := newClient(s.Addr().String())
			defer c.Close()
			done, _ := c.Do(s.until(t, 1), put("v"))
			require.Equal(t, history.Info, done.Type)
			require.NotEmpty(t, done.Error)
			require.Len(t, s.received(), 1)
		})
	}
}

func TestDeadlineAndCancel(t *testing.T) {
	s := serve(t, hangs, hangs)
	c := newClient(s.Addr().String())
	defer c.Close()
	var done history.Op
	for end := time.Now().Add(patience); len(s.received()) == 0 && time.Now().Before(end); {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond) // as a rule enough to send it
		done, _ = c.Do(ctx, put("v"))
		cancel()
	}
	require.Equal(t, history.Info, done.Type)

	done, _ = c.Do(s.until(t, 2), put("v"))
	require.Equal(t, history.Info, done.Type)
	require.Len(t, s.received(), 2)
}

func TestRefusedIsADefiniteFailure(t *testing.T) {
	s := serve(t)
	s.Close()
	c := newClient(s.Addr().String())
	done, _ := ask(t, c, put("v"))
	require.Equal(t, history.Fail, done.Type)
	require.Contains(t, done.Error, "refused")
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
}

func BenchmarkClient(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, `{"outcome":"ok","leader":"n1","term":3}`)
	})}
	go srv.Serve(l)
	defer srv.Close()
	c := newClient(l.Addr().String())
	defer c.Close()
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		if done, _ := c.Do(ctx, put("v")); done.Type != history.OK {
			b.Fatal(done)
		}
		cancel()
	}
}
