package results_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/results"
)

var holds = flag.String("holds", "", "for TestHoldOfAProcess: the directory to hold until the end")

func held(t *testing.T, d results.Dir) (held, known bool) {
	t.Helper()
	f, err := os.Open(d.Path(results.HeldFile))
	require.NoError(t, err)
	defer f.Close()
	return results.IsHeld(f)
}

// A run is held until its process lets go of it. What is left tells of one without verdict.
func TestHold(t *testing.T) {
	d, err := results.Create(t.TempDir(), "", noon)
	require.NoError(t, err)
	release := d.Hold()
	for range 2 { // looking takes nothing away
		is, known := held(t, d)
		require.True(t, is && known)
	}
	release()
	is, known := held(t, d)
	require.True(t, !is && known, "nobody holds it, and there is no verdict")

	require.NoError(t, os.Remove(d.Path(results.HeldFile)))
	release = d.Hold()
	require.NoError(t, d.WriteText(results.VerdictFile, "{}"))
	release()
	require.NoFileExists(t, d.Path(results.HeldFile))

	// Of another machine, or another boot, nothing is known.
	for _, text := range []string{"boot: another\n", "boot:", "", "Locked by process 1\n", strings.Repeat("x", 1000)} {
		require.NoError(t, d.WriteText(results.HeldFile, text))
		_, known = held(t, d)
		require.False(t, known, "%q", text)
	}
}

// Where nothing can be written nothing is held, and nothing fails.
func TestHoldNothing(t *testing.T) {
	d, err := results.Create(t.TempDir(), "", noon)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(d.String()))
	d.Hold()()
}

// A process that is killed holds nothing any more.
func TestHoldOfAProcess(t *testing.T) {
	if *holds != "" {
		d, err := results.Open(*holds)
		require.NoError(t, err)
		defer d.Hold()()
		fmt.Println("held")
		bufio.NewReader(os.Stdin).ReadByte()
		return
	}
	d, err := results.Create(t.TempDir(), "", noon)
	require.NoError(t, err)
	require.NoError(t, d.WriteText(results.HistoryFile, "{}"))
	cmd := exec.Command(os.Args[0], "-test.run=^TestHoldOfAProcess$", "-holds", d.String())
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	defer in.Close()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "held\n", line)
	is, known := held(t, d)
	require.True(t, is && known)
	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	is, known = held(t, d)
	require.True(t, !is && known)
}
