package engine

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A terminal that is closed ends the work in good order, however often it says so.
func TestHangupIsAnInterrupt(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("started by nohup")
	}
	ctx, stop := UntilInterrupt(t.Context())
	defer stop()
	require.NoError(t, ctx.Err())
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Fatal("it goes on")
	}
	require.ErrorContains(t, context.Cause(ctx), "hangup signal received")
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP)) // and it lives
}
