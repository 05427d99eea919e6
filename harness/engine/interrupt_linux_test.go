package engine

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A terminal that is closed ends the work in good order, however often it says so.
func TestHangupIsAnInterrupt(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("started by nohup")
	}
	ctx, stop := UntilInterrupt(t.Context())
	defer stop()
	require.NoError(t, ctx.Err())
	hangUp(t)
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Fatal("it goes on")
	}
	require.ErrorContains(t, context.Cause(ctx), "hangup signal received")
	hangUp(t) // and it lives
}

// hangUp sends SIGHUP to this very thread, which has it before the call returns. To the
// process it could come when nobody waits for it any more, and end the test binary.
func hangUp(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	require.NoError(t, unix.Tgkill(os.Getpid(), unix.Gettid(), syscall.SIGHUP))
}
