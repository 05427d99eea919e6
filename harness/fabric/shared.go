package fabric

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/fabric/owner"
)

const (
	// defaultWait is how long a connection waits for its dialler to be known.
	defaultWait = 2 * time.Second
	// maxBacklog is how many connections of a shared listener may wait for their
	// dialler to be known, or for one of its maxDials, before more wait in the
	// kernel. It is what the kernel itself keeps for a listener, so that a cut
	// dialler that keeps trying leaves room for the others.
	maxBacklog = 4096
	// The pauses between attempts to identify a dialler double, within these.
	firstPause = 500 * time.Microsecond
	lastPause  = 50 * time.Millisecond
)

// ErrUnknownDialler is wrapped by Attribution.Err if a connection was closed
// because nobody could say whose it is.
var ErrUnknownDialler = errors.New("dialler unknown")

// SharedOptions says where a shared listener stands, where it leads and how it
// learns who dials.
type SharedOptions struct {
	Addr    string        // host:port to listen on; port 0 takes a free one
	Backend string        // host:port of the accepter itself
	Decode  bool          // as in ListenOptions
	Redial  time.Duration // as in ListenOptions
	// Identify names the dialler of a connection by its addresses as the
	// listener's side sees them; (*owner.Finder).Identify is one. It must obey ctx,
	// may be called concurrently and is asked again, after a pause, if it fails; an
	// error that wraps owner.ErrGone says that the dialling socket is there no more.
	Identify func(ctx context.Context, remote, local net.Addr) (dialler string, err error)
	// Hello, if not nil, names the dialler by what it sends first, and Identify is asked
	// only of those who do not say. More asks for more bytes than these: there are 64 KiB
	// at most, and a quarter of Wait. "" and an error mean that it is not said. It may be
	// called concurrently.
	Hello func(first []byte) (dialler string, more bool, err error)
	// Wait bounds how long a connection waits for its dialler to be known; 0
	// means 2 s.
	Wait time.Duration
	// Attributed is told of every accepted connection, once: before its first
	// byte moves, or after it was closed with RST. It must be quick, may be called
	// concurrently and must not call the Fabric. May be nil.
	Attributed func(Attribution)
}

// Attribution is what became of a connection to a shared listener.
type Attribution struct {
	Accepter string
	Dialler  string   // "" if Err is set
	Remote   net.Addr // of the dialling socket
	// Took is how long the connection was kept waiting.
	Took time.Duration
	// Err is nil for a connection that is known and goes on. Otherwise it was
	// closed without a byte moved either way, and Err wraps owner.ErrGone, which
	// says that the dialler itself gave up at once or has died, or
	// ErrUnknownDialler, which is a loss that no rule has asked for: the member may
	// dial again. Its observer lacks nothing that was delivered.
	Err error
}

// ListenShared opens a listener for the connections that anyone makes to
// accepter and returns its address. Not a byte of a connection moves, in either
// direction, until its dialler is known; from then on it is the same as one to
// the pair's own listener. It is closed with RST if its dialler stays unknown.
//
// Diallers are the accepters of the fabric's shared listeners, earlier and later
// ones: a new one makes its links with all the others known. What accepter dials
// to itself is on no link: it passes undecoded, under no rule.
func (f *Fabric) ListenShared(accepter string, o SharedOptions) (string, error) {
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("listen for all who dial %q: %w", accepter, err)
	}
	switch {
	case accepter == "":
		return fail(errors.New("want a name"))
	case o.Identify == nil:
		return fail(errors.New("telling diallers apart needs SharedOptions.Identify"))
	case o.Wait < 0:
		return fail(fmt.Errorf("wait is %s, want 0 (%s) or more", o.Wait, defaultWait))
	case o.Decode && f.opts.Protocol == nil:
		return fail(errors.New("decoding needs Options.Protocol"))
	}
	if _, _, err := net.SplitHostPort(o.Backend); err != nil {
		return fail(fmt.Errorf("backend wants host:port: %w", err))
	}
	if o.Wait == 0 {
		o.Wait = defaultWait
	}
	if o.Attributed == nil {
		o.Attributed = func(Attribution) {}
	}
	nl, err := f.listen(o.Addr)
	if err != nil {
		return fail(err)
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		nl.Close()
		return fail(ErrClosed)
	}
	f.shareLocked(accepter, o.Decode)
	f.doors[door{"", o.Backend}] = nl.Addr().String()
	s := &shared{fabric: f, accepter: accepter, opts: o, backlog: make(chan struct{}, maxBacklog), lanes: make(map[string]*lane)}
	f.serveLocked(&listener{fabric: f, tcp: nl, name: "all > " + accepter, slots: s.backlog, accepted: s.accept})
	return nl.Addr().String(), nil
}

// shareLocked makes the links between the accepter and all others known.
func (f *Fabric) shareLocked(accepter string, decode bool) {
	decode = decode || f.shared[accepter]
	f.shared[accepter] = decode
	for other, decodes := range f.shared {
		if other == accepter {
			continue
		}
		for _, name := range []Link{{other, accepter}, {accepter, other}} {
			l := f.linkLocked(name)
			l.decoded = l.decoded || decode || decodes
		}
	}
}

// shared is a listener for all who dial one accepter.
type shared struct {
	fabric   *Fabric
	accepter string
	opts     SharedOptions
	backlog  chan struct{} // one for each connection without a place in a lane

	mu    sync.Mutex // taken before the fabric's
	lanes map[string]*lane
}

func (s *shared) accept(tcp *net.TCPConn) {
	start := time.Now()
	s.fabric.wg.Go(func() {
		defer func() { <-s.backlog }()
		s.attribute(tcp, start)
	})
}

// attribute finds out whose connection it is and admits or closes it.
func (s *shared) attribute(tcp *net.TCPConn, start time.Time) {
	f := s.fabric
	dialler, err := s.identify(tcp)
	var l *lane
	if err == nil {
		l, err = s.lane(dialler)
	}
	if err != nil {
		abort(tcp)
		if f.stopping() {
			return
		}
		s.opts.Attributed(Attribution{Accepter: s.accepter, Remote: tcp.RemoteAddr(), Took: time.Since(start), Err: err})
		f.opts.Logf("fabric: closed a connection from %s to %s: %v", tcp.RemoteAddr(), s.accepter, err)
		return
	}
	s.opts.Attributed(Attribution{Accepter: s.accepter, Dialler: dialler, Remote: tcp.RemoteAddr(), Took: time.Since(start)})
	select {
	case l.slots <- struct{}{}:
		f.admit(l, tcp)
	case <-f.ctx.Done():
		abort(tcp)
	}
}

// identify asks until the dialler is known, has gone or time is up.
func (s *shared) identify(tcp *net.TCPConn) (string, error) {
	ctx, cancel := context.WithTimeout(s.fabric.ctx, s.opts.Wait)
	defer cancel()
	if dialler, ok := s.hello(ctx, tcp); ok {
		return dialler, nil
	}
	start := time.Now()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		asked := time.Now()
		dialler, err := s.opts.Identify(ctx, tcp.RemoteAddr(), tcp.LocalAddr())
		state := owner.PeerOf(tcp)
		if err == nil && state != owner.PeerReset {
			return dialler, nil
		}
		// Of a reset connection the answer means nothing: the addresses may be
		// somebody else's by now.
		if state == owner.PeerReset || errors.Is(err, owner.ErrGone) && state == owner.PeerEnded {
			if asked.Sub(start) < s.opts.Wait/10 {
				return "", owner.ErrGone
			}
			// It tired of waiting for us.
			return "", fmt.Errorf("%w for %s, then closed", ErrUnknownDialler, asked.Sub(start))
		}
		select {
		case <-ctx.Done():
			// Not wrapped: that its socket is gone is no excuse while the connection
			// lives.
			return "", fmt.Errorf("%w after %s: %v", ErrUnknownDialler, s.opts.Wait, err)
		case <-time.After(pause):
		}
	}
}

// lane returns the way from the dialler to the accepter.
func (s *shared) lane(dialler string) (*lane, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.lanes[dialler]; l != nil {
		return l, nil
	}
	f := s.fabric
	f.mu.Lock()
	defer f.mu.Unlock()
	var l *lane
	if dialler == s.accepter {
		own := &link{name: Link{dialler, dialler}, rules: noRules}
		l = &lane{
			pair: own.name, backend: s.opts.Backend, redial: s.opts.Redial, forward: own, backward: own,
			slots: make(chan struct{}, maxDials),
		}
	} else {
		if _, ok := f.shared[dialler]; !ok {
			return nil, fmt.Errorf("%w: %q has no shared listener, so no link joins it to %s", ErrUnknownDialler, dialler, s.accepter)
		}
		l = f.laneLocked(Link{dialler, s.accepter}, ListenOptions{Backend: s.opts.Backend, Decode: s.opts.Decode, Redial: s.opts.Redial})
	}
	s.lanes[dialler] = l
	return l, nil
}
