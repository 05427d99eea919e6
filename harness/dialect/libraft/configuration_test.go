package libraft_test

import (
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/dialect/libraft"
	"github.com/usurper/usurper/harness/history"
)

// written is what raft_configuration_encode of libraft 0.15 makes of the voters 1 and 2, a
// spare and a stand-by.
const written = "01040000000000000001000000000000003132372e302e302e313a3731303100010200000000000000" +
	"3132372e302e302e313a373130320001be55318c8571c12d3132372e302e302e313a3731303300020400000000000000" +
	"3132372e302e302e313a373130340000" + "00000000000000"

// told is who votes, as the tap has it from what member 1 sends to n2, whose id is 2.
func told(t *testing.T, frame []byte) (out []string) {
	t.Helper()
	w := libraft.Dialect().Watch([]string{"n1", "n2", "n3"}, func(e history.Raft) {
		if e.What == history.RaftConfig {
			out = append(out, fmt.Sprintf("%d,%d%v", e.EntryTerm, e.Index, e.Voters))
		}
	})
	say := func(dialler, accepter string, b []byte) {
		f, _ := w.Open(dialler, accepter)
		for len(b) > 0 {
			n, _, err := f.Next(b)
			require.NoError(t, err)
			require.NotZero(t, n)
			b = b[n:]
		}
	}
	say("n1", "n2", append(introduces(1, "127.0.0.1:7101"), frame...))
	say("n2", "n1", introduces(2, "127.0.0.1:7102"))
	return out
}

func TestConfigurations(t *testing.T) {
	data, err := hex.DecodeString(written)
	require.NoError(t, err)
	change := func(prev uint64, data []byte) []byte {
		b := appends(3, prev, 2, 0, entry{3, 1, 8}, entry{3, 3, uint64(len(data))}, entry{3, 1, 8})
		copy(b[len(b)-8-len(data):], data)
		return b
	}
	snapshot := append(message(5, append([]uint64{3, 40, 2, 7, uint64(len(data))}, fromBytes(append(data, 4, 0, 0, 0, 0, 0, 0, 0))...)...), "data"...)
	require.Equal(t, []string{"3,11[]", "3,11[n1 n2]"}, told(t, change(9, data)))
	require.Equal(t, []string{"0,7[]", "0,7[n1 n2]"}, told(t, snapshot))
	for cut := range len(data) - 7 {
		require.Equal(t, []string{"0,0[]"}, told(t, change(9, data[:cut])), "%d bytes", cut)
	}
	data[1] = 200
	require.Equal(t, []string{"0,0[]"}, told(t, change(9, data)), "more servers than there are")
}

// fromBytes is words of bytes.
func fromBytes(b []byte) (w []uint64) {
	for ; len(b) >= 8; b = b[8:] {
		var v uint64
		for i := range 8 {
			v |= uint64(b[i]) << (8 * i)
		}
		w = append(w, v)
	}
	return w
}
