package block

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// versions is a disk as one would write it down: all that each sector may hold after a
// power failure, what reads see last.
type versions [][]uint32

func (v versions) write(at, n int, value uint32) {
	for s := at; s < at+n; s++ {
		v[s] = append(v[s], value)
	}
}

// sectors returns bytes in which each sector says what it holds.
func sectors(n int, value uint32) []byte {
	b := make([]byte, n*Sector)
	for at := 0; at < len(b); at += 4 {
		binary.LittleEndian.PutUint32(b[at:], value)
	}
	return b
}

// held returns what a sector holds; all of it must be of one write.
func held(t require.TestingT, m *medium, sector int) uint32 {
	b := m.now[sector*Sector : (sector+1)*Sector]
	value := binary.LittleEndian.Uint32(b)
	if !bytes.Equal(sectors(1, value), b) {
		require.FailNow(t, "a torn sector", "%d: %x", sector, b)
	}
	return value
}

// Whatever is written, discarded, flushed and chosen: what was flushed is there, what was
// not is one of the versions since, and nothing of what comes after the cut.
func TestMedium(t *testing.T) {
	const size = 8 * Page
	rapid.Check(t, func(t *rapid.T) {
		m, err := newMedium(size, Options{})
		require.NoError(t, err)
		defer m.close()
		disk, next := make(versions, size/Sector), uint32(0)
		for i := range disk {
			disk[i] = []uint32{0}
		}
		write := func() {
			at := rapid.IntRange(0, len(disk)-1).Draw(t, "at")
			n := rapid.IntRange(1, min(20, len(disk)-at)).Draw(t, "n")
			if rapid.IntRange(0, 3).Draw(t, "zero") == 0 {
				require.NoError(t, m.zero(int64(at)*Sector, int64(n)*Sector))
				disk.write(at, n, 0)
				return
			}
			next++
			require.NoError(t, m.write(int64(at)*Sector, sectors(n, next)))
			disk.write(at, n, next)
		}
		flush := func() {
			var settled []int
			require.NoError(t, m.flush(func() error {
				for _, v := range disk {
					settled = append(settled, len(v)-1)
				}
				for range rapid.IntRange(0, 2).Draw(t, "meanwhile") {
					write()
				}
				return nil
			}))
			for s := range disk {
				disk[s] = disk[s][settled[s]:]
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"write": func(*rapid.T) { write() },
			"flush": func(*rapid.T) { flush() },
			"read": func(t *rapid.T) {
				s := rapid.IntRange(0, len(disk)-1).Draw(t, "sector")
				b, err := m.read(int64(s)*Sector, Sector)
				require.NoError(t, err)
				require.Equal(t, sectors(1, disk[s][len(disk[s])-1]), b)
			},
			"cut": func(t *rapid.T) {
				keep := rapid.SampledFrom([]string{"nothing", "everything", "sectors", "pages"}).Draw(t, "keep")
				state := m.stateNow()
				switch keep {
				case "nothing":
					require.Equal(t, state, m.cut(Nothing))
				case "everything":
					require.Equal(t, state, m.cut(Everything))
				default:
					unit := map[string]int64{"sectors": Sector, "pages": Page}[keep]
					m.cut(Some(rapid.Uint64().Draw(t, "seed"), unit))
				}
				require.ErrorIs(t, m.write(0, sectors(1, 1<<30)), ErrDead)
				require.ErrorIs(t, m.zero(0, size), ErrDead)
				require.ErrorIs(t, m.flush(func() error { return nil }), ErrDead)
				m.restore()
				require.Zero(t, m.stateNow())
				for s, v := range disk {
					got := held(t, m, s)
					may := v
					switch keep {
					case "nothing":
						may = v[:1]
					case "everything":
						may = v[len(v)-1:]
					}
					if !slices.Contains(may, got) {
						require.FailNow(t, "an illegal state", "sector %d holds %d, may %v", s, got, may)
					}
					disk[s] = []uint32{got}
				}
			},
		})
	})
}

// The same seed keeps the same of the same writes, and other seeds other parts.
func TestSomeIsDrawnByItsSeed(t *testing.T) {
	left := func(seed uint64, unit int64) []byte {
		m, err := newMedium(64*Page, Options{})
		require.NoError(t, err)
		defer m.close()
		for i := range 32 {
			require.NoError(t, m.write(int64(i%24)*2*Page, sectors(16, uint32(i+1))))
		}
		m.cut(Some(seed, unit))
		return bytes.Clone(m.now)
	}
	different := map[string]bool{}
	torn := 0
	for seed := range uint64(20) {
		b := left(seed, Sector)
		require.Equal(t, b, left(seed, Sector))
		different[string(b)] = true
		b = left(seed, Page)
		for at := 0; at < len(b); at += Page {
			require.Equal(t, b[at:at+4], b[at+Page-4:at+Page], "a page is torn")
			if at%(2*Page) == 0 && !bytes.Equal(b[at:at+4], b[at+Page:at+Page+4]) {
				torn++
			}
		}
	}
	require.Greater(t, len(different), 15)
	require.NotZero(t, torn, "no write was torn")
}

// Of two writes to one place the earlier may be kept and the later not.
func TestChoiceIsByWriteAndSector(t *testing.T) {
	m, err := newMedium(16*Page, Options{})
	require.NoError(t, err)
	defer m.close()
	require.NoError(t, m.write(0, sectors(4, 1)))
	require.NoError(t, m.flush(func() error { return nil }))
	require.NoError(t, m.write(0, sectors(4, 2)))
	require.NoError(t, m.write(Sector, sectors(3, 3)))
	var asked []Change
	state := m.cut(func(changes []Change) []bool {
		asked = changes
		return []bool{false, false, true, false, true, false, false}
	})
	require.Equal(t, []Change{{0, 0}, {0, Sector}, {0, 2 * Sector}, {0, 3 * Sector}, {1, Sector}, {1, 2 * Sector}, {1, 3 * Sector}}, asked)
	require.Equal(t, 2, state.Writes)
	require.EqualValues(t, 7*Sector, state.Unflushed)
	require.EqualValues(t, 1, state.Flushes)
	for s, want := range []uint32{1, 3, 2, 1} {
		require.Equal(t, want, held(t, m, s), "sector %d", s)
	}
}

// What does not fit into the cache reaches the medium, the oldest first.
func TestCacheIsBounded(t *testing.T) {
	m, err := newMedium(4*maxPart, Options{Cache: 1})
	require.NoError(t, err)
	defer m.close()
	const n = maxPart / Sector
	for value := range uint32(2) { // the whole disk twice, in parts as large as there are
		for part := range 4 {
			require.NoError(t, m.write(int64(part)*maxPart, sectors(n, value+1)))
		}
		require.NoError(t, m.flush(func() error { return nil }))
	}
	before := m.stateNow()
	for part := range 4 {
		require.NoError(t, m.write(int64(part)*maxPart, sectors(n, 3)))
	}
	state := m.cut(Nothing)
	require.EqualValues(t, 2*maxPart, state.Spilled-before.Spilled)
	require.EqualValues(t, 2*maxPart, state.Unflushed)
	for part, want := range []uint32{3, 3, 2, 2} {
		require.Equal(t, want, held(t, m, part*n))
	}
}

// What is written outside of whole sectors, or of the disk, is taken for what it is.
func TestEdges(t *testing.T) {
	m, err := newMedium(2*maxPart, Options{})
	require.NoError(t, err)
	defer m.close()
	require.NoError(t, m.write(0, bytes.Repeat([]byte{1}, 3*Page)))
	require.NoError(t, m.flush(func() error { return nil }))
	require.NoError(t, m.write(700, []byte{2, 2}))
	require.NoError(t, m.zero(Page-1, Page+2))
	require.Equal(t, []byte{1, 2, 2, 1}, m.now[699:703])
	require.Equal(t, append(append([]byte{1}, make([]byte, Page+2)...), 1), m.now[Page-2:2*Page+2])
	m.cut(Nothing)
	require.Equal(t, bytes.Repeat([]byte{1}, 3*Page), m.now[:3*Page])
	m.restore()
	require.Error(t, m.write(2*maxPart-1, []byte{1, 1}))
	require.Error(t, m.zero(-1, 2))
	b, err := m.read(2*maxPart-2, 100)
	require.NoError(t, err)
	require.Len(t, b, 2)
	_, err = newMedium(1000, Options{})
	require.ErrorContains(t, err, "want a multiple")
}

// A flush that has begun to take its time is held like any other.
func TestHeldWhileSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr, died, done := newTroubles(), make(chan struct{}), make(chan error, 1)
		tr.begin(Trouble{Delay: time.Hour})
		go func() { done <- tr.wait(died) }()
		synctest.Wait()
		tr.hold()
		time.Sleep(2 * time.Hour)
		close(died)
		require.ErrorIs(t, <-done, ErrDead)

		tr.release()
		require.NoError(t, tr.wait(make(chan struct{})))
	})
}

// A flush that meets two troubles when the power goes leaves both, so that either can end.
func TestTroublesEndAfterTheCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, err := newMedium(2*Page, Options{})
		require.NoError(t, err)
		defer m.close()
		troubles := newTroubles()
		first, second := troubles.begin(Trouble{Delay: time.Hour}), troubles.begin(Trouble{Delay: time.Hour})
		flushed := make(chan error, 1)
		go func() { flushed <- m.flush(func() error { return troubles.wait(m.died()) }) }()
		synctest.Wait()
		m.cut(func(c []Change) []bool { return make([]bool, len(c)) })
		require.ErrorIs(t, <-flushed, ErrDead)
		require.Equal(t, Harm{FlushesSlowed: 1}, first.End())
		require.Equal(t, Harm{FlushesSlowed: 1}, second.End())
	})
}
