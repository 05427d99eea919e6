package wal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/raft"
)

// sample is a log of a few synced batches, and where they lie.
type sample struct {
	dir     string
	file    string // the last segment
	bytes   []byte // of file
	ends    []int64
	entries []int // len(book.entries) at each of ends
	book    book
}

// makeSample writes batches of two entries and a term each.
func makeSample(t testing.TB, batches int, o Options) *sample {
	s := &sample{dir: t.TempDir()}
	l, _ := mustOpen(t, s.dir, o)
	for i := range batches {
		require.NoError(t, l.SetState(raft.HardState{Term: uint64(i + 1)}))
		require.NoError(t, l.Append(s.book.write(uint64(i+1), 2)))
		require.NoError(t, l.Sync())
		s.ends = append(s.ends, l.end)
		s.entries = append(s.entries, len(s.book.entries))
	}
	s.file = filepath.Join(s.dir, segmentName(l.lastSeq()))
	l.Abandon()
	var err error
	s.bytes, err = os.ReadFile(s.file)
	require.NoError(t, err)
	return s
}

// with opens the directory with the last segment holding b instead.
func (s *sample) with(t testing.TB, b []byte) (*Log, Recovered, error) {
	put(t, s.file, b)
	return Open(s.dir, Options{SegmentBytes: 1 << 10, wrap: quick})
}

// requireCorrupt checks that err names the file and the offset of the record.
func requireCorrupt(t testing.TB, err error, file string, offset int64) {
	t.Helper()
	var corrupt *CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, file, corrupt.File)
	require.Equal(t, offset, corrupt.Offset, "%v", err)
	require.ErrorContains(t, err, file)
	require.ErrorContains(t, err, fmt.Sprintf("offset %d", offset))
}

// A write that a crash cut short anywhere is cut off, and the log goes on.
func TestTornAtEveryOffset(t *testing.T) {
	s := makeSample(t, 3, Options{SegmentBytes: 1 << 10, wrap: quick})
	end := s.ends[2]
	for cut := s.ends[0]; cut <= end; cut++ {
		short := bytes.Clone(s.bytes[:cut])
		zeroed := append(bytes.Clone(short), make([]byte, len(s.bytes)-len(short))...)
		for _, b := range [][]byte{short, zeroed} {
			l, rec, err := s.with(t, b)
			require.NoError(t, err, "cut at %d", cut)
			s.requirePrefix(t, rec, cut)
			l.Abandon()
			again, rec2, err := Open(s.dir, Options{SegmentBytes: 1 << 10, wrap: quick})
			require.NoError(t, err)
			rec.TornBytes = 0
			require.Equal(t, rec, rec2, "cut at %d: what was cut came back", cut)
			s.requireGoesOn(t, again, rec2)
		}
	}
}

// requirePrefix checks what was recovered of a file that is whole up to cut.
func (s *sample) requirePrefix(t *testing.T, rec Recovered, cut int64) {
	t.Helper()
	require.Equal(t, s.book.entries[:len(rec.Entries)], rec.Entries)
	for i, end := range s.ends {
		if end <= cut {
			require.GreaterOrEqual(t, len(rec.Entries), s.entries[i], "batch %d is whole, cut at %d", i, cut)
			require.GreaterOrEqual(t, rec.State.Term, uint64(i+1))
		}
		if end == cut {
			require.Zero(t, rec.TornBytes)
			require.Len(t, rec.Entries, s.entries[i])
		}
	}
	require.Less(t, rec.TornBytes, int64(headerSize+200), "more was cut than one record")
}

// requireGoesOn appends to the log, and finds it all again.
func (s *sample) requireGoesOn(t *testing.T, l *Log, rec Recovered) {
	t.Helper()
	b := book{entries: rec.Entries}
	require.NoError(t, l.Append(b.write(50, 3)))
	require.NoError(t, l.Close())
	l, rec, err := Open(s.dir, Options{SegmentBytes: 1 << 10, wrap: quick})
	require.NoError(t, err)
	require.Equal(t, b.after(0), rec.Entries)
	require.Zero(t, rec.TornBytes)
	l.Abandon()
}

// A changed byte in anything that a later record proves synced is refused, and
// the directory is left as it was. In the last record it may be a torn write.
func TestDamageAtEveryOffset(t *testing.T) {
	s := makeSample(t, 3, Options{SegmentBytes: 1 << 10, wrap: quick})
	var starts []int64
	sc := scanner{b: s.bytes, seq: 1, last: true}
	require.NoError(t, sc.scan(func(_ uint64, off int64, _ recordType, _ []byte) error {
		starts = append(starts, off)
		return nil
	}))
	for i, start := range starts {
		end := s.ends[2]
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		for off := start; off < end; off++ {
			b := bytes.Clone(s.bytes)
			b[off] ^= 0x55
			l, rec, err := s.with(t, b)
			if i+1 < len(starts) {
				requireCorrupt(t, err, s.file, start)
				left, err := os.ReadFile(s.file)
				require.NoError(t, err)
				require.True(t, bytes.Equal(b, left), "a damaged segment was changed")
				continue
			}
			require.NoError(t, err)
			require.Positive(t, rec.TornBytes)
			require.Len(t, rec.Entries, len(s.book.entries)-1)
			l.Abandon()
		}
	}
}

func TestDamageInAnEarlierSegment(t *testing.T) {
	s := makeSample(t, 40, Options{SegmentBytes: 1 << 10, wrap: quick})
	first := filepath.Join(s.dir, segmentName(1))
	b, err := os.ReadFile(first)
	require.NoError(t, err)
	end := int64(len(bytes.TrimRight(b, "\x00")))
	for _, off := range []int64{0, 31, 127, 128, 150, 180, end - 1} {
		damaged := bytes.Clone(b)
		damaged[off] ^= 1
		put(t, first, damaged)
		_, _, err := Open(s.dir, Options{})
		require.ErrorContains(t, err, first)
		require.ErrorAs(t, err, new(*CorruptError))
	}
	put(t, first, b[:end-10]) // torn, but it cannot be
	_, _, err = Open(s.dir, Options{})
	require.ErrorContains(t, err, "not the last segment")

	put(t, first, b[:end-int64(headerSize)-60])
	_, _, err = Open(s.dir, Options{})
	require.Error(t, err)
	put(t, first, b)
	l, _, err := Open(s.dir, Options{})
	require.NoError(t, err)
	l.Abandon()

	require.NoError(t, os.Remove(filepath.Join(s.dir, segmentName(2))))
	_, _, err = Open(s.dir, Options{})
	require.ErrorContains(t, err, segmentName(2)+" is missing")
}

// A segment that ends before it should is found out by the one that follows it.
func TestLostSuffixOfAnEarlierSegment(t *testing.T) {
	s := makeSample(t, 40, Options{SegmentBytes: 1 << 10, wrap: quick})
	first := filepath.Join(s.dir, segmentName(1))
	b, err := os.ReadFile(first)
	require.NoError(t, err)
	var last int64
	sc := scanner{b: b, seq: 1}
	require.NoError(t, sc.scan(func(_ uint64, off int64, _ recordType, _ []byte) error {
		last = off
		return nil
	}))
	clear(b[last:])
	put(t, first, b)
	_, _, err = Open(s.dir, Options{})
	requireCorrupt(t, err, filepath.Join(s.dir, segmentName(2)), 0)
	require.ErrorContains(t, err, "the segments before it end at")
}

// A disk writes the sectors of one batch in any order, so a crash may leave a
// hole with whole records after it. The same hole in an older batch is damage.
func TestHoles(t *testing.T) {
	dir := t.TempDir()
	o := Options{SegmentBytes: 16 << 10}
	l, _ := mustOpen(t, dir, o)
	var b book
	var starts []int64
	var synced []int
	for range 2 {
		starts, synced = append(starts, l.end), append(synced, len(b.entries))
		for i := range b.write(1, 40) {
			e := &b.entries[len(b.entries)-40+i]
			e.Data = bytes.Repeat([]byte{byte(i + 1)}, 70)
			prev := uint64(0)
			if e.Index > 1 {
				prev = b.entries[e.Index-2].Hash
			}
			e.Hash = chainHash(prev, *e)
			require.NoError(t, l.Append([]raft.Entry{*e}))
		}
		require.NoError(t, l.Sync())
	}
	end := l.end
	l.Abandon()
	file := filepath.Join(dir, segmentName(1))
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	for at := starts[0] / sector * sector; at < end; at += sector {
		from, to := max(at, starts[0]), min(at+sector, end)
		inLast := to > starts[1]
		if inLast { // of a sector that both share, the crash takes what was new
			from = max(from, starts[1])
		}
		holed := bytes.Clone(whole)
		clear(holed[from:to])
		put(t, file, holed)
		l, rec, err := Open(dir, o)
		if !inLast {
			require.ErrorAs(t, err, new(*CorruptError))
			require.ErrorContains(t, err, "it was synced before")
			continue
		}
		require.NoError(t, err, "hole at %d", from)
		require.GreaterOrEqual(t, len(rec.Entries), synced[1])
		require.Equal(t, b.entries[:len(rec.Entries)], rec.Entries)
		l.Abandon()
		l, again, err := Open(dir, o)
		require.NoError(t, err)
		require.Equal(t, rec.Entries, again.Entries)
		l.Abandon()
	}
}

// A record's bytes are a record only where they were written: an entry may hold
// a copy of the log.
func TestDataThatLooksLikeRecords(t *testing.T) {
	s := makeSample(t, 2, Options{SegmentBytes: 4 << 10})
	l, rec, err := Open(s.dir, Options{SegmentBytes: 4 << 10})
	require.NoError(t, err)
	last := rec.Entries[len(rec.Entries)-1]
	e := raft.Entry{Term: last.Term, Index: last.Index + 1, Data: s.bytes[:s.ends[1]]}
	e.Hash = chainHash(last.Hash, e)
	require.NoError(t, l.Append([]raft.Entry{e}))
	require.NoError(t, l.Sync())
	end := l.end
	l.Abandon()
	s.bytes, err = os.ReadFile(s.file)
	require.NoError(t, err)
	clear(s.bytes[end-1:]) // tear its last byte off
	l, again, err := s.with(t, s.bytes)
	require.NoError(t, err)
	require.Equal(t, rec.Entries, again.Entries)
	require.Positive(t, again.TornBytes)
	l.Abandon()
}

func TestWrongHashOnDisk(t *testing.T) {
	s := makeSample(t, 2, Options{SegmentBytes: 1 << 10, wrap: quick})
	var at int64
	sc := scanner{b: s.bytes, seq: 1, last: true}
	require.NoError(t, sc.scan(func(_ uint64, off int64, kind recordType, _ []byte) error {
		if kind == typeEntry && at == 0 {
			at = off
		}
		return nil
	}))
	b := bytes.Clone(s.bytes)
	b[at+headerSize+16] ^= 1 // its chain hash, with all checksums made right
	h, err := parseHeader(b, 1, at)
	require.NoError(t, err)
	end := at + headerSize + int64(h.length)
	endRecord(b[at:end], 0)
	seal(b[at:end], 1, at)
	_, _, err = s.with(t, b)
	requireCorrupt(t, err, s.file, at)
	require.ErrorContains(t, err, "chain hash")
}

// repair gives every record in b a true place and true checksums, to let the
// fuzzer past them.
func repair(b []byte) []byte {
	b = bytes.Clone(b)
	for off := 0; off+headerSize <= len(b); {
		end := off + headerSize + int(binary.LittleEndian.Uint32(b[off:]))
		if end > len(b) || b[off+4] == 0 {
			break
		}
		endRecord(b[off:end], 0)
		seal(b[off:end], 1, int64(off))
		off = end
	}
	return b
}

// Open of anything at all neither panics nor hangs; and what it accepts once it
// accepts again, unchanged.
func FuzzOpen(f *testing.F) {
	s := makeSample(f, 3, Options{SegmentBytes: 1 << 10, wrap: quick})
	f.Add(s.bytes, false)
	f.Add(s.bytes[:s.ends[1]+7], false)
	f.Add(s.bytes, true)
	f.Add([]byte{}, false)
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		b := bytes.Clone(s.bytes)
		b[rng.IntN(int(s.ends[2]))] ^= byte(1 + rng.IntN(255))
		f.Add(b, rng.IntN(2) == 0)
	}
	f.Fuzz(func(t *testing.T, b []byte, repaired bool) {
		if len(b) > 1<<16 {
			return
		}
		if repaired {
			b = repair(b)
		}
		dir := t.TempDir()
		put(t, filepath.Join(dir, segmentName(1)), b)
		l, rec, err := Open(dir, Options{SegmentBytes: 1 << 10, wrap: quick})
		if err != nil {
			require.ErrorContains(t, err, dir)
			return
		}
		require.NoError(t, l.Close())
		l, again, err := Open(dir, Options{SegmentBytes: 1 << 10, wrap: quick})
		require.NoError(t, err)
		rec.TornBytes = 0
		require.Equal(t, rec, again)
		require.NoError(t, l.Close())
	})
}
