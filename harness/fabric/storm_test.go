package fabric

import (
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Everything at once: clients that come and go, rules of every kind from
// several goroutines, and Close in the middle of it. Nothing may hang or stay.
func TestStorm(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	for seed := range uint64(3) {
		storm(t, seed)
	}
	eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines }, "goroutines gone")
}

func storm(t *testing.T, seed uint64) {
	r := newRig(t, true, func(o *Options) { o.Seed, o.MaxHeld = seed, 64<<10 })
	var backend, wg sync.WaitGroup
	backend.Go(func() {
		for {
			c, err := r.backend.Accept()
			if err != nil {
				return
			}
			backend.Go(func() {
				defer c.Close()
				io.Copy(c, c)
			})
		}
	})
	stop := make(chan struct{})
	for i := range uint64(4) {
		wg.Go(func() { visit(r.addr, rand.New(rand.NewPCG(seed, i)), stop) })
		wg.Go(func() { meddle(r.fabric, rand.New(rand.NewPCG(seed, 100+i)), stop) })
	}
	time.Sleep(200 * time.Millisecond)
	done := make(chan error)
	go func() { done <- r.fabric.Close() }()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(deadline):
		t.Fatal("Close hangs")
	}
	close(stop)
	wg.Wait()
	r.backend.Close()
	backend.Wait()
}

// visit dials, talks and leaves, in order or not.
func visit(addr string, random *rand.Rand, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		c, err := net.Dial("tcp", addr)
		if err != nil {
			time.Sleep(time.Millisecond)
			continue
		}
		c.SetDeadline(time.Now().Add(20 * time.Millisecond))
		for range random.IntN(10) {
			c.Write(toyFrame(byte(random.IntN(3)), string(make([]byte, random.IntN(2000)))))
			readToy(c)
		}
		switch random.IntN(3) {
		case 0:
			c.(*net.TCPConn).SetLinger(0)
		case 1:
			c.(*net.TCPConn).CloseWrite()
			c.Read(make([]byte, 1))
		}
		c.Close()
	}
}

// meddle applies and removes rules of every kind.
func meddle(f *Fabric, random *rand.Rand, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		links := [][]Link{{ab}, {ba}, {ab, ba}}[random.IntN(3)]
		rules := []Rule{
			{Action: Cut}, {Action: Delay, Delay: 3 * time.Millisecond, Jitter: 3 * time.Millisecond}, {Action: Throttle, Rate: 1 << 20},
			{Action: Reset}, {Action: Refuse}, {Action: Drop, Chance: 0.3}, {Action: Duplicate, Chance: 0.3},
			{Action: Reorder, Chance: 0.3}, {Action: Hold, Class: "vote"}, {Action: Delay, Class: "beat", Delay: time.Millisecond},
		}
		rule := rules[random.IntN(len(rules))]
		rule.Links = links
		a, err := f.Apply(rule)
		if err != nil { // closed
			time.Sleep(time.Millisecond)
			continue
		}
		time.Sleep(time.Duration(random.IntN(3000)) * time.Microsecond)
		if random.IntN(10) == 0 {
			f.Heal()
		}
		a.Remove()
	}
}
