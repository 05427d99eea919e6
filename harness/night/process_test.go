package night

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/usurper/usurper/harness/night/entry"
)

// Members that died for want of memory or disk are no finding, if nothing else is.
func TestStarvedMembers(t *testing.T) {
	died := entry.Breach{Checker: "node-logs", Rule: "a node died by itself", Text: "n1 ended by killed, which the harness did not cause"}
	crashed := died
	crashed.Text = "n1 ended with code 2, which the harness did not cause"
	votes := entry.Breach{Checker: "votes", Rule: "two votes"}
	by := func(oom, full bool, breaches ...entry.Breach) string {
		return starved(&entry.Entry{Breaches: breaches}, oom, full)
	}
	require.Contains(t, by(true, false, died, died), "out of memory: ")
	require.Contains(t, by(true, true, died, died), "out of memory: ")
	require.Contains(t, by(false, true, died, crashed), "out of disk: ")
	refused := entry.Breach{Checker: "node-logs", Rule: "a crash in a node's log", Text: "n2 logged: fatal error: newosproc"}
	panicked := entry.Breach{Checker: "node-logs", Rule: "a crash in a node's log", Text: "n2 logged: panic: newosproc"}
	require.Contains(t, by(false, false, refused, crashed), "out of threads or memory: ")
	require.Empty(t, by(false, false, refused, votes))
	require.Empty(t, by(false, false, panicked, crashed))
	require.Empty(t, by(true, true, died, votes))
	require.Empty(t, by(true, true, crashed, votes))
	require.Empty(t, by(true, false, crashed))
	require.Empty(t, by(false, false, died))
	require.Empty(t, by(true, true))
}

// A night goes on with one program.
func TestReplacedProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usurper")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\nexit 0\n"), 0o755))
	p := &Process{Argv: []string{path}}
	j := Job{Cell: &Cell{Bound: time.Minute}}
	e, whole := p.Run(t.Context(), j, t.TempDir())
	require.True(t, whole)
	require.Equal(t, "the run ended well, but left no result", e.Why)
	require.NoError(t, os.WriteFile(path+".new", []byte("#!/bin/sh\nexit 0\n"), 0o755))
	require.NoError(t, os.Rename(path+".new", path))
	e, _ = p.Run(t.Context(), j, t.TempDir())
	require.Equal(t, entry.Broken, e.Class)
	require.Contains(t, e.Why, "has been replaced since the night began")
}

// A run ends when its input does.
func TestLeash(t *testing.T) {
	in, out := io.Pipe()
	ended := make(chan int)
	Leash(in, func(status int) { ended <- status })
	out.Write([]byte("whatever"))
	select {
	case <-ended:
		require.Fail(t, "it ended before its input did")
	default:
	}
	out.Close()
	require.Equal(t, 2, <-ended)
}
