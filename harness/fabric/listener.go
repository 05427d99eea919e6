package fabric

import (
	"errors"
	"net"
	"time"
)

// maxDials is how many dials of one listener wait in the fabric before more
// wait in the kernel.
const maxDials = 256

// acceptPause is how long a listener waits after a failed accept, such as for
// want of file descriptors.
const acceptPause = 5 * time.Millisecond

// listener accepts what one endpoint dials to another.
type listener struct {
	fabric            *Fabric
	tcp               *net.TCPListener
	pair              Link // dialler > accepter
	opts              ListenOptions
	forward, backward *link
	slots             chan struct{} // one for each dial under way
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
			l.admit(tcp)
			continue
		case errors.Is(err, net.ErrClosed):
			return
		}
		<-l.slots
		f.opts.Logf("fabric: accept for %s: %v", l.pair, err)
		select {
		case <-time.After(acceptPause):
		case <-f.ctx.Done():
			return
		}
	}
}

// admit makes a connection of an accepted socket, unless a rule refuses it: the
// kernel has already said yes, so a refusal is a RST right after.
func (l *listener) admit(tcp *net.TCPConn) {
	f := l.fabric
	c := newConn(l, tcp)
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
