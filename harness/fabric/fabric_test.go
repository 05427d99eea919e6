package fabric

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// modes runs a test on plain and on decoded connections.
func modes(t *testing.T, f func(t *testing.T, r *rig)) {
	for _, decode := range []bool{false, true} {
		t.Run(fmt.Sprintf("Decode=%v", decode), func(t *testing.T) { f(t, newRig(t, decode)) })
	}
}

func TestCutHoldsAndDelivers(t *testing.T) {
	modes(t, func(t *testing.T, r *rig) {
		a, b := r.connect()
		cut := r.apply(Rule{Action: Cut, Links: []Link{ab}})
		sayToy(t, a, 0, "one", "two")
		silent(t, b)
		sayToy(t, b, 0, "back") // the other way still flows
		hearToy(t, a, "back")
		sayToy(t, a, 0, "three")
		eventually(t, func() bool { return cut.tally.evidence()[BytesHeld] == int64(3*5+11) }, "all bytes held")
		require.Equal(t, Evidence{BytesHeld: 26, DialsHeld: 0, ClosesHeld: 0}, cut.Remove())
		hearToy(t, b, "one", "two", "three")
		require.Equal(t, int64(26), cut.Remove()[BytesHeld], "Remove is idempotent")
		sayToy(t, a, 0, "four")
		hearToy(t, b, "four")
	})
}

func TestCutHoldsDials(t *testing.T) {
	modes(t, func(t *testing.T, r *rig) {
		cut := r.apply(Rule{Action: Cut, Links: []Link{ab}})
		a := r.dial()
		sayToy(t, a, 0, "early")
		require.NoError(t, r.backend.(*net.TCPListener).SetDeadline(time.Now().Add(30*time.Millisecond)))
		_, err := r.backend.Accept()
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		eventually(t, func() bool { return cut.tally.evidence()[DialsHeld] == 1 }, "dial held")
		cut.Remove()
		b := r.accept()
		hearToy(t, b, "early")
	})
}

func TestCutHoldsTheAnswerToADial(t *testing.T) {
	r := newRig(t, true)
	r.backend.Close()
	cut := r.apply(Rule{Action: Cut, Links: []Link{ba}})
	a := r.dial()
	eventually(t, func() bool { return cut.tally.evidence()[ClosesHeld] == 1 }, "refusal held")
	silent(t, a)
	cut.Remove()
	reset(t, a)
}

func TestRefusedByBackend(t *testing.T) {
	r := newRig(t, false)
	r.backend.Close()
	refused(t, r.addr)
}

func TestCutHoldsFIN(t *testing.T) {
	modes(t, func(t *testing.T, r *rig) {
		a, b := r.connect()
		cut := r.apply(Rule{Action: Cut, Links: []Link{ab}})
		sayToy(t, a, 0, "last")
		require.NoError(t, a.CloseWrite())
		eventually(t, func() bool { return cut.tally.evidence()[ClosesHeld] == 1 }, "FIN held")
		silent(t, b)
		cut.Remove()
		hearToy(t, b, "last")
		_, err := b.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		sayToy(t, b, 0, "half open") // a half-close is no more than that
		hearToy(t, a, "half open")
		require.NoError(t, b.Close())
		_, err = a.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		eventually(t, func() bool { return r.open() == 0 }, "connection forgotten")
	})
}

func TestCutHoldsRST(t *testing.T) {
	modes(t, func(t *testing.T, r *rig) {
		a, b := r.connect()
		cut := r.apply(Rule{Action: Cut, Links: []Link{ab}})
		sayToy(t, a, 0, "last")
		eventually(t, func() bool { return cut.tally.evidence()[BytesHeld] > 0 }, "bytes held")
		require.NoError(t, a.SetLinger(0))
		require.NoError(t, a.Close())
		eventually(t, func() bool { return cut.tally.evidence()[ClosesHeld] == 1 }, "RST held")
		silent(t, b)
		cut.Remove()
		hearToy(t, b, "last")
		reset(t, b)
	})
}

// A peer that closed in order and is then written to answers with a RST, which
// has to find its way back although the FIN went before.
func TestRSTAfterFIN(t *testing.T) {
	modes(t, func(t *testing.T, r *rig) {
		a, b := r.connect()
		require.NoError(t, b.Close())
		_, err := a.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		eventually(t, func() bool {
			_, err := a.Write(toyFrame(0, "anybody?"))
			return err != nil
		}, "write to a closed peer fails")
		eventually(t, func() bool { return r.open() == 0 }, "connection forgotten")
	})
}

func TestHeldMemoryIsBounded(t *testing.T) {
	for _, decode := range []bool{false, true} {
		r := newRig(t, decode, func(o *Options) { o.MaxHeld = 256 << 10 })
		a, b := r.connect()
		cut := r.apply(Rule{Action: Cut, Links: []Link{ab}})
		frame := string(toyFrame(0, strings.Repeat("x", 1019)))
		sent := 0
		for {
			require.NoError(t, a.SetWriteDeadline(time.Now().Add(200*time.Millisecond)))
			n, err := a.Write([]byte(frame)[sent%1024:])
			sent += n
			if err != nil && cut.tally.evidence()[BytesHeld] > 0 {
				break // held back, and not only starved
			}
			require.Less(t, sent, 64<<20)
		}
		held := cut.tally.evidence()[BytesHeld]
		require.Positive(t, held)
		require.LessOrEqual(t, held, int64(256<<10+2*readSize))
		cut.Remove()
		n, err := io.CopyN(io.Discard, b, int64(sent/1024*1024))
		require.NoError(t, err)
		require.Equal(t, int64(sent/1024*1024), n)
	}
}

func TestDelay(t *testing.T) {
	modes(t, func(t *testing.T, r *rig) {
		a, b := r.connect()
		r.apply(Rule{Action: Delay, Links: []Link{ab}, Delay: 20 * time.Millisecond})
		d := r.apply(Rule{Action: Delay, Links: []Link{ab}, Delay: 10 * time.Millisecond, Jitter: 10 * time.Millisecond})
		start := time.Now()
		for i := range 50 { // pipelined: all of it takes one delay, not fifty
			sayToy(t, a, 0, fmt.Sprint(i))
		}
		for i := range 50 {
			hearToy(t, b, fmt.Sprint(i))
		}
		require.GreaterOrEqual(t, time.Since(start), 20*time.Millisecond)
		require.Positive(t, d.Remove()[ChunksDelayed])
	})
}

func TestRemovedDelayEndsAtOnce(t *testing.T) {
	modes(t, func(t *testing.T, r *rig) {
		a, b := r.connect()
		d := r.apply(Rule{Action: Delay, Links: []Link{ab}, Delay: time.Hour})
		sayToy(t, a, 0, "one", "two")
		require.NoError(t, a.CloseWrite())
		eventually(t, func() bool { return d.tally.evidence()[ChunksDelayed] >= 2 }, "chunks and close delayed")
		silent(t, b)
		d.Remove()
		hearToy(t, b, "one", "two")
		_, err := b.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	})
}

func TestThrottle(t *testing.T) {
	modes(t, func(t *testing.T, r *rig) {
		a, b := r.connect()
		th := r.apply(Rule{Action: Throttle, Links: []Link{ab}, Rate: 200_000})
		const total = 40_000 // a burst of 4,000, then 180 ms
		start := time.Now()
		go func() {
			for range total / 1000 {
				a.Write(toyFrame(0, strings.Repeat("x", 995)))
			}
		}()
		_, err := io.CopyN(io.Discard, b, total)
		require.NoError(t, err)
		require.Greater(t, time.Since(start), 150*time.Millisecond)
		require.Positive(t, th.Remove()[BytesThrottled])
	})
}

func TestReset(t *testing.T) {
	modes(t, func(t *testing.T, r *rig) {
		a, b := r.connect()
		rule := r.apply(Rule{Action: Reset, Links: []Link{ba}}) // either link will do
		reset(t, a)
		reset(t, b)
		require.Equal(t, Evidence{ConnsReset: 1}, rule.Remove())
		r.connect() // once only
	})
}

func TestRefuse(t *testing.T) {
	modes(t, func(t *testing.T, r *rig) {
		a, b := r.connect()
		rule := r.apply(Rule{Action: Refuse, Links: []Link{ab}})
		reset(t, a)
		reset(t, b)
		refused(t, r.addr)
		require.Equal(t, Evidence{ConnsReset: 1, DialsRefused: 1}, rule.Remove())
		r.connect()
	})
}

func TestHealRemovesEverything(t *testing.T) {
	r := newRig(t, true)
	a, b := r.connect()
	for range 50 {
		r.apply(Rule{Action: Cut, Links: []Link{ab, ba}})
		r.apply(Rule{Action: Delay, Links: []Link{ab}, Delay: time.Hour})
	}
	sayToy(t, a, 0, "one")
	silent(t, b)
	r.fabric.Heal()
	hearToy(t, b, "one")
	require.Empty(t, r.fabric.applied)
}

func TestCounters(t *testing.T) {
	modes(t, func(t *testing.T, r *rig) {
		r.connect() // says a frame of 10 bytes each way
		want := Counters{Bytes: 10, Conns: 1}
		if r.fabric.links[ab].decoded {
			want.Frames = 1
		}
		eventually(t, func() bool { return r.fabric.Counters()[ab] == want }, "counters of a > b")
		eventually(t, func() bool { return r.fabric.Counters()[ba] == want }, "counters of b > a")
	})
}

func TestCloseLeavesNothing(t *testing.T) {
	goroutines, fds := runtime.NumGoroutine(), openFiles()
	func() {
		f, err := New(Options{Protocol: toy{}})
		require.NoError(t, err)
		backend, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer backend.Close()
		addr, err := f.Listen("a", "b", ListenOptions{Addr: "127.0.0.1:0", Backend: backend.Addr().String()})
		require.NoError(t, err)
		for i := range 10 {
			c, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			defer c.Close()
			if i < 5 {
				b, err := backend.Accept()
				require.NoError(t, err)
				defer b.Close()
				say(t, c, "x")
				hear(t, b, "x")
			}
			if i == 4 {
				_, err := f.Apply(Rule{Action: Cut, Links: []Link{ab, ba}})
				require.NoError(t, err)
			}
		}
		require.NoError(t, f.Close())
		require.NoError(t, f.Close(), "a second Close")
		_, err = f.Apply(Rule{Action: Cut, Links: []Link{ab}})
		require.ErrorIs(t, err, ErrClosed)
		_, err = f.Listen("a", "b", ListenOptions{Addr: "127.0.0.1:0", Backend: addr})
		require.Error(t, err)
	}()
	eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines }, "goroutines gone")
	eventually(t, func() bool { return openFiles() <= fds }, "descriptors gone")
}

func TestManyRulesOnManyLinks(t *testing.T) {
	f, err := New(Options{Seed: 3})
	require.NoError(t, err)
	defer f.Close()
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer backend.Close()
	var links []Link
	addrs := make(map[Link]string)
	for i := range 5 {
		for j := range 5 {
			if i == j {
				continue
			}
			l := Link{fmt.Sprint("n", i), fmt.Sprint("n", j)}
			links = append(links, l)
			addrs[l], err = f.Listen(l.From, l.To, ListenOptions{Addr: "127.0.0.1:0", Backend: backend.Addr().String()})
			require.NoError(t, err)
		}
	}
	var rules []*Applied
	for range 50 {
		rule, err := f.Apply(Rule{Action: Delay, Links: links, Delay: 100 * time.Microsecond})
		require.NoError(t, err)
		rules = append(rules, rule)
	}
	for _, l := range links {
		a, err := net.Dial("tcp", addrs[l])
		require.NoError(t, err)
		b, err := backend.Accept()
		require.NoError(t, err)
		start := time.Now()
		say(t, a, "x")
		hear(t, b, "x")
		require.GreaterOrEqual(t, time.Since(start), 5*time.Millisecond)
		a.Close()
		b.Close()
	}
	for _, rule := range rules {
		require.GreaterOrEqual(t, rule.Remove()[ChunksDelayed], int64(len(links)))
	}
}

func (r *rig) open() int {
	r.fabric.mu.Lock()
	defer r.fabric.mu.Unlock()
	return len(r.fabric.conns)
}

// openFiles counts descriptors, where the system lists them.
func openFiles() int {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
