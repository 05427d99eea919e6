package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usurper/usurper/harness/target"
)

const (
	// standstill bounds how long a stopped process may take to be seen standing
	// still. On a busy machine a thread may wait that long for the processor, but
	// once it has it, it stops before it does anything else.
	standstill = time.Second
	// askFor is how long an answer is waited for, and askEvery how long it takes
	// until the question is asked again.
	askFor   = time.Second
	askEvery = 500 * time.Millisecond
)

// question asks a paused member whether it is ready, in the words of its target and
// on connections of its own, until it is over. That one is accepted means nothing:
// the kernel does so for whoever stands still. A byte that comes back was sent by
// somebody who does not: it comes over a connection that was not there when
// everybody had stopped. It asks beside the step that paused the member, which
// therefore takes no longer.
type question struct {
	target target.Target
	member target.Member
	stop   context.CancelFunc
	over   sync.WaitGroup
	heard  atomic.Pointer[string]
}

// ask begins to ask a member whose process was stopped.
func ask(t target.Target, m target.Member, p Process) *question {
	ctx, cancel := context.WithCancel(context.Background())
	q := &question{target: t, member: m, stop: cancel}
	q.over.Go(func() {
		q.await(ctx, p)
		for ctx.Err() == nil && q.heard.Load() == nil {
			q.once(ctx)
			select {
			case <-time.After(askEvery):
			case <-ctx.Done():
			}
		}
	})
	return q
}

// answered says who has answered so far, "" for nobody.
func (q *question) answered() string {
	if heard := q.heard.Load(); heard != nil {
		return *heard
	}
	return ""
}

// end ends the asking: afterwards an answer means nothing any more.
func (q *question) end() string {
	q.stop()
	q.over.Wait()
	return q.answered()
}

func (q *question) await(ctx context.Context, p Process) {
	ctx, cancel := context.WithTimeout(ctx, standstill)
	defer cancel()
	for !p.Stopped() && pause(ctx) == nil {
	}
}

// once asks through a door that lets the question through and looks whether
// anything comes back. What the target makes of it does not matter. A target that
// asks elsewhere, or nothing, leaves it without an answer.
func (q *question) once(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	host, _, err := net.SplitHostPort(q.member.ClientAddr)
	if err != nil {
		return
	}
	door, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return
	}
	var through sync.WaitGroup
	through.Go(func() {
		for {
			conn, err := door.Accept()
			if err != nil {
				return
			}
			through.Go(func() { q.pass(ctx, cancel, conn) })
		}
	})
	m := q.member
	m.ClientAddr = door.Addr().String()
	_, _ = q.target.Status(ctx, m)
	cancel()
	door.Close()
	through.Wait()
}

// pass passes on what comes from conn until ctx ends, and ends the question at the
// first byte that comes back.
func (q *question) pass(ctx context.Context, done context.CancelFunc, conn net.Conn) {
	defer conn.Close()
	var d net.Dialer
	member, err := d.DialContext(ctx, "tcp", q.member.ClientAddr)
	if err != nil {
		return
	}
	defer member.Close()
	defer context.AfterFunc(ctx, func() { conn.Close(); member.Close() })()
	var asking sync.WaitGroup
	defer asking.Wait()
	asking.Go(func() { io.Copy(member, conn) })
	if n, _ := member.Read(make([]byte, 1)); n > 0 {
		text := fmt.Sprintf("%s was paused, and yet somebody answers at its private address %s: %s",
			q.member.Name, q.member.ClientAddr, listeners(q.member.ClientAddr))
		q.heard.Store(&text)
		done()
	}
	conn.Close()
}
