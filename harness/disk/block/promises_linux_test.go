package block

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

var (
	lives = flag.Int("lives", 1, "TestPromises: file systems of each kind")
	cuts  = flag.Int("cuts", 5, "TestPromises: power failures of each")
	first = flag.Uint64("first", 1, "TestPromises: the seed of the first")
	by    = flag.String("by", "", "TestPromises: how the power always fails: nothing, sectors, pages, ioctl1 or ioctl2")
	save  = flag.String("save", "", "TestPromises: directory for image, requests and doings of what is not as it should be")
)

// Whatever is written and synced while the power fails, all is there that was promised
// before it went, and the disk holds what a disk may by what it was asked for and answered.
//
// What a sync says later is no promise: with the power gone, ext4, xfs and btrfs were all
// seen to report a sync that failed as done. How often is in the log.
func TestPromises(t *testing.T) {
	for fs, ways := range map[string][]string{
		"ext4":  {"nothing", "sectors", "pages", "ioctl1", "ioctl2"},
		"xfs":   {"nothing", "pages", "pages", "ioctl1", "ioctl2"},
		"btrfs": {"nothing", "sectors", "pages"},
	} {
		if *by != "" {
			ways = []string{*by}
		}
		t.Run(fs, func(t *testing.T) {
			t.Parallel()
			needs(t, "mkfs."+fs)
			total := map[string]int{}
			for life := range uint64(*lives) {
				l := newLife(t, fs, *first+life, total)
				for range *cuts {
					l.fail(ways[l.rng.IntN(len(ways))])
				}
				l.end()
			}
			t.Log(total)
			require.NotZero(t, total["promised"])
		})
	}
}

// life is one file system from when it is made.
type life struct {
	*rig
	seed  uint64
	rng   *rand.Rand
	trace *trace
	hands []*hand
	cycle int
	late  atomic.Bool // the power goes
	acks  atomic.Int64
	total map[string]int
}

func newLife(t *testing.T, fs string, seed uint64, total map[string]int) *life {
	l := &life{seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), trace: newTrace(), total: total}
	l.rig = newTracedRig(t, fs, l.trace)
	for i := range uint64(4) {
		dir := filepath.Join(l.dir, fmt.Sprint(i))
		l.hands = append(l.hands, &hand{dir: dir, rng: rand.New(rand.NewPCG(seed, i)), kept: map[string]promise{}, now: l.trace.tick, late: &l.late, acks: &l.acks})
		require.NoError(t, aside(l.dir, func(f *files) { f.mkdir(fmt.Sprint(i)); f.sync("") }))
	}
	return l
}

// fail lets hands write, takes the power, gives it back, and looks.
func (l *life) fail(how string) {
	state := l.work(how)
	acks := int(l.acks.Load())
	l.cycle++
	l.total[how]++
	l.total["promised"] += acks
	what := fmt.Sprintf("%s, life %d, failure %d, %s, %d writes with %d bytes at risk, %d promises", l.fs, l.seed, l.cycle, how, state.Writes, state.Unflushed, acks)
	require.NoError(l.t, l.unmount(), what)
	l.detach()
	l.disk.Restore()
	var image []byte
	if *save != "" {
		image = l.image()
	}
	var err error
	if how != "ioctl1" && how != "ioctl2" { // it was the disk that lost its power
		err = l.trace.judge(l.disk.files.medium.now)
	}
	l.attach()
	err = errors.Join(err, l.mount())
	for _, h := range l.hands {
		if err == nil {
			err = aside(h.dir, h.check)
		}
	}
	if err != nil && *save != "" {
		l.keep(image, what, err)
	}
	require.NoError(l.t, err, what)
	for _, h := range l.hands {
		require.NoError(l.t, aside(h.dir, func(f *files) {
			l.total["said too late"] += len(h.lates)
			l.total["said too late and wrong"] += h.broken(f)
		}), what)
	}
}

// work lets all hands work until they notice that the power has gone.
func (l *life) work(how string) State {
	defer l.disk.Begin(Trouble{Delay: time.Duration(l.rng.IntN(3)) * time.Millisecond, Jitter: time.Millisecond}).End()
	l.late.Store(false)
	l.acks.Store(0)
	var busy sync.WaitGroup
	for _, h := range l.hands {
		h.lates = map[string]promise{}
		busy.Go(func() {
			_ = aside(h.dir, func(f *files) {
				for f.err == nil { // there is power
					h.do(f)
				}
			})
		})
	}
	least := l.rng.Int64N(4)
	require.Eventually(l.t, func() bool { return l.acks.Load() >= least }, 30*time.Second, time.Millisecond)
	time.Sleep(time.Duration(l.rng.IntN(100)) * time.Millisecond)
	if l.rng.IntN(2) == 0 {
		l.disk.Hold()
		time.Sleep(time.Duration(l.rng.IntN(5)) * time.Millisecond)
	}
	l.late.Store(true)
	state := l.cut(how)
	busy.Wait()
	for _, h := range l.hands {
		h.note("the power has gone: %s", how)
	}
	return state
}

// cut takes the power in one way.
func (l *life) cut(how string) State {
	switch how {
	case "nothing":
		return l.disk.Cut(Nothing)
	case "sectors":
		return l.disk.Cut(Some(l.rng.Uint64(), Sector))
	case "pages":
		return l.disk.Cut(Some(l.rng.Uint64(), Page))
	}
	l.disk.Release()
	require.NoError(l.t, aside(l.dir, func(f *files) {
		f.in("shut down", "", unix.O_RDONLY, func(fd int) error {
			flag := uint32(how[len(how)-1] - '0')
			_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), 0x8004587d, uintptr(unsafe.Pointer(&flag)))
			if e != 0 {
				return e
			}
			return nil
		})
	}))
	return l.disk.State()
}

// end unmounts it.
func (l *life) end() {
	require.NoError(l.t, l.unmount())
	l.detach()
	l.fs = ""
	require.NoError(l.t, l.disk.Close())
	l.disk = nil
}

// image copies the pages of the disk that are used.
func (l *life) image() []byte {
	m := l.disk.files.medium
	b, err := memory(int64(len(m.now)))
	require.NoError(l.t, err)
	for p := range int64(len(m.now)) / Page {
		if m.used.has(p) {
			copy(b[p*Page:(p+1)*Page], m.now[p*Page:])
		}
	}
	l.t.Cleanup(func() { _ = unix.Munmap(b) })
	return b
}

// keep writes what led to a failure.
func (l *life) keep(image []byte, what string, err error) {
	base := filepath.Join(*save, fmt.Sprintf("%s-%d-%d", l.fs, l.seed, l.cycle))
	f, errs := os.Create(base + ".img")
	require.NoError(l.t, errs)
	require.NoError(l.t, f.Truncate(int64(len(image))))
	none := make([]byte, Page)
	for at := 0; at < len(image); at += Page {
		if page := image[at : at+Page]; string(page) != string(none) {
			_, errs = f.WriteAt(page, int64(at))
			require.NoError(l.t, errs)
		}
	}
	require.NoError(l.t, f.Close())
	f, errs = os.Create(base + ".txt")
	require.NoError(l.t, errs)
	fmt.Fprintln(f, what, err)
	for _, h := range l.hands {
		fmt.Fprintln(f, h.dir, strings.Join(h.log, "\n"))
	}
	l.trace.dump(f)
	require.NoError(l.t, f.Close())
}
