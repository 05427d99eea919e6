package fabric

import (
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkPingPong measures 64-byte round trips through each kind of path, in
// turns, so that a busy moment hits all alike, and reports their medians in
// microseconds and, what matters, the ratios to a plain io.Copy proxy.
func BenchmarkPingPong(b *testing.B) {
	for _, conns := range []int{1, 50} {
		b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) {
			paths := openPaths(b)
			rounds := max(1, b.N/(200*conns))
			for _, p := range paths {
				p.connect(b, conns)
			}
			b.ResetTimer()
			for range rounds {
				for _, p := range paths {
					p.round(200)
				}
			}
			b.StopTimer()
			median := make(map[string]float64)
			for _, p := range paths {
				median[p.name] = p.median()
				b.ReportMetric(median[p.name], p.name+"-µs")
			}
			b.ReportMetric(median["fabric"]/median["iocopy"], "fabric/iocopy")
			b.ReportMetric(median["tap"]/median["iocopy"], "tap/iocopy")
		})
	}
}

// BenchmarkThroughput echoes 64 KiB chunks, as many as the sockets hold at once.
func BenchmarkThroughput(b *testing.B) {
	for _, p := range openPaths(b) {
		b.Run(p.name, func(b *testing.B) {
			c, err := net.Dial("tcp", p.addr)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			chunk := toyFrame(1, string(make([]byte, 64<<10-5)))
			b.SetBytes(int64(len(chunk)))
			go func() {
				for range b.N {
					c.Write(chunk)
				}
			}()
			if _, err := io.CopyN(io.Discard, c, int64(b.N*len(chunk))); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// path is one way to reach an echo server.
type path struct {
	name, addr string
	conns      []net.Conn
	took       [][]time.Duration // per connection
}

func openPaths(b *testing.B) []*path {
	echo := serve(b, func(c net.Conn) { io.Copy(struct{ io.Writer }{c}, c) })
	plain := serve(b, func(c net.Conn) {
		up, err := net.Dial("tcp", echo)
		if err != nil {
			return
		}
		defer up.Close()
		go io.Copy(up, c)
		io.Copy(c, up)
	})
	f, err := New(Options{Protocol: toy{}, Observer: idle{}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	listen := func(from string, decode bool) string {
		addr, err := f.Listen(from, "echo", ListenOptions{Addr: "127.0.0.1:0", Backend: echo, Decode: decode})
		if err != nil {
			b.Fatal(err)
		}
		return addr
	}
	return []*path{
		{name: "direct", addr: echo},
		{name: "iocopy", addr: plain},
		{name: "fabric", addr: listen("plain", false)},
		{name: "tap", addr: listen("decoded", true)},
	}
}

func serve(b *testing.B, handle func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	return l.Addr().String()
}

func (p *path) connect(b *testing.B, n int) {
	for range n {
		c, err := net.Dial("tcp", p.addr)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		p.conns = append(p.conns, c)
		p.took = append(p.took, nil)
	}
	p.round(50)
	for i := range p.took {
		p.took[i] = nil
	}
}

// round makes n round trips on every connection at once.
func (p *path) round(n int) {
	var wg sync.WaitGroup
	for i, c := range p.conns {
		wg.Go(func() {
			ping := toyFrame(1, string(make([]byte, 59)))
			pong := make([]byte, 64)
			for range n {
				start := time.Now()
				c.Write(ping)
				if _, err := io.ReadFull(c, pong); err != nil {
					panic(err)
				}
				p.took[i] = append(p.took[i], time.Since(start))
			}
		})
	}
	wg.Wait()
}

func (p *path) median() float64 {
	all := slices.Concat(p.took...)
	slices.Sort(all)
	return float64(all[len(all)/2]) / float64(time.Microsecond)
}

type idle struct{}

func (idle) Frame(Stage, Frame)      {}
func (idle) Undecodable(Link, error) {}
