package tap

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
)

// shares is a dialect whose connections begin with m, and say one thing each; those that
// begin with "-" have no byte of a multiplexer, and everything else is none of it.
func shares() Dialect {
	return Dialect{Name: "toy", Open: func(c *Cluster) func(string, string) (Decoder, Decoder) {
		return func(string, string) (Decoder, Decoder) {
			return &sharing{cluster: c}, &sharing{cluster: c, begun: true}
		}
	}}
}

type sharing struct {
	cluster *Cluster
	begun   bool
}

func (s *sharing) Next(b []byte, m *Message) (int, string, error) {
	var err error
	switch first := b[0]; {
	case s.begun:
	case first == '-':
		err = s.cluster.Bare(first)
	case first == 'm' || first == 'n':
		err = s.cluster.Behind(first)
	default:
		err = s.cluster.Aside(first, errors.New("who knows"))
	}
	if err != nil {
		return 0, "", err
	}
	s.begun = true
	m.Kind, m.Term = Heartbeat, 1
	return len(b), "", nil
}

// opened is what becomes of connections that begin so, from n1 to n2 each.
func opened(t *testing.T, firsts ...string) (w *Watch, errs []error) {
	t.Helper()
	w = shares().Watch([]string{"n1", "n2"}, func(history.Raft) {})
	for _, first := range firsts {
		forward, backward := w.Open("n1", "n2")
		_, _, err := forward.Next([]byte(first))
		if errs = append(errs, err); err == nil {
			_, _, err = backward.Next([]byte("m"))
			require.NoError(t, err)
		}
	}
	return w, errs
}

func TestAnotherProtocolAtThePort(t *testing.T) {
	// What is seen before anything is known of the port, and what comes after.
	w, errs := opened(t, "x", "m", "y", "y", "-")
	require.ErrorIs(t, errs[0], fabric.ErrAside)
	require.NoError(t, errs[1])
	for _, err := range errs[2:] {
		require.ErrorIs(t, err, fabric.ErrAside)
	}
	require.Empty(t, w.Doubts())
	require.True(t, w.Shares())
	require.Equal(t, map[string]uint64{"78": 1, "79": 2, "2d": 1}, w.Heard().Aside)
}

func TestNoOtherProtocolAtThePort(t *testing.T) {
	w, errs := opened(t, "x", "-", "y", "m")
	require.ErrorIs(t, errs[0], fabric.ErrAside, "it is not known yet")
	require.NoError(t, errs[1])
	for _, err := range errs[2:] {
		require.Error(t, err)
		require.NotErrorIs(t, err, fabric.ErrAside)
	}
	require.False(t, w.Shares())
	doubts := w.Doubts()
	require.Len(t, doubts, 1)
	require.Equal(t, "a connection n1 > n2", doubts[0].About())
	require.ErrorContains(t, doubts[0].Err, "this is no toy: who knows")

	w, _ = opened(t, "x", "y")
	require.Len(t, w.Doubts(), 2, "nothing was ever understood")
	w, _ = opened(t, "m", "-")
	require.Empty(t, w.Doubts())
}

// Two Rafts at one port would be taken for one.
func TestTwoMultiplexed(t *testing.T) {
	_, errs := opened(t, "m", "n")
	require.ErrorContains(t, errs[1], "several Rafts at one port")
	require.NotErrorIs(t, errs[1], fabric.ErrAside)
}

// A member of whom nothing was understood may say it where nobody looks; one that said
// nothing at all is none's concern.
func TestUnheard(t *testing.T) {
	w := shares().Watch([]string{"n1", "n2", "n3"}, func(history.Raft) {})
	say := func(from, to, first string) {
		forward, _ := w.Open(from, to)
		_, _, _ = forward.Next([]byte(first))
	}
	say("n1", "n2", "m")
	say("n2", "n1", "m")
	say("n1", "n2", "x")
	require.Empty(t, w.Doubts())
	say("n3", "n1", "x")
	doubts := w.Doubts()
	require.Len(t, doubts, 1)
	require.Equal(t, "n3", doubts[0].About())
	require.ErrorContains(t, doubts[0].Err, "nothing that n3 says is toy")
	say("n3", "n1", "m")
	require.Empty(t, w.Doubts())
}
