package engine

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// UntilInterrupt returns a context that ends at the first interrupt (Ctrl-C), SIGTERM,
// or SIGHUP, when the terminal is closed, so that a run winds down and leaves nothing
// behind; unless the process was started to ignore SIGHUP, as by nohup. A second
// interrupt or SIGTERM has its usual effect. A second SIGHUP has none until stop is
// called: whoever closes a terminal sends several.
func UntilInterrupt(ctx context.Context) (_ context.Context, stop context.CancelFunc) {
	ctx, unnotify := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, unnotify)
	ctx, cancel := context.WithCancelCause(ctx)
	hangups := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(hangups, syscall.SIGHUP)
	}
	go func() {
		select {
		case <-hangups:
			cancel(errHangup)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { signal.Stop(hangups); cancel(nil); unnotify() }
}

var errHangup = errors.New("the terminal was closed (hangup signal received)")
