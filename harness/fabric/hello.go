package fabric

import (
	"context"
	"net"
	"time"

	"github.com/usurper/usurper/harness/fabric/owner"
)

const (
	// maxHello is how much of a connection may come before its dialler has said who it is.
	maxHello = 64 << 10
	// helloShare is which part of a connection's wait its dialler may take to say so.
	helloShare = 4
)

// hello asks the bytes that came first who dialled. They stay in the socket: the
// connection carries them once it is known whose it is. Nobody is who says nothing of it
// in time.
func (s *shared) hello(ctx context.Context, tcp *net.TCPConn) (dialler string, ok bool) {
	if s.opts.Hello == nil {
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Wait/helloShare)
	defer cancel()
	first := make([]byte, firstBuffer)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		n, err := owner.Peek(tcp, first)
		if err != nil {
			return "", false
		}
		dialler, more, err := s.opts.Hello(first[:n])
		switch {
		case err != nil || !more:
			return dialler, err == nil && dialler != ""
		case n == len(first) && n == maxHello:
			return "", false
		case n == len(first):
			first = make([]byte, maxHello)
		}
		select {
		case <-ctx.Done():
			return "", false
		case <-time.After(pause):
		}
	}
}
