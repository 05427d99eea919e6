package vdso

import (
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// Available tells why wall clocks of single processes cannot be changed here, nil if
// they can. It tries it, on a shell of its own.
func Available() error {
	cmd := exec.Command("/bin/sh", "-c", "read line")
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("%w: no shell to try it on: %w", ErrUnsupported, err)
	}
	pid := cmd.Process.Pid
	err = Set(pid, Clock{Offset: time.Hour})
	if err == nil {
		err = Restore(pid)
	}
	in.Close()
	cmd.Process.Kill()
	cmd.Wait()
	if err != nil && !errors.Is(err, ErrUnsupported) {
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return err
}
