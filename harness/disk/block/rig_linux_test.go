package block

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/usurper/usurper/harness/guard"
)

// rig is a file system on a loop device on a disk.
type rig struct {
	t         *testing.T
	fs        string
	disk      *Device
	loop, dir string
	held      *os.File     // the loop device
	guard     *guard.Guard // nil if another process undoes what is left
}

const rigSize = 320 << 20 // mkfs.xfs wants 300 MiB

// needs skips a test where the machine cannot do what it is about.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	for _, device := range []string{"/dev/fuse", "/dev/loop-control"} {
		if _, err := os.Stat(device); err != nil {
			t.Skipf("the machine has no %s", device)
		}
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
}

// guarded returns who undoes what a test leaves that is killed.
func guarded(t *testing.T) *guard.Guard {
	t.Helper()
	g, err := guard.Open()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return g
}

func mounted(dir, from string) guard.Undo {
	return guard.Undo{What: guard.Unmount, Of: dir, From: from}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, out)
	return strings.TrimSpace(string(out))
}

// newRig makes a rig; without a file system if fs is "".
func newRig(t *testing.T, fs string) *rig {
	t.Helper()
	return newTracedRig(t, fs, newTrace())
}

// newTracedRig makes one that is traced once there is a file system.
func newTracedRig(t *testing.T, fs string, trace *trace) *rig {
	t.Helper()
	needs(t)
	r := &rig{t: t, fs: fs, dir: t.TempDir(), guard: guarded(t)}
	below := t.TempDir()
	r.promise(mounted(below, Source))
	var err error
	r.disk, err = serve(below, rigSize, Options{}, trace.under)
	require.NoError(t, err)
	t.Cleanup(func() {
		if r.fs != "" {
			_ = r.unmount()
		}
		if r.loop != "" {
			r.detach()
		}
		if r.disk != nil {
			require.NoError(t, r.disk.Close())
			r.fulfilled(mounted(below, Source))
		}
	})
	if fs != "" {
		r.make()
		require.NoError(t, r.disk.files.medium.flush(func() error { return nil }))
		trace.start(r.disk.files.medium.now)
	}
	r.attach()
	if fs != "" {
		require.NoError(t, r.mount())
	}
	return r
}

func (r *rig) promise(u guard.Undo) {
	if r.guard != nil {
		require.NoError(r.t, r.guard.Promise(u))
	}
}

func (r *rig) fulfilled(u guard.Undo) {
	if r.guard != nil {
		r.guard.Fulfilled(u)
	}
}

func (r *rig) make() {
	needs(r.t, "mkfs."+r.fs)
	quick := map[string][]string{"ext4": {"-q", "-F", "-E", "nodiscard"}, "xfs": {"-q", "-f", "-K"}, "btrfs": {"-q", "-f", "-K"}}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		out, err := exec.Command("mkfs."+r.fs, append(quick[r.fs], r.disk.File())...).CombinedOutput()
		if err == nil {
			return
		}
		// That of btrfs gives up at a dead disk of others, which somebody is about to clear away.
		if !strings.Contains(string(out), "cannot check mount status") || time.Now().After(deadline) {
			require.NoError(r.t, err, "%s", out)
		}
	}
}

// attach takes a loop device that stays while it is held open: others here take and leave
// theirs, too, and a number alone may be somebody else's the next moment.
func (r *rig) attach() {
	r.t.Helper()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	require.NoError(r.t, err)
	defer control.Close()
	for err = unix.EBUSY; errors.Is(err, unix.EBUSY); {
		n, free := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		require.NoError(r.t, free)
		r.loop = fmt.Sprint("/dev/loop", n)
		r.held, err = os.OpenFile(r.loop, os.O_RDWR, 0)
		require.NoError(r.t, err)
		r.promise(r.attached())
		if err = Aside(r.configure); err != nil {
			r.fulfilled(r.attached())
			r.held.Close()
		}
	}
	require.NoError(r.t, err)
}

func (r *rig) attached() guard.Undo {
	return guard.Undo{What: guard.Detach, Of: r.loop, From: r.disk.File()}
}

func (r *rig) configure() error {
	var errs error
	f := &files{}
	f.in("open", r.loop, unix.O_RDWR, func(device int) error {
		f.in("open", r.disk.File(), unix.O_RDWR, func(image int) error {
			config := &unix.LoopConfig{Fd: uint32(image), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR | unix.LO_FLAGS_DIRECT_IO}}
			copy(config.Info.File_name[:63], r.disk.File())
			errs = unix.IoctlLoopConfigure(device, config)
			return nil
		})
		return nil
	})
	return errors.Join(errs, f.err)
}

// detach waits until the last who used the device has left it, and it has gone.
func (r *rig) detach() {
	r.t.Helper()
	r.held.Close()
	require.Eventually(r.t, func() bool {
		b, err := os.ReadFile("/sys/block/" + filepath.Base(r.loop) + "/loop/backing_file")
		return err != nil || strings.TrimSpace(string(b)) != r.disk.File()
	}, 30*time.Second, time.Millisecond, "%s stays", r.loop)
	r.fulfilled(r.attached())
	r.loop = ""
}

// mount mounts it, and leaves the device to the mount.
func (r *rig) mount() error {
	options := map[string]string{"ext4": "commit=300"}
	defer r.held.Close()
	r.promise(mounted(r.dir, r.loop))
	return Aside(func() error { return unix.Mount(r.loop, r.dir, r.fs, 0, options[r.fs]) })
}

func (r *rig) unmount() error {
	err := Aside(func() error { return unix.Unmount(r.dir, 0) })
	if err == nil {
		r.fulfilled(mounted(r.dir, r.loop))
	}
	return err
}

// power lets during cut the power, and gives it back. It returns what the file system had to
// say to that.
func (r *rig) power(keep Choice, during func(cut func())) (State, error) {
	r.t.Helper()
	var state State
	during(func() { state = r.disk.Cut(keep) })
	start := time.Now()
	require.NoError(r.t, r.unmount())
	unmounted := time.Now()
	r.detach() // its cache is only certain to go with the device
	r.disk.Restore()
	r.attach()
	forgotten := time.Now()
	err := r.mount()
	r.t.Logf("%s: %d writes, %d bytes, %d spilled; unmount %v, attach anew %v, mount %v", r.fs, state.Writes, state.Unflushed, state.Spilled,
		unmounted.Sub(start), forgotten.Sub(unmounted), time.Since(forgotten))
	return state, err
}

// forget drops what the loop device has cached.
func (r *rig) forget() {
	r.t.Helper()
	require.NoError(r.t, Aside(func() error {
		fd, err := unix.Open(r.loop, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		_, err = unix.IoctlRetInt(fd, unix.BLKFLSBUF)
		return err
	}))
}
