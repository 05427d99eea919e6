package fabric

import (
	"errors"
	"net"
	"time"
)

// maxDials is how many dials of one dialler wait in a listener before more wait
// in the kernel, or in the backlog of a shared listener.
const maxDials = 256

// acceptPause is how long a listener waits after a failed accept, such as for
// want of file descriptors.
const acceptPause = 5 * time.Millisecond

// lane is where a listener takes the connections of one dialler.
type lane struct {
	pair              Link // dialler > accepter
	backend           string
	decode            bool
	redial            time.Duration
	forward, backward *link
	slots             chan struct{} // one for each dial under way
}

// listener accepts what one endpoint, or any (shared.go), dials to another.
type listener struct {
	fabric   *Fabric
	tcp      *net.TCPListener
	name     string             // for messages
	slots    chan struct{}      // one for each call of accepted that has not freed it
	accepted func(*net.TCPConn) // must not block
}

// serve accepts until the fabric is closed.
func (l *listener) serve() {
	f := l.fabric
	for {
		select {
		case l.slots <- struct{}{}:
		case <-f.ctx.Done():
			return
		}
		tcp, err := l.tcp.AcceptTCP()
		switch {
		case err == nil:
			l.accepted(tcp)
			continue
		case errors.Is(err, net.ErrClosed):
			return
		}
		<-l.slots
		f.opts.Logf("fabric: accept for %s: %v", l.name, err)
		select {
		case <-time.After(acceptPause):
		case <-f.ctx.Done():
			return
		}
	}
}

// admit makes a connection of an accepted socket, unless a rule refuses it: the
// kernel has already said yes, so a refusal is a RST right after. It takes over
// the caller's slot of the lane.
func (f *Fabric) admit(l *lane, tcp *net.TCPConn) {
	c := newConn(f, l, tcp)
	f.mu.Lock()
	refused := append(l.forward.rules.refusedBy(), l.backward.rules.refusedBy()...)
	if f.closed || len(refused) > 0 {
		f.mu.Unlock()
		for _, e := range refused {
			e.of.tally.add(DialsRefused, 1)
		}
		c.kill()
		<-l.slots
		return
	}
	c.forward.setRules(l.forward.rules)
	c.backward.setRules(l.backward.rules)
	f.conns[c] = struct{}{}
	l.forward.conns.Add(1)
	l.backward.conns.Add(1)
	f.wg.Go(c.run)
	f.mu.Unlock()
}
