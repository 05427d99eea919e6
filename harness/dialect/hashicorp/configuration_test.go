package hashicorp_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/dialect/hashicorp"
	"github.com/usurper/usurper/harness/history"
)

// written is what the library's EncodeConfiguration makes of a voter, a non-voter and a
// server that is staged.
const written = "\x81\xa7Servers\x93" +
	"\x83\xa7Address\xae127.0.0.1:7101\xa2ID\xa2n1\xa8Suffrage\x00" +
	"\x83\xa7Address\xae127.0.0.1:7102\xa2ID\xa2n2\xa8Suffrage\x01" +
	"\x83\xa7Address\xae127.0.0.1:7103\xa2ID\xa2n3\xa8Suffrage\x02"

// servers writes a configuration in which all vote.
func servers(ids ...string) string {
	var l list
	for _, id := range ids {
		l = append(l, table{"Address", "127.0.0.1:710" + id[1:], "ID", id, "Suffrage", uint64(0)})
	}
	return string(pack(nil, table{"Servers", l}))
}

func configures(index uint64, data string) table {
	e := entryOf(index, 3, 5)
	e[3] = data
	return e
}

// told is who votes, as the tap has it from what n1 sends to n2, whom it has met, and n2's
// answer.
func told(t *testing.T, cut int, frames ...[]byte) (out []string) {
	t.Helper()
	w := hashicorp.Dialect().Watch([]string{"n1", "n2", "n3"}, func(e history.Raft) {
		if e.What == history.RaftConfig {
			out = append(out, fmt.Sprintf("%d,%d%v", e.EntryTerm, e.Index, e.Voters))
		}
	})
	f, b := w.Open("n1", "n2")
	for _, frame := range frames {
		for rest, shown := frame, min(cut, len(frame)); len(rest) > 0; {
			n, _, err := f.Next(rest[:shown])
			require.NoError(t, err)
			rest, shown = rest[n:], min(shown-n+cut, len(rest)-n)
		}
		_, _, err := b.Next(appended("n2", 3, true))
		require.NoError(t, err)
	}
	return out
}

func TestConfigurations(t *testing.T) {
	snapshot := func(index uint64, data string) []byte {
		return append(asks(installSnapshot, by("n1", "Configuration", data, "ConfigurationIndex", index, "LastLogIndex", uint64(300),
			"LastLogTerm", uint64(3), "Size", 4, "SnapshotVersion", uint64(1), "Term", uint64(3))), "data"...)
	}
	for name, tc := range map[string]struct {
		frame []byte
		want  []string
	}{
		"only one votes":     {appends("n1", 3, 9, 2, 8, list{configures(10, written)}), []string{"3,10[n1]"}},
		"one is known later": {appends("n1", 3, 9, 2, 8, list{configures(10, servers("n1", "n2"))}), []string{"3,10[]", "3,10[n1 n2]"}},
		"two, and a word that is like one": {appends("n1", 3, 0, 0, 0, list{configures(1, servers("n1")), func() table {
			e := configures(2, servers("n2"))
			e[len(e)-1] = uint64(0)
			return e
		}(), configures(3, servers("n2"))}), []string{"3,1[n1]", "3,3[]", "3,3[n2]"}},
		"a snapshot":                 {snapshot(7, servers("n1")), []string{"0,7[n1]"}},
		"a snapshot of old versions": {snapshot(0, ""), nil},
		"an entry of old versions":   {appends("n1", 3, 9, 2, 8, list{entryOf(10, 3, 2)}), []string{"0,0[]"}},
		"what nobody can read":       {appends("n1", 3, 9, 2, 8, list{configures(10, written[:40])}), []string{"0,0[]"}},
		"more than there should be":  {appends("n1", 3, 9, 2, 8, list{configures(10, written+"x")}), []string{"0,0[]"}},
	} {
		for _, cut := range []int{1, 7, 1 << 20} {
			require.Equal(t, tc.want, told(t, cut, tc.frame), "%s, by %d bytes", name, cut)
		}
	}
	for cut := range len(written) {
		require.Equal(t, []string{"0,0[]"}, told(t, 1<<20, appends("n1", 3, 9, 2, 8, list{configures(10, written[:cut])})), "%d bytes", cut)
	}
}
