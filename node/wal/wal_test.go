package wal

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/bug"
	"github.com/usurper/usurper/node/raft"
)

// book makes entries that continue each other, and is what a log should hold.
type book struct {
	base    raft.Pos
	hash    uint64
	entries []raft.Entry
	pad     int // bytes more of data
}

// write adds n entries of term with different data.
func (b *book) write(term uint64, n int) []raft.Entry {
	from := len(b.entries)
	for range n {
		last, hash := b.base, b.hash
		if k := len(b.entries); k > 0 {
			e := b.entries[k-1]
			last, hash = raft.Pos{Term: e.Term, Index: e.Index}, e.Hash
		}
		e := raft.Entry{Term: term, Index: last.Index + 1}
		if e.Index%5 != 0 { // some are no-ops
			e.Data = fmt.Appendf(nil, "entry %d of term %d%s", e.Index, term, strings.Repeat(".", b.pad))
		}
		e.Hash = chainHash(hash, e)
		b.entries = append(b.entries, e)
	}
	return b.entries[from:len(b.entries):len(b.entries)]
}

func (b *book) truncate(from uint64) { b.entries = b.entries[:from-b.base.Index-1] }

func (b *book) snapshot(index uint64, data string) raft.Snapshot {
	e := b.entries[index-b.base.Index-1]
	return raft.Snapshot{Pos: raft.Pos{Term: e.Term, Index: e.Index}, Hash: e.Hash, Digest: e.Hash + 1, Data: []byte(data)}
}

// after returns the entries after index, nil if there are none.
func (b *book) after(index uint64) []raft.Entry {
	return append([]raft.Entry(nil), b.entries[index-b.base.Index:]...)
}

func mustOpen(t testing.TB, dir string, o Options) (*Log, Recovered) {
	t.Helper()
	l, rec, err := Open(dir, o)
	require.NoError(t, err)
	t.Cleanup(l.Abandon)
	return l, rec
}

// reopen abandons l and opens its directory again.
func reopen(t testing.TB, l *Log) (*Log, Recovered) {
	t.Helper()
	l.Abandon()
	return mustOpen(t, l.disk.dir, l.options)
}

// put replaces a file. It does not write over it, for ext4 syncs what does.
func put(t testing.TB, file string, b []byte) {
	t.Helper()
	require.NoError(t, os.RemoveAll(file))
	require.NoError(t, os.WriteFile(file, b, 0o644))
}

func TestOpenEmpty(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	l, rec := mustOpen(t, dir, Options{})
	require.Equal(t, Recovered{}, rec)
	_, rec = reopen(t, l)
	require.Equal(t, Recovered{}, rec)
}

func TestRoundTrip(t *testing.T) {
	for _, size := range []int64{1 << 10, 4 << 10, 0} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			l, _ := mustOpen(t, t.TempDir(), Options{SegmentBytes: size, wrap: quick})
			var b book
			for term := uint64(1); term <= 40; term++ {
				state := raft.HardState{Term: term, Vote: raft.ID(term % 3)}
				require.NoError(t, l.SetState(state))
				require.NoError(t, l.Append(b.write(term, int(term%7))))
				require.NoError(t, l.SetCommit(uint64(len(b.entries))))
				require.NoError(t, l.Sync())
				if term%9 == 0 {
					var rec Recovered
					l, rec = reopen(t, l)
					want := Recovered{State: state, Entries: b.after(0), Commit: uint64(len(b.entries))}
					require.Equal(t, want, rec)
				}
			}
		})
	}
}

func TestKillLosesWhatWasNotSynced(t *testing.T) {
	l, _ := mustOpen(t, t.TempDir(), Options{})
	var b book
	require.NoError(t, l.SetState(raft.HardState{Term: 1, Vote: 2}))
	require.NoError(t, l.Append(b.write(1, 3)))
	require.NoError(t, l.Sync())
	want := b.after(0)
	require.NoError(t, l.SetState(raft.HardState{Term: 2, Vote: 3}))
	require.NoError(t, l.Truncate(2))
	b.truncate(2)
	require.NoError(t, l.Append(b.write(2, 5)))
	_, rec := reopen(t, l)
	require.Equal(t, Recovered{State: raft.HardState{Term: 1, Vote: 2}, Entries: want}, rec)
}

func TestCommitIsAHint(t *testing.T) {
	l, _ := mustOpen(t, t.TempDir(), Options{})
	var b book
	require.NoError(t, l.Append(b.write(1, 4)))
	require.NoError(t, l.Sync())
	end := l.end
	require.NoError(t, l.SetCommit(3))
	require.NoError(t, l.Sync())
	require.Equal(t, end, l.end, "a hint alone was written")
	l, rec := reopen(t, l)
	require.Zero(t, rec.Commit)
	require.NoError(t, l.SetCommit(3))
	require.NoError(t, l.Close())
	l, rec = mustOpen(t, l.disk.dir, Options{})
	require.EqualValues(t, 3, rec.Commit)
	require.NoError(t, l.SetCommit(99)) // beyond the log: never believed
	require.NoError(t, l.Close())
	_, rec = mustOpen(t, l.disk.dir, Options{})
	require.EqualValues(t, 4, rec.Commit)
}

func TestTruncate(t *testing.T) {
	for _, size := range []int64{1 << 10, 0} {
		l, _ := mustOpen(t, t.TempDir(), Options{SegmentBytes: size, wrap: quick})
		rng := rand.New(rand.NewPCG(3, 4))
		var b book
		for term := uint64(1); term < 100; term++ {
			from := 1 + rng.Uint64N(uint64(len(b.entries))+3)
			require.NoError(t, l.Truncate(from)) // past the end, now and then
			if from <= uint64(len(b.entries)) {
				b.truncate(from)
			}
			require.NoError(t, l.Append(b.write(term, rng.IntN(20))))
			require.NoError(t, l.Sync())
			if term%5 == 0 {
				var rec Recovered
				l, rec = reopen(t, l)
				require.Equal(t, b.after(0), rec.Entries)
			}
		}
	}
}

func TestMisuseFailsTheLog(t *testing.T) {
	var b book
	b.write(5, 10)
	wrongHash := b.entries[3]
	wrongHash.Hash++
	oldTerm := raft.Entry{Term: 4, Index: 4}
	oldTerm.Hash = chainHash(b.entries[2].Hash, oldTerm)
	for name, misuse := range map[string]func(l *Log) error{
		"gap":             func(l *Log) error { return l.Append(b.entries[4:5]) },
		"repeated":        func(l *Log) error { return l.Append(b.entries[2:3]) },
		"hash":            func(l *Log) error { return l.Append([]raft.Entry{wrongHash}) },
		"term goes back":  func(l *Log) error { return l.Append([]raft.Entry{oldTerm}) },
		"truncate all":    func(l *Log) error { return l.Truncate(0) },
		"future snapshot": func(l *Log) error { return l.SaveSnapshot(b.snapshot(4, "")) },
		"no snapshot":     func(l *Log) error { return l.SaveSnapshot(raft.Snapshot{}) },
		"old install":     func(l *Log) error { return l.Install(raft.Snapshot{}) },
		"too large":       func(l *Log) error { return l.Append([]raft.Entry{{Term: 5, Index: 4, Data: make([]byte, MaxData+1)}}) },
	} {
		l, _ := mustOpen(t, t.TempDir(), Options{})
		require.NoError(t, l.Append(b.entries[:3]))
		err := misuse(l)
		require.ErrorContains(t, err, "has failed, restart the member", name)
		requireFailed(t, l, err)
	}
}

// requireFailed checks that every call returns the very same error.
func requireFailed(t *testing.T, l *Log, err error) {
	t.Helper()
	require.Error(t, err)
	for _, again := range []error{
		l.SetState(raft.HardState{}), l.SetCommit(1), l.Truncate(1), l.Append(nil),
		l.Install(raft.Snapshot{}), l.SaveSnapshot(raft.Snapshot{}), l.Sync(), l.Close(),
	} {
		require.True(t, err == again, "%v", again) //nolint:errorlint // the same, not an equal one
	}
}

func TestClose(t *testing.T) {
	l, _ := mustOpen(t, t.TempDir(), Options{})
	require.NoError(t, l.SetState(raft.HardState{Term: 3}))
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Sync(), ErrClosed)
	require.ErrorIs(t, l.SetState(raft.HardState{}), ErrClosed)
	l.Abandon()
	_, rec := mustOpen(t, l.disk.dir, Options{})
	require.EqualValues(t, 3, rec.State.Term)
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	l, _ := mustOpen(t, dir, Options{})
	_, _, err := Open(dir, Options{})
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, dir)
	require.NoError(t, l.Close())
	mustOpen(t, dir, Options{})
}

func TestOptions(t *testing.T) {
	for _, size := range []int64{-1, 1023, 1<<30 + 1} {
		_, _, err := Open(t.TempDir(), Options{SegmentBytes: size, wrap: quick})
		require.ErrorContains(t, err, "use 1024 to")
	}
}

// A segment size may change between two runs.
func TestSegmentSizeChanges(t *testing.T) {
	dir := t.TempDir()
	var b book
	for i, size := range []int64{4 << 10, 64 << 10, 1 << 10, 16 << 10} {
		l, rec := mustOpen(t, dir, Options{SegmentBytes: size, wrap: quick})
		require.Equal(t, b.after(0), rec.Entries)
		for range 10 {
			require.NoError(t, l.Append(b.write(uint64(i+1), 10)))
			require.NoError(t, l.Sync())
		}
		require.NoError(t, l.Close())
	}
}

func TestBugs(t *testing.T) {
	dir := t.TempDir()
	l, _ := mustOpen(t, dir, Options{})
	require.NoError(t, l.SetState(raft.HardState{Term: 1, Vote: 1}))
	require.NoError(t, l.Close())
	l, rec := mustOpen(t, dir, Options{Bug: bug.TermRegress})
	require.Equal(t, raft.HardState{Term: 1, Vote: 1}, rec.State, "there is no term before the first")
	require.NoError(t, l.SetState(raft.HardState{Term: 7, Vote: 1}))
	require.NoError(t, l.Close())
	l, rec = mustOpen(t, dir, Options{Bug: bug.TermRegress})
	require.Equal(t, raft.HardState{Term: 6}, rec.State)
	require.NoError(t, l.Close())
	l, rec = mustOpen(t, dir, Options{Bug: bug.ForgetVote})
	require.Equal(t, raft.HardState{Term: 7, Vote: 1}, rec.State)
	require.NoError(t, l.SetState(raft.HardState{Term: 8, Vote: 2}))
	require.NoError(t, l.Close())
	_, rec = mustOpen(t, dir, Options{})
	require.Equal(t, raft.HardState{Term: 7, Vote: 1}, rec.State)
}

// A vote is not lost with a snapshot, but for the bug.
func TestBugInstallDropsVote(t *testing.T) {
	var other book
	other.write(3, 9)
	for b, kept := range map[bug.Name]raft.ID{bug.None: 2, bug.InstallDropsVote: 0} {
		t.Run(string(b), func(t *testing.T) {
			dir := t.TempDir()
			l, _ := mustOpen(t, dir, Options{Bug: b})
			require.NoError(t, l.SetState(raft.HardState{Term: 4, Vote: 2}))
			require.NoError(t, l.Install(other.snapshot(9, "all")))
			require.NoError(t, l.Close())
			_, rec := mustOpen(t, dir, Options{})
			require.Equal(t, raft.HardState{Term: 4, Vote: kept}, rec.State)
		})
	}
}

// A snapshot that is older than the log's is no snapshot to install, but for the bug.
func TestBugOldSnapshot(t *testing.T) {
	var other book
	other.write(3, 9)
	for _, b := range []bug.Name{bug.None, bug.OldSnapshot} {
		t.Run(string(b), func(t *testing.T) {
			dir := t.TempDir()
			l, _ := mustOpen(t, dir, Options{Bug: b})
			require.NoError(t, l.Install(other.snapshot(9, "new")))
			if b == bug.None {
				require.ErrorContains(t, l.Install(other.snapshot(5, "old")), "cannot install")
				return
			}
			require.NoError(t, l.Install(other.snapshot(5, "old")))
			require.NoError(t, l.Close())
			_, rec := mustOpen(t, dir, Options{Bug: b})
			require.Equal(t, uint64(5), rec.Snapshot.Pos.Index)
			require.Equal(t, "old", string(rec.Snapshot.Data))
		})
	}
}

// The layout that the package comment promises, byte by byte.
func TestGolden(t *testing.T) {
	l, _ := mustOpen(t, t.TempDir(), Options{SegmentBytes: 1 << 10, wrap: quick})
	require.NoError(t, l.SetState(raft.HardState{Term: 3, Vote: 2}))
	e := raft.Entry{Term: 3, Index: 1, Data: []byte("x=1")}
	e.Hash = chainHash(0, e)
	require.NoError(t, l.Append([]raft.Entry{e}))
	require.NoError(t, l.SetCommit(1))
	require.NoError(t, l.Sync())
	b, err := os.ReadFile(filepath.Join(l.disk.dir, "0000000000000001.wal"))
	require.NoError(t, err)
	require.Len(t, b, 1<<10)
	require.Equal(t, golden(`
		60000000 01000000 00000000 00000000 0100000000000000 SUM1 SUM2
		0100000000000000 0100000000000000 0000000000000000 0000000000000000
		0000000000000000 0000000000000000 0000000000000000 0000000000000000
		0000000000000000 0000000000000000 0000000000000000 0000000000000000`, b[:128]), hex.EncodeToString(b[:128]))
	require.Equal(t, golden(`
		10000000 02000000 80000000 80000000 0100000000000000 SUM1 SUM2
		0300000000000000 0200000000000000`, b[128:176]), hex.EncodeToString(b[128:176]))
	require.Equal(t, golden(`
		1b000000 05000000 80000000 b0000000 0100000000000000 SUM1 SUM2
		0300000000000000 0100000000000000 3231d95254d6559d 783d31`, b[176:235]), hex.EncodeToString(b[176:235]))
	require.Equal(t, golden(`
		08000000 03000000 80000000 eb000000 0100000000000000 SUM1 SUM2
		0100000000000000`, b[235:275]), hex.EncodeToString(b[235:275]))
	require.Equal(t, make([]byte, 1<<10-275), b[275:])
}

// golden puts the checksums of record into text: other tests see to those.
func golden(text string, record []byte) string {
	text = strings.Replace(text, "SUM1", hex.EncodeToString(record[24:28]), 1)
	text = strings.Replace(text, "SUM2", hex.EncodeToString(record[28:32]), 1)
	return strings.Join(strings.Fields(text), "")
}

func leBytes(n uint64) []byte {
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(n >> (8 * i))
	}
	return b
}

func TestChainHash(t *testing.T) {
	want := xxhash.Sum64(slices.Concat(leBytes(11), leBytes(7), []byte("x=1")))
	require.Equal(t, want, chainHash(11, raft.Entry{Term: 7, Index: 3, Data: []byte("x=1")}))
}

func BenchmarkAppendSync(b *testing.B) {
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprintf("entries=%d", n), func(b *testing.B) {
			l, _ := mustOpen(b, b.TempDir(), Options{})
			batch := make([]raft.Entry, n)
			data := make([]byte, 256)
			var last, hash uint64
			b.ReportAllocs()
			for b.Loop() {
				for i := range batch {
					last++
					e := raft.Entry{Term: 1, Index: last, Data: data}
					e.Hash = chainHash(hash, e)
					hash, batch[i] = e.Hash, e
				}
				if err := errors.Join(l.Append(batch), l.Sync()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
