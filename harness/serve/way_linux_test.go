package serve

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

var givesWay = flag.Bool("gives-way", false, "for TestGiveWay: be the process that does")

// Each thread of a process that gives way, also one that begins later, lets others go first.
func TestGiveWay(t *testing.T) {
	if !*givesWay {
		out, err := exec.Command(os.Args[0], "-test.run=^TestGiveWay$", "-gives-way").CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	before, err := unix.SchedGetAttr(0, 0)
	require.NoError(t, err)
	if before.Policy != unix.SCHED_NORMAL {
		t.Skip("somebody has set how this process is scheduled")
	}
	for range 2 { // and once is all
		require.NoError(t, GiveWay())
	}
	stop := make(chan struct{})
	defer close(stop)
	for range 4 { // so that there are more threads
		go func() {
			var fds [2]int
			if unix.Pipe2(fds[:], unix.O_CLOEXEC) == nil {
				go func() { <-stop; unix.Close(fds[1]) }()
				unix.Read(fds[0], make([]byte, 1))
			}
		}()
	}
	threads, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	require.NotEmpty(t, threads)
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		require.NoError(t, err)
		a, err := unix.SchedGetAttr(id, 0)
		if err != nil { // it has ended
			continue
		}
		require.Equal(t, fmt.Sprint(unix.SCHED_BATCH, min(before.Nice+5, 19)), fmt.Sprint(a.Policy, a.Nice))
	}
}
