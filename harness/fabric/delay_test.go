package fabric

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"
)

// BenchmarkDelay sends a chunk every 2 ms through a delay and reports by how
// much it is missed, in microseconds: the median, the 99th percentile, and the
// median of the last quarter, which would grow if delays piled up.
func BenchmarkDelay(b *testing.B) {
	for _, delay := range []time.Duration{0, 10 * time.Millisecond, 50 * time.Millisecond} {
		b.Run(fmt.Sprint(delay), func(b *testing.B) {
			f, err := New(Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			missed := make(chan time.Duration, b.N)
			sent := make(chan time.Time, b.N)
			backend := serve(b, func(c net.Conn) {
				for p := make([]byte, 64); ; {
					if _, err := c.Read(p); err != nil {
						return
					}
					missed <- time.Since(<-sent) - delay
				}
			})
			addr, err := f.Listen("a", "b", ListenOptions{Addr: "127.0.0.1:0", Backend: backend})
			if err != nil {
				b.Fatal(err)
			}
			if delay > 0 {
				if _, err := f.Apply(Rule{Action: Delay, Links: []Link{{"a", "b"}}, Delay: delay}); err != nil {
					b.Fatal(err)
				}
			}
			c, err := net.Dial("tcp", addr)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			time.Sleep(2 * delay) // the dial is delayed too
			for range b.N {
				sent <- time.Now()
				c.Write(make([]byte, 64))
				time.Sleep(2 * time.Millisecond)
			}
			var all []time.Duration
			for range b.N {
				all = append(all, <-missed)
			}
			report := func(name string, d []time.Duration, q float64) {
				slices.Sort(d)
				b.ReportMetric(float64(d[int(q*float64(len(d)-1))])/1e3, name)
			}
			report("late-p50-µs", slices.Clone(all[len(all)*3/4:]), 0.5)
			report("p50-µs", all, 0.5)
			report("p99-µs", all, 0.99)
		})
	}
}
