package cgroup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// system is a directory that looks like /proc/self beside the hierarchies that it tells of.
func system(t *testing.T, mounts, own string, dirs ...string) (proc, root string) {
	t.Helper()
	root = t.TempDir()
	for _, d := range dirs {
		require.NoError(t, os.MkdirAll(filepath.Join(root, d), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "mountinfo"), []byte(strings.ReplaceAll(mounts, "ROOT", root)), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(root, "cgroup"), []byte(own), 0o600))
	return root, root
}

func TestFindFirstVersion(t *testing.T) {
	const mounts = `24 23 0:1 / /proc rw - proc proc rw
30 23 0:20 / ROOT/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
31 23 0:21 /docker/abc ROOT/memory rw - cgroup cgroup rw,memory
32 23 0:22 /docker/abc ROOT/freezer rw - cgroup cgroup rw,freezer
`
	proc, root := system(t, mounts, "3:memory:/docker/abc/inner\n2:freezer:/elsewhere\n1:cpu,cpuacct:/a\n0::/\n", "cpu,cpuacct/a", "memory/inner", "freezer")
	for c, dir := range map[Controller]string{
		CPU:     "cpu,cpuacct/a",
		Memory:  "memory/inner",
		Freezer: "freezer", // the own group cannot be seen
	} {
		h, err := find(proc, c)
		require.NoError(t, err)
		require.Equal(t, hierarchy{base: filepath.Join(root, dir)}, h)
	}
}

func TestFindSecondVersion(t *testing.T) {
	const mounts = "30 23 0:20 / ROOT/all rw - cgroup2 cgroup2 rw\n"
	proc, root := system(t, mounts, "0::/a/b\n", "all/a/b")
	for file, text := range map[string]string{"cgroup.controllers": "cpu pids\n", "a/b/cgroup.procs": "1\n", "a/cgroup.subtree_control": "", "cgroup.subtree_control": ""} {
		require.NoError(t, os.WriteFile(filepath.Join(root, "all", file), []byte(text), 0o600))
	}
	h, err := find(proc, CPU)
	require.NoError(t, err)
	require.Equal(t, hierarchy{two: true, base: filepath.Join(root, "all/a")}, h, "the nearest that hands it down")
	h, err = find(proc, Freezer)
	require.NoError(t, err)
	require.Equal(t, hierarchy{two: true, base: filepath.Join(root, "all/a/b")}, h)
	_, err = find(proc, Memory)
	require.ErrorIs(t, err, ErrUnsupported)
	require.ErrorContains(t, err, "no controller memory")
}

func TestFindNothing(t *testing.T) {
	proc, _ := system(t, "24 23 0:1 / /proc rw - proc proc rw\n", "0::/\n")
	r := open(proc, "test", nil)
	for _, c := range Controllers() {
		require.ErrorIs(t, r.Available(c), ErrUnsupported)
	}
	g, err := r.Group("n1")
	require.NoError(t, err)
	require.NoError(t, g.Enter(os.Getppid()), "there is nothing to enter")
	require.ErrorContains(t, g.Enter(os.Getpid()), "limit itself")
	require.ErrorIs(t, g.LimitCPU(5), ErrUnsupported)
	require.ErrorIs(t, g.LimitMemory(1<<30), ErrUnsupported)
	require.ErrorIs(t, g.Freeze(t.Context()), ErrUnsupported)
	require.NoError(t, r.Close())
}

// Where no group may be made, as in a container, it is told before.
func TestReadOnly(t *testing.T) {
	proc, _ := system(t, "30 23 0:20 / ROOT/no rw - cgroup cgroup rw,cpu,memory,freezer\n", "1:cpu,memory,freezer:/\n")
	r := open(proc, "test", nil)
	for _, c := range Controllers() {
		require.ErrorIs(t, r.Available(c), ErrUnsupported)
	}
}

// Nor where they are mounted to be read alone, as a container has them, whichever the version.
func TestMountedReadOnly(t *testing.T) {
	for _, c := range []struct{ mount, own string }{
		{"30 23 0:20 / ROOT/no rw - cgroup cgroup ro,cpu,memory,freezer\n", "1:cpu,memory,freezer:/\n"},
		{"30 23 0:20 / ROOT/no rw - cgroup2 cgroup2 ro\n", "0::/\n"},
	} {
		proc, root := system(t, c.mount, c.own, "no")
		at := filepath.Join(root, "no")
		if err := syscall.Mount("none", at, "tmpfs", 0, ""); err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { require.NoError(t, syscall.Unmount(at, 0)) })
		for file, text := range map[string]string{"cgroup.controllers": "cpu memory\n", "cgroup.procs": "", "cgroup.subtree_control": ""} {
			require.NoError(t, os.WriteFile(filepath.Join(at, file), []byte(text), 0o600))
		}
		require.NoError(t, syscall.Mount("none", at, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
		r := open(proc, "test", nil)
		for _, c := range Controllers() {
			require.ErrorIs(t, r.Available(c), ErrUnsupported)
			require.ErrorContains(t, r.Available(c), "read-only file system: let them be written to")
		}
	}
}

func TestSecondVersionFiles(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"cpu.max": "", "memory.max": "", "memory.stat": "anon 5000000\nfile 7\n",
		"cpu.stat":      "usage_usec 5\nnr_periods 7\nnr_throttled 3\nthrottled_usec 9\n",
		"memory.events": "low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
	}
	p := place{dir: dir, two: true}
	g := &Group{where: map[Controller]place{CPU: p, Memory: p}}
	has := func(file, text string) {
		b, err := os.ReadFile(filepath.Join(dir, file))
		require.NoError(t, err)
		require.Equal(t, text, string(b))
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), nil, 0o600))
	}
	require.NoError(t, g.LimitCPU(5))
	has("cpu.max", "5000 100000")
	require.NoError(t, g.LimitCPU(0.5))
	has("cpu.max", "5000 1000000")
	require.NoError(t, g.LimitCPU(0))
	has("cpu.max", "max 100000")
	require.ErrorContains(t, g.LimitMemory(2<<20), "5000000 are in use")
	has("memory.max", "")
	require.NoError(t, g.LimitMemory(64<<20))
	has("memory.max", "67108864")
	require.NoError(t, g.LimitMemory(0))
	has("memory.max", "max")
	c, err := g.Counts()
	require.NoError(t, err)
	require.Equal(t, Counts{Throttled: 3, MemoryHits: 12, OOMKills: 1}, c)
}

// The second version's freezer, which many a machine has beside the first one's.
func TestSecondVersionFreezer(t *testing.T) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	var mount string
	for line := range strings.Lines(string(mounts)) {
		if before, _, ok := strings.Cut(line, " - cgroup2 "); ok {
			mount = strings.Fields(before)[4]
		}
	}
	name := fmt.Sprintf("usurper-test2-%d", os.Getpid())
	if mount == "" || tried(hierarchy{two: true, base: mount}, name, Freezer) != nil {
		t.Skip("no group of the second version can be made here")
	}
	run, dir := filepath.Join(mount, name), filepath.Join(mount, name, "n1")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	t.Cleanup(func() {
		require.NoError(t, removed(dir))
		require.NoError(t, removed(run))
	})
	cmd := exec.Command("/bin/sh", "-c", "read line")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	defer in.Close()
	require.NoError(t, cmd.Start())
	g := &Group{where: map[Controller]place{Freezer: {dir: dir, two: true}}}
	require.NoError(t, g.Enter(cmd.Process.Pid))
	require.NoError(t, g.Freeze(t.Context()))
	require.True(t, g.Frozen())
	require.NoError(t, g.Thaw())
	require.Eventually(t, func() bool { return !g.Frozen() }, time.Minute, time.Millisecond)
	require.NoError(t, g.Freeze(t.Context()))
	require.NoError(t, cmd.Process.Kill(), "here it can be killed")
	require.Error(t, cmd.Wait())
}
