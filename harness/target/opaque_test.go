package target_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
	"github.com/usurper/usurper/harness/target"
)

// bells is a dialect in which each byte is the heartbeat of a leader of that term.
func bells() tap.Dialect {
	return tap.Dialect{Name: "bells", Kinds: []tap.Kind{tap.Heartbeat}, Open: func(*tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
		return func(string, string) (tap.Decoder, tap.Decoder) { return bell{}, bell{} }
	}}
}

type bell struct{}

func (bell) Next(b []byte, m *tap.Message) (int, string, error) {
	m.Kind, m.Term = tap.Heartbeat, uint64(b[0])
	return 1, "", nil
}

func TestOpaqueWithoutWire(t *testing.T) {
	var o target.Opaque
	require.Nil(t, o.Protocol())
	require.Nil(t, o.Tap([]string{"n1"}, func(history.Raft) {}))
	require.Nil(t, o.Shows())
}

func TestOpaqueWithWire(t *testing.T) {
	o := target.Opaque{Wire: bells()}
	require.Equal(t, []string{"heartbeat"}, o.Protocol().Classes())
	require.Contains(t, o.Shows(), history.RaftLeader)
	var leaders []string
	w := o.Tap([]string{"n1", "n2"}, func(e history.Raft) {
		if e.What == history.RaftLeader {
			leaders = append(leaders, e.Node)
		}
	})
	_, backward := w.(fabric.Protocol).Open("n1", "n2")
	n, class, err := backward.Next([]byte{7, 7})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, "heartbeat", class)
	w.Flush()
	require.Equal(t, []string{"n2"}, leaders)
}
