package disk

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/guard"
)

// The test's own program is the harness that is killed: it opens disks, cuts one, says so,
// and waits.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 4 && os.Args[1] == "available":
		if os.Args[3] == "nobody" {
			syscall.Setuid(65534)
		}
		fmt.Println(Available(Kind(os.Args[2]), ""))
		os.Exit(0)
	case len(os.Args) == 5 && os.Args[1] == "harness":
		fmt.Println(harness(Kind(os.Args[2]), Engine(os.Args[3]), os.Args[4]))
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func harness(kind Kind, engine Engine, dir string) error {
	d, err := Open(context.Background(), Options{
		Kind: kind, Engine: engine, Members: []string{"n1", "n2"}, Size: leastSize,
		Mount: func(m string) string { return filepath.Join(dir, m) }, Spill: filepath.Join(dir, "spill"),
	})
	if err != nil {
		return err
	}
	if v := d.Volume("n1"); v != nil && kind != FUSE {
		err = v.Cut(Keep{What: keepNothing})
	}
	return errors.Join(err, os.WriteFile(filepath.Join(d.Volume("n2").Dir(), "x"), []byte("x"), 0o600))
}

// killed starts one and kills it, as often as which says: the harness, and who outlives it.
func killed(t *testing.T, kind Kind, engine Engine, outliving bool) (dir string) {
	need(t, kind, engine)
	dir = t.TempDir()
	cmd := exec.Command(os.Args[0], "harness", string(kind), string(engine), dir)
	cmd.Env = append(os.Environ(), "TMPDIR="+filepath.Join(dir, "tmp"))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tmp"), 0o700))
	_, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	said, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "<nil>\n", said)
	require.NotEmpty(t, leftovers(t, dir))
	if outliving {
		for _, pid := range childrenOf(cmd.Process.Pid) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	return dir
}

func childrenOf(parent int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		b, _ := os.ReadFile(file)
		var pid, of int
		var state string
		fmt.Sscan(string(b), &pid)
		fmt.Sscan(string(b[bytes.LastIndexByte(b, ')')+1:]), &state, &of)
		if of == parent {
			pids = append(pids, pid)
		}
	}
	return pids
}

// leftovers are mounts and loop devices that have something to do with a directory.
func leftovers(t require.TestingT, dir string) (all []string) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, dir+"/") {
			all = append(all, line)
		}
	}
	files, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
	for _, f := range files {
		if b, _ := os.ReadFile(f); strings.HasPrefix(string(b), dir+"/") {
			all = append(all, string(b))
		}
	}
	images, _ := filepath.Glob(dir + "/*/usurper-*")
	return append(all, images...)
}

func TestHarnessIsKilled(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Ext4, XFS, Btrfs, FUSE} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			dir := killed(t, kind, "", false)
			require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Empty(c, leftovers(c, dir)) }, 30*time.Second, 20*time.Millisecond)
		})
	}
}

// It is not parallel, since it says where the journals are.
func TestBothAreKilled(t *testing.T) {
	for _, engine := range []Engine{Shutdown, Block} {
		t.Run(string(engine), func(t *testing.T) { bothAreKilled(t, engine) })
	}
}

func bothAreKilled(t *testing.T, engine Engine) {
	dir := killed(t, Ext4, engine, true)
	require.NotEmpty(t, leftovers(t, dir))
	t.Setenv("TMPDIR", filepath.Join(dir, "tmp"))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		_, err := guard.Sweep()
		assert.NoError(c, err)
		assert.Empty(c, leftovers(c, dir))
	}, 30*time.Second, 20*time.Millisecond)
}

// Whenever they are killed: while a file system is made, attached, mounted, cut.
func TestKilledAtAnyMoment(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	for round := range 4 {
		engine := []Engine{Shutdown, Block}[round%2]
		need(t, Ext4, engine)
		dir := t.TempDir()
		tmp := filepath.Join(dir, "tmp")
		require.NoError(t, os.Mkdir(tmp, 0o700))
		t.Setenv("TMPDIR", tmp)
		cmd := exec.Command(os.Args[0], "harness", string(Ext4), string(engine), dir)
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		time.Sleep(rand.N(250 * time.Millisecond))
		if round < 2 {
			for _, pid := range childrenOf(cmd.Process.Pid) {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		require.NoError(t, cmd.Process.Kill())
		cmd.Wait()
		in.Close()
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			_, err := guard.Sweep()
			assert.NoError(c, err)
			assert.Empty(c, leftovers(c, dir))
		}, 30*time.Second, 20*time.Millisecond)
	}
}
