package cluster_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/target"
)

// A program that is no member ends, and so does whatever it has started; what it printed
// last tells why it failed.
func TestErrand(t *testing.T) {
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	defer host.Close()
	sh := func(ctx context.Context, script string) error {
		return cluster.Errand(ctx, host, target.Command{Path: "sh", Args: []string{"-c", script}})
	}
	require.NoError(t, sh(t.Context(), "echo done"))
	require.EqualError(t, sh(t.Context(), "echo creating; echo no such stream >&2; exit 3"),
		"sh: exit status 3; it printed last:\ncreating\nno such stream")
	require.ErrorContains(t, cluster.Errand(t.Context(), host, target.Command{Path: "no-such-program"}), "no-such-program")

	pid := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 500*time.Millisecond, errors.New("not done within 500ms"))
	defer cancel()
	err = sh(ctx, "echo waiting; (echo $$ >"+pid+"; while :; do sleep 0.01; done) & wait")
	require.ErrorContains(t, err, "sh: not done within 500ms, and was ended; it printed")
	if b, err := os.ReadFile(pid); err == nil { // on a slow machine it had not come so far
		require.NoDirExists(t, "/proc/"+string(b[:len(b)-1]))
	}
}
