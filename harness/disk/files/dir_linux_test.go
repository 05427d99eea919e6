package files

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestRulesThroughTheMount(t *testing.T) {
	for _, c := range []struct {
		rule   Rule
		do     func(t *testing.T, name string, f *os.File)
		below  string
		counts map[string]int64
	}{
		{Rule{Action: SlowSync, Delay: time.Microsecond}, func(t *testing.T, name string, f *os.File) {
			require.NoError(t, f.Sync())
			require.NoError(t, unix.Fdatasync(int(f.Fd())))
			g := open(t, name, os.O_RDWR|unix.O_DSYNC)
			_, err := g.WriteAt([]byte("A"), 0)
			require.NoError(t, err)
		}, "A123456789", map[string]int64{"syncs-delayed": 3}},
		{Rule{Action: FailSync}, func(t *testing.T, name string, f *os.File) {
			f.WriteAt([]byte("abc"), 8)
			require.ErrorIs(t, f.Sync(), syscall.EIO)
			require.Equal(t, "0123456789\x00", read(t, name))
			p := make([]byte, 3)
			f.ReadAt(p, 8)
			require.Equal(t, "89\x00", string(p), "what the kernel had in its cache is gone")
			f.WriteAt([]byte("A"), 0)
			require.NoError(t, open(t, name, os.O_RDWR).Sync(), "somebody else's")
			require.NoError(t, f.Sync())
		}, "A123456789\x00", map[string]int64{"syncs-failed": 1, "syncs-retried": 1, "bytes-dropped": 3}},
		{Rule{Action: FailWrite}, func(t *testing.T, name string, f *os.File) {
			_, err := f.WriteAt([]byte("abc"), 0)
			require.ErrorIs(t, err, syscall.EIO)
			require.Equal(t, "0123456789", read(t, name))
		}, "0123456789", map[string]int64{"writes-failed": 1}},
		{Rule{Action: Full}, func(t *testing.T, name string, f *os.File) {
			_, err := f.WriteAt([]byte("abc"), 0)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte("abc"), 1<<20)
			require.ErrorIs(t, err, syscall.ENOSPC)
			require.ErrorIs(t, unix.Fallocate(int(f.Fd()), 0, 0, 1<<20), syscall.ENOSPC)
			dir := filepath.Dir(name)
			_, err = os.Create(dir + "/new.wal")
			require.ErrorIs(t, err, syscall.ENOSPC)
			require.ErrorIs(t, os.Mkdir(dir+"/dir.wal", 0o755), syscall.ENOSPC)
			require.NoError(t, os.Mkdir(dir+"/dir.snap", 0o755))
		}, "abc3456789", map[string]int64{"writes-refused": 4}},
		{Rule{Action: ShortWrite}, func(t *testing.T, name string, f *os.File) {
			n, err := unix.Pwrite(int(f.Fd()), []byte("ab"), 0)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			n, err = unix.Pwrite(int(f.Fd()), []byte("cd"), 4)
			require.NoError(t, err)
			require.Equal(t, 2, n)
			require.Equal(t, "a123cd6789", read(t, name))
		}, "a123cd6789", map[string]int64{"writes-shortened": 1}},
		{Rule{Action: LostWrite}, func(t *testing.T, name string, f *os.File) {
			n, err := f.WriteAt([]byte("abc"), 9)
			require.NoError(t, err)
			require.Equal(t, 3, n)
			require.NoError(t, f.Sync())
			info, err := f.Stat()
			require.NoError(t, err)
			require.EqualValues(t, 12, info.Size())
			require.Equal(t, "0123456789\x00\x00", read(t, name), "opened anew")
		}, "0123456789\x00\x00", map[string]int64{"writes-lost": 1, "bytes-lost": 3}},
	} {
		t.Run(string(c.rule.Action), func(t *testing.T) {
			d, dir, backing := mountHere(t, Options{})
			name := filepath.Join(dir, "0.wal")
			require.NoError(t, os.WriteFile(name, []byte("0123456789"), 0o644))
			f := open(t, name, os.O_RDWR)
			require.NoError(t, f.Sync())
			c.rule.Files = []string{"*.wal"}
			a := apply(t, d, c.rule)
			c.do(t, name, f)
			require.Equal(t, c.below, read(t, backing+"/0.wal"))
			require.Equal(t, c.counts, a.Remove())
			_, err := f.WriteAt([]byte("healed"), 1<<16)
			require.NoError(t, err)
			require.NoError(t, f.Sync())
			require.Len(t, read(t, backing+"/0.wal"), 1<<16+6)

			c.rule.Files = []string{"*.snap"}
			a = apply(t, d, c.rule)
			_, err = f.WriteAt([]byte("others"), 1<<17)
			require.NoError(t, err)
			require.NoError(t, f.Sync())
			require.Empty(t, a.Remove(), "of other files")
		})
	}
}

// A file that was removed is known by its last name, and one that was renamed by its new one.
func TestNamesChange(t *testing.T) {
	d, dir, _ := mountHere(t, Options{})
	f := open(t, dir+"/a.tmp", os.O_RDWR|os.O_CREATE)
	require.NoError(t, os.Rename(dir+"/a.tmp", dir+"/a.snap"))
	a := apply(t, d, Rule{Action: FailWrite, Files: []string{"*.snap"}})
	_, err := f.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.EIO)
	require.NoError(t, f.Close())
	a.Remove()
	f = open(t, dir+"/a.snap", os.O_RDWR)
	require.NoError(t, os.Remove(dir+"/a.snap"))
	a = apply(t, d, Rule{Action: FailWrite, Files: []string{"*.snap"}})
	_, err = f.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.EIO)
	a.Remove()
	_, err = f.Write([]byte("removed, but open"))
	require.NoError(t, err)
	info, err := f.Stat()
	require.NoError(t, err)
	require.EqualValues(t, 17, info.Size())
	require.NoError(t, f.Truncate(3))
}

// A sync by a descriptor that may only read is of what others wrote, and takes it back when it fails.
func TestSyncByAReader(t *testing.T) {
	d, dir, backing := mountHere(t, Options{})
	for _, size := range []int64{0, 5} { // what is dropped was an end, or something else
		name := dir + "/f"
		require.NoError(t, os.WriteFile(name, []byte("first")[:size], 0o644))
		writer, reader := open(t, name, os.O_RDWR), open(t, name, os.O_RDONLY)
		require.NoError(t, reader.Sync())
		a := apply(t, d, Rule{Action: FailSync})
		_, err := writer.WriteAt([]byte("other"), 0)
		require.NoError(t, err)
		require.ErrorIs(t, reader.Sync(), syscall.EIO)
		require.Equal(t, map[string]int64{"syncs-failed": 1, "bytes-dropped": 5}, a.Remove())
		require.Equal(t, "first"[:size]+"\x00\x00\x00\x00\x00"[size:], read(t, backing+"/f"))
	}
}

func TestMappings(t *testing.T) {
	d, dir, backing := mountHere(t, Options{})
	name := dir + "/db"
	renew := func() { require.NoError(t, os.WriteFile(name, make([]byte, 8192), 0o644)) }
	renew()
	require.Empty(t, other(t, "map", name))
	require.Equal(t, "mapped", read(t, backing+"/db")[:6])
	for action, want := range map[Action]string{
		FailWrite:  "input/output error, then \"mapped\"",
		FailSync:   "input/output error, then \"\\x00\\x00\\x00\\x00\\x00\\x00\"",
		LostWrite:  "",
		ShortWrite: "",
		Full:       "",
	} {
		renew()
		require.Empty(t, other(t, "sync", name))
		a := apply(t, d, Rule{Action: action})
		require.Equal(t, want, other(t, "map", name), action)
		counts := a.Remove()
		if action == ShortWrite || action == Full {
			require.Empty(t, counts, action)
			require.Equal(t, "mapped", read(t, backing+"/db")[:6])
		} else {
			require.NotEmpty(t, counts, action)
			require.Equal(t, make([]byte, 6), []byte(read(t, backing+"/db")[:6]), action)
		}
	}
}

// Locks exclude other processes, and ours from theirs.
func TestLocks(t *testing.T) {
	_, dir, _ := mountHere(t, Options{})
	for _, how := range []string{"flock", "fcntl"} {
		f := open(t, dir+"/"+how, os.O_RDWR|os.O_CREATE)
		require.Empty(t, other(t, how, f.Name()), "nobody has it")
		if how == "flock" {
			require.NoError(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
		} else {
			require.NoError(t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}))
		}
		require.Equal(t, "resource temporarily unavailable", other(t, how, f.Name()))
		require.NoError(t, f.Close())
		require.Empty(t, other(t, how, f.Name()), "it was closed")
	}
}

// SIGKILL ends a process whose sync is delayed, and the signals of its own runtime do not.
func TestKilledInASlowSync(t *testing.T) {
	d, dir, _ := mountHere(t, Options{})
	require.NoError(t, os.WriteFile(dir+"/f", []byte("x"), 0o644))
	a := apply(t, d, Rule{Action: SlowSync, Delay: time.Hour})
	cmd := exec.Command(os.Args[0], "sync", dir+"/f")
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	require.Eventually(t, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.counts["syncs-delayed"] == 1
	}, soon, time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGURG))
	require.NoError(t, cmd.Process.Signal(syscall.SIGWINCH))
	select {
	case err := <-ended:
		t.Fatalf("it ended by a harmless signal: %v", err)
	case <-time.After(5 * pollDying):
	}
	require.NoError(t, cmd.Process.Kill())
	select {
	case err := <-ended:
		require.ErrorContains(t, err, "killed")
	case <-time.After(soon):
		t.Error("a killed process waits for its sync")
	}
}

// Of many syncs, those of directories too, each is delayed, and all end with the rule.
func TestSlowSyncsEndTogether(t *testing.T) {
	d, dir, _ := mountHere(t, Options{})
	a := apply(t, d, Rule{Action: SlowSync, Delay: time.Hour, Jitter: time.Minute})
	var done sync.WaitGroup
	for _, name := range []string{"a", "b", "c", ""} {
		if name != "" {
			require.NoError(t, os.WriteFile(dir+"/"+name, []byte("x"), 0o644))
		}
		done.Go(func() {
			f, err := os.Open(dir + "/" + name)
			if err == nil {
				err = f.Sync()
				f.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	require.Eventually(t, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.counts["syncs-delayed"] == 4
	}, soon, time.Millisecond)
	a.Remove()
	done.Wait()
}

// The directory is unmounted, lazily if somebody stays, and says so.
func TestCloseWithSomebodyThere(t *testing.T) {
	if err := Available(); err != nil {
		t.Skip(err)
	}
	dir, backing := t.TempDir(), t.TempDir()
	d, err := Mount(dir, backing, Options{})
	require.NoError(t, err)
	f, err := os.Create(dir + "/f")
	require.NoError(t, err)
	require.ErrorIs(t, d.Close(), unix.EBUSY)
	require.False(t, mounted(dir))
	require.NoError(t, f.Close())
	require.FileExists(t, backing+"/f")

	d, err = Mount(dir, backing, Options{})
	require.NoError(t, err)
	require.FileExists(t, dir+"/f")
	require.NoError(t, d.Close())
	require.NoError(t, d.Close(), "twice")
}

func TestMountErrors(t *testing.T) {
	if err := Available(); err != nil {
		t.Skip(err)
	}
	_, err := Mount(t.TempDir()+"/none", t.TempDir(), Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Mount(t.TempDir(), t.TempDir()+"/none", Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
}
