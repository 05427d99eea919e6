package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/usurper/usurper/harness/guard"
	"github.com/usurper/usurper/harness/target"
)

// Host is the only place that starts and signals processes of the system under
// test. Local is this machine; another one could stand behind it.
type Host interface {
	// Start starts a process in a process group of its own. What it writes to
	// stdout and stderr goes to output, from one goroutine.
	Start(cmd target.Command, output io.Writer) (Process, error)
	// Close kills whatever was started and is still there.
	Close() error
}

// Process is a started process and all that descend from it, wherever they are by
// now: in its group, in a session of their own, or orphans.
type Process interface {
	// Pid is the first process, which leads a group.
	Pid() int
	// Signal signals all of them. The error wraps ErrMissed if it reached the group,
	// but not every other.
	Signal(sig syscall.Signal) error
	// Kin lists those that live.
	Kin() []int
	// Stopped tells whether all of them stand still.
	Stopped() bool
	// Done is closed once the first process was reaped and the others were ended with
	// it; after a first one that ended with status 0 by itself, as one that has
	// become a daemon does, once the others have ended too.
	Done() <-chan struct{}
	// End tells how they ended: as the first process did, unless others outlived it.
	// It is valid once Done is closed.
	End() End
}

// End is how a process ended.
type End struct {
	Signal string // "" for none
	Code   int    // of its exit; -1 for one that cannot be known
}

// String is as that of os.ProcessState.
func (e End) String() string {
	switch {
	case e.Signal != "":
		return "signal: " + e.Signal
	case e.Code < 0:
		return "exit status unknown, of a daemon"
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// ErrMissed says that a signal did not reach every process that it was meant for.
var ErrMissed = errors.New("not every process was reached")

// Local starts processes on this machine, and leaves none behind: not even when
// the harness is killed.
type Local struct{ keeper *keeper }

// NewLocal starts the small keeper process that watches over the others.
func NewLocal() (*Local, error) {
	k, err := startKeeper()
	if err != nil {
		return nil, err
	}
	return &Local{keeper: k}, nil
}

// Guarded has the guard know of every process that is started from now on, as one that
// uses a disk must be ended before the disk can be removed. It is called before the first.
func (l *Local) Guarded(g *guard.Guard) { l.keeper.guard = g }

// Close kills and reaps what is left.
func (l *Local) Close() error {
	l.keeper.close()
	return nil
}

// gate holds a new process back until the keeper knows it: a harness that is
// killed between the two leaves a process that reads the end of its gate, and
// ends. Behind it the process goes to its directory: if it went there before it is a
// program of its own, as exec.Cmd's Dir has it, the harness could do nothing meanwhile
// than wait for it, also for a disk in user space on which the directory lies.
const gate = `read -r go <&3 || exit 125
exec 3<&-
if [ "$1" ]; then cd "$1" && unset OLDPWD || exit 125; fi
shift
exec "$0" "$@"`

// Start implements Host.
func (l *Local) Start(c target.Command, output io.Writer) (Process, error) {
	path, err := exec.LookPath(c.Path)
	if err == nil {
		path, err = filepath.Abs(path) // also from c.Dir
	}
	dir := c.Dir
	if err == nil && dir != "" {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	hold, release, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	defer hold.Close()
	defer release.Close()
	logs, logsIn, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	defer logsIn.Close()

	cmd := exec.Command("/bin/sh", append([]string{"-c", gate, path, dir}, c.Args...)...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = logsIn, logsIn
	cmd.ExtraFiles = []*os.File{hold}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		logs.Close()
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	p := &localProcess{cmd: cmd, mark: brand(cmd.Process.Pid), keeper: l.keeper, killed: make(chan struct{}), done: make(chan struct{})}
	if err := l.keeper.watch(cmd.Process.Pid, p.mark); err != nil {
		logs.Close()
		cmd.Process.Kill()
		cmd.Wait()
		return nil, fmt.Errorf("start %s %s: %w", c.Path, strings.Join(c.Args, " "), err)
	}
	go p.run(logs, output)
	if _, err := release.Write([]byte("go\n")); err != nil {
		p.Signal(syscall.SIGKILL)
		<-p.done
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	return p, nil
}

// await waits until the process is gone.
func await(ctx context.Context, p Process) error {
	select {
	case <-p.Done():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
