package system

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/nemesis"
)

// A member that writes its configuration to its disk, and its data elsewhere, is noticed;
// whoever writes to the disk, in whatever way, is not accused.
func TestUse(t *testing.T) {
	t.Parallel()
	const again = "; while :; do echo x >&3; sleep 0.02; "
	for name, c := range map[string]struct {
		script            string
		unused, elsewhere bool
	}{
		"data elsewhere":                {"echo conf > $1/conf; exec 3>>$2/data" + again + "done", true, true},
		"nothing on the disk":           {"exec 3>>$2/data" + again + "done", true, true},
		"a log elsewhere":               {"exec 3>>$2/log 4>>$1/wal; echo x >&4" + again + "done", false, true},
		"a file opened for each write":  {"exec 3>>$2/log" + again + "echo x > $1/new; mv $1/new $1/data; done", false, true},
		"all on the disk":               {"exec 3>>$1/data" + again + "done", false, false},
		"read elsewhere":                {"exec 3>>$1/data; echo > $2/conf; exec 4<$2/conf" + again + "done", false, false},
		"what has no name":              {"exec 3>>$2/tmp; rm $2/tmp" + again + "done", false, false},
		"what the harness reads of it":  {"exec 3>>$1/../../trace.1.jsonl" + again + "done", false, false},
		"elsewhere once, when it began": {"exec 3>>$2/lock; echo x >&3; while :; do sleep 0.02; done", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, elsewhere := filepath.Join(t.TempDir(), "disk", "data"), t.TempDir()
			require.NoError(t, os.MkdirAll(dir, 0o755))
			cmd := exec.Command("sh", "-c", c.script, "sh", dir, elsewhere)
			require.NoError(t, cmd.Start())
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			})
			begun := began([]int{cmd.Process.Pid})
			require.WithinDuration(t, time.Now(), begun, 30*time.Second)
			var u use
			done := func() bool {
				u = useOf(dir, []int{cmd.Process.Pid})
				if c.unused {
					return u.unused
				}
				require.False(t, u.unused)
				return time.Since(begun) > 2*settled+behind && (u.elsewhere != "") == c.elsewhere
			}
			require.Eventually(t, done, 30*time.Second, 20*time.Millisecond)
			require.Equal(t, name == "nothing on the disk", u.empty && c.unused)
			if c.elsewhere {
				require.Contains(t, u.elsewhere, "writes to "+elsewhere)
			}
		})
	}
	require.False(t, nemesis.Evidence{"disks-unused": 1, "canaries-lost": 1, "pids-gone": 1}.Bit())
	require.True(t, nemesis.Evidence{"disks-unused": 1, "canaries-lost": 2, "pids-gone": 2}.Bit())
}
