// Command bench compares the fabric with other proxies, side by side in one
// process and one run: 64-byte round trips over one and over fifty connections,
// through an echo server. It is a module of its own so that the fabric does not
// depend on what it is compared with.
//
//	cd harness/fabric/bench && go run . -rounds 50
//
// Compare within one run only: absolute figures depend on the machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// pings is the number of round trips of one path in a row before it is the next
// one's turn.
const pings = 200

func main() {
	rounds := flag.Int("rounds", 30, "turns of every path, of 200 round trips each")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *rounds, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context, rounds int, out io.Writer) error {
	for _, conns := range []int{1, 50} {
		paths, err := openPaths(ctx)
		if err != nil {
			return err
		}
		for _, p := range paths {
			defer p.close()
			if err := p.connect(conns); err != nil {
				return err
			}
		}
		for range max(3, rounds/conns) {
			for _, p := range paths {
				if err := p.turn(ctx, pings); err != nil {
					return fmt.Errorf("%s: %w", p.name, err)
				}
			}
		}
		report(out, conns, paths)
	}
	return nil
}

func report(out io.Writer, conns int, paths []*path) {
	base := paths[slices.IndexFunc(paths, func(p *path) bool { return p.name == plainName })].quantile(0.5)
	fmt.Fprintf(out, "\n64-byte round trips, %d connections\n", conns)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "path\tp50\tp99\tp50 to io.Copy\t")
	for _, p := range paths {
		fmt.Fprintf(w, "%s\t%s\t%s\t%.2f\t\n", p.name,
			p.quantile(0.5).Round(100*time.Nanosecond), p.quantile(0.99).Round(time.Microsecond),
			float64(p.quantile(0.5))/float64(base))
	}
	w.Flush()
}

// turn makes n round trips on every connection at once.
func (p *path) turn(ctx context.Context, n int) error {
	var wg sync.WaitGroup
	errs := make(chan error, len(p.conns))
	for i, c := range p.conns {
		wg.Go(func() { errs <- p.pingPong(ctx, i, c, n) })
	}
	wg.Wait()
	for range p.conns {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

func (p *path) pingPong(ctx context.Context, i int, c net.Conn, n int) error {
	ping := make([]byte, frameSize)
	for range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		start := time.Now()
		if _, err := c.Write(ping); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, ping); err != nil {
			return err
		}
		p.took[i] = append(p.took[i], time.Since(start))
	}
	return nil
}

func (p *path) quantile(q float64) time.Duration {
	all := slices.Concat(p.took...)
	slices.Sort(all)
	return all[int(q*float64(len(all)-1))]
}
