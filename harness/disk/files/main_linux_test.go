package files

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestMain is also what other processes do. A process that serves a directory must not map
// its files: it would stand still, with nobody left to answer.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 {
		if do, ok := others()[os.Args[1]]; ok {
			fmt.Print(do(os.Args[2]))
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// others are what other processes do with a file. They print how it went.
func others() map[string]func(name string) error {
	return map[string]func(name string) error{
		"flock": func(name string) error {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		},
		"fcntl": func(name string) error {
			f, err := os.OpenFile(name, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			return unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
		},
		"map": func(name string) error {
			f, err := os.OpenFile(name, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			p, err := unix.Mmap(int(f.Fd()), 0, 8192, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			if err != nil {
				return err
			}
			copy(p, "mapped")
			err = unix.Msync(p, unix.MS_SYNC)
			if again := string(p[:6]); err != nil {
				err = fmt.Errorf("%w, then %q", err, again)
			}
			return errors.Join(err, unix.Munmap(p))
		},
		"sync": func(name string) error {
			f, err := os.OpenFile(name, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			return f.Sync()
		},
	}
}

func other(t *testing.T, what, name string) string {
	out, err := exec.CommandContext(t.Context(), os.Args[0], what, name).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimPrefix(string(out), "<nil>")
}

// mountHere returns a directory that is mounted, and what lies below.
func mountHere(t testing.TB, o Options) (d *Dir, dir, backing string) {
	t.Helper()
	if err := Available(); err != nil {
		t.Skip(err)
	}
	top := t.TempDir()
	dir, backing = top+"/dir", top+"/backing"
	require.NoError(t, errors.Join(os.Mkdir(dir, 0o755), os.Mkdir(backing, 0o755)))
	d, err := Mount(dir, backing, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d, dir, backing
}

func apply(t *testing.T, d *Dir, r Rule) *Applied {
	t.Helper()
	a, err := d.Apply(r)
	require.NoError(t, err)
	t.Cleanup(func() { a.Remove() })
	return a
}

func open(t *testing.T, name string, flags int) *os.File {
	t.Helper()
	f, err := os.OpenFile(name, flags, 0o644)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

const soon = 20 * time.Second
