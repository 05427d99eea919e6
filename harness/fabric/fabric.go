// Package fabric is the proxy layer that every byte between members passes, so
// that a test can hold, delay, throttle or break it. It works in user space and
// needs no privilege.
//
// A listener stands for "dialler reaches accepter"; a connection made to it
// carries two links, dialler > accepter and accepter > dialler, and the rules
// of either govern its direction of every connection between the two:
//
//	dialler ──▶ listener ══ forward:  dialler > accepter ══▶ backend (accepter)
//	        ◀──          ══ backward: accepter > dialler ══
//
// Members that are all told the same address of an accepter share one listener,
// and who dialled is found out from what it says first or from the socket (ListenShared,
// hello.go, owner.Finder).
//
// A connection needs both of its links: a reset or refusal of either ends it.
// Everything on a link is traffic. A dial belongs to dialler > accepter, its
// answer (a refusal) to accepter > dialler; a FIN or RST belongs to the link of
// the side that sent it. What a rule holds stays in order, in bounded memory,
// and then holds back the sender. Bytes of a TCP stream are never dropped: only
// frames that the Protocol calls lossy may vanish, double or overtake. Nor are bytes
// ever altered, but for frames that a Rewriter replaces whole: those in which a member
// says where it is to be dialled back.
//
// Two things are out of reach in user space. The kernel answers a dial before
// the fabric can: the dialler sees a connection even while the dial is held, and also
// where the accepter itself would refuse it. A system whose dialler takes that worse
// than a refusal has the fabric repeat its own dial (ListenOptions.Redial).
// And a one-way cut is one at application level: TCP's own acknowledgements
// flow on.
//
// Files, in reading order: rule.go and protocol.go say what can be asked;
// apply.go installs it; listener.go and shared.go say whose a connection is;
// conn.go and stream.go carry bytes (and capture.go shows them to who keeps them), fast (splice_linux.go, direct.go) while no
// rule is in force and through a queue (queue.go, admit.go, drain.go) otherwise.
// schedule.go, schedulefollow.go and scheduler.go record the order of frames and
// keep to a recorded one.
//
// What knows nothing of links and rules is below: whose a socket is (owner),
// alarms (clock, heap), and addresses for those who listen (subnet).
package fabric

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usurper/usurper/harness/fabric/clock"
)

// Options configures a Fabric. The zero value is usable: no decoding, no
// observer.
type Options struct {
	// Protocol decodes the traffic of listeners that ask for it. nil: none does.
	Protocol Protocol
	// Observer is told of every decoded frame. May be nil.
	Observer Observer
	// Capture is shown what enters the connections of all listeners, decoded or not. May
	// be nil, and then costs nothing.
	Capture Capture
	// Seed fixes what rules draw: every rule has a generator of its own on every
	// link, so that one more rule does not shift the others. It fixes draws, not
	// interleavings.
	Seed uint64
	// Record, if not nil, is told of every moment of the schedule of this run, one
	// at a time and in order, until Heal. It must be quick. The Protocol must be an
	// Identifier.
	Record func(Moment)
	// Follow is a schedule to keep to until Heal: frames wait for their turn in it,
	// as long as they may overtake others. nil: none. No frame waits longer than
	// Patience, which must be over 0: its wait is in vain then (see Followed).
	Follow   Schedule
	Patience time.Duration
	// MaxHeld is how many bytes are held per connection and direction before the
	// sender is held back, counting what Hold keeps and some bookkeeping; 0 means
	// 4 MiB. One frame, and one read, may come on top.
	MaxHeld int64
	// Logf reports what cannot be returned, such as a failing accept. May be nil.
	Logf func(format string, args ...any)
}

const defaultMaxHeld = 4 << 20

// ErrClosed is returned once the fabric is closed.
var ErrClosed = errors.New("fabric is closed")

// Fabric is a set of listeners and the rules on their links. All methods may be
// called from several goroutines, but not from within an Observer.
type Fabric struct {
	opts   Options
	clock  *clock.Clock
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup // listeners and connections

	scheduler *scheduler    // nil when no schedule is recorded or followed
	frames    atomic.Uint64 // so many were seen, for their IDs
	undecoded atomic.Uint64 // bytes that went on after their connection could not be decoded

	mu        sync.Mutex // taken before any stream's
	links     map[Link]*link
	listeners []*listener
	doors     map[door]string // where they are
	shared    map[string]bool // accepters of shared listeners; whether one decodes
	conns     map[*conn]struct{}
	applied   map[*Applied]struct{}
	number    uint64 // of the next rule
	closed    bool
}

// New returns a fabric without listeners. Close releases it.
func New(o Options) (*Fabric, error) {
	if o.MaxHeld < 0 {
		return nil, fmt.Errorf("fabric: MaxHeld is %d bytes, want 0 (4 MiB) or more", o.MaxHeld)
	}
	if o.MaxHeld == 0 {
		o.MaxHeld = defaultMaxHeld
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	scheduler, err := newScheduler(&o)
	if err != nil {
		return nil, fmt.Errorf("fabric: %w", err)
	}
	c, err := clock.New()
	if err != nil {
		return nil, fmt.Errorf("fabric: start the clock: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Fabric{
		opts: o, clock: c, ctx: ctx, cancel: cancel, scheduler: scheduler,
		links:   make(map[Link]*link),
		doors:   make(map[door]string),
		shared:  make(map[string]bool),
		conns:   make(map[*conn]struct{}),
		applied: make(map[*Applied]struct{}),
	}, nil
}

// ListenOptions says where a listener stands and where it leads.
type ListenOptions struct {
	Addr    string // host:port to listen on; port 0 takes a free one
	Backend string // host:port of the accepter itself
	// Decode applies the Protocol to the connections, from their first byte.
	// Peers want it, clients don't.
	Decode bool
	// Redial is how long the fabric repeats its own dial while the backend refuses
	// it and the dialler waits; 0 for not at all.
	Redial time.Duration
}

// Listen opens a listener for the connections that dialler makes to accepter
// and returns its address. It makes the links dialler > accepter and accepter >
// dialler known; a pair may have several listeners.
func (f *Fabric) Listen(dialler, accepter string, o ListenOptions) (string, error) {
	pair := Link{dialler, accepter}
	if dialler == "" || accepter == "" || dialler == accepter {
		return "", fmt.Errorf("listen for %q: a link joins two different names", pair)
	}
	if o.Decode && f.opts.Protocol == nil {
		return "", fmt.Errorf("listen for %s: decoding needs Options.Protocol", pair)
	}
	if _, _, err := net.SplitHostPort(o.Backend); err != nil {
		return "", fmt.Errorf("listen for %s: backend wants host:port: %w", pair, err)
	}
	nl, err := f.listen(o.Addr)
	if err != nil {
		return "", fmt.Errorf("listen for %s: %w", pair, err)
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		nl.Close()
		return "", fmt.Errorf("listen for %s: %w", pair, ErrClosed)
	}
	l := f.laneLocked(pair, o)
	f.doors[door{dialler, o.Backend}] = nl.Addr().String()
	f.serveLocked(&listener{
		fabric: f, tcp: nl, name: pair.String(), slots: l.slots,
		accepted: func(tcp *net.TCPConn) { f.admit(l, tcp) },
	})
	return nl.Addr().String(), nil
}

func (f *Fabric) listen(addr string) (*net.TCPListener, error) {
	lc := net.ListenConfig{KeepAlive: -1}
	nl, err := lc.Listen(f.ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return nl.(*net.TCPListener), nil
}

// laneLocked makes the links of a pair known and returns a way from one to the
// other.
func (f *Fabric) laneLocked(pair Link, o ListenOptions) *lane {
	l := &lane{
		pair: pair, backend: o.Backend, decode: o.Decode, redial: o.Redial,
		forward: f.linkLocked(pair), backward: f.linkLocked(Link{pair.To, pair.From}),
		slots: make(chan struct{}, maxDials),
	}
	if o.Decode {
		l.forward.decoded, l.backward.decoded = true, true
	}
	return l
}

// door is a way in: for a dialler, "" for any, to a backend.
type door struct{ dialler, backend string }

// reaches returns what tells at which listener a member reaches a backend.
func (f *Fabric) reaches(member string) func(backend string) (addr string, ok bool) {
	return func(backend string) (string, bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		addr, ok := f.doors[door{member, backend}]
		if !ok {
			addr, ok = f.doors[door{"", backend}]
		}
		return addr, ok
	}
}

func (f *Fabric) serveLocked(l *listener) {
	f.listeners = append(f.listeners, l)
	f.wg.Go(l.serve)
}

// Counters is what a link has carried so far.
type Counters struct {
	Bytes  int64 // written to the receiver's socket
	Frames int64 // decoded and written whole to the receiver's socket
	Conns  int64 // connections that carry the link, whichever side dialled
}

// Counters reports every known link. Bytes in flight may be missing.
func (f *Fabric) Counters() map[Link]Counters {
	f.mu.Lock()
	links := maps.Clone(f.links)
	f.mu.Unlock()
	all := make(map[Link]Counters, len(links))
	for name, l := range links {
		all[name] = Counters{Bytes: l.bytes.Load(), Frames: l.frames.Load(), Conns: l.conns.Load()}
	}
	return all
}

// Followed tells how far the run kept to Options.Follow so far.
func (f *Fabric) Followed() Followed { return f.scheduler.followed() }

// Undecoded returns how many bytes have gone on over connections after they could not be
// decoded.
func (f *Fabric) Undecoded() uint64 { return f.undecoded.Load() }

// Close ends all listeners and connections, with RST, and waits for every
// goroutine of the fabric. What was held is lost, and its frames stay Sent. A
// second Close does nothing.
func (f *Fabric) Close() error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		f.wg.Wait()
		return nil
	}
	f.closed = true
	listeners := f.listeners
	conns := f.connsLocked()
	f.mu.Unlock()

	f.cancel()
	var errs []error
	for _, l := range listeners {
		if err := l.tcp.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close listener of %s: %w", l.name, err))
		}
	}
	for _, c := range conns {
		c.kill()
	}
	f.wg.Wait()
	f.clock.Close()
	return errors.Join(errs...)
}

func (f *Fabric) connsLocked() []*conn {
	conns := make([]*conn, 0, len(f.conns))
	for c := range f.conns {
		conns = append(conns, c)
	}
	return conns
}

func (f *Fabric) linkLocked(name Link) *link {
	l := f.links[name]
	if l == nil {
		l = &link{name: name, rules: noRules}
		if f.opts.Follow != nil {
			l.rules = taking
		}
		f.links[name] = l
	}
	return l
}

// stopping tells whether Close has begun.
func (f *Fabric) stopping() bool { return f.ctx.Err() != nil }

// now is the fabric's time: nanoseconds since it was made, never 0.
func (f *Fabric) now() time.Duration { return f.clock.Now() }
