package cluster_test

import (
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// wordy is a shell with patterns of its own.
type wordy struct {
	shell
	patterns []string
}

func (w wordy) Crashes() []*regexp.Regexp {
	all := target.CrashLines()
	for _, p := range w.patterns {
		all = append(all, regexp.MustCompile(p))
	}
	return all
}

// printed runs a script that prints "done" last, and returns the lines in the history
// that tell of a crash, and why its patterns tell nothing.
func printed(t *testing.T, of target.Target) (crashes []string, vain error) {
	t.Helper()
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	dir := t.TempDir()
	var rec record
	var said atomic.Int32
	done := make(chan struct{})
	c, err := cluster.New(cluster.Options{
		Target: heard{of, done}, Host: host,
		Members: []target.Member{{Name: "n1", DataDir: filepath.Join(dir, "n1", "data")}},
		Dir:     dir, Record: rec.add, Vain: func(error) { said.Add(1) }, Grace: 200 * time.Millisecond,
	})
	require.NoError(t, err)
	require.NoError(t, c.Start(t.Context(), "n1"))
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("the script has not come to its end")
	}
	require.Empty(t, c.Stop())
	require.NoError(t, host.Close())
	for _, e := range rec.events {
		if e.Run != nil && e.Run.What == history.RunLog {
			crashes = append(crashes, e.Run.Text)
		}
		require.False(t, exits(e) && !e.Proc.Expected, "it goes on")
	}
	vain = c.Vain()
	require.Equal(t, vain != nil, said.Load() == 1)
	return crashes, vain
}

// heard waits for the line "done".
type heard struct {
	target.Target
	done chan struct{}
}

func (h heard) Printed(_ target.Member, line string) {
	if line == "done" {
		close(h.done)
	}
}

func (h heard) Crashes() []*regexp.Regexp { return target.Crashes(h.Target) }

// A member that goes on has crashed if it says so in the words of its runtime, or of its
// target; not if it quotes them, nor if it tells of an exception that it has survived.
func TestWhatTellsOfACrash(t *testing.T) {
	for name, c := range map[string]struct {
		script   string
		patterns []string
		want     []string
	}{
		"a path": {`echo started; echo "GET /kv/panic:button 200"`, nil, nil},
		"rust":   {`echo "thread 'raft-1' panicked at src/log.rs:10:5: index"`, nil, []string{"thread 'raft-1' panicked at src/log.rs:10:5: index"}},
		"a traceback that a server logs": {
			`echo started; echo 'Traceback (most recent call last):'; echo '  File "x.py", line 1'; echo 'KeyError: 3'`, nil, nil},
		"… and whose target calls it a crash": {
			`echo started; echo 'Traceback (most recent call last):'`, []string{"^Traceback "}, []string{"Traceback (most recent call last):"}},
		"words of its own": {`echo ERROR 1; echo FATAL 2`, []string{"^FATAL "}, []string{"FATAL 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			crashes, vain := printed(t, wordy{shell{c.script + `; echo done; while :; do sleep 0.01; done`}, c.patterns})
			require.NoError(t, vain)
			require.Equal(t, c.want, crashes)
		})
	}
}

// A pattern that holds for the first line holds for all, and accuses nobody; the others
// still do.
func TestPatternThatHoldsForEveryLine(t *testing.T) {
	crashes, vain := printed(t, wordy{shell{`echo started; echo more; echo "panic: boom"; echo done; while :; do sleep 0.01; done`}, []string{"."}})
	require.ErrorContains(t, vain, `the crash pattern "." holds for the first line of a member that was just started, "started"`)
	require.Equal(t, []string{"panic: boom"}, crashes)
}
