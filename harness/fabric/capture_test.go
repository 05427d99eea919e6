package fabric

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// recorder keeps what enters each connection.
type recorder struct {
	mu    sync.Mutex
	tapes []*recording
}

type recording struct {
	of     *recorder
	pair   Link
	sent   [2]string // the dialler's, the accepter's
	ended  [2]string
	closed int
}

func (r *recorder) Open(pair Link) Tape {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &recording{of: r, pair: pair}
	r.tapes = append(r.tapes, t)
	return t
}

func at(forward bool) int {
	if forward {
		return 0
	}
	return 1
}

func (t *recording) Sent(forward bool, b []byte) {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	t.sent[at(forward)] += string(b)
}

func (t *recording) Ended(forward, reset bool) {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	t.ended[at(forward)] += fmt.Sprint("reset ", reset)
}

func (t *recording) Closed() {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	t.closed++
}

// only is the single connection, if it is as it should be.
func (r *recorder) only(ok func(*recording) bool) func() bool {
	return func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.tapes) == 1 && ok(r.tapes[0])
	}
}

// What members send is kept as it enters, whatever a rule does to it, on the way that
// is fast and on the other.
func TestCaptureOfWhatEnters(t *testing.T) {
	for _, decode := range []bool{false, true} {
		t.Run(fmt.Sprint("decoded ", decode), func(t *testing.T) {
			kept := &recorder{}
			r := newRig(t, decode, func(o *Options) { o.Capture = kept })
			a, b := r.connect()
			hello := string(toyFrame(0, "hello"))
			require.True(t, kept.only(func(c *recording) bool { return c.pair == ab && c.sent == [2]string{hello, hello} })())

			cut := r.apply(Rule{Action: Cut, Links: []Link{ab}})
			sayToy(t, a, 0, "held")
			held := string(toyFrame(0, "held"))
			eventually(t, kept.only(func(c *recording) bool { return c.sent[0] == hello+held }), "what is held")
			silent(t, b)
			cut.Remove()
			hearToy(t, b, "held")

			slow := r.apply(Rule{Action: Throttle, Rate: 1 << 20, Links: []Link{ba}})
			sayToy(t, b, 0, "slow")
			hearToy(t, a, "slow")
			slow.Remove()
			require.NoError(t, a.CloseWrite())
			eventually(t, kept.only(func(c *recording) bool { return c.ended == [2]string{"reset false", ""} }), "the end of a")
			sayToy(t, b, 0, "last")
			hearToy(t, a, "last")
			require.NoError(t, b.SetLinger(0))
			require.NoError(t, b.Close())
			eventually(t, kept.only(func(c *recording) bool { return c.closed == 1 }), "the end")
			require.True(t, kept.only(func(c *recording) bool {
				return c.ended == [2]string{"reset false", "reset true"} &&
					c.sent == [2]string{hello + held, hello + string(toyFrame(0, "slow")) + string(toyFrame(0, "last"))}
			})(), "%+v", kept.tapes[0])
		})
	}
}

// A connection that the fabric breaks is closed without an end of either side.
func TestCaptureOfAReset(t *testing.T) {
	kept := &recorder{}
	r := newRig(t, false, func(o *Options) { o.Capture = kept })
	a, _ := r.connect()
	r.apply(Rule{Action: Reset, Links: []Link{ab}}).Remove()
	reset(t, a)
	eventually(t, kept.only(func(c *recording) bool { return c.closed == 1 }), "the end")
	require.True(t, kept.only(func(c *recording) bool { return c.ended == [2]string{} })())
}
