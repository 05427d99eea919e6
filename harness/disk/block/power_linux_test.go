package block

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// With nothing kept, what was synced is there and what was not is as it was.
func TestPower(t *testing.T) {
	for _, fs := range []string{"ext4", "xfs", "btrfs"} {
		t.Run(fs, func(t *testing.T) {
			t.Parallel()
			keepNothing(t, newRig(t, fs))
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
