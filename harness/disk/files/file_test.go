package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// memory is a medium without a disk.
type memory struct {
	b     []byte
	space int64 // beyond the end
	syncs int
	fails error // of syncs
}

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(m.b)) {
		return 0, io.EOF
	}
	if n := copy(p, m.b[off:]); n < len(p) {
		return n, io.EOF
	}
	return len(p), nil
}

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if end := off + int64(len(p)); end > int64(len(m.b)) {
		m.Truncate(end)
	}
	return copy(m.b[off:], p), nil
}

func (m *memory) Truncate(size int64) error {
	if old := int64(len(m.b)); size > old {
		m.b = append(m.b, make([]byte, size-old)...)
	}
	m.b = m.b[:size:size]
	return nil
}

func (m *memory) Zero(off, n int64) error { clear(m.b[off : off+n]); return nil }
func (m *memory) Sync(bool) error         { m.syncs++; return m.fails }
func (m *memory) Room() (int64, int64, error) {
	return int64(len(m.b)), m.space, nil
}

func newFile(memory int64) (*file, *budget) {
	b := &budget{}
	b.left.Store(memory)
	return &file{undo: undo{budget: b}}, b
}

func patient() syncing { return syncing{dying: func() bool { return false }} }

// trial is a file with one rule.
type trial struct {
	*file
	medium memory
	rules  *rules
	path   string
}

func newTrial(t *testing.T, content string, r Rule) (*trial, *Applied) {
	f, _ := newFile(1 << 20)
	x := &trial{file: f, medium: memory{b: []byte(content)}, rules: newRules(7), path: "wal/0.wal"}
	a, err := x.rules.apply(r)
	require.NoError(t, err)
	return x, a
}

func (x *trial) put(s string, off int64) (int, error) {
	h := x.rules.hold(func() string { return x.path })
	defer h.release()
	return x.write(writing{held: h}, &x.medium, []byte(s), off)
}

func (x *trial) flush() error {
	h := x.rules.hold(func() string { return x.path })
	defer h.release()
	_, err := x.sync(context.Background(), h, &x.medium, patient())
	return err
}

func TestRulesOnOneFile(t *testing.T) {
	const old = "0123456789"
	for _, c := range []struct {
		name   string
		rule   Rule
		space  int64
		do     func(t *testing.T, x *trial)
		after  string
		counts map[string]int64
	}{
		{"slow-sync", Rule{Action: SlowSync, Delay: time.Microsecond}, 0, func(t *testing.T, x *trial) {
			require.NoError(t, x.flush())
			require.Equal(t, 1, x.medium.syncs)
		}, old, map[string]int64{"syncs-delayed": 1}},
		{"fail-sync: once, and drops", Rule{Action: FailSync}, 0, func(t *testing.T, x *trial) {
			x.put("abc", 1)
			x.put("def", 9)
			require.ErrorIs(t, x.flush(), syscall.EIO)
			require.Equal(t, old+"\x00\x00", string(x.medium.b))
			x.put("X", 0)
			require.NoError(t, x.flush())
		}, "X123456789\x00\x00", map[string]int64{"syncs-failed": 1, "bytes-dropped": 6}},
		{"fail-write", Rule{Action: FailWrite}, 0, func(t *testing.T, x *trial) {
			n, err := x.put("abc", 1)
			require.Zero(t, n)
			require.ErrorIs(t, err, syscall.EIO)
		}, old, map[string]int64{"writes-failed": 1}},
		{"full: in place goes on, what fits is written", Rule{Action: Full}, 12, func(t *testing.T, x *trial) {
			n, err := x.put("ab", 0)
			require.Equal(t, 2, n)
			require.NoError(t, err)
			n, err = x.put("cdef", 10)
			require.Equal(t, 2, n)
			require.NoError(t, err)
			n, err = x.put("ef", 12)
			require.Zero(t, n)
			require.ErrorIs(t, err, syscall.ENOSPC)
		}, "ab23456789cd", map[string]int64{"writes-refused": 2}},
		{"full: a block more than the data has", Rule{Action: Full}, 14, func(t *testing.T, x *trial) {
			n, err := x.put("cdef", 10)
			require.Equal(t, 4, n)
			require.NoError(t, err)
			x.medium.space = 18 // as of a file system that counts where the blocks are, too
			n, err = x.put("g", 14)
			require.Zero(t, n)
			require.ErrorIs(t, err, syscall.ENOSPC)
			h := x.rules.hold(func() string { return x.path })
			err = x.allocate(h, &x.medium, span{off: 0, n: 15}, func() error { return nil })
			h.release()
			require.ErrorIs(t, err, syscall.ENOSPC)
			n, err = x.put("GH", 12)
			require.Equal(t, 2, n)
			require.NoError(t, err)
		}, "0123456789cdGH", map[string]int64{"writes-refused": 2}},
		{"short-write: every other", Rule{Action: ShortWrite}, 0, func(t *testing.T, x *trial) {
			n, err := x.put("aa", 0)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			n, _ = x.put("b", 1) // one byte has no part
			require.Equal(t, 1, n)
			n, _ = x.put("cc", 2)
			require.Equal(t, 2, n)
			n, _ = x.put("dd", 4)
			require.Equal(t, 1, n)
		}, "abccd56789", map[string]int64{"writes-shortened": 2}},
		{"lost-write: as long as if", Rule{Action: LostWrite}, 0, func(t *testing.T, x *trial) {
			n, err := x.put("abcd", 8)
			require.NoError(t, err)
			require.Equal(t, 4, n)
		}, old + "\x00\x00", map[string]int64{"writes-lost": 1, "bytes-lost": 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.rule.Files = []string{"*.wal"}
			x, a := newTrial(t, old, c.rule)
			x.medium.space = c.space
			c.do(t, x)
			require.Equal(t, c.after, string(x.medium.b))
			require.Equal(t, c.counts, a.Remove())

			n, err := x.put("later", 20)
			require.Equal(t, 5, n, "a rule that is removed")
			require.NoError(t, err)
			require.NoError(t, x.flush())
			require.Equal(t, c.counts, a.Remove(), "it counts no more")
		})
		t.Run(c.name+", of other files", func(t *testing.T) {
			c.rule.Files = []string{"*.snap"}
			x, a := newTrial(t, old, c.rule)
			n, err := x.put("abcdef", 8)
			require.NoError(t, err)
			require.Equal(t, 6, n)
			require.NoError(t, x.flush())
			require.Equal(t, "01234567abcdef", string(x.medium.b))
			require.Empty(t, a.Remove())
		})
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*.wal", "0.wal", true},
		{"*.wal", "member/wal/0.wal", true},
		{"member/wal/*", "member/wal/0.wal", true},
		{"wal/*", "member/wal/0.wal", false},
		{"*.snap", "0.wal", false},
		{"wal", "member/wal", true},
	} {
		require.Equal(t, c.want, Matches([]string{c.pattern}, c.name), "%s %s", c.pattern, c.name)
	}
	require.True(t, Matches(nil, "any/file"))
}

func TestRuleValidate(t *testing.T) {
	for _, r := range []Rule{
		{Action: "melt"},
		{Action: SlowSync},
		{Action: SlowSync, Delay: time.Second, Jitter: 2 * time.Second},
		{Action: Full, Delay: time.Second},
		{Action: Full, Files: []string{"[a"}},
	} {
		require.Error(t, r.Validate(), "%+v", r)
		_, err := newRules(0).apply(r)
		require.Error(t, err)
	}
	require.NoError(t, Rule{Action: SlowSync, Delay: time.Second, Jitter: time.Second, Files: []string{"a*"}}.Validate())
}

// A delay ends with its rule, or when who waits is being killed, and by nothing else.
func TestDelayEnds(t *testing.T) {
	x, a := newTrial(t, "", Rule{Action: SlowSync, Delay: time.Hour})
	done := make(chan error)
	go func() { done <- x.flush() }()
	require.Eventually(t, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.counts["syncs-delayed"] == 1
	}, 10*time.Second, time.Millisecond)
	require.Equal(t, map[string]int64{"syncs-delayed": 1}, a.Remove())
	require.NoError(t, <-done)

	x, _ = newTrial(t, "", Rule{Action: SlowSync, Delay: time.Hour})
	h := x.rules.hold(func() string { return x.path })
	signalled, stop := context.WithCancel(context.Background())
	stop()
	asked := 0
	_, err := x.sync(signalled, h, &x.medium, syncing{dying: func() bool { asked++; return asked == 3 }})
	require.ErrorIs(t, err, syscall.EINTR)
	require.Zero(t, x.medium.syncs)
	h.release()
}

// A sync that really failed keeps what is remembered.
func TestSyncThatFailsByItself(t *testing.T) {
	f, _ := newFile(1 << 20)
	m := &memory{b: []byte("old"), fails: errors.New("cable")}
	f.write(writing{}, m, []byte("new"), 0)
	_, err := f.sync(context.Background(), nil, m, patient())
	require.ErrorIs(t, err, m.fails)
	require.EqualValues(t, 3, f.undo.bytes())
}

// Whatever was done since the last sync, a failed one leaves what the file then held, but
// for what is no data.
func TestDropIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, b := newFile(rapid.SampledFrom([]int64{1 << 20, 1 << 20, 300}).Draw(t, "memory"))
		full := b.left.Load()
		m := &memory{}
		var synced []byte // what is on the disk
		resize := func(size int) {
			for len(synced) < size {
				synced = append(synced, 0)
			}
			synced = synced[:size]
		}
		var kept int64
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				off := rapid.IntRange(0, 300).Draw(t, "off")
				p := rapid.SliceOfN(rapid.ByteRange(0, 2), 1, 100).Draw(t, "bytes")
				n, err := f.write(writing{}, m, p, int64(off))
				require.NoError(t, err)
				require.Equal(t, len(p), n)
				resize(max(len(synced), off+len(p)))
				if f.undo.kept > 0 {
					kept += int64(n)
				}
			},
			"truncate": func(t *rapid.T) {
				size := rapid.IntRange(0, 300).Draw(t, "size")
				require.NoError(t, f.truncate(int64(size), func() error { return m.Truncate(int64(size)) }))
				resize(size)
			},
			"punch": func(t *rapid.T) {
				off := rapid.IntRange(0, len(m.b)).Draw(t, "off")
				n := rapid.IntRange(0, len(m.b)-off).Draw(t, "n")
				part := span{int64(off), int64(n), true}
				require.NoError(t, f.allocate(nil, m, part, func() error { return m.Zero(part.off, part.n) }))
				clear(synced[off : off+n])
			},
			"sync": func(t *rapid.T) {
				_, err := f.sync(context.Background(), nil, m, patient())
				require.NoError(t, err)
				synced, kept = bytes.Clone(m.b), 0
			},
			"fail": func(t *rapid.T) {
				r := newRules(0)
				a, _ := r.apply(Rule{Action: FailSync})
				h := r.hold(func() string { return "x" })
				before := bytes.Clone(m.b)
				dropped, err := f.sync(context.Background(), h, m, patient())
				h.release()
				require.True(t, dropped)
				require.ErrorIs(t, err, syscall.EIO)
				if counts := a.Remove(); kept > 0 {
					require.GreaterOrEqual(t, counts["bytes-not-dropped"], kept)
					synced, kept = before, 0
				}
				require.Equal(t, len(synced), len(m.b))
				require.True(t, bytes.Equal(synced, m.b), "have %q, want %q", m.b, synced)
				require.Equal(t, full, b.left.Load(), "memory that was given back")
			},
			"": func(t *rapid.T) {
				last := int64(0)
				for _, e := range f.undo.extents {
					require.True(t, last <= e.off && e.off < e.end)
					require.True(t, e.old == nil || int64(len(e.old)) == e.end-e.off)
					last = e.end
				}
			},
		})
		f.forget()
		require.Equal(t, full, b.left.Load())
	})
}

// Scattered writes that are never synced take bounded memory, and time.
func TestUndoIsBounded(t *testing.T) {
	f, b := newFile(1 << 30)
	m := &memory{b: bytes.Repeat([]byte{1}, 4*maxExtents)}
	for i := range int64(maxExtents + 10) {
		f.write(writing{}, m, []byte{2}, 2*i)
	}
	require.EqualValues(t, maxExtents+10, f.undo.kept)
	require.Empty(t, f.undo.extents)
	require.EqualValues(t, 1<<30, b.left.Load())
	f, _ = newFile(0)
	m = &memory{}
	for i := range int64(1000) {
		f.write(writing{}, m, []byte("appended"), 8*i)
	}
	require.EqualValues(t, 8000, f.undo.bytes(), "what is appended takes no memory")
	require.Len(t, f.undo.extents, 1)
}

// Rules come and go while many write: each count is one operation that was touched.
func TestRulesComeAndGo(t *testing.T) {
	r := newRules(1)
	var files [3]*file
	var media [3]memory
	for i := range files {
		files[i], _ = newFile(1 << 16)
		files[i].identify(ident{ino: uint64(i)})
	}
	var done sync.WaitGroup
	over := make(chan struct{})
	var mu sync.Mutex
	seen := map[error]int64{}
	for i := range 6 {
		done.Go(func() {
			draw := rand.New(rand.NewPCG(1, uint64(i)))
			for {
				select {
				case <-over:
					return
				default:
				}
				j := draw.IntN(len(files))
				h := r.hold(func() string { return string(rune('a' + j)) })
				var err error
				if draw.IntN(4) == 0 {
					_, err = files[j].sync(context.Background(), h, &media[j], patient())
				} else {
					_, err = files[j].write(writing{held: h}, &media[j], []byte("abc"), int64(draw.IntN(1000)))
				}
				h.release()
				mu.Lock()
				seen[err]++
				mu.Unlock()
			}
		})
	}
	var eio, enospc int64
	for i := range 300 {
		rule := Rule{Action: Actions()[i%len(Actions())], Files: []string{string(rune('a' + i%3))}}
		if rule.Action == SlowSync {
			rule.Delay = time.Hour
		}
		a, err := r.apply(rule)
		require.NoError(t, err)
		if i%2 == 0 {
			time.Sleep(100 * time.Microsecond)
		}
		counts := a.Remove()
		eio += counts["writes-failed"] + counts["syncs-failed"]
		enospc += counts["writes-refused"]
	}
	close(over)
	done.Wait()
	require.Equal(t, eio, seen[syscall.EIO])
	require.GreaterOrEqual(t, enospc, seen[syscall.ENOSPC], "a write that fits in part is refused too")
	require.False(t, r.some.Load())
}
