// Package engine runs a system under test behind a proxy layer, attacks it,
// records what happens and judges the record.
//
// Read [Run] first: it is the whole of it in five steps. config.go is what can be
// asked for; layout.go, conduct.go and settle.go are the steps; check.go,
// explain.go and executed.go look at a run that is over, also at a saved one
// (saved.go). hunt.go repeats runs; the doors are the packages cli and harness.
package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/seen"
	"github.com/usurper/usurper/harness/target"
)

// Result is a finished run.
type Result struct {
	Dir    results.Dir
	Report checker.Report
	// Interrupted says that ctx ended before the plan did.
	Interrupted bool
	// Left names the processes that could not be ended, a line for each member; it is
	// empty unless one has become another user's, or somebody else serves where the
	// member did.
	Left []string
	// Followed is how far the run kept to Config.Schedule; nil without one.
	Followed *Followed
}

// Run performs one test:
//
//  1. write configuration, seed and plan
//  2. start the fabric, then the nodes; await a leader
//  3. run clients and nemesis together
//  4. heal everything, await a leader, read finally
//  5. stop everything, check the history, report
//
// When ctx ends early, steps 4 and 5 still happen and the verdict is on what
// there is, though never valid. An error comes without a verdict, since the
// harness or the start of the system failed, unless it is about saving the
// verdict. Whatever happens, no process, port or temporary file outlives Run: not even
// processes that have left their group, as daemons do (on Linux). One that nobody
// may end, because it has become another user's, and whoever else serves where a
// member did, is named in the history and in Left with its pid.
func Run(ctx context.Context, cfg Config) (result Result, err error) {
	r, err := prepare(cfg) // 1
	if err != nil {
		return Result{}, err
	}
	defer r.release()
	defer func() { result.Left = append(result.Left, r.closeDisks(result.Report.Verdict)...) }()
	err = r.conduct(ctx)
	if closeErr := r.rec.Close(); closeErr != nil && !errors.Is(err, closeErr) { // said once
		err = errors.Join(closeErr, err)
	}
	planned := make(chan error, 1)
	go func() { planned <- WriteExecuted(r.dir) }() // beside the judging
	if err != nil {
		<-planned
		return Result{Dir: r.dir, Left: r.left}, fmt.Errorf("run %s: %w", r.dir, err)
	}
	report, err := r.judge()
	if planErr := <-planned; planErr != nil {
		return Result{Dir: r.dir, Left: r.left}, fmt.Errorf("run %s: %w", r.dir, planErr)
	}
	if err == nil && !(r.cfg.PlainIfValid && report.Verdict == checker.Valid) {
		err = seen.Write(r.dir, report)
	}
	return Result{Dir: r.dir, Report: report, Interrupted: r.interrupted != nil, Left: r.left, Followed: r.followed}, err
}

// conduct is steps 2 to 5 up to the end of the history. Steps run in this
// order, and are undone in the reverse one.
func (r *run) conduct(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.cancel = cancel
	defer r.background(cancel)()

	defer r.stop()
	if err := r.start(ctx); err != nil { // 2
		return err
	}
	if err := errors.Join(r.attack(ctx), r.cluster.Vain()); err != nil { // 3
		return err
	}
	if r.spoilt.Load() { // nothing is recorded any more
		r.stop()
		return r.rec.Err()
	}
	r.interrupted = context.Cause(ctx)
	r.hold(ctx)
	if err := r.settle(ctx); err != nil { // 4
		return err
	}
	r.settled = true
	r.stop() // 5
	if err := r.cluster.Vain(); err != nil {
		return err
	}
	if r.messages != nil {
		told := r.messages.Told()
		r.rec.Record(history.Event{Run: &told})
	}
	end := history.Run{What: history.RunEnd}
	if r.interrupted != nil {
		end.Text = "it was interrupted before its plan had ended: " + r.interrupted.Error()
	}
	r.rec.Record(history.Event{Run: &end})
	return r.rec.Err()
}

// judge checks the history from the file, as `usurper check` would, and leaves
// the verdict in the run directory.
func (r *run) judge() (checker.Report, error) {
	report, err := Check(r.dir, r.cfg.Search, r.cfg.Models...)
	if err != nil {
		return report, err
	}
	return report, r.leaveOut(report.Verdict)
}

// settleTimeout bounds how long a healed cluster may take to find a leader and
// answer the final reads, beyond which the run ends and the checkers judge that; but
// see patient.
func (r *run) settleTimeout() time.Duration {
	if r.cfg.Settle > 0 {
		return r.cfg.Settle
	}
	return max(r.cfg.usualSettle(), target.ReadyWithin(r.cfg.Target))
}

// readyTimeout bounds how long the members may take to be ready at the start.
func (r *run) readyTimeout() time.Duration {
	if within := target.ReadyWithin(r.cfg.Target); r.cfg.Settle == 0 && within > 0 {
		return within
	}
	return r.settleTimeout()
}

// slow is what the system is known to need, of more than what is usual, until it is
// ready; 0 for no more than that.
func (r *run) slow() time.Duration {
	if limit := r.settleTimeout(); limit > r.cfg.usualSettle() {
		return limit
	}
	return 0
}

// usualSettle is Settle where nobody says anything.
func (c *Config) usualSettle() time.Duration { return max(10*time.Second, 40*c.Election) }

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
