package exec

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// server is a member that answers each request with the next line of its
// script, and hangs up after the last.
type server struct {
	net.Listener
	read func(*bufio.Reader) (string, error) // one request

	mu       sync.Mutex
	replies  []string
	requests []string
	gone     sync.WaitGroup
}

const hangs = "hang"

func serve(t *testing.T, read func(*bufio.Reader) (string, error), replies ...string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{Listener: l, read: read, replies: replies}
	s.gone.Go(func() {
		for {
			conn, err := s.Accept()
			if err != nil {
				return
			}
			s.gone.Go(func() {
				defer conn.Close()
				s.talk(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.gone.Wait()
	})
	return s
}

func (s *server) talk(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		req, err := s.read(in)
		if err != nil {
			return
		}
		switch reply := s.next(req); reply {
		case "":
			return
		case hangs:
			io.Copy(io.Discard, in) // until the client hangs up
			return
		default:
			if _, err := io.WriteString(conn, reply); err != nil {
				return
			}
		}
	}
}

func (s *server) next(req string) (reply string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, req)
	if len(s.replies) > 0 {
		reply, s.replies = s.replies[0], s.replies[1:]
	}
	return reply
}

func (s *server) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

func readHTTPRequest(in *bufio.Reader) (string, error) {
	req, err := http.ReadRequest(in)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(req.Body)
	return req.Method + " " + req.URL.Path + " " + string(b), err
}

// readCommand reads an array of bulk strings.
func readCommand(in *bufio.Reader) (string, error) {
	var n int
	if _, err := fmt.Fscanf(in, "*%d\r\n", &n); err != nil {
		return "", err
	}
	words := make([]string, n)
	for i := range words {
		var size int
		if _, err := fmt.Fscanf(in, "$%d\r\n", &size); err != nil {
			return "", err
		}
		b := make([]byte, size+2)
		if _, err := io.ReadFull(in, b); err != nil {
			return "", err
		}
		words[i] = string(b[:size])
	}
	return strings.Join(words, " "), nil
}

func says(status int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d Word\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

// over returns a client of s as the file's client says.
func over(t *testing.T, s *server, file string) *client {
	t.Helper()
	tgt := parse(t, "name: small\ncommand: [sh]\nclient:\n"+file)
	c, err := tgt.Client(target.Member{
		Name: "n1", PeerAddr: "127.0.0.1:1", ClientAddr: s.Addr().String(), DataDir: t.TempDir(),
		Peers: map[string]string{"n2": "127.0.0.1:2002", "n3": "127.0.0.1:2003"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c.(*client)
}

// patience is for what ends by itself.
const patience = 30 * time.Second

func do(t *testing.T, c *client, op history.Op) (history.Op, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return doUntil(ctx, t, c, op)
}

func doUntil(ctx context.Context, t *testing.T, c *client, op history.Op) (history.Op, string) {
	t.Helper()
	op.Key, op.Request = "k", "c0-0/1"
	done, hint := c.Do(ctx, op)
	require.Equal(t, done.Type != history.OK, done.Error != "", "what is not ok says why: %+v", done)
	return done, hint
}

const overHTTP = `
  hint: {json: leader}
  reason: {json: error}
  http:
    path: /{{.Key}}
    ok: {status: 200}
    fail: [{status: 421}, {status: 200, json: {error: [busy, "no leader"]}}]
    ops:
      get: {value: {json: v}, absent: {status: 404}}
      put: {method: PUT, body: "{{.Value}}"}
      cas:
        method: POST
        body: "{{.Old}}>{{.Value}}"
        mismatch: {status: 412}
        value: {json: v}
        absent: {status: 412, json: {v: null}}
      add: {method: POST, path: "/set/{{.Key}}", body: "{{base64 .Value}}"}
      read: {path: "/set/{{.Key}}", value: {json: list, base64: true}}
`

func TestHTTPOutcomes(t *testing.T) {
	for _, c := range []struct {
		name, reply string
		op, want    history.Op
		hint        string
	}{
		{"put", says(200, `{}`), history.Op{F: history.FPut, Arg: "a"}, history.Op{Type: history.OK}, ""},
		{"put without a body", says(200, ``), history.Op{F: history.FPut, Arg: "a"}, history.Op{Type: history.OK}, ""},
		{"definite failure", says(421, `{"error":"ask n3","leader":"n3"}`), history.Op{F: history.FPut},
			history.Op{Type: history.Fail, Error: "ask n3"}, "n3"},
		{"leader by address", says(421, `{"error":"x","leader":"127.0.0.1:2002"}`), history.Op{F: history.FPut},
			history.Op{Type: history.Fail, Error: "x"}, "n2"},
		{"success and failure", says(200, `{"error":"busy"}`), history.Op{F: history.FPut},
			history.Op{Type: history.Info, Error: "busy"}, ""},
		{"unknown status", says(503, `{"error":"?"}`), history.Op{F: history.FPut}, history.Op{Type: history.Info, Error: "?"}, ""},
		{"redirect is not followed", "HTTP/1.1 307 Go\r\nLocation: /k\r\nContent-Length: 0\r\n\r\n", history.Op{F: history.FPut},
			history.Op{Type: history.Info, Error: "neither a success nor a failure: http status 307: "}, ""},
		{"get", says(200, `{"v":"a"}`), history.Op{F: history.FGet}, history.Op{Type: history.OK, Got: "a", Saw: true}, ""},
		{"get of nothing", says(404, ``), history.Op{F: history.FGet}, history.Op{Type: history.OK, Saw: true}, ""},
		{"get without a value", says(200, `{}`), history.Op{F: history.FGet},
			history.Op{Type: history.Info, Error: errNoValue.Error() + ": http status 200: {}"}, ""},
		{"get of no JSON", says(200, `}{`), history.Op{F: history.FGet},
			history.Op{Type: history.Info, Error: errNoValue.Error() + ": http status 200: }{"}, ""},
		{"get of a character", says(200, `{"v":"\ud83d\ude00"}`), history.Op{F: history.FGet}, history.Op{Type: history.OK, Got: "😀", Saw: true}, ""},
		{"get of half a character", says(200, `{"v":"\ud83d"}`), history.Op{F: history.FGet},
			history.Op{Type: history.Info, Error: errNoValue.Error() + `: http status 200: {"v":"\ud83d"}`}, ""},
		{"get of bytes", says(200, "{\"v\":\"a\xff\"}"), history.Op{F: history.FGet}, history.Op{Type: history.OK, Got: "a\xff", Saw: true}, ""},
		{"cas", says(200, `{}`), history.Op{F: history.FCas, Old: "a", Arg: "b"}, history.Op{Type: history.OK}, ""},
		{"cas mismatch", says(412, `{"v":"z","error":"no"}`), history.Op{F: history.FCas},
			history.Op{Type: history.Fail, Got: "z", Saw: true, Error: "no"}, ""},
		{"cas of nothing", says(412, `{"error":"no"}`), history.Op{F: history.FCas}, history.Op{Type: history.Fail, Saw: true, Error: "no"}, ""},
		{"cas refused", says(421, `{"v":"z","error":"no"}`), history.Op{F: history.FCas}, history.Op{Type: history.Fail, Error: "no"}, ""},
		{"add", says(200, ``), history.Op{F: history.FAdd, Arg: "a"}, history.Op{Type: history.OK}, ""},
		{"read", says(200, `{"list":["YQ==","Yg=="]}`), history.Op{F: history.FRead},
			history.Op{Type: history.OK, List: []string{"a", "b"}, Saw: true}, ""},
		{"read of an empty list", says(200, `{"list":[]}`), history.Op{F: history.FRead},
			history.Op{Type: history.OK, List: []string{}, Saw: true}, ""},
		{"read of garbage", says(200, `{"list":["*"]}`), history.Op{F: history.FRead},
			history.Op{Type: history.Info, Error: errNoValue.Error() + `: http status 200: {"list":["*"]}`}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, readHTTPRequest, c.reply)
			done, hint := do(t, over(t, s, overHTTP), c.op)
			require.Equal(t, c.want, history.Op{Type: done.Type, Got: done.Got, Saw: done.Saw, List: done.List, Error: done.Error})
			require.Equal(t, c.hint, hint)
			require.Len(t, s.received(), 1)
		})
	}
}

func TestHTTPRequests(t *testing.T) {
	s := serve(t, readHTTPRequest, says(200, ""), says(200, ""), says(200, ""))
	c := over(t, s, overHTTP)
	do(t, c, history.Op{F: history.FPut, Arg: "a"})
	first := c.conn.conn
	do(t, c, history.Op{F: history.FCas, Old: "a", Arg: "b"})
	do(t, c, history.Op{F: history.FAdd, Arg: "a"})
	require.Equal(t, []string{"PUT /k a", "POST /k a>b", "POST /set/k YQ=="}, s.received())
	require.Same(t, first, c.conn.conn, "one connection serves them all")
	done, _ := do(t, c, history.Op{F: history.FDelete})
	require.Equal(t, history.Fail, done.Type)
	require.Len(t, s.received(), 3, "nothing is sent for what the system lacks")
}

// A kept connection that the member closes just when it has the next request is
// where a request is easily sent again.
func TestEachRequestIsSentOnce(t *testing.T) {
	s := serve(t, readHTTPRequest, says(200, ""), "", says(200, ""), "")
	c := over(t, s, overHTTP)
	for i, want := range []history.OpType{history.OK, history.Info, history.OK, history.Info} {
		done, _ := do(t, c, history.Op{F: history.FPut, Arg: fmt.Sprint(i)})
		require.Equal(t, want, done.Type, "request %d: %s", i, done.Error)
		require.Len(t, s.received(), i+1)
	}
	s.Close()
	s.gone.Wait()
	done, _ := do(t, c, history.Op{F: history.FPut})
	require.Equal(t, history.Fail, done.Type, "nobody was there to hear it")
}

const overRESP = `
  hint: {match: 'MOVED \d+ (\S+)'}
  resp:
    fail: {error: '^(READONLY|MOVED) '}
    ops:
      get: {command: [GET, "{{.Key}}"]}
      put: {command: [SET, "{{.Key}}", "{{.Value}}"], ok: {json: {"@this": OK}}}
      cas: {command: [CAS, "{{.Key}}"], ok: {json: {"0": 1}}, mismatch: {json: {"0": 0}}, value: {json: "1"}}
      append: {command: [RPUSH, "{{.Key}}", "{{.Value}}"]}
      read: {command: [LRANGE, "{{.Key}}", "0", "-1"]}
`

func TestRESPOutcomes(t *testing.T) {
	for _, c := range []struct {
		name, reply string
		op, want    history.Op
		hint        string
	}{
		{"put", "+OK\r\n", history.Op{F: history.FPut}, history.Op{Type: history.OK}, ""},
		{"put, another answer", "+QUEUED\r\n", history.Op{F: history.FPut}, history.Op{Type: history.Info}, ""},
		{"definite failure", "-READONLY no\r\n", history.Op{F: history.FPut}, history.Op{Type: history.Fail}, ""},
		{"failure with a hint", "-MOVED 7 127.0.0.1:2003\r\n", history.Op{F: history.FPut}, history.Op{Type: history.Fail}, "n3"},
		{"unknown error", "-ERR oops\r\n", history.Op{F: history.FPut}, history.Op{Type: history.Info}, ""},
		{"error instead of a value", "-ERR oops\r\n", history.Op{F: history.FGet}, history.Op{Type: history.Info}, ""},
		{"get", "$2\r\nab\r\n", history.Op{F: history.FGet}, history.Op{Type: history.OK, Got: "ab", Saw: true}, ""},
		{"get of bytes", "$6\r\n\"\xff\n\\\xfeb\r\n", history.Op{F: history.FGet}, history.Op{Type: history.OK, Got: "\"\xff\n\\\xfeb", Saw: true}, ""},
		{"read of bytes", "*2\r\n$1\r\n\xff\r\n$1\r\n\xfe\r\n", history.Op{F: history.FRead},
			history.Op{Type: history.OK, List: []string{"\xff", "\xfe"}, Saw: true}, ""},
		{"get of nothing", "$-1\r\n", history.Op{F: history.FGet}, history.Op{Type: history.OK, Saw: true}, ""},
		{"get of an array", "*0\r\n", history.Op{F: history.FGet}, history.Op{Type: history.Info}, ""},
		{"cas", "*1\r\n:1\r\n", history.Op{F: history.FCas}, history.Op{Type: history.OK}, ""},
		{"cas mismatch", "*2\r\n:0\r\n$1\r\nz\r\n", history.Op{F: history.FCas}, history.Op{Type: history.Fail, Got: "z", Saw: true}, ""},
		{"append", ":7\r\n", history.Op{F: history.FAppend}, history.Op{Type: history.OK}, ""},
		{"read", "*2\r\n$1\r\na\r\n$1\r\nb\r\n", history.Op{F: history.FRead},
			history.Op{Type: history.OK, List: []string{"a", "b"}, Saw: true}, ""},
		{"read of null", "*-1\r\n", history.Op{F: history.FRead}, history.Op{Type: history.OK, Saw: true}, ""},
		{"read of numbers", "*1\r\n:1\r\n", history.Op{F: history.FRead}, history.Op{Type: history.Info}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, readCommand, c.reply)
			done, hint := do(t, over(t, s, overRESP), c.op)
			require.Equal(t, c.want, history.Op{Type: done.Type, Got: done.Got, Saw: done.Saw, List: done.List}, done.Error)
			require.Equal(t, c.hint, hint)
			require.Len(t, s.received(), 1)
		})
	}
}

// What is no answer in the protocol is never a success, nor a failure.
func TestGarbage(t *testing.T) {
	nested := strings.Repeat("*1\r\n", 100_000) + ":1\r\n"
	for name, reply := range map[string]string{
		"closed": "", "hangs": hangs,
		"another protocol":     "SSH-2.0-OpenSSH\r\n\r\n",
		"half a status line":   "HTTP/1.1 2",
		"continue":             "HTTP/1.1 100 Continue\r\n\r\n",
		"body cut short":       "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
		"body without end":     "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", maxAnswer+1),
		"headers without end":  "HTTP/1.1 200 OK\r\n" + strings.Repeat("x", maxAnswer),
		"huge string":          "$9223372036854775807\r\n",
		"large string":         "$1099511627776\r\nabc",
		"huge array":           "*9223372036854775807\r\n",
		"array cut short":      "*2\r\n:1\r\n",
		"no length":            "$x\r\n",
		"arrays in arrays":     nested,
		"two replies":          "+OK\r\n+OK\r\n",
		"line without end":     "+" + strings.Repeat("x", 2*maxAnswer),
		"nothing but newlines": "\r\n\r\n",
	} {
		for protocol, file := range map[string]string{"http": overHTTP, "resp": overRESP} {
			t.Run(name+" over "+protocol, func(t *testing.T) {
				t.Parallel()
				read := readHTTPRequest
				if protocol == "resp" {
					read = readCommand
				}
				s := serve(t, read, reply)
				c := over(t, s, file)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				s.gone.Go(func() { // a second for the answer, however long the question took
					for len(s.received()) == 0 && ctx.Err() == nil {
						time.Sleep(time.Millisecond)
					}
					time.AfterFunc(time.Second, cancel)
				})
				done, _ := doUntil(ctx, t, c, history.Op{F: history.FPut, Arg: "a"})
				require.Equal(t, history.Info, done.Type, done.Error)
				require.Len(t, s.received(), 1)
			})
		}
	}
}
