package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/usurper/usurper/harness/fabric"
)

const (
	frameSize = 64
	plainName = "io.Copy"
)

// path is one way to reach an echo server.
type path struct {
	name, addr string
	conns      []net.Conn
	took       [][]time.Duration // per connection
	release    func()
}

func (p *path) connect(n int) error {
	for range n {
		c, err := net.DialTimeout("tcp", p.addr, 5*time.Second)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		p.conns = append(p.conns, c)
		p.took = append(p.took, nil)
	}
	if err := p.turn(context.Background(), pings/4); err != nil { // warm up
		return fmt.Errorf("%s: %w", p.name, err)
	}
	for i := range p.took {
		p.took[i] = nil
	}
	return nil
}

func (p *path) close() {
	for _, c := range p.conns {
		c.Close()
	}
	if p.release != nil {
		p.release()
	}
}

func openPaths(ctx context.Context) ([]*path, error) {
	echo, err := serve(ctx, func(c net.Conn) { io.Copy(struct{ io.Writer }{c}, c) })
	if err != nil {
		return nil, err
	}
	plain, err := serve(ctx, func(c net.Conn) { pipe(c, echo) })
	if err != nil {
		return nil, err
	}
	bare, tapped, release, err := fabricPaths(echo)
	if err != nil {
		return nil, err
	}
	toxi := toxiproxy.NewProxy(
		toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "echo", "127.0.0.1:0", echo)
	if err := toxi.Start(); err != nil {
		release()
		return nil, fmt.Errorf("start toxiproxy: %w", err)
	}
	return []*path{
		{name: "direct", addr: echo},
		{name: plainName, addr: plain},
		{name: "fabric", addr: bare, release: release},
		{name: "fabric with tap", addr: tapped},
		{name: "toxiproxy 2.12.0", addr: toxi.Listen, release: toxi.Stop},
	}, nil
}

func fabricPaths(echo string) (bare, tapped string, release func(), err error) {
	f, err := fabric.New(fabric.Options{Protocol: fixed{}, Observer: idle{}})
	if err != nil {
		return "", "", nil, err
	}
	bare, err1 := f.Listen("client", "echo", fabric.ListenOptions{Addr: "127.0.0.1:0", Backend: echo})
	tapped, err2 := f.Listen("peer", "echo", fabric.ListenOptions{Addr: "127.0.0.1:0", Backend: echo, Decode: true})
	if err := errors.Join(err1, err2); err != nil {
		f.Close()
		return "", "", nil, err
	}
	return bare, tapped, func() { f.Close() }, nil
}

// serve accepts connections until ctx is done.
func serve(ctx context.Context, handle func(net.Conn)) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	context.AfterFunc(ctx, func() { l.Close() })
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
	return l.Addr().String(), nil
}

// pipe is the plainest proxy there is; Go splices it inside the kernel.
func pipe(c net.Conn, backend string) {
	up, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	defer up.Close()
	go io.Copy(up, c)
	io.Copy(c, up)
}

// fixed is a protocol of frames of frameSize bytes.
type fixed struct{}

func (fixed) Open(_, _ string) (forward, backward fabric.Splitter) { return fixed{}, fixed{} }
func (fixed) Lossy(string) bool                                    { return true }
func (fixed) Classes() []string                                    { return []string{"ping"} }

func (fixed) Next(b []byte) (int, string, error) {
	if len(b) < frameSize {
		return 0, "", nil
	}
	return frameSize, "ping", nil
}

type idle struct{}

func (idle) Frame(fabric.Stage, fabric.Frame) {}
func (idle) Undecodable(fabric.Link, error)   {}
