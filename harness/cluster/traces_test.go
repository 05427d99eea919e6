package cluster_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// What a trace held when ReadTraces was called is in the history when it returns,
// whether the process lives or not.
func TestReadTraces(t *testing.T) {
	ctx := t.Context()
	c, rec := newCluster(t, "while :; do sleep 0.01; done")
	require.NoError(t, c.ReadTraces(ctx), "nobody has a trace")
	require.NoError(t, c.Start(ctx, "n1"))
	m, err := c.Member("n1")
	require.NoError(t, err)
	trace, err := os.OpenFile(m.TraceFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	require.NoError(t, err)
	defer trace.Close()
	wrote := func(seq uint64) {
		_, err := fmt.Fprintf(trace, `{"src":"trace","node":"n1","seq":%d,"what":"vote"}`+"\n", seq)
		require.NoError(t, err)
	}
	read := func(seq uint64) bool {
		return rec.has(func(e history.Event) bool { return e.Raft != nil && e.Raft.Seq == seq })
	}
	for seq := uint64(1); seq <= 50; seq++ {
		wrote(seq)
		require.NoError(t, c.ReadTraces(ctx))
		require.True(t, read(seq), "line %d", seq)
	}
	wrote(51)
	_, err = c.Kill(ctx, "n1")
	require.NoError(t, err)
	require.NoError(t, c.ReadTraces(ctx))
	require.True(t, read(51))
}

// slowReader is a target whose traces are read when somebody lets them be.
type slowReader struct {
	shell
	reading, let chan struct{}
}

func (s slowReader) Trace(line []byte) (history.Raft, error) {
	s.reading <- struct{}{}
	<-s.let
	return s.shell.Trace(line)
}

// ReadTraces gives up with its context, also where a reader has begun.
func TestReadTracesGivesUp(t *testing.T) {
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	dir := t.TempDir()
	var rec record
	slow := slowReader{
		shell{`echo '{"src":"trace","node":"n1","seq":1,"what":"vote"}' >>$TRACE; while :; do sleep 0.01; done`},
		make(chan struct{}), make(chan struct{}),
	}
	c, err := cluster.New(cluster.Options{
		Target: slow, Host: host, Dir: dir, Record: rec.add, Grace: 200 * time.Millisecond,
		Members: []target.Member{{Name: "n1", DataDir: filepath.Join(dir, "n1", "data")}},
	})
	require.NoError(t, err)
	defer func() {
		c.Stop()
		require.NoError(t, host.Close())
	}()
	require.NoError(t, c.Start(t.Context(), "n1"))
	<-slow.reading
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.ReadTraces(ctx) }()
	cancel()
	require.ErrorContains(t, <-done, "read the trace of n1")
	close(slow.let)
	require.NoError(t, c.ReadTraces(t.Context()))
	require.True(t, rec.has(func(e history.Event) bool { return e.Raft != nil && e.Raft.Seq == 1 }))
}
