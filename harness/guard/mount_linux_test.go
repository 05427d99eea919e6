package guard

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func root(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount")
	}
}

func mountTmpfs(t *testing.T, name, dir string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o700))
	if err := unix.Mount(name, dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("cannot mount here: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
}

func TestUnmountsWhatIsItsOwn(t *testing.T) {
	t.Parallel()
	root(t)
	folder, dir := place(t)
	g, err := open(folder)
	require.NoError(t, err)
	link := dir + " link"
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.Symlink(dir, link))
	own, other, busy := filepath.Join(dir, "own"), filepath.Join(dir, "other"), filepath.Join(dir, "busy")
	require.NoError(t, g.Promise(Undo{What: Unmount, Of: filepath.Join(link, "own"), From: "guard # test"}))
	require.NoError(t, g.Promise(Undo{What: Unmount, Of: other, From: "guard-test"}))
	require.NoError(t, g.Promise(Undo{What: Unmount, Of: busy, From: "guard-test"}))
	mountTmpfs(t, "guard # test", own)
	mountTmpfs(t, "somebody", other)
	mountTmpfs(t, "guard-test", busy)
	f, err := os.Create(filepath.Join(busy, "open"))
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, g.Close())
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	listed := strings.ReplaceAll(dir, " ", `\040`)
	assert.NotContains(t, string(mounts), listed+"/own")
	assert.NotContains(t, string(mounts), listed+"/busy")
	assert.Contains(t, string(mounts), listed+"/other")
}

// Who is not root, and whose umount is for root, unmounts what FUSE mounted for him.
func TestUnmountsFUSEWhereUmountIsForRoot(t *testing.T) {
	root(t)
	own, err := exec.LookPath("fusermount3")
	if err != nil {
		t.Skip(err)
	}
	folder, dir := place(t)
	tools := filepath.Join(dir, "tools")
	require.NoError(t, os.MkdirAll(tools, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(tools, "umount"), []byte("#!/bin/sh\necho 'umount: must be superuser' >&2\nexit 32\n"), 0o700))
	require.NoError(t, os.Symlink(own, filepath.Join(tools, "fusermount3")))
	t.Setenv("PATH", tools+":"+os.Getenv("PATH"))
	g, err := open(folder)
	require.NoError(t, err)
	at, busy := filepath.Join(dir, "own"), filepath.Join(dir, "busy")
	for _, at := range []string{at, busy} {
		require.NoError(t, os.Mkdir(at, 0o700))
		require.NoError(t, g.Promise(Undo{What: Unmount, Of: at, From: "guard-test"}))
		device, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Skip(err)
		}
		err = unix.Mount("guard-test", at, "fuse.guard-test", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", device))
		if err != nil {
			t.Skipf("cannot mount here: %v", err)
		}
		t.Cleanup(func() { unix.Unmount(at, unix.MNT_DETACH) })
		unix.Close(device) // as that of a harness that was killed
	}
	held, err := unix.Open(busy, unix.O_PATH|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(held)
	require.NoError(t, g.Close())
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	listed := strings.ReplaceAll(dir, " ", `\040`)
	require.NotContains(t, string(mounts), listed)
	require.NoDirExists(t, folder)
}

func TestRemoveNeverCrossesAMount(t *testing.T) {
	t.Parallel()
	root(t)
	folder, dir := place(t)
	g, err := open(folder)
	require.NoError(t, err)
	require.NoError(t, g.Promise(Undo{What: Remove, Of: dir}))
	inner := filepath.Join(dir, "inner")
	mountTmpfs(t, "guard-test", inner)
	require.NoError(t, os.WriteFile(filepath.Join(inner, "precious"), nil, 0o600))
	require.ErrorContains(t, g.Close(), "mounted there")
	require.FileExists(t, filepath.Join(inner, "precious"))

	require.NoError(t, unix.Unmount(inner, 0)) // the journal is still there
	undone, err := sweep(folder)
	require.NoError(t, err)
	require.Equal(t, []Undo{{What: Remove, Of: dir}}, undone)
	gone(t, dir, folder)
}

// So it is where PATH leaves out what administrators use, as that of cron does.
func TestDetachesWhatIsItsOwn(t *testing.T) {
	root(t)
	folder, dir := place(t)
	path := os.Getenv("PATH")
	t.Setenv("PATH", "/usr/bin:/bin")
	g, err := open(folder)
	require.NoError(t, err)
	t.Setenv("PATH", path)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	attach := func(name string) (image, device string) {
		image = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(image, make([]byte, 1<<20), 0o600))
		out, err := exec.Command("losetup", "--find", "--show", image).Output()
		if err != nil {
			t.Skipf("no loop device to be had: %v", err)
		}
		device = strings.TrimSpace(string(out))
		t.Cleanup(func() {
			if backing(device) == image {
				exec.Command("losetup", "-d", device).Run()
			}
		})
		return image, device
	}
	image, device := attach("own")
	other, otherDevice := attach("other")
	require.NoError(t, g.Promise(Undo{What: Remove, Of: image}))
	require.NoError(t, g.Promise(Undo{What: Detach, Of: device, From: image}))
	require.NoError(t, g.Promise(Undo{What: Detach, Of: otherDevice, From: image}))
	require.NoError(t, g.Close())
	require.NotEqual(t, image, backing(device))
	require.Equal(t, other, backing(otherDevice))
	gone(t, image)
}

// A device that somebody holds goes with him, which is said, and is looked after again.
func TestDetachSaysWhoIsWaitedFor(t *testing.T) {
	t.Parallel()
	root(t)
	folder, dir := place(t)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	image := filepath.Join(dir, "image")
	require.NoError(t, os.WriteFile(image, make([]byte, 1<<20), 0o600))
	g, err := open(folder)
	require.NoError(t, err)
	out, err := exec.Command("losetup", "--find", "--show", image).Output()
	if err != nil {
		require.NoError(t, g.Close())
		t.Skipf("no loop device to be had: %v", err)
	}
	device := strings.TrimSpace(string(out))
	held, err := os.Open(device)
	require.NoError(t, err)
	defer held.Close()
	require.NoError(t, g.Promise(Undo{What: Detach, Of: device, From: image}))
	require.ErrorContains(t, g.Close(), "could not detach "+device+": somebody still holds it: it goes with the last of them")
	require.NoError(t, held.Close())
	_, err = sweep(folder)
	require.NoError(t, err)
	require.NotEqual(t, image, backing(device))
	gone(t, folder)
}

func backing(device string) string {
	b, _ := os.ReadFile("/sys/block/" + filepath.Base(device) + "/loop/backing_file")
	return strings.TrimSpace(string(b))
}

// An xfs that waits for a disk which is gone is let give up, or nobody could ever detach the
// disk; that of others goes on to wait.
func TestXFSGivesUp(t *testing.T) {
	t.Parallel()
	root(t)
	maker, err := exec.LookPath("/usr/sbin/mkfs.xfs")
	if err != nil {
		t.Skip(err)
	}
	folder, dir := place(t)
	g, err := open(folder)
	require.NoError(t, err)
	retries := make(map[string]string)
	for _, name := range []string{"own", "others"} {
		image, at := filepath.Join(dir, name+".img"), filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(at, 0o700))
		require.NoError(t, os.WriteFile(image, nil, 0o600))
		require.NoError(t, os.Truncate(image, 320<<20))
		out, err := exec.Command(maker, "-q", "-K", image).CombinedOutput()
		require.NoError(t, err, string(out))
		if out, err := exec.Command("mount", "-t", "xfs", "-o", "loop", image, at).CombinedOutput(); err != nil {
			t.Skipf("cannot mount here: %s", out)
		}
		t.Cleanup(func() { assert.NoError(t, unix.Unmount(at, 0)) })
		device, err := exec.Command("findmnt", "-no", "SOURCE", at).Output()
		require.NoError(t, err)
		loop := strings.TrimSpace(string(device))
		found, err := filepath.Glob(filepath.Join("/sys/fs/xfs", filepath.Base(loop), "error/metadata/*/max_retries"))
		require.NoError(t, err)
		if len(found) == 0 {
			t.Skip("this kernel does not say how often xfs tries again")
		}
		retries[name] = found[0]
		from := image
		if name == "others" {
			from = filepath.Join(dir, "mine.img") // which the device served once
		}
		require.NoError(t, g.Promise(Undo{What: Detach, Of: loop, From: from}))
	}
	usual, err := os.ReadFile(retries["others"])
	require.NoError(t, err)
	require.NotEqual(t, "0\n", string(usual))
	require.ErrorContains(t, g.Close(), "somebody still holds it")
	now := make(map[string]string)
	for name, file := range retries {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		now[name] = string(b)
	}
	require.Equal(t, map[string]string{"own": "0\n", "others": string(usual)}, now)
}
