package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

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

// Process is a started process. Its group is signalled as a whole.
type Process interface {
	// Pid is also the number of its group.
	Pid() int
	// Signal signals the group.
	Signal(sig syscall.Signal) error
	// Done is closed once the process was reaped.
	Done() <-chan struct{}
	// State tells how the process ended; it is valid once Done is closed.
	State() *os.ProcessState
}

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

// Close kills and reaps what is left.
func (l *Local) Close() error {
	l.keeper.close()
	return nil
}

// gate holds a new process back until the keeper knows it: a harness that is
// killed between the two leaves a process that reads the end of its gate, and
// ends.
const gate = `read -r go <&3 || exit 125
exec 3<&-
exec "$0" "$@"`

// Start implements Host.
func (l *Local) Start(c target.Command, output io.Writer) (Process, error) {
	path, err := exec.LookPath(c.Path)
	if err == nil {
		path, err = filepath.Abs(path) // also from c.Dir
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

	cmd := exec.Command("/bin/sh", append([]string{"-c", gate, path}, c.Args...)...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Dir = c.Dir
	cmd.Stdout, cmd.Stderr = logsIn, logsIn
	cmd.ExtraFiles = []*os.File{hold}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		logs.Close()
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	p := &localProcess{cmd: cmd, keeper: l.keeper, done: make(chan struct{})}
	if err := l.keeper.watch(cmd.Process.Pid); err != nil {
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

type localProcess struct {
	cmd    *exec.Cmd
	keeper *keeper
	done   chan struct{}
}

func (p *localProcess) Pid() int                { return p.cmd.Process.Pid }
func (p *localProcess) Done() <-chan struct{}   { return p.done }
func (p *localProcess) State() *os.ProcessState { return p.cmd.ProcessState }

func (p *localProcess) Signal(sig syscall.Signal) error {
	select {
	case <-p.done:
		return os.ErrProcessDone
	default:
	}
	return syscall.Kill(-p.Pid(), sig)
}

// run copies the process's output, reaps it, and ends what it may have left in
// its group.
func (p *localProcess) run(logs *os.File, output io.Writer) {
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		io.Copy(output, logs)
	}()
	p.cmd.Wait()
	syscall.Kill(-p.Pid(), syscall.SIGKILL)
	p.keeper.forget(p.Pid())
	logs.SetReadDeadline(time.Now().Add(time.Second)) // somebody outside the group may hold the other end
	<-copied
	logs.Close()
	close(p.done)
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
