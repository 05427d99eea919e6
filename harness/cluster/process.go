package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// kinEvery is how often it is looked whether those that outlive the first
	// process have ended.
	kinEvery = 10 * time.Millisecond
	// kinPatience bounds how long those that were killed may take to be gone, on however
	// busy a machine, and missedPatience how long it is tried where a signal is refused.
	kinPatience    = 20 * time.Second
	missedPatience = 2 * time.Second
	// buriedPatience bounds how long it may take until somebody has reaped them.
	buriedPatience = 5 * time.Second
)

// localProcess is a process of this machine with all that descend from it.
type localProcess struct {
	cmd    *exec.Cmd
	mark   mark
	keeper *keeper

	asked   atomic.Bool // it was sent SIGTERM
	outlast bool        // others outlived the first process
	reaped  atomic.Bool // from then on its group's number may be another one's
	killing sync.Once
	killed  chan struct{} // closed once it was sent SIGKILL
	done    chan struct{}
}

func (p *localProcess) Pid() int              { return p.cmd.Process.Pid }
func (p *localProcess) Done() <-chan struct{} { return p.done }

// End tells how they ended. Of those that are no children of the harness it knows
// only that it has killed them.
func (p *localProcess) End() End {
	state := p.cmd.ProcessState
	ws, ok := state.Sys().(syscall.WaitStatus)
	select {
	case <-p.killed:
		if p.outlast {
			return End{Signal: syscall.SIGKILL.String()}
		}
	default:
	}
	switch {
	case ok && ws.Signaled():
		return End{Signal: ws.Signal().String()}
	case p.outlast:
		return End{Code: -1}
	}
	return End{Code: state.ExitCode()}
}

// Kin lists the processes that live.
func (p *localProcess) Kin() []int {
	kin := p.mark.kin()
	if p.mark == 0 && !p.reaped.Load() {
		kin = append(kin, p.Pid())
	}
	return kin
}

// Stopped tells whether all of them stand still.
func (p *localProcess) Stopped() bool {
	return !slices.ContainsFunc(p.Kin(), func(pid int) bool { return !stopped(pid) })
}

// Signal signals the group at once, and then those that left it, looking again
// until it finds none that it does not know: one that was signalled may just have
// had a child.
func (p *localProcess) Signal(sig syscall.Signal) error {
	select {
	case <-p.done:
		return os.ErrProcessDone
	default:
	}
	switch sig {
	case syscall.SIGTERM:
		p.asked.Store(true)
	case syscall.SIGKILL:
		defer p.killing.Do(func() { close(p.killed) })
	}
	group := !p.reaped.Load()
	if group {
		if err := syscall.Kill(-p.Pid(), sig); errors.Is(err, syscall.ESRCH) && len(p.mark.kin()) == 0 {
			return os.ErrProcessDone
		} else if err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	err := p.signalKin(sig, func(pid int) bool {
		of, err := syscall.Getpgid(pid)
		return group && err == nil && of == p.Pid()
	})
	if sig == syscall.SIGSTOP {
		for _, pid := range p.Kin() {
			halt(pid)
		}
	}
	return err
}

// signalKin signals each of the kin once but those that were reached already.
func (p *localProcess) signalKin(sig syscall.Signal, reached func(pid int) bool) error {
	var errs []error
	known := make(map[int]bool)
	for again := true; again; {
		again = false
		for _, pid := range p.mark.kin() {
			if known[pid] {
				continue
			}
			known[pid], again = true, true
			if reached(pid) {
				continue
			}
			if err := p.mark.signal(pid, sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
				errs = append(errs, fmt.Errorf("%w: pid %d: %w", ErrMissed, pid, err))
			}
		}
	}
	return errors.Join(errs...)
}

// run copies the process's output, reaps it, and ends what it may have left.
func (p *localProcess) run(logs *os.File, output io.Writer) {
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		io.Copy(output, logs)
	}()
	untilEnded(p.Pid())
	p.cmd.Wait()
	p.reaped.Store(true)
	if p.cmd.ProcessState.Success() || p.asked.Load() {
		p.outlive()
	}
	p.end()
	logs.SetReadDeadline(time.Now().Add(time.Second)) // somebody else may hold the other end
	<-copied
	logs.Close()
	close(p.done)
}

// outlive waits until those that the first process left have ended, or are to be
// killed: it was no more than their starter, or they were asked to end as it was.
func (p *localProcess) outlive() {
	tick := time.NewTicker(kinEvery)
	defer tick.Stop()
	for kin := p.mark.kin(); len(kin) > 0; {
		p.outlast = true
		select {
		case <-tick.C:
		case <-p.killed:
			return
		}
		// To look for all of them takes longer.
		if kin = slices.DeleteFunc(kin, func(pid int) bool { return !p.mark.on(pid) || !alive(pid) }); len(kin) == 0 {
			kin = p.mark.kin()
		}
	}
}

// end kills what is left, and waits until no zombies are. What cannot be killed the keeper goes on watching.
func (p *localProcess) end() {
	syscall.Kill(-p.Pid(), syscall.SIGKILL)
	for begun := time.Now(); ; {
		patience := kinPatience
		if p.signalKin(syscall.SIGKILL, func(int) bool { return false }) != nil {
			patience = missedPatience
		}
		if len(p.mark.kin()) == 0 {
			p.mark.buried(buriedPatience)
			p.keeper.forget(p.Pid(), p.mark)
			return
		}
		if time.Since(begun) > patience {
			p.keeper.forget(p.Pid(), 0)
			return
		}
		time.Sleep(time.Millisecond)
	}
}
