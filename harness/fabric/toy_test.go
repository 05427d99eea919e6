package fabric

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// toy is a protocol of frames: length (4 bytes), class (1 byte), payload. Class
// 0 is "order", which must stay in order; 1 is "vote" and 2 "beat", which are
// lossy.
type toy struct{}

var toyClasses = []string{"order", "vote", "beat"}

var errToy = errors.New("no such class")

func (toy) Open(_, _ string) (forward, backward Splitter) { return toySplitter{}, toySplitter{} }
func (toy) Lossy(class string) bool                       { return class == "vote" || class == "beat" }
func (toy) Classes() []string                             { return toyClasses }

type toySplitter struct{}

func (toySplitter) Next(b []byte) (int, string, error) {
	if len(b) < 5 {
		return 0, "", nil
	}
	n := int(binary.BigEndian.Uint32(b)) + 5
	if int(b[4]) >= len(toyClasses) || n > 1<<20 {
		return 0, "", errToy
	}
	if len(b) < n {
		return 0, "", nil
	}
	return n, toyClasses[b[4]], nil
}

func toyFrame(class byte, payload string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload)))
	return append(append(b, class), payload...)
}

func readToy(r io.Reader) (string, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", err
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err := io.ReadFull(r, b)
	return string(b), err
}

// watcher records what an Observer is told.
type watcher struct {
	mu     sync.Mutex
	stages map[Stage][]string // payloads
	sent   map[uint64]string  // by ID
	bad    int
	each   func(Stage, Frame) // may be nil
}

func (w *watcher) Frame(stage Stage, f Frame) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.each != nil {
		w.each(stage, f)
	}
	if w.stages == nil {
		w.stages, w.sent = make(map[Stage][]string), make(map[uint64]string)
	}
	if stage == Sent {
		w.sent[f.ID] = string(f.Bytes[5:])
	}
	w.stages[stage] = append(w.stages[stage], w.sent[f.ID])
}

func (w *watcher) Undecodable(Link, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bad++
}

func (w *watcher) count(stage Stage) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.stages[stage])
}

func (w *watcher) failures() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bad
}

// list collects what several goroutines tell.
type list[T any] struct {
	mu  sync.Mutex
	all []T
}

func (l *list[T]) add(x T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, x)
}

func (l *list[T]) list() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// rig is a fabric with a link from a to b, and b's own listener.
type rig struct {
	t       testing.TB
	fabric  *Fabric
	addr    string // of the fabric
	backend net.Listener
	watch   *watcher
}

var (
	ab = Link{"a", "b"}
	ba = Link{"b", "a"}
)

// deadline bounds what is to happen, on however busy a machine.
const deadline = 60 * time.Second

func newRig(t testing.TB, decode bool, change ...func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, watch: &watcher{}}
	o := Options{Protocol: toy{}, Observer: r.watch, Seed: 1}
	for _, c := range change {
		c(&o)
	}
	var err error
	r.fabric, err = New(o)
	require.NoError(t, err)
	r.backend, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r.addr, err = r.fabric.Listen("a", "b", ListenOptions{Addr: "127.0.0.1:0", Backend: r.backend.Addr().String(), Decode: decode})
	require.NoError(t, err)
	t.Cleanup(func() {
		r.backend.Close()
		require.NoError(t, r.fabric.Close())
	})
	return r
}

// dial makes a's end of a new connection.
func (r *rig) dial() *net.TCPConn {
	r.t.Helper()
	c, err := net.DialTimeout("tcp", r.addr, deadline)
	require.NoError(r.t, err)
	require.NoError(r.t, c.SetDeadline(time.Now().Add(deadline)))
	r.t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// accept waits for b's end of a connection.
func (r *rig) accept() *net.TCPConn {
	r.t.Helper()
	require.NoError(r.t, r.backend.(*net.TCPListener).SetDeadline(time.Now().Add(deadline)))
	c, err := r.backend.Accept()
	require.NoError(r.t, err)
	require.NoError(r.t, c.SetDeadline(time.Now().Add(deadline)))
	r.t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// connect makes both ends and says a word through them in both directions, so
// that they are known to be up.
func (r *rig) connect() (a, b *net.TCPConn) {
	r.t.Helper()
	a = r.dial()
	b = r.accept()
	hello := string(toyFrame(0, "hello"))
	say(r.t, a, hello)
	hear(r.t, b, hello)
	say(r.t, b, hello)
	hear(r.t, a, hello)
	return a, b
}

func (r *rig) apply(rule Rule) *Applied {
	r.t.Helper()
	a, err := r.fabric.Apply(rule)
	require.NoError(r.t, err)
	return a
}

func say(t testing.TB, c net.Conn, s string) {
	t.Helper()
	_, err := c.Write([]byte(s))
	require.NoError(t, err)
}

func hear(t testing.TB, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, len(want))
	n, err := io.ReadFull(c, b)
	require.NoError(t, err, "after %q", b[:n])
	require.Equal(t, want, string(b))
}

func sayToy(t testing.TB, c net.Conn, class byte, payloads ...string) {
	t.Helper()
	for _, p := range payloads {
		say(t, c, string(toyFrame(class, p)))
	}
}

func hearToy(t testing.TB, c net.Conn, want ...string) {
	t.Helper()
	for _, w := range want {
		got, err := readToy(c)
		require.NoError(t, err, "waiting for %q", w)
		require.Equal(t, w, got)
	}
}

// silent checks that nothing arrives for a moment. It can only miss a fault,
// not invent one.
func silent(t testing.TB, c net.Conn) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(30*time.Millisecond)))
	n, err := c.Read(make([]byte, 1))
	var timeout net.Error
	require.ErrorAs(t, err, &timeout, "read %d bytes", n)
	require.True(t, timeout.Timeout(), "%v", err)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(deadline)))
}

func eventually(t testing.TB, ok func() bool, what string, args ...any) {
	t.Helper()
	for end := time.Now().Add(deadline); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("never: %s\n%s", fmt.Sprintf(what, args...), stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// counted waits until links have counted n bytes each: what was written, and heard,
// is counted a moment later.
func counted(t testing.TB, f *Fabric, n int64, links ...Link) {
	t.Helper()
	for _, l := range links {
		eventually(t, func() bool { return f.Counters()[l].Bytes == n }, "%d bytes of %s counted", n, l)
	}
}

func reset(t testing.TB, c net.Conn) {
	t.Helper()
	_, err := c.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, io.EOF)
	var timeout net.Error
	require.False(t, errors.As(err, &timeout) && timeout.Timeout(), "%v", err)
}

// refused checks that a connection is reset right away, at times so early that
// the dial itself sees it.
func refused(t testing.TB, addr string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		require.ErrorIs(t, err, syscall.ECONNRESET)
		return
	}
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(deadline)))
	reset(t, c)
}
