package engine_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/target"
)

// prepared is a target with a hook, and with ports of its own.
type prepared struct {
	target.Target
	ports   []string
	peers   []string // those of ports that are peers'
	started func(target.Member)
	prepare func(context.Context, target.Setup) error
}

func (p prepared) Ports() []string                                   { return p.ports }
func (p prepared) PeerPorts() []string                               { return p.peers }
func (p prepared) Prepare(ctx context.Context, s target.Setup) error { return p.prepare(ctx, s) }
func (p prepared) Command(m target.Member) (target.Command, error) {
	if p.started != nil {
		p.started(m)
	}
	return p.Target.Command(m)
}

// The hook is called once, when everybody answers and before any client asks; members
// that come back find their ports as they were, and nobody else's.
func TestPrepareOnce(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	cfg.Plan, _ = plan("at 100ms restart all")
	var called atomic.Int32
	var told atomic.Bool
	cfg.Progress = func(p engine.Progress) {
		if p.Phase == engine.PhasePrepare && p.Doing == "runs true" {
			told.Store(true)
		}
	}
	var mu sync.Mutex
	starts := make(map[string]int) // by address
	cfg.Target = prepared{
		Target: steady(t, cfg).Target, ports: []string{"gossip", "metrics"},
		prepare: func(ctx context.Context, s target.Setup) error {
			called.Add(1)
			if len(s.Members) != 3 {
				return errors.New("not everybody is here")
			}
			for _, m := range s.Members {
				_, err := cfg.Target.Status(ctx, m)
				for ; err != nil && ctx.Err() == nil; _, err = cfg.Target.Status(ctx, m) { // which a busy machine keeps waiting
					time.Sleep(10 * time.Millisecond)
				}
				if err != nil {
					return err
				}
			}
			s.Say("runs true")
			for !told.Load() && ctx.Err() == nil { // it is seen while it lasts
				time.Sleep(10 * time.Millisecond)
			}
			return s.Run(ctx, target.Command{Path: "true"})
		},
		started: func(m target.Member) {
			mu.Lock()
			defer mu.Unlock()
			for _, name := range []string{"gossip", "metrics"} {
				l, err := net.Listen("tcp", m.Ports[name])
				if err == nil {
					l.Close()
				}
				starts[m.Name+m.Ports[name]]++
			}
		},
	}
	carriedOut(t, steadyTimers(cfg), func() {
		called.Store(0)
		told.Store(false)
		clear(starts)
	})
	require.EqualValues(t, 1, called.Load())
	require.True(t, told.Load(), "who watches is told")
	require.Len(t, starts, 6, "two of each of three members")
	for addr, n := range starts {
		require.Equal(t, 2, n, addr)
	}
}

func steadyTimers(cfg engine.Config) engine.Config {
	cfg.Election, cfg.Heartbeat = time.Second, 50*time.Millisecond
	return cfg
}

// A hook that fails ends the run, and there is no verdict.
func TestPrepareFails(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	cfg.Target = prepared{Target: cfg.Target, prepare: func(context.Context, target.Setup) error { return errors.New("no such account") }}
	require.ErrorContains(t, requireError(t, cfg), ": prepare the system: no such account")
}

func TestPortsThatCannotBe(t *testing.T) {
	for want, ports := range map[string][]string{
		`two ports called "gossip"`: {"gossip", "gossip"},
		`a port called "http-api"`:  {"http-api"},
		`a port called ""`:          {""},
		`a port called "2nd"`:       {"2nd"},
		"21 ports: use 20 at most":  {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u"},
	} {
		cfg, err := config("results")
		require.NoError(t, err)
		cfg.Target = prepared{Target: cfg.Target, ports: ports}
		require.ErrorContains(t, cfg.Validate(), want)
	}
}

// Where members dial each other at ports of their own, each pair has a listener for each.
func TestPortsOfPeers(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	cfg.Plan, _ = plan("at 100ms for 100ms cut n1 > n2")
	var mu sync.Mutex
	addresses := make(map[string]bool)
	cfg.Target = prepared{
		Target: steady(t, cfg).Target, ports: []string{"gossip", "metrics"}, peers: []string{"gossip"},
		started: func(m target.Member) {
			mu.Lock()
			defer mu.Unlock()
			require.Len(t, m.PeersAt, 1)
			require.Len(t, m.PeersAt["gossip"], 2)
			for name, addr := range m.PeersAt["gossip"] {
				host, _, err := net.SplitHostPort(addr)
				require.NoError(t, err)
				require.Equal(t, host+":", m.Peers[name][:len(host)+1], "a host for each dialler")
				addresses[addr], addresses[m.Peers[name]] = true, true
			}
		},
		prepare: func(context.Context, target.Setup) error {
			for addr := range addresses {
				c, err := net.Dial("tcp", addr)
				switch {
				case err == nil:
					c.Close()
				case !errors.Is(err, syscall.ECONNRESET): // somebody listens, and nobody behind it does
					return err
				}
			}
			return nil
		},
	}
	result, err := engine.Run(t.Context(), steadyTimers(cfg))
	require.NoError(t, err)
	require.NotEqual(t, checker.Invalid, result.Report.Verdict, result.Report.String())
	require.Len(t, addresses, 12, "of six pairs")
}

func TestPortsOfPeersThatCannotBe(t *testing.T) {
	cfg, err := config("results")
	require.NoError(t, err)
	cfg.Target = prepared{Target: cfg.Target, ports: []string{"metrics"}, peers: []string{"gossip"}}
	require.ErrorContains(t, cfg.Validate(), `at a port "gossip" that they do not have`)
	cfg.Target = oneAddress{prepared{Target: cfg.Target, ports: []string{"gossip"}, peers: []string{"gossip"}}}
	require.ErrorContains(t, cfg.Validate(), "one address each")
}

type oneAddress struct{ prepared }

func (oneAddress) OneAddress() bool { return true }
