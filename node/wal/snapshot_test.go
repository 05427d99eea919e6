package wal

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/raft"
)

// files lists what is in the directory, without the lock and the spare.
func files(t testing.TB, l *Log) (segments, snapshots int) {
	t.Helper()
	names, err := l.disk.names()
	require.NoError(t, err)
	for _, name := range names {
		switch filepath.Ext(name) {
		case segmentSuffix:
			segments++
		case snapshotSuffix:
			snapshots++
		}
	}
	return segments, snapshots
}

func TestSnapshot(t *testing.T) {
	l, _ := mustOpen(t, t.TempDir(), Options{SegmentBytes: 1 << 10, wrap: quick})
	var b book
	for round := uint64(1); round <= 20; round++ {
		for range 4 {
			require.NoError(t, l.Append(b.write(round, 5)))
			require.NoError(t, l.Sync())
		}
		require.NoError(t, l.Append(b.write(round, 1))) // still in the buffer
		at := round*21 - 3
		s := b.snapshot(at, "state")
		require.NoError(t, l.SaveSnapshot(s))
		segments, snapshots := files(t, l)
		require.LessOrEqual(t, segments, 2, "round %d", round)
		require.Equal(t, 1, snapshots)
		var rec Recovered
		l, rec = reopen(t, l)
		require.Equal(t, Recovered{Snapshot: &s, Entries: b.after(at), Commit: at}, rec)
	}
	require.ErrorContains(t, l.Truncate(20*21-3), "cannot truncate")
}

// Term and vote survive the segment that they were written in.
func TestSnapshotKeepsState(t *testing.T) {
	l, _ := mustOpen(t, t.TempDir(), Options{SegmentBytes: 1 << 10, wrap: quick})
	var b book
	require.NoError(t, l.SetState(raft.HardState{Term: 9, Vote: 4}))
	for range 20 {
		require.NoError(t, l.Append(b.write(9, 5)))
		require.NoError(t, l.Sync())
	}
	require.NoError(t, l.SaveSnapshot(b.snapshot(100, "")))
	require.NotEqual(t, uint64(1), l.segments[0].seq, "the first segment is still there")
	_, rec := reopen(t, l)
	require.Equal(t, raft.HardState{Term: 9, Vote: 4}, rec.State)
	require.Nil(t, rec.Entries)
}

// A truncation may reach behind the beginning of its segment: then the segment
// before it must stay, although the snapshot covers it.
func TestSnapshotAfterTruncationAcrossSegments(t *testing.T) {
	l, _ := mustOpen(t, t.TempDir(), Options{SegmentBytes: 1 << 10, wrap: quick})
	var b book
	for l.lastSeq() < 3 {
		require.NoError(t, l.Append(b.write(1, 3)))
		require.NoError(t, l.Sync())
	}
	require.NoError(t, l.Truncate(4))
	b.truncate(4)
	require.NoError(t, l.Append(b.write(2, 4)))
	require.NoError(t, l.Sync())
	s := b.snapshot(6, "state")
	require.NoError(t, l.SaveSnapshot(s))
	l, rec := reopen(t, l)
	require.Equal(t, Recovered{Snapshot: &s, Entries: b.after(6), Commit: 6}, rec)
	for range 40 {
		require.NoError(t, l.Append(b.write(2, 3)))
		require.NoError(t, l.Sync())
	}
	s = b.snapshot(120, "more")
	require.NoError(t, l.SaveSnapshot(s))
	segments, _ := files(t, l)
	require.LessOrEqual(t, segments, 2)
	_, rec = reopen(t, l)
	require.Equal(t, Recovered{Snapshot: &s, Entries: b.after(120), Commit: 120}, rec)
}

func TestInstall(t *testing.T) {
	l, _ := mustOpen(t, t.TempDir(), Options{SegmentBytes: 1 << 10, wrap: quick})
	var own book
	for range 20 {
		require.NoError(t, l.Append(own.write(1, 5)))
		require.NoError(t, l.Sync())
	}
	require.NoError(t, l.SetState(raft.HardState{Term: 7, Vote: 3})) // buffered
	s := raft.Snapshot{Pos: raft.Pos{Term: 6, Index: 50}, Hash: 77, Digest: 88, Data: []byte("theirs")}
	require.NoError(t, l.Install(s)) // although the own log is longer
	segments, snapshots := files(t, l)
	require.Equal(t, 1, segments)
	require.Equal(t, 1, snapshots)
	l, rec := reopen(t, l)
	require.Equal(t, Recovered{State: raft.HardState{Term: 7, Vote: 3}, Snapshot: &s, Entries: nil, Commit: 50}, rec)

	b := book{base: s.Pos, hash: s.Hash}
	require.NoError(t, l.Append(b.write(7, 4)))
	require.NoError(t, l.Truncate(53))
	b.truncate(53)
	require.NoError(t, l.Append(b.write(8, 4)))
	require.NoError(t, l.Sync())
	_, rec = reopen(t, l)
	require.Equal(t, b.after(50), rec.Entries)
}

// Whichever of its steps a crash stops at, Install or SaveSnapshot has happened
// or has not, and the next run goes on.
func TestCrashInSnapshots(t *testing.T) {
	for _, install := range []bool{false, true} {
		failed := 0
		for budget := 0; ; budget++ {
			steps := &stepper{budget: 1 << 30}
			l, _ := mustOpen(t, t.TempDir(), Options{SegmentBytes: 1 << 10, wrap: steps.wrap})
			var b book
			for range 10 {
				require.NoError(t, l.Append(b.write(1, 5)))
				require.NoError(t, l.Sync())
			}
			old := b.snapshot(20, "old")
			require.NoError(t, l.SaveSnapshot(old))
			s := b.snapshot(40, "new")
			save := l.SaveSnapshot
			if install {
				s.Hash, save = 5, l.Install
			}
			steps.set(budget)
			err := save(s)
			steps.set(1 << 30)
			l.options.wrap = quick
			l, rec := reopen(t, l)
			rec.TornBytes = 0 // some steps leave a torn record
			want := Recovered{Snapshot: &old, Entries: b.after(20), Commit: 20}
			if err == nil || rec.Snapshot.Pos == s.Pos {
				want = Recovered{Snapshot: &s, Entries: b.after(40), Commit: 40}
				if install {
					want.Entries = nil
				}
			}
			require.Equal(t, want, rec, "install %v, %d steps", install, budget)
			_, snapshots := files(t, l)
			require.Equal(t, 1, snapshots)
			names, err2 := filepath.Glob(filepath.Join(l.disk.dir, "*"+temporarySuffix))
			require.NoError(t, err2)
			require.Empty(t, names)
			if err == nil {
				break
			}
			failed++
		}
		require.GreaterOrEqual(t, failed, 4)
	}
}

// What a crash kept Install and SaveSnapshot from deleting goes at the next
// start, and until then does no harm.
func TestLeftovers(t *testing.T) {
	l, _ := mustOpen(t, t.TempDir(), Options{SegmentBytes: 1 << 10, wrap: quick})
	var b book
	for range 20 {
		require.NoError(t, l.Append(b.write(1, 5)))
		require.NoError(t, l.Sync())
	}
	require.NoError(t, l.SaveSnapshot(b.snapshot(10, "old")))
	kept := map[string][]byte{snapshotName(999): []byte("never named"), "x.snap.tmp": nil, spareName: nil}
	names, err := l.disk.names()
	require.NoError(t, err)
	for _, name := range names {
		kept[name], err = l.disk.read(name)
		require.NoError(t, err)
	}
	s := raft.Snapshot{Pos: raft.Pos{Term: 2, Index: 300}, Hash: 4}
	require.NoError(t, l.Install(s))
	l.Abandon()
	for name, b := range kept {
		put(t, l.disk.path(name), b)
	}
	l, rec := mustOpen(t, l.disk.dir, l.options)
	require.Equal(t, s.Pos, rec.Snapshot.Pos)
	require.Nil(t, rec.Entries)
	names, err = l.disk.names()
	require.NoError(t, err)
	require.Equal(t, []string{segmentName(l.lastSeq()), snapshotName(300), "LOCK"}, names)
}

func TestDamagedSnapshot(t *testing.T) {
	o := Options{SegmentBytes: 1 << 10, wrap: quick}
	l, _ := mustOpen(t, t.TempDir(), o)
	var b book
	require.NoError(t, l.Append(b.write(1, 5)))
	require.NoError(t, l.SaveSnapshot(b.snapshot(3, "some state")))
	l.Abandon()
	file := l.disk.path(snapshotName(3))
	good, err := os.ReadFile(file)
	require.NoError(t, err)
	for off := range good {
		bad := append([]byte(nil), good...)
		bad[off] ^= 4
		put(t, file, bad)
		_, _, err := Open(l.disk.dir, o)
		want := int64(0)
		if off >= snapshotFixed {
			want = snapshotFixed
		}
		requireCorrupt(t, err, file, want)
	}
	for n := range good {
		put(t, file, good[:n])
		_, _, err := Open(l.disk.dir, o)
		require.ErrorAs(t, err, new(*CorruptError))
	}
	other := b.snapshot(3, "some state")
	other.Hash++
	require.NoError(t, l.disk.writeSnapshot(other))
	_, _, err = Open(l.disk.dir, o)
	requireCorrupt(t, err, file, 16)
	require.NoError(t, os.Remove(file))
	_, _, err = Open(l.disk.dir, o)
	require.ErrorContains(t, err, "needs the snapshot at index 3")
}

func TestSnapshotWithoutSegments(t *testing.T) {
	l, _ := mustOpen(t, t.TempDir(), Options{})
	var b book
	require.NoError(t, l.Append(b.write(1, 5)))
	require.NoError(t, l.SaveSnapshot(b.snapshot(3, "")))
	l.Abandon()
	require.NoError(t, os.Remove(l.disk.path(segmentName(1))))
	_, _, err := Open(l.disk.dir, Options{})
	require.ErrorContains(t, err, "no segment")
}
