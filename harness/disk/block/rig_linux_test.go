package block

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// rig is a file system on a loop device on a disk.
type rig struct {
	t         *testing.T
	fs        string
	disk      *Device
	loop, dir string
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
	for _, p := range append(programs, "losetup") {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
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
	needs(t)
	r := &rig{t: t, fs: fs, dir: t.TempDir()}
	var err error
	r.disk, err = Serve(t.TempDir(), rigSize, Options{})
	require.NoError(t, err)
	t.Cleanup(func() {
		if r.fs != "" {
			_ = r.unmount()
		}
		if r.loop != "" {
			r.detach()
		}
		require.NoError(t, r.disk.Close())
	})
	r.attach()
	if fs != "" {
		r.make()
		require.NoError(t, r.mount())
	}
	return r
}

func (r *rig) make() {
	needs(r.t, "mkfs."+r.fs)
	quick := map[string][]string{"ext4": {"-q", "-E", "nodiscard"}, "xfs": {"-q", "-K"}, "btrfs": {"-q", "-K"}}
	run(r.t, "mkfs."+r.fs, append(quick[r.fs], r.loop)...)
}

func (r *rig) attach() {
	r.loop = run(r.t, "losetup", "--direct-io=on", "--find", "--show", r.disk.File())
}

func (r *rig) detach() {
	run(r.t, "losetup", "--detach", r.loop)
	r.loop = ""
}

func (r *rig) mount() error {
	options := map[string]string{"ext4": "commit=300"}
	return Aside(func() error { return unix.Mount(r.loop, r.dir, r.fs, 0, options[r.fs]) })
}

func (r *rig) unmount() error {
	return Aside(func() error { return unix.Unmount(r.dir, 0) })
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
	r.forget()
	r.disk.Restore()
	forgotten := time.Now()
	err := r.mount()
	r.t.Logf("%s: %d writes, %d bytes, %d spilled; unmount %v, forget %v, mount %v", r.fs, state.Writes, state.Unflushed, state.Spilled,
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
