package block

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// changes are of writes of so many sectors each, one behind the other.
func changes(writes ...int) (all []Change) {
	at := int64(0)
	for w, n := range writes {
		for range n {
			all = append(all, Change{w, at})
			at += Sector
		}
	}
	return all
}

// left draws a picture of a choice: a letter for what is kept, a dot for what is not.
func left(all []Change, kept []bool) string {
	var b strings.Builder
	for i, c := range all {
		if kept[i] {
			fmt.Fprintf(&b, "%c", 'a'+c.Write)
		} else {
			b.WriteByte('.')
		}
	}
	return b.String()
}

// Some leaves what disks leave: a write cut off with all before it and nothing after it,
// one of a queue cut off, a single hole, whole writes alone, anything.
func TestSomeHasShapes(t *testing.T) {
	all, seen := changes(2, 5, 2), map[string]int{}
	for seed := range uint64(4000) {
		kept := Some(seed, Sector)(all)
		require.Equal(t, kept, Some(seed, Sector)(all))
		seen[left(all, kept)]++
	}
	for _, want := range []string{
		"a........", "aab......", "aabbb....", "aabbbbb..", "aabbbbbc.", // in the midst
		"aab....cc", "..bbb....", "aabb.bbcc", "..bbbbbcc", "aa.....cc", "....b....",
	} {
		require.NotZero(t, seen[want], want)
	}
	require.Greater(t, seen["aab......"]+seen["aabb....."]+seen["aabbb...."]+seen["aabbbb..."], 150)
	require.Less(t, seen["........."]+seen["aabbbbbcc"], 800)
	require.Empty(t, Some(7, Sector)(nil))
}

// What lies within a unit is kept together, but for what other writes made of it.
func TestSomeKeepsUnitsTogether(t *testing.T) {
	all := append(changes(11, 20), Change{2, 0}, Change{2, Sector})
	for seed := range uint64(500) {
		kept := Some(seed, Page)(all)
		for i := 1; i < len(all); i++ {
			if all[i].Write == all[i-1].Write && all[i].At/Page == all[i-1].At/Page {
				require.Equal(t, kept[i-1], kept[i], "seed %d: %s", seed, left(all, kept))
			}
		}
	}
}

// Of what is appended to a log of zeros, the first entry that is not whole often has its
// head, so that whoever trusts that reads what was never written.
func TestSomeTearsEntries(t *testing.T) {
	for _, tt := range []struct{ entry, batch, atLeast int }{ // percent
		{76, 8, 20}, {150, 3, 22}, {400, 3, 40}, {1000, 1, 40}, {4000, 8, 55}, {64000, 3, 55},
	} {
		m, err := newMedium(1<<20, Options{})
		require.NoError(t, err)
		rng, torn := rand.New(rand.NewPCG(1, 2)), 0
		const tries = 400
		for seed := range uint64(tries) {
			begin := rng.IntN(Page)
			log := make([]byte, (begin+tt.entry*tt.batch+Page-1)/Page*Page)
			require.NoError(t, m.write(0, log))
			require.NoError(t, m.flush(func() error { return nil }))
			for i := begin; i < begin+tt.entry*tt.batch; i++ {
				log[i] = 1
			}
			require.NoError(t, m.write(0, log))
			m.cut(Some(seed, Sector))
			for at := begin; at < begin+tt.entry*tt.batch; at += tt.entry {
				if there := count(m.now[at : at+tt.entry]); there < tt.entry {
					if count(m.now[at:at+32]) == 32 {
						torn++
					}
					break
				}
			}
			m.restore()
			require.NoError(t, m.zero(0, 1<<20))
		}
		m.close()
		require.GreaterOrEqual(t, 100*torn, tt.atLeast*tries, "%+v", tt)
	}
}

// count counts the bytes that were written.
func count(b []byte) (n int) {
	for _, c := range b {
		n += int(c)
	}
	return n
}
