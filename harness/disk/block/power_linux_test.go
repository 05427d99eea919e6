package block

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// With nothing kept, what was synced is there and what was not is as it was. Whatever part
// is kept while files are written and synced, ext4 and btrfs recover, and all that was
// synced is there. Of xfs that was not seen each time, so that nobody may rely on it.
func TestPower(t *testing.T) {
	for fs, cycles := range map[string]uint64{"ext4": 15, "xfs": 0, "btrfs": 10} {
		t.Run(fs, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, fs)
			keepNothing(t, r)
			if cycles > 0 {
				keepSome(t, r, cycles)
			}
		})
	}
}

func keepNothing(t *testing.T, r *rig) {
	for try := 0; ; try++ {
		require.Less(t, try, 5, "somebody flushes all disks of the machine all the time")
		name := fmt.Sprint(try)
		require.NoError(t, aside(r.dir, func(f *files) {
			f.mkdir(name)
			f.syncfs()
		}))
		dir := r.dir + "/" + name
		require.NoError(t, aside(dir, promised))
		before := r.disk.State()
		require.NoError(t, aside(dir, neglected))
		state, err := r.power(Nothing, func(cut func()) { cut() })
		require.NoError(t, err)
		if state.Flushes == before.Flushes { // else somebody else has called sync
			require.NoError(t, aside(dir, kept))
			return
		}
	}
}

// older and newer are what files hold.
func older() []byte { return bytes.Repeat([]byte("old."), 2048) }
func newer() []byte { return bytes.Repeat([]byte("new."), 2048) }

// promised does what file systems promise to keep.
func promised(f *files) {
	for _, name := range []string{"appended", "appended-synced", "overwritten", "unlinked", "renamed", "replaced", "replaced-synced"} {
		f.synced(name, 0, older())
	}
	f.sync("")
	f.synced("created-synced", 0, newer()) // its directory is not synced
	f.mkdir("a/b")
	f.synced("a/b/created-synced", 0, newer())
	f.synced("appended-synced", unix.O_APPEND, newer())
	f.in("write", "dsync", unix.O_CREAT|unix.O_RDWR|unix.O_DSYNC, func(fd int) error {
		_, err := unix.Write(fd, newer())
		return err
	})
	f.synced("replaced-synced.tmp", 0, newer())
	f.rename("replaced-synced.tmp", "replaced-synced")
	f.sync("")
	f.synced("replaced.tmp", 0, newer())
}

// neglected does what no file system promises to keep.
func neglected(f *files) {
	f.rename("replaced.tmp", "replaced")
	f.write("created", 0, newer())
	f.write("appended", unix.O_APPEND, newer())
	f.write("overwritten", 0, newer())
	f.remove("unlinked")
	f.rename("renamed", "renamed-to")
	if aligned, err := memory(2 * Page); err == nil {
		f.write("direct", unix.O_DIRECT, aligned)
		_ = unix.Munmap(aligned)
	}
}

// kept notes an error if the files are not as they have to be then: as they were measured
// to be with the system call that shuts ext4 and xfs down.
func kept(f *files) {
	f.has("created-synced", newer())
	f.has("a/b/created-synced", newer())
	f.has("appended-synced", append(older(), newer()...))
	f.has("dsync", newer())
	f.has("replaced-synced", newer())
	f.has("replaced", older())
	f.has("replaced.tmp", newer())
	for _, name := range []string{"appended", "overwritten", "unlinked", "renamed"} {
		f.has(name, older())
	}
	for _, name := range []string{"created", "direct", "renamed-to"} {
		f.lacks(name)
	}
}

func keepSome(t *testing.T, r *rig, cycles uint64) {
	synced, unflushed := map[string][]byte{}, 0
	r.disk.SetLatency(2*time.Millisecond, time.Millisecond) // so that the power goes meanwhile
	for cycle := range cycles {
		state, err := r.power(Some(cycle, Sector), func(cut func()) { churn(r, cycle, synced, cut) })
		require.NoError(t, err, "cycle %d", cycle)
		if state.Unflushed > 0 {
			unflushed++
		}
		require.NoError(t, aside(r.dir, func(f *files) {
			for name, want := range synced {
				f.has(name, want)
			}
		}), "cycle %d", cycle)
	}
	require.NotZero(t, unflushed, "there was nothing to lose")
}

// churn writes files by three hands, of which every other one is synced, and cuts the power
// while they write. It adds to synced what must be there from then on.
func churn(r *rig, cycle uint64, synced map[string][]byte, cut func()) {
	type file struct {
		name string
		data []byte
	}
	done := make(chan file)
	var hands sync.WaitGroup
	for hand := range uint64(3) {
		hands.Go(func() {
			rng := rand.New(rand.NewPCG(cycle, hand))
			_ = aside(r.dir, func(f *files) {
				for i := 0; f.err == nil; i++ { // there is power
					data := make([]byte, 1+rng.IntN(40<<10))
					for i := range data {
						data[i] = byte(rng.Uint32())
					}
					name := fmt.Sprintf("%d.%d.%d", cycle, hand, i)
					if i%2 == 1 {
						f.write(name, 0, data)
					} else if f.synced(name, 0, data); f.err == nil {
						done <- file{name, data}
					}
				}
			})
		})
	}
	go func() {
		hands.Wait()
		close(done)
	}()
	n, on := 0, true
	for f := range done {
		synced[f.name] = f.data
		n++
		if on && n >= 8 && (n > 40 || r.disk.State().Unflushed > 0) {
			cut()
			on = false
		}
	}
	for name := range synced { // old ones are no more looked at
		if len(synced) > 60 && !strings.HasPrefix(name, fmt.Sprint(cycle, ".")) {
			delete(synced, name)
		}
	}
}
