package raft

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func testLog(t *testing.T, terms ...uint64) *entryLog {
	l, err := newLog(nil, nil)
	require.NoError(t, err)
	for _, term := range terms {
		l.push(term, []byte{byte(term)})
	}
	return &l
}

func TestHashTellsLogsApart(t *testing.T) {
	a, b, c := testLog(t, 1, 1, 2), testLog(t, 1, 1, 2), testLog(t, 1, 2, 2)
	require.Equal(t, a.entries, b.entries)
	require.Equal(t, a.entries[0].Hash, c.entries[0].Hash)
	require.NotEqual(t, a.entries[2].Hash, c.entries[2].Hash, "the last entries are equal, what is before is not")
}

func TestBackOff(t *testing.T) {
	l := testLog(t, 1, 1, 3, 3, 3, 5)
	for _, tc := range []struct {
		i, term, floor uint64
		want           Pos
	}{
		{6, 5, 0, Pos{5, 6}},
		{9, 9, 0, Pos{5, 6}},
		{6, 4, 0, Pos{3, 5}},
		{4, 4, 0, Pos{3, 4}},
		{6, 2, 0, Pos{1, 2}},
		{6, 0, 0, Pos{}},
		{6, 2, 3, Pos{3, 3}},
		{2, 9, 3, Pos{3, 3}},
	} {
		require.Equal(t, tc.want, l.backOff(tc.i, tc.term, tc.floor), "%+v", tc)
	}
}

func TestBatchHasOneTermAndBoundedSize(t *testing.T) {
	l := testLog(t, 1, 1, 1, 2, 2)
	require.Len(t, l.batch(1, 1<<20), 3)
	require.Len(t, l.batch(4, 1<<20), 2)
	require.Len(t, l.batch(1, 2*(entryOverhead+1)), 2)
	require.Len(t, l.batch(1, 0), 1, "at least one, however large")
	require.Empty(t, l.batch(6, 1<<20))
}

func TestUnstableEntriesAreHandedOutOnce(t *testing.T) {
	l := testLog(t, 1, 1, 1)
	cut, entries := l.takeUnstable()
	require.Zero(t, cut)
	require.Len(t, entries, 3)
	kept := slices.Clone(entries)

	l.push(1, []byte("never handed out"))
	require.True(t, l.truncate(4))
	cut, entries = l.takeUnstable()
	require.Zero(t, cut, "nothing that was handed out is removed")
	require.Empty(t, entries)

	require.True(t, l.truncate(2))
	l.push(2, []byte("a"))
	l.push(2, []byte("b"))
	require.True(t, l.truncate(3))
	l.push(3, []byte("c"))
	cut, entries = l.takeUnstable()
	require.Equal(t, uint64(2), cut)
	require.Equal(t, []Entry{l.entries[1], l.entries[2]}, entries)
	require.False(t, l.truncate(9))
	require.Equal(t, uint64(1), kept[1].Term, "entries once handed out are not written again")
}

func TestCompactKeepsPositionsAndHashes(t *testing.T) {
	l := testLog(t, 1, 1, 2, 2)
	at, hash := l.at(3)
	l.commit, l.applied = 3, 3
	l.compact(3)
	got, gotHash := l.at(3)
	require.Equal(t, at, got)
	require.Equal(t, hash, gotHash)
	_, known := l.term(2)
	require.False(t, known)
	require.Len(t, l.entries, 1)
	require.Equal(t, Pos{2, 4}, l.last())
}

func TestRecoveredLogs(t *testing.T) {
	good := testLog(t, 1, 1, 2, 2)
	snap := &Snapshot{Pos: Pos{1, 2}, Hash: good.entries[1].Hash}

	l, err := newLog(snap, good.entries)
	require.NoError(t, err, "entries that the snapshot covers are skipped")
	require.Equal(t, uint64(2), l.commit)
	require.Equal(t, good.entries[2:], l.entries)
	_, entries := l.takeUnstable()
	require.Empty(t, entries, "what was recovered is stable")

	_, err = newLog(snap, good.entries[3:])
	require.ErrorContains(t, err, "index 4 where 3 must be")
	bad := slices.Clone(good.entries)
	bad[1].Data = []byte("x")
	_, err = newLog(nil, bad)
	require.ErrorContains(t, err, "entry 2 has hash")
}

func TestQuorum(t *testing.T) {
	yes := func(ids ...ID) func(ID) bool {
		return func(id ID) bool { return slices.Contains(ids, id) }
	}
	q := quorum{voters: []ID{1, 2, 3, 4}}
	require.False(t, q.holds(yes(1, 2), 0), "half is no majority")
	require.True(t, q.holds(yes(1, 2, 4), 0))
	require.True(t, q.holds(yes(1, 2), 1))

	joint := quorum{voters: []ID{1, 2, 3}, outgoing: []ID{3, 4, 5}}
	require.False(t, joint.holds(yes(1, 2, 3), 0))
	require.True(t, joint.holds(yes(1, 3, 5), 0))

	match := func(id ID) uint64 { return []uint64{0, 9, 7, 5, 3, 1}[id] }
	require.Equal(t, uint64(5), q.reached(match))
	require.Equal(t, uint64(7), quorum{voters: []ID{1, 2, 3}}.reached(match))
	require.Equal(t, uint64(3), joint.reached(match))
	require.Equal(t, uint64(9), quorum{voters: []ID{1}}.reached(match))
}

// The bug even-quorum differs where the number of members is even, and nowhere else.
func TestBugEvenQuorum(t *testing.T) {
	for n := range 9 {
		right, wrong := quorum{}.needed(n+1), quorum{tie: true}.needed(n+1)
		require.Equal(t, majority(n+1), right)
		require.Equal(t, (n+1)%2 == 0, wrong == right-1, n+1)
		require.LessOrEqual(t, wrong, right)
	}
	match := func(id ID) uint64 { return uint64(id) }
	require.Equal(t, uint64(2), quorum{voters: []ID{1, 2, 3, 4}}.reached(match))
	require.Equal(t, uint64(3), quorum{voters: []ID{1, 2, 3, 4}, tie: true}.reached(match))
}
