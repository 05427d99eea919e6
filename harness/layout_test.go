package harness

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/fabric/owner"
	"github.com/usurper/usurper/harness/history"
)

// decoding is a protocol of which nobody asks anything.
type decoding struct{ fabric.Protocol }

// A connection that was closed because nobody knew whose it was is a hole in what
// the tap saw, if there is one, and else worth a note. One that its dialler gave up
// is neither.
func TestConnectionsOfNobody(t *testing.T) {
	unknown := fabric.Attribution{Accepter: "n2", Remote: &net.TCPAddr{Port: 7}, Err: fmt.Errorf("%w after 2s", fabric.ErrUnknownDialler)}
	gone := unknown
	gone.Err = owner.ErrGone
	for want, protocol := range map[history.RunWhat]fabric.Protocol{history.RunUntap: decoding{}, history.RunNote: nil} {
		rec, err := history.Create(t.TempDir() + "/history")
		require.NoError(t, err)
		events, cancel := rec.Watch(8, func(*history.Event) bool { return true })
		r := &run{rec: rec, protocol: protocol}
		r.attributed(unknown)
		r.attributed(gone)
		r.attributed(fabric.Attribution{Accepter: "n2", Dialler: "n1"})
		require.NoError(t, rec.Close())
		cancel()
		var got []*history.Run
		for e := range events {
			got = append(got, e.Run)
		}
		require.Len(t, got, 1)
		require.Equal(t, want, got[0].What)
		require.Equal(t, "n2", got[0].Node)
		require.Contains(t, got[0].Text, "dialler unknown after 2s")
	}
}
