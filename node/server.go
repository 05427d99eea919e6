// Package node is the reference system under test: one member of a Raft
// key-value store.
//
// One goroutine, the loop, owns the raft, the log on disk, the state machine
// and the trace. Everybody else leaves work in its inbox. The loop takes what
// is there, feeds it to the raft, and carries out what the raft says, always in
// the same order:
//
//	persist → trace → send → apply → answer
//
// so that nothing is told to anybody, harness included, before it is durable,
// and everything is in the trace before anybody can act on it.
//
// Start here; loop.go has the loop, api.go what clients see.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/usurper/usurper/node/kv"
	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/node/wal"
	"github.com/usurper/usurper/node/wire"
	"github.com/usurper/usurper/rawio"
)

// Options are what a Server takes from its surroundings. The zero Options are
// those of a real process.
type Options struct {
	// Clock paces the timers; nil means the machine's.
	Clock Clock
	// Log takes what a person should know; nil means nobody.
	Log *slog.Logger
	// PeerListener and ClientListener are used, and closed, instead of listening
	// at the addresses of the Config.
	PeerListener   net.Listener
	ClientListener net.Listener
}

// Server is one running member. Its methods may be called from any goroutine.
type Server struct {
	cfg     Config
	log     *slog.Logger
	started time.Time

	inbox     *inbox
	transport *wire.Transport
	http      *http.Server
	peerAddr  string
	httpAddr  string

	stopOnce sync.Once
	stopping chan struct{} // closed to ask for a clean end
	crashed  chan struct{} // closed to end as SIGKILL would
	done     chan struct{} // closed when the loop has ended
	closed   chan struct{} // closed when everything has
	err      error         // why it failed; set before closed is closed

	loop loop
}

// Start starts a member and returns once it listens and has recovered its
// state. On an error nothing is left open.
func Start(cfg Config, o Options) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = realClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		cfg: cfg, log: o.Log, started: time.Now(), inbox: newInbox(),
		stopping: make(chan struct{}), crashed: make(chan struct{}),
		done: make(chan struct{}), closed: make(chan struct{}),
	}
	peers, clients, err := listen(cfg, o)
	if err != nil {
		return nil, err
	}
	s.peerAddr, s.httpAddr = peers.Addr().String(), clients.Addr().String()
	if err := s.recover(); err != nil {
		return nil, errors.Join(err, peers.Close(), clients.Close())
	}
	if err := s.serve(peers, clients, o.Clock); err != nil {
		s.loop.drop()
		return nil, errors.Join(err, peers.Close(), clients.Close())
	}
	return s, nil
}

// Addrs returns the addresses at which the member listens.
func (s *Server) Addrs() (peers, clients string) { return s.peerAddr, s.httpAddr }

// Done is closed once the member has stopped working, of its own accord or not.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop ends the member cleanly and waits for it: requests under way are
// answered, everything is synced, and the trace gets its end. It returns why
// the member had failed, if it had. Further calls return the same.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() { close(s.stopping) })
	<-s.closed
	return s.err
}

// Crash ends the member as SIGKILL ends a process, and waits for it: nobody is
// answered, and what was not synced is lost.
func (s *Server) Crash() {
	s.stopOnce.Do(func() { close(s.crashed) })
	<-s.closed
}

// listen opens both ports, or neither.
func listen(cfg Config, o Options) (peers, clients net.Listener, err error) {
	peers, clients = o.PeerListener, o.ClientListener
	if peers == nil {
		if peers, err = listenAt("--peer-port", cfg.Bind, cfg.PeerPort); err != nil {
			return nil, nil, err
		}
	}
	if clients == nil {
		if clients, err = listenAt("--client-port", cfg.clientBind(), cfg.ClientPort); err != nil {
			return nil, nil, errors.Join(err, peers.Close())
		}
	}
	return peers, clients, nil
}

func listenAt(flag, bind string, port int) (net.Listener, error) {
	host, err := resolve(bind)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: free the port or choose another", flag, err)
	}
	return l, nil
}

// recover reads the disk, builds the state and writes the first trace event.
func (s *Server) recover() error {
	log, rec, err := wal.Open(s.cfg.DataDir, wal.Options{Bug: s.cfg.Bug})
	if err != nil {
		return fmt.Errorf("open data directory %s: %w", s.cfg.DataDir, err)
	}
	if rec.TornBytes > 0 {
		s.log.Warn("cut a torn tail off the log", "bytes", rec.TornBytes)
	}
	id, _ := parseID(s.cfg.ID)
	l := loop{
		cfg: s.cfg, id: id, log: s.log, inbox: s.inbox, wal: log, sm: kv.New(kv.Options{Bug: s.cfg.Bug}),
		pending: map[uint64]proposal{}, reads: map[uint64][]*call{}, started: s.started,
	}
	if err := l.restore(rec); err != nil {
		l.drop()
		return err
	}
	s.loop = l
	return nil
}

// serve starts the goroutines: the transport's, the HTTP server's, and the loop,
// which ends the others.
func (s *Server) serve(peers, clients net.Listener, clock Clock) error {
	transport, err := wire.NewTransport(wire.Config{
		ID: s.loop.id, Peers: s.cfg.peerAddrs(), Listener: peers, Log: s.log,
		Deliver: func(_ context.Context, m raft.Message) { s.inbox.deliver(m) },
	})
	if err != nil {
		return err
	}
	s.transport, s.loop.send = transport, transport.Send
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() {
		served <- s.http.Serve(quietListener{clients})
		s.stopOnce.Do(func() { close(s.stopping) }) // a member that cannot be asked is no use
	}()
	s.log.Info("ready", "peers", s.peerAddr, "clients", s.httpAddr, "term", s.loop.term, "bug", string(s.cfg.Bug))
	go s.run(clock, served)
	return nil
}

// run runs the loop to its end and then closes everything else.
func (s *Server) run(clock Clock, served <-chan error) {
	defer close(s.closed)
	ticks := clock.Ticks(s.cfg.tick())
	s.err = s.loop.run(ticks, s.stopping, s.crashed)
	ticks.Stop()
	if s.err != nil {
		s.log.Error("stopped", "err", s.err)
	}
	close(s.done)
	_ = s.transport.Close()
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	select {
	case <-s.crashed:
	default:
		_ = s.http.Shutdown(ctx) // what is still open after it is closed below
	}
	_ = s.http.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		s.err = errors.Join(s.err, fmt.Errorf("serve clients: %w", err))
	}
}

// quietListener accepts connections that are read and written without waking the
// scheduler.
type quietListener struct{ net.Listener }

type quietConn struct {
	net.Conn
	raw *rawio.Conn
}

func (l quietListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return quietConn{conn, rawio.New(conn)}, nil
}

func (c quietConn) Read(b []byte) (int, error)  { return c.raw.Read(b) }
func (c quietConn) Write(b []byte) (int, error) { return c.raw.Write(b) }

// stopTimeout bounds how long a clean end waits for clients to take their
// answers.
const stopTimeout = time.Second
