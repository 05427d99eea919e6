package guard

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The test's own program is the harness that is killed: it makes a directory, promises to
// remove it, and says so.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "harness" {
		g, err := open(os.Args[2])
		if err == nil {
			err = g.Promise(Undo{What: Remove, Of: os.Args[3]})
		}
		if err == nil {
			err = os.MkdirAll(filepath.Join(os.Args[3], "a", "b"), 0o700)
		}
		fmt.Println(g.cmd.Process.Pid, err)
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// place is a folder of journals, and a directory to make things in.
func place(t *testing.T) (folder, dir string) {
	t.Helper()
	dir = t.TempDir()
	return filepath.Join(dir, "journals [of *]"), filepath.Join(dir, "things to undo")
}

func gone(t *testing.T, paths ...string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for _, p := range paths {
			_, err := os.Lstat(p)
			assert.ErrorIs(c, err, os.ErrNotExist, p)
		}
	}, time.Minute, 10*time.Millisecond)
}

func TestCloseUndoes(t *testing.T) {
	t.Parallel()
	folder, dir := place(t)
	g, err := open(folder)
	require.NoError(t, err)
	kept := filepath.Join(dir, "kept")
	for _, name := range []string{dir, kept, filepath.Join(dir, "x#y")} {
		if name != dir {
			require.NoError(t, g.Promise(Undo{What: Remove, Of: name}))
		}
		require.NoError(t, os.MkdirAll(filepath.Join(name, "below"), 0o700))
	}
	outside := filepath.Join(filepath.Dir(dir), "outside")
	require.NoError(t, os.WriteFile(outside, nil, 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "x#y", "link")))
	g.Fulfilled(Undo{What: Remove, Of: kept})
	g.Fulfilled(Undo{What: Remove, Of: outside}) // nobody promised it
	require.NoError(t, g.Close())
	require.NoError(t, g.Close())
	assert.DirExists(t, kept)
	assert.FileExists(t, outside)
	gone(t, filepath.Join(dir, "x#y"), folder)
	require.Error(t, g.Promise(Undo{What: Remove, Of: dir}))
}

func TestPromisesThatCannotBeKept(t *testing.T) {
	t.Parallel()
	folder, dir := place(t)
	g, err := open(folder)
	require.NoError(t, err)
	defer g.Close()
	for _, u := range []Undo{
		{What: Remove, Of: "/"}, {What: Remove, Of: "x"}, {What: Remove, Of: "/a\nb"}, {What: Kill, Of: "0"}, {What: Kill, Of: "-1"},
		{What: Unmount, Of: dir}, {What: Detach, Of: "/dev/loop0"}, {What: "forget", Of: dir}, {},
	} {
		assert.Error(t, g.Promise(u), "%+v", u)
	}
}

func TestKillsByMark(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/limits"); err != nil {
		t.Skip("needs Linux: a mark is a limit in /proc")
	}
	folder, _ := place(t)
	g, err := open(folder)
	require.NoError(t, err)
	const mark = "1234567890123456"
	require.NoError(t, g.Promise(Undo{What: Kill, Of: mark}))
	// Its child has the mark too, and a session of its own.
	marked := exec.Command("prlimit", "--locks="+mark, "sh", "-c", "setsid sleep 300 & echo $!; wait")
	marked.Stderr = os.Stderr
	out, err := marked.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, marked.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, g.Close())
	require.Error(t, marked.Wait())
	status, err := os.ReadFile("/proc/" + strings.TrimSpace(line) + "/status")
	require.True(t, err != nil || strings.Contains(string(status), "\nState:\tZ"), "%s", status)
}

// harness starts one, which promised to remove dir and made it.
func harness(t *testing.T, folder, dir string) (cmd *exec.Cmd, outliving int) {
	t.Helper()
	cmd = exec.Command(os.Args[0], "harness", folder, dir)
	_, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	var failed string
	fmt.Sscan(line, &outliving, &failed)
	require.Equal(t, "<nil>", failed, line)
	return cmd, outliving
}

func TestHarnessIsKilled(t *testing.T) {
	t.Parallel()
	folder, dir := place(t)
	cmd, _ := harness(t, folder, dir)
	undone, err := sweep(folder)
	require.NoError(t, err)
	require.Empty(t, undone)
	require.DirExists(t, dir, "a sweep lets alone what belongs to a harness that lives")
	require.NoError(t, cmd.Process.Kill())
	_, err = sweep(folder) // beside the process that outlives it
	require.NoError(t, err)
	gone(t, dir, folder)
	cmd.Wait()
}

func TestBothAreKilled(t *testing.T) {
	t.Parallel()
	folder, dir := place(t)
	cmd, outliving := harness(t, folder, dir)
	require.NoError(t, syscall.Kill(outliving, syscall.SIGKILL))
	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	require.DirExists(t, dir)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all []Undo
	for range 4 {
		wg.Go(func() {
			// The lock goes with the last of the two, a moment after they are killed.
			for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
				undone, err := sweep(folder)
				assert.NoError(t, err)
				mu.Lock()
				all = append(all, undone...)
				done := len(all) > 0
				mu.Unlock()
				if done {
					return
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, []Undo{{What: Remove, Of: dir}}, all, "undone once")
	gone(t, dir, folder)
}

func TestOutlivingProcessIsKilled(t *testing.T) {
	t.Parallel()
	folder, dir := place(t)
	g, err := open(folder)
	require.NoError(t, err)
	require.NoError(t, g.Promise(Undo{What: Remove, Of: dir}))
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, g.cmd.Process.Kill())
	require.Eventually(t, func() bool { return g.Promise(Undo{What: Remove, Of: dir}) != nil }, time.Minute, 10*time.Millisecond)
	require.NoError(t, g.Close())
	gone(t, dir, folder)
}

func TestTornJournal(t *testing.T) {
	t.Parallel()
	folder, dir := place(t)
	require.NoError(t, os.Mkdir(folder, 0o700))
	for _, d := range []string{dir, dir + "2"} {
		require.NoError(t, os.Mkdir(d, 0o700))
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "journal-1"), fmt.Appendf(nil,
		"\n+\t1\tremove\t%[1]s\t-\t%[1]s\t-\n\n+\tx;y\tremove\t%[1]s2\t-\t%[1]s2\t-\n\n+\t2\tremove\t%[1]s2", dir), 0o600))
	undone, err := sweep(folder)
	require.NoError(t, err)
	require.Equal(t, []Undo{{What: Remove, Of: dir}}, undone)
	require.DirExists(t, dir+"2")
}

func TestFolderOfSomebodyElse(t *testing.T) {
	t.Parallel()
	folder, _ := place(t)
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, os.Chmod(folder, 0o777))
	_, err := open(folder)
	require.ErrorContains(t, err, "belongs to this user alone")
	_, err = sweep(folder)
	require.ErrorContains(t, err, "belongs to this user alone")
	link := folder + "2"
	require.NoError(t, os.Chmod(folder, 0o700))
	require.NoError(t, os.Symlink(folder, link))
	_, err = open(link)
	require.Error(t, err)
}

// Where nothing can be written it is said what to do.
func TestFolderNowhere(t *testing.T) {
	t.Parallel()
	_, dir := place(t)
	_, err := open(filepath.Join(dir, "none", "journals"))
	require.ErrorContains(t, err, "let TMPDIR be a directory that this user may write to")
	undone, err := sweep(filepath.Join(dir, "none", "journals"))
	require.NoError(t, err)
	require.Empty(t, undone)
}

func TestFolderIsAbsolute(t *testing.T) {
	t.Setenv("TMPDIR", "here")
	require.True(t, filepath.IsAbs(folder()))
}
