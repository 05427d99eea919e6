package fabric

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Rules come and go at random on connections that never stop sending: no byte
// may be lost, doubled or moved, whatever path it takes through the fabric.
func TestSwitchingLosesNothing(t *testing.T) {
	modes(t, func(t *testing.T, r *rig) {
		const conns = 3
		stop := make(chan struct{})
		var wg sync.WaitGroup
		errs := make(chan error, 4*conns)
		for range conns {
			a, b := r.connect()
			for _, end := range [][2]net.Conn{{a, b}, {b, a}} {
				wg.Go(func() { errs <- count(end[0], stop) })
				wg.Go(func() { errs <- verify(end[1]) })
			}
		}
		toggle(t, r, 100)
		close(stop)
		wg.Wait()
		for range 4 * conns {
			require.NoError(t, <-errs)
		}
	})
}

// toggle installs and removes random rules, and leaves none.
func toggle(t *testing.T, r *rig, times int) {
	random := rand.New(rand.NewPCG(1, 2))
	var rules []*Applied
	for range times {
		if len(rules) > 0 && random.IntN(2) == 0 {
			i := random.IntN(len(rules))
			rules[i].Remove()
			rules = append(rules[:i], rules[i+1:]...)
		} else {
			links := [][]Link{{ab}, {ba}, {ab, ba}}[random.IntN(3)]
			rules = append(rules, r.apply([]Rule{
				{Action: Cut, Links: links},
				{Action: Delay, Links: links, Delay: 2 * time.Millisecond, Jitter: 2 * time.Millisecond},
				{Action: Throttle, Links: links, Rate: 20 << 20},
			}[random.IntN(3)]))
		}
		if len(rules) > 3 || random.IntN(4) == 0 {
			r.fabric.Heal()
			rules = nil
		}
		time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
	}
	r.fabric.Heal()
}

// padding makes the frames of count large enough to move some volume.
var padding [200]byte

const countSize = 5 + len(padding) + 8

// count sends frames of consecutive numbers until it is told to stop, then
// closes its direction.
func count(c net.Conn, stop <-chan struct{}) error {
	c.SetWriteDeadline(time.Time{})
	random := rand.New(rand.NewPCG(3, 4))
	for i, n := uint64(0), uint64(0); ; i++ {
		select {
		case <-stop:
			return c.(*net.TCPConn).CloseWrite()
		default:
		}
		frames := 1 + random.IntN(20)
		if i%16 == 0 {
			frames = 2000 // at times more than a socket takes at once
		}
		var b []byte
		for range frames {
			b = append(b, toyFrame(0, string(binary.BigEndian.AppendUint64(padding[:], n)))...)
			n++
		}
		if _, err := c.Write(b); err != nil {
			return fmt.Errorf("send: %w", err)
		}
		if i%2 == 0 { // let the path run dry at times
			time.Sleep(time.Millisecond)
		}
	}
}

// verify reads what count sends, up to the end.
func verify(c net.Conn) error {
	buf := make([]byte, 0, 64<<10)
	for want := uint64(0); ; {
		c.SetReadDeadline(time.Now().Add(60 * time.Second)) // of silence
		n, err := c.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		at := 0
		for ; len(buf)-at >= countSize; at += countSize {
			if got := binary.BigEndian.Uint64(buf[at+5+len(padding):]); got != want {
				return fmt.Errorf("got number %d, want %d", got, want)
			}
			want++
		}
		buf = buf[:copy(buf, buf[at:])]
		switch {
		case errors.Is(err, io.EOF) && len(buf) == 0:
			return nil
		case err != nil:
			return fmt.Errorf("receive, %d bytes left over: %w", len(buf), err)
		}
	}
}

// Once Apply has returned, a cut link is still, also when a write was stuck in
// it.
func TestCutIsInForceWhenApplyReturns(t *testing.T) {
	modes(t, func(t *testing.T, r *rig) {
		a, b := r.connect()
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { count(a, stop) })
		for range 20 {
			cut := r.apply(Rule{Action: Cut, Links: []Link{ab}})
			at := r.fabric.Counters()[ab].Bytes
			read := make([]byte, 1<<20)
			require.NoError(t, b.SetReadDeadline(time.Now().Add(5*time.Millisecond)))
			for {
				if _, err := b.Read(read); err != nil {
					require.ErrorIs(t, err, os.ErrDeadlineExceeded)
					break
				}
			}
			require.Equal(t, at, r.fabric.Counters()[ab].Bytes)
			cut.Remove()
			require.NoError(t, b.SetReadDeadline(time.Now().Add(deadline)))
			_, err := b.Read(read)
			require.NoError(t, err)
		}
		close(stop)
		_, err := io.Copy(io.Discard, b)
		require.NoError(t, err)
		wg.Wait()
	})
}
