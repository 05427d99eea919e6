package engine

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/fabric/owner"
	"github.com/usurper/usurper/harness/history"
)

// A connection of which nobody knows whose it was is refused and worth a note; one
// that its dialler gave up is not. Only if it goes on and on is the run unknown.
func TestConnectionsOfNobody(t *testing.T) {
	told := fabric.Attribution{Accepter: "n2", Dialler: "n1"}
	unknown := fabric.Attribution{Accepter: "n2", Remote: &net.TCPAddr{Port: 7}, Err: fmt.Errorf("%w after 2s", fabric.ErrUnknownDialler)}
	gone := fabric.Attribution{Accepter: "n2", Err: owner.ErrGone}
	elsewhere := fabric.Attribution{Accepter: "n3", Dialler: "n1"}
	// row is n of the one, and then m of the other.
	row := func(n int, a fabric.Attribution, m int, b fabric.Attribution) (all []fabric.Attribution) {
		for range n {
			all = append(all, a)
		}
		for range m {
			all = append(all, b)
		}
		return all
	}
	again := func(n int, all ...fabric.Attribution) (many []fabric.Attribution) {
		for range n {
			many = append(many, all...)
		}
		return many
	}
	tests := map[string]struct {
		came         []fabric.Attribution
		notes, apart int
		text         string
	}{
		"told":                  {came: row(100, told, 100, gone)},
		"one":                   {came: row(1, unknown, 1, told), notes: 1, text: "refused before a byte of it moved: dialler unknown after 2s (1 of 1 so far)"},
		"some in a row":         {came: row(4, unknown, 1, told), notes: 4},
		"too many in a row":     {came: row(30, told, 5, unknown), notes: 4, apart: 1, text: "5 of 35 connections to n2 were refused, the last 5 in a row"},
		"told elsewhere":        {came: again(5, unknown, elsewhere), notes: 4, apart: 1},
		"all":                   {came: row(40, unknown, 0, told), notes: 20, apart: 4, text: "40 of 40 connections"},
		"one in six":            {came: again(20, told, told, told, unknown, told, told), notes: 20},
		"one in three":          {came: again(10, told, told, unknown), notes: 9, apart: 1, text: "7 of 21 connections to n2 were refused, the last 1 in a row"},
		"more than can be told": {came: again(100, told, told, told, told, told, unknown), notes: 20},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			rec, err := history.Create(t.TempDir() + "/history")
			require.NoError(t, err)
			events, cancel := rec.Watch(200, func(*history.Event) bool { return true })
			r := &run{rec: rec}
			for _, a := range tt.came {
				r.attributed(a)
			}
			require.NoError(t, rec.Close())
			cancel()
			count, text := make(map[history.RunWhat]int), ""
			for e := range events {
				require.Equal(t, "n2", e.Run.Node)
				count[e.Run.What]++
				text += e.Run.Text + "\n"
			}
			require.Equal(t, tt.notes, count[history.RunNote], text)
			require.Equal(t, tt.apart, count[history.RunApart], text)
			require.Contains(t, text, tt.text)
		})
	}
}
