package engine_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/capture"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/tap"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/target/reference"
	"github.com/usurper/usurper/node/wire"
)

// spoken is the reference system as a stranger: members that share one address each, of
// which nothing is known but what a dialect makes of what they say.
type spoken struct {
	target.Target
	wire   target.Opaque
	listen *addresses
}

// addresses are where members listen, by name.
type addresses struct {
	mu sync.Mutex
	at map[string]string
}

func (s spoken) OneAddress() bool          { return true }
func (s spoken) Protocol() fabric.Protocol { return s.wire.Protocol() }
func (s spoken) Tap(members []string, emit func(history.Raft)) target.Tap {
	return s.wire.Tap(members, emit)
}

func (s spoken) Command(m target.Member) (target.Command, error) {
	s.listen.mu.Lock()
	s.listen.at[m.Name] = m.PeerAddr
	s.listen.mu.Unlock()
	_, at, _ := net.SplitHostPort(m.PeerAddr)
	if _, port, err := net.SplitHostPort(m.Advertised[m.Name]); err != nil || port != at {
		return target.Command{}, fmt.Errorf("%s listens at %s, and is dialled at another port: %s", m.Name, m.PeerAddr, m.Advertised[m.Name])
	}
	return s.Target.Command(m)
}

// frames is the dialect of the reference node's frames.
func frames() tap.Dialect {
	d := tap.Dialect{Name: "frames", Ordered: true}
	for _, class := range wire.Classes() {
		d.Kinds = append(d.Kinds, tap.Kind(class))
	}
	d.Open = func(c *tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
		c.Strange("an opening")
		return func(string, string) (tap.Decoder, tap.Decoder) { return framed{}, framed{} }
	}
	return d
}

type framed struct{}

func (framed) Next(b []byte, m *tap.Message) (int, string, error) {
	if len(b) < wire.HeaderSize {
		return 0, "", nil
	}
	h, err := wire.ParseHeader(b)
	if err != nil || len(b) < h.Length {
		return 0, "", err
	}
	*m = tap.Message{
		Kind: tap.Kind(wire.ClassOf(h.Kind)), Term: h.Term, Reject: h.Reject,
		Log: history.Pos(h.Log), Last: history.Pos(h.Last), LastKnown: true, Commit: h.Commit,
	}
	return h.Length, "", nil
}

// strangers is a quiet run of them.
func strangers(t *testing.T, d tap.Dialect) (engine.Config, *addresses) {
	t.Helper()
	cfg := configFor(t)
	of, err := reference.New(reference.Options{Binary: binary, Election: cfg.Election, Heartbeat: cfg.Heartbeat, NoTrace: true})
	require.NoError(t, err)
	listen := &addresses{at: make(map[string]string)}
	cfg.Target = spoken{Target: of, wire: target.Opaque{Wire: d}, listen: listen}
	return cfg, listen
}

// Elections are judged by what a dialect says, whether diallers say who they are or are
// looked up; and a capture of the run says the same once more.
func TestElectionsByADialect(t *testing.T) {
	t.Parallel()
	for _, says := range []bool{true, false} {
		t.Run(fmt.Sprint("hello ", says), func(t *testing.T) {
			t.Parallel()
			var heard atomic.Int64
			d := frames()
			cfg, listen := strangers(t, d)
			if says {
				d.Hello = func(first []byte) (string, bool, error) {
					if len(first) < wire.HeaderSize {
						return "", true, nil
					}
					h, err := wire.ParseHeader(first)
					if err != nil {
						return "", false, err
					}
					heard.Add(1)
					listen.mu.Lock()
					defer listen.mu.Unlock()
					return listen.at[fmt.Sprintf("n%d", h.From)], false, nil
				}
				s := cfg.Target.(spoken)
				s.wire.Wire = d
				cfg.Target = s
			}
			cfg.Capture = 8 << 20
			var err error
			cfg.Plan, err = plan("at 100ms for 400ms kill leader")
			require.NoError(t, err)
			result := carriedOut(t, cfg)
			require.Equal(t, says, heard.Load() > 0)

			require.True(t, slices.ContainsFunc(read(t, result.Dir), func(e *history.Event) bool {
				return e.Run != nil && e.Run.What == history.RunHeard && e.Run.Heard.Strange["an opening"] == 1 && e.Run.Heard.Messages > 0
			}), "what is not known is told")
			led := leaders(t, result.Dir)
			require.NotEmpty(t, led)
			file, err := os.Open(result.Dir.Path(results.CaptureFile))
			require.NoError(t, err)
			defer file.Close()
			again, faults := make(map[string]bool), 0
			done, err := capture.Decode(file, d, nil, func(i capture.Item) error {
				if i.Event != nil && i.Event.What == history.RaftLeader {
					again[fmt.Sprint(i.Event.Node, " of ", i.Event.Term)] = true
				}
				if i.Comment != "" {
					faults++
				}
				return nil
			})
			require.NoError(t, err)
			require.Zero(t, done.Undecoded())
			require.Empty(t, done.CutShort)
			require.Equal(t, led, again)
			require.Greater(t, faults, 2, "the fault, its end, and what was run")
		})
	}
}

// leaders lists the leaders and their terms that the tap told of.
func leaders(t *testing.T, dir results.Dir) map[string]bool {
	t.Helper()
	led := make(map[string]bool)
	for _, e := range read(t, dir) {
		if e.Raft != nil && e.Raft.Source == history.Tap && e.Raft.What == history.RaftLeader {
			led[fmt.Sprint(e.Raft.Node, " of ", e.Raft.Term)] = true
		}
	}
	return led
}

// A protocol that is named for another system is told, with what it looks like, also if each
// connection by itself may be one of several at the port; the members talk on, and their
// elections are not judged.
func TestProtocolOfAnotherSystem(t *testing.T) {
	t.Parallel()
	for _, aside := range []bool{false, true} {
		t.Run(fmt.Sprint("aside ", aside), func(t *testing.T) {
			t.Parallel()
			d := frames()
			d.Name = "whispers"
			d.Open = func(c *tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
				return func(string, string) (tap.Decoder, tap.Decoder) { return whispers{c, aside}, whispers{c, aside} }
			}
			cfg, _ := strangers(t, d)
			result, err := engine.Run(t.Context(), cfg)
			require.NoError(t, err)
			require.Equal(t, checker.Unknown, result.Report.Verdict, result.Report.String())
			require.Contains(t, result.Report.String(), "this is no whispers: too loud")
			require.Empty(t, leaders(t, result.Dir))
		})
	}
}

// whispers understands nobody.
type whispers struct {
	cluster *tap.Cluster
	aside   bool
}

func (w whispers) Next(b []byte, _ *tap.Message) (int, string, error) {
	err := errors.New("too loud")
	if w.aside && len(b) > 0 {
		err = w.cluster.Aside(b[0], err)
	}
	return 0, "", err
}
