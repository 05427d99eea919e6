package disk

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func need(t testing.TB, kind Kind, engine Engine) {
	t.Helper()
	if err := Available(kind, engine); err != nil {
		t.Skip(err)
	}
}

// one opens the disk of one member.
func one(t testing.TB, kind Kind, engine Engine) Volume {
	t.Helper()
	need(t, kind, engine)
	dir := t.TempDir()
	d, err := Open(t.Context(), Options{
		Kind: kind, Engine: engine, Members: []string{"n1"}, Size: leastSize,
		Mount: func(m string) string { return filepath.Join(dir, m) }, Spill: filepath.Join(dir, "spill"),
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close(), "close disks") })
	return d.Volume("n1")
}

// write writes a file, and syncs it if asked to.
func write(t testing.TB, path, text string, synced bool) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	_, err = f.WriteString(text)
	require.NoError(t, err)
	if synced {
		require.NoError(t, unix.Fdatasync(int(f.Fd())))
	}
	require.NoError(t, f.Close())
}

// read reads a file; "absent" if it is not there.
func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "absent"
	}
	require.NoError(t, err)
	return string(b)
}

// restore restores under a generous deadline.
func restore(t testing.TB, v Volume) Restored {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := v.Restore(ctx)
	require.NoError(t, err)
	return r
}

// What was measured of the system call holds, over and over on one volume.
func TestPowerFailure(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Ext4, XFS} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			v := one(t, kind, Shutdown)
			at := func(name string) string { return filepath.Join(v.Dir(), name) }
			write(t, at("over"), strings.Repeat("o", 5000), false)
			require.NoError(t, v.Settle())
			for _, keep := range []string{keepNothing, keepNames, keepNothing, keepNames} {
				names := keep == keepNames
				fresh := func(s string) string { return at(keep + "-" + s) }
				write(t, fresh("old"), "old", true)
				write(t, fresh("unlinked"), "there", true)
				write(t, fresh("tmp"), "new", true)
				write(t, fresh("lost"), "lost", false)
				require.NoError(t, os.Rename(fresh("tmp"), fresh("old"))) // and nobody syncs the directory
				require.NoError(t, os.Remove(fresh("unlinked")))
				write(t, at("over"), "changed", false)
				held, err := os.Create(fresh("held"))
				require.NoError(t, err)

				require.NoError(t, v.Cut(Keep{What: keep}))
				_, err = held.WriteString("late")
				require.ErrorIs(t, err, unix.EIO)
				require.NoError(t, held.Close())
				r := restore(t, v)
				assert.True(t, r.Bit, keep)
				assert.False(t, r.Lied, keep)
				assert.NotZero(t, r.Flushes, keep) // the three files synced
				assert.EqualValues(t, -1, r.Unflushed)
				assert.Positive(t, r.Took)
				want := map[string]string{"old": "old", "tmp": "new", "unlinked": "there", "lost": "absent"}
				if names {
					want = map[string]string{"old": "new", "tmp": "absent", "unlinked": "absent", "lost": ""}
				}
				for name, text := range want {
					assert.Equal(t, text, read(t, fresh(name)), "keep %s: %s", keep, name)
				}
				assert.Equal(t, strings.Repeat("o", 5000), read(t, at("over")))
				for _, name := range []string{"old", "tmp", "unlinked", "lost", "held"} {
					os.Remove(fresh(name))
				}
				require.NoError(t, v.Settle())
			}
		})
	}
}

// synced is a medium beside which somebody calls sync(2) just before the power goes.
type synced struct{ medium }

func (s synced) cut(root string, keep Keep) (int64, error) {
	err := s.aside(func() error {
		dir, err := os.Open(root)
		if err != nil {
			return err
		}
		return errors.Join(unix.Syncfs(int(dir.Fd())), dir.Close())
	})
	if err != nil {
		return -1, err
	}
	return s.medium.cut(root, keep)
}

// Somebody else's sync(2) leaves nothing to lose, which is seen, and is no lie of the engine.
func TestSomebodySyncs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   Kind
		engine Engine
	}{{Ext4, Shutdown}, {XFS, Shutdown}, {Ext4, Block}, {Btrfs, Block}} {
		t.Run(string(c.kind)+"/"+string(c.engine), func(t *testing.T) {
			t.Parallel()
			v := one(t, c.kind, c.engine).(*volume)
			for _, keep := range States(c.kind, c.engine) {
				power := v.medium
				v.medium = synced{power}
				require.NoError(t, v.Cut(Keep{What: keep, Seed: 1}))
				v.medium = power
				r := restore(t, v)
				require.False(t, r.Bit || r.Lied, "keep %s: %+v", keep, r)
				require.NoError(t, v.Cut(Keep{What: keepNothing}))
				r = restore(t, v)
				require.True(t, r.Bit && !r.Lied, "once nobody does: %+v", r)
			}
		})
	}
}

// A file system that does not mount is nobody's fault, and stays so.
func TestRefused(t *testing.T) {
	t.Parallel()
	v := one(t, XFS, Shutdown)
	require.NoError(t, v.Cut(Keep{What: keepNothing}))
	f, err := os.OpenFile(v.(*volume).medium.image(), os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(make([]byte, 1<<20), 0)
	require.NoError(t, errors.Join(err, f.Close()))
	for range 2 {
		_, err = v.Restore(t.Context())
		require.ErrorIs(t, err, ErrRefused)
	}
}

// Nothing that the harness does for a cut commits what a member left unsynced, and nothing
// of the harness's is in the member's sight.
func TestDirIsTheMembersAlone(t *testing.T) {
	t.Parallel()
	v := one(t, Ext4, Shutdown)
	require.NoError(t, v.Cut(Keep{What: keepNames}))
	require.Zero(t, restore(t, v).Flushes, "nobody asked for one")
	entries, err := os.ReadDir(v.Dir())
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestCutsThatAreRefused(t *testing.T) {
	t.Parallel()
	v := one(t, Ext4, Shutdown)
	require.ErrorIs(t, v.Cut(Keep{What: keepSome}), ErrUnsupported)
	_, err := v.Restore(t.Context())
	require.ErrorContains(t, err, "it has power")
	write(t, filepath.Join(v.Dir(), "x"), "x", true)
	require.NoError(t, v.Cut(Keep{What: keepNothing}))
	require.Error(t, v.Cut(Keep{What: keepNothing}))
	require.Error(t, v.Settle())
	restore(t, v)
	require.Equal(t, "x", read(t, filepath.Join(v.Dir(), "x")))
}

// Images for which there is no room in memory lie where the run does, lose power as others do, and
// are gone afterwards. Blocks in user space lie nowhere else, which is said.
func TestNoRoomInMemory(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Ext4, XFS} {
		need(t, kind, Shutdown)
		dir := filepath.Join(t.TempDir(), "with spaces", strings.Repeat("long", 50))
		o := Options{
			Kind: kind, Members: []string{"n1"}, Size: leastSize, memory: 1 << 20,
			Mount: func(m string) string { return filepath.Join(dir, m) }, Spill: filepath.Join(dir, "spill"),
		}
		d, err := Open(t.Context(), o)
		require.NoError(t, err)
		assert.Contains(t, d.Note(), "on disk, which is slower: 1 MB of memory are available")
		images, err := filepath.Glob(filepath.Join(o.Spill, "*", "n1.img"))
		require.NoError(t, err)
		assert.Len(t, images, 1)
		v := d.Volume("n1")
		write(t, filepath.Join(v.Dir(), "kept"), "kept", true)
		write(t, filepath.Join(v.Dir(), "lost"), "lost", false)
		require.NoError(t, v.Cut(Keep{What: keepNothing}))
		r := restore(t, v)
		assert.True(t, r.Bit && !r.Lied, r)
		assert.Equal(t, "kept", read(t, filepath.Join(v.Dir(), "kept")))
		assert.Equal(t, "absent", read(t, filepath.Join(v.Dir(), "lost")))
		require.NoError(t, d.Close())
		left, err := os.ReadDir(o.Spill)
		require.NoError(t, err)
		assert.Empty(t, left)

		o.Engine = Block
		if Available(kind, Block) == nil {
			_, err = Open(t.Context(), o)
			assert.ErrorContains(t, err, "blocks in user space lie in memory: free some, ask for smaller disks, or use the engine shutdown")
		}
		o.Engine, o.Size = Shutdown, 1<<60
		_, err = Open(t.Context(), o)
		assert.ErrorContains(t, err, "fit neither into half of the 1 MB of memory that are available nor into half of")
		left, err = os.ReadDir(o.Spill)
		require.NoError(t, err)
		assert.Empty(t, left)
	}
}

// Of a program that makes no file system one is told what it said, and nothing is left.
func TestMakerFails(t *testing.T) {
	need(t, Ext4, Shutdown)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mkfs.ext4"), []byte("#!/bin/sh\necho no  magic today >&2; exit 3\n"), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for _, engine := range []Engine{Shutdown, Block} {
		need(t, Ext4, engine)
		mount, spill := filepath.Join(dir, "n1"), filepath.Join(dir, "spill")
		_, err := Open(t.Context(), Options{
			Kind: Ext4, Engine: engine, Members: []string{"n1"}, Size: leastSize,
			Mount: func(string) string { return mount }, Spill: spill,
		})
		require.ErrorContains(t, err, "n1: mkfs.ext4: exit status 3: no magic today")
		require.NoDirExists(t, mount)
		left, err := os.ReadDir(spill)
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

// Whoever interrupts it while file systems are made is told of that, and not of them.
func TestMakerIsInterrupted(t *testing.T) {
	need(t, Ext4, Shutdown)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mkfs.ext4"), []byte("#!/bin/sh\nexec sleep 300\n"), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	why := errors.New("somebody has seen enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, why)
	defer cancel()
	_, err := Open(ctx, Options{
		Kind: Ext4, Members: []string{"n1"}, Size: leastSize,
		Mount: func(string) string { return filepath.Join(dir, "n1") }, Spill: filepath.Join(dir, "spill"),
	})
	require.ErrorIs(t, err, why)
	require.NotContains(t, err.Error(), "mkfs")
}

// A full disk loses power like any other.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	v := one(t, Ext4, Shutdown)
	f, err := os.Create(filepath.Join(v.Dir(), "full"))
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, unix.Fallocate(int(f.Fd()), 0, 0, 256<<20))
	block := bytes.Repeat([]byte{'f'}, 1<<20)
	for size := 1 << 20; size >= 512; {
		if _, err := f.Write(block[:size]); err != nil {
			size /= 2
			require.ErrorIs(t, err, unix.ENOSPC)
			require.NoError(t, unix.Fdatasync(int(f.Fd())))
		} else if _, err := f.Seek(0, 2); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	require.NoError(t, v.Cut(Keep{What: keepNothing}))
	r := restore(t, v)
	require.True(t, r.Bit)
	require.False(t, r.Lied)
}

// Who keeps the volume busy is waited for, named if he stays, and never unmounted from.
func TestBusy(t *testing.T) {
	t.Parallel()
	v := one(t, XFS, Shutdown)
	sleeper := exec.Command("sleep", "300")
	sleeper.Dir = v.Dir()
	require.NoError(t, sleeper.Start())
	defer func() { sleeper.Process.Kill(); sleeper.Wait() }()
	require.NoError(t, v.Cut(Keep{What: keepNothing}))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := v.Restore(ctx)
	require.ErrorIs(t, err, unix.EBUSY)
	require.ErrorContains(t, err, "sleep (")
	time.AfterFunc(50*time.Millisecond, func() { sleeper.Process.Kill() })
	r := restore(t, v)
	require.True(t, r.Bit)
}

// A dead file system that somebody in a mount namespace of his own holds does not come
// back as if it had recovered.
func TestHeldInAnotherNamespace(t *testing.T) {
	t.Parallel()
	v := one(t, Ext4, Shutdown)
	cmd := exec.Command("unshare", "-m", "sh", "-c", "echo; exec sleep 300")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	out.Read(make([]byte, 1))
	require.NoError(t, v.Cut(Keep{What: keepNothing}))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = v.Restore(ctx)
	require.ErrorContains(t, err, "mount namespace")
	cmd.Process.Kill()
	cmd.Wait()
	require.True(t, restore(t, v).Bit)
}
