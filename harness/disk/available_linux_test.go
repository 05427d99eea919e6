package disk

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is missing is named, with what to do about it. A mount namespace of its own lets a
// process miss it.
func TestAvailableSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	need(t, Ext4, "")
	need(t, XFS, "")
	for _, c := range []struct{ what, kind, setup, by, user, want string }{
		{"nothing", "ext4", "true", "", "", "<nil>"},
		{"root", "ext4", "true", "", "nobody", "run it as root"},
		{"root for plain ones", "plain", "true", "", "nobody", "<nil>"},
		{"mkfs", "xfs", "mount -t tmpfs none /usr/sbin && PATH=/usr/bin:/bin && { [ -L /sbin ] || mount -t tmpfs none /sbin; }", "", "", "mkfs.xfs is missing: apt-get install xfsprogs"},
		{"the administrators' part of PATH", "xfs", "PATH=/usr/bin:/bin", "", "", "<nil>"},
		{"loop devices", "ext4", "mount --bind /dev/null /dev/loop-control", "", "", "losetup -a says who has them"},
		{"the loop driver", "ext4", "mount -t tmpfs none /dev", "", "", "/dev/loop-control: no such file or directory: modprobe loop"},
		{"the fuse driver", "btrfs", "mount -t tmpfs none /dev", "", "", "/dev/fuse: no such file or directory: modprobe fuse"},
		{"the file system", "xfs", "mount --bind /dev/null /proc/filesystems", "", "", "this kernel does not know xfs"},
		{"the machine's own root", "ext4", "true", "unshare -r", "", "this root may not mount ext4 (operation not permitted)"},
		{"the machine's own root, with mounts of his own", "xfs", "true", "unshare -rm", "", "this root may not mount xfs"},
		{"what root may", "ext4", "true", "setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin", "", "this root may not mount ext4"},
		{"what root may, for FUSE", "fuse", "true", "setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin", "", "this root may not mount fuse"},
		{"nothing that FUSE needs", "fuse", "true", "unshare -rm", "", "<nil>"},
		{"loop devices of the container", "ext4", "mount -t tmpfs none /dev && mknod /dev/loop-control c 10 237 && mknod /dev/null c 1 3", "", "", "the container has no such device: give it /dev/loop*"},
		{"a kind", "ntfs", "true", "", "", "nobody knows that kind"},
	} {
		out, err := exec.Command("unshare", "-m", "sh", "-c", c.setup+` && exec `+c.by+` "$0" available "$1" "$2"`, os.Args[0], c.kind, c.user).CombinedOutput()
		require.NoError(t, err, "%s: %s", c.what, out)
		assert.Contains(t, string(out), c.want, c.what)
	}
}

func TestEnginesThatDoNotFit(t *testing.T) {
	t.Parallel()
	need(t, Ext4, "")
	assert.ErrorContains(t, Available(Btrfs, Shutdown), "use the engine block")
	assert.ErrorContains(t, Available(Ext4, "lazyfs"), "nobody knows the engine lazyfs")
	_, err := Open(t.Context(), Options{Kind: Btrfs, Engine: Shutdown})
	assert.ErrorContains(t, err, "use the engine block")
}

func TestPlain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := Open(t.Context(), Options{Kind: Plain, Members: []string{"n1"}, Mount: func(m string) string { return dir + "/" + m }})
	require.NoError(t, err)
	v := d.Volume("n1")
	assert.DirExists(t, v.Dir())
	assert.Nil(t, d.Volume("n2"))
	assert.ErrorIs(t, v.Cut(Keep{What: keepNothing}), ErrUnsupported)
	assert.NoError(t, d.Close())
	assert.NoError(t, d.Close())
	assert.DirExists(t, dir+"/n1")
}
