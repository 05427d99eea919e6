package fabric

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// calling is the toy's protocol for members who say "at ADDRESS" in an "order" frame.
type calling struct{ toy }

func (calling) Open(_, _ string) (forward, backward Splitter) {
	return callingSplitter{}, callingSplitter{}
}

type callingSplitter struct{ toySplitter }

var callingAt = []byte("at ")

func (callingSplitter) Rewrite(frame []byte, reach func(string) (string, bool)) []byte {
	addr, ok := bytes.CutPrefix(frame[5:], callingAt)
	if frame[4] != 0 || !ok {
		return nil
	}
	instead, ok := reach(string(addr))
	if !ok {
		return nil
	}
	return toyFrame(0, "at "+instead)
}

func callingRig(t *testing.T) (r *rig, back string) {
	r = newRig(t, true, func(o *Options) { o.Protocol = calling{} })
	back, err := r.fabric.Listen("b", "a", ListenOptions{Addr: "127.0.0.1:0", Backend: "127.9.9.9:77", Decode: true})
	require.NoError(t, err)
	return r, back
}

func TestRewrittenAddressIsTheReceiversDoor(t *testing.T) {
	r, back := callingRig(t)
	a, b := r.connect()
	sayToy(t, a, 0, "one", "at 127.9.9.9:77", "two", "at 127.9.9.9:78")
	hearToy(t, b, "one", "at "+back, "two", "at 127.9.9.9:78")
	sayToy(t, b, 0, "at 127.9.9.9:77")
	hearToy(t, a, "at 127.9.9.9:77") // b reaches a there, not a itself
	eventually(t, func() bool { return r.watch.count(Delivered) == 7 }, "all delivered")
	require.Contains(t, r.watch.stages[Sent], "at "+back, "what is observed is what goes on")

	all, err := r.fabric.ListenShared("c", SharedOptions{Addr: "127.0.0.1:0", Backend: "127.9.9.9:79", Identify: (&register{}).identify})
	require.NoError(t, err)
	sayToy(t, a, 0, "at 127.9.9.9:79")
	hearToy(t, b, "at "+all)
}

func TestRewrittenFramesUnderRules(t *testing.T) {
	r, back := callingRig(t)
	a, b := r.connect()
	cut := r.apply(Rule{Action: Cut, Links: []Link{ab}})
	sayToy(t, a, 0, "at 127.9.9.9:77", "one")
	eventually(t, func() bool { return r.watch.count(Held) == 2 }, "held")
	require.Equal(t, Evidence{BytesHeld: int64(len(toyFrame(0, "at "+back)) + len(toyFrame(0, "one"))), DialsHeld: 0, ClosesHeld: 0}, cut.Remove())
	hearToy(t, b, "at "+back, "one")

	dup := r.apply(Rule{Action: Duplicate, Links: []Link{ab}, Class: "vote"})
	sayToy(t, a, 0, "at 127.9.9.9:77")
	sayToy(t, a, 1, "at 127.9.9.9:77")
	hearToy(t, b, "at "+back, "at 127.9.9.9:77", "at 127.9.9.9:77")
	dup.Remove()
}

// Rules come and go while frames are rewritten: each arrives once, in order, whole.
func TestRewritingRacesRules(t *testing.T) {
	r, back := callingRig(t)
	a, b := r.connect()
	const n = 4000
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for _, rule := range []Rule{
		{Action: Cut}, {Action: Delay, Delay: time.Millisecond, Jitter: time.Millisecond}, {Action: Throttle, Rate: 8 << 20},
	} {
		rule.Links = []Link{ab, ba}
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(500 * time.Microsecond):
				}
				if in, err := r.fabric.Apply(rule); err == nil {
					in.Remove()
				}
			}
		})
	}
	go func() {
		for i := range n {
			frames := append(toyFrame(0, "at 127.9.9.9:77"), toyFrame(0, fmt.Sprint(i))...)
			half := i % len(frames)
			a.Write(frames[:half])
			a.Write(frames[half:])
		}
	}()
	for i := range n {
		hearToy(t, b, "at "+back, fmt.Sprint(i))
	}
	close(stop)
	wg.Wait()
}

// shift is a splitter whose frames begin with their length and are replaced by
// longer and shorter ones.
type shift struct{}

func (shift) Next(b []byte) (int, string, error) {
	if len(b) == 0 || len(b) < int(b[0])+1 {
		return 0, "", nil
	}
	return int(b[0]) + 1, "", nil
}

func (shift) Rewrite(frame []byte, _ func(string) (string, bool)) []byte { return shifted(frame) }

func shifted(frame []byte) []byte {
	switch n := len(frame) - 1; n % 3 {
	case 0:
		return nil
	case 1:
		return append([]byte{byte(min(255, 2*n))}, bytes.Repeat(frame[1:2], min(255, 2*n))...)
	default:
		return append([]byte{byte(n / 2)}, frame[1:1+n/2]...)
	}
}

// FuzzRewriting compares what leaves a framer, fed in pieces, with what is asked for.
func FuzzRewriting(f *testing.F) {
	f.Add([]byte("\x01a\x02bc\x03def\x04ghij\x00\x05klmno"), []byte{1, 3, 200})
	f.Add(append([]byte{255}, bytes.Repeat([]byte("x"), 600)...), []byte{7})
	f.Fuzz(func(t *testing.T, stream, pieces []byte) {
		var want []byte
		rest := stream
		for {
			n, _, _ := shift{}.Next(rest)
			if n == 0 {
				break
			}
			if with := shifted(rest[:n]); with != nil {
				want = append(want, with...)
			} else {
				want = append(want, rest[:n]...)
			}
			rest = rest[n:]
		}
		framer := newFramer(shift{}, nil)
		framer.buf = make([]byte, 16)
		var got []byte
		for i := 0; len(stream) > 0; i++ {
			n := min(len(stream), len(framer.space()))
			if len(pieces) > 0 {
				n = min(n, 1+int(pieces[i%len(pieces)]))
			}
			framer.grown(copy(framer.space(), stream[:n]))
			stream = stream[n:]
			marks, err := framer.split()
			require.NoError(t, err)
			if len(marks) > 0 {
				end := marks[len(marks)-1].end
				got = append(got, framer.pending()[:end]...)
				framer.discard(end)
			}
		}
		require.Equal(t, want, got)
		require.Equal(t, append([]byte(nil), rest...), append([]byte(nil), framer.pending()...))
	})
}

// later is an address at which nobody listens yet.
func later(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func redialRig(t *testing.T, redial time.Duration) *rig {
	r := newRig(t, true)
	r.backend.Close()
	backend := later(t)
	var err error
	r.addr, err = r.fabric.Listen("a", "b", ListenOptions{Addr: "127.0.0.1:0", Backend: backend, Decode: true, Redial: redial})
	require.NoError(t, err)
	return r
}

// listens lets the backend be there.
func (r *rig) listens(addr string) {
	r.t.Helper()
	var err error
	r.backend, err = net.Listen("tcp", addr)
	require.NoError(r.t, err)
}

func (r *rig) backendOf(dialler string) string {
	r.fabric.mu.Lock()
	defer r.fabric.mu.Unlock()
	for d, addr := range r.fabric.doors {
		if d.dialler == dialler && addr == r.addr {
			return d.backend
		}
	}
	return ""
}

func TestRedialUntilSomebodyListens(t *testing.T) {
	r := redialRig(t, deadline)
	a := r.dial()
	sayToy(t, a, 0, "early")
	silent(t, a)
	r.listens(r.backendOf("a"))
	b := r.accept()
	hearToy(t, b, "early")
	sayToy(t, b, 0, "answer")
	hearToy(t, a, "answer")
}

func TestRedialHasAnEnd(t *testing.T) {
	r := redialRig(t, 50*time.Millisecond)
	reset(t, r.dial())
}

// Rules that come while the fabric redials are obeyed: a dial that is cut waits for its
// end, a refused one does not.
func TestRedialUnderRules(t *testing.T) {
	r := redialRig(t, deadline)
	a := r.dial()
	eventually(t, func() bool { return r.fabric.Counters()[ab].Conns == 1 }, "accepted")
	cut := r.apply(Rule{Action: Cut, Links: []Link{ab}})
	r.listens(r.backendOf("a"))
	sayToy(t, a, 0, "early")
	silent(t, a)
	require.EqualValues(t, 1, cut.Remove()[DialsHeld])
	hearToy(t, r.accept(), "early")

	r = redialRig(t, deadline)
	a = r.dial()
	eventually(t, func() bool { return r.fabric.Counters()[ab].Conns == 1 }, "accepted")
	require.EqualValues(t, 1, r.apply(Rule{Action: Refuse, Links: []Link{ba}}).Remove()[ConnsReset])
	reset(t, a)
}

// A dialler that does not wait any more is not connected to a backend that comes later.
func TestRedialEndsWithItsDialler(t *testing.T) {
	r := redialRig(t, deadline)
	a := r.dial()
	eventually(t, func() bool { return r.fabric.Counters()[ab].Conns == 1 }, "accepted")
	require.NoError(t, a.Close())
	eventually(t, func() bool {
		r.fabric.mu.Lock()
		defer r.fabric.mu.Unlock()
		return len(r.fabric.conns) == 0
	}, "given up")
}
