//go:build !linux || !amd64

package vdso

import (
	"fmt"
	"runtime"
)

// Available tells why wall clocks of single processes cannot be changed here, nil if
// they can.
func Available() error {
	return fmt.Errorf("%w: that needs Linux on amd64, this is %s on %s", ErrUnsupported, runtime.GOOS, runtime.GOARCH)
}

// Set gives a process a clock.
func Set(int, Clock) error { return Available() }

// Restore gives a process its true clock again.
func Restore(int) error { return Available() }

// Look reads back what a process's vDSO is.
func Look(int) (State, error) { return State{}, Available() }

// EndWaits ends waits for a time that a process's clock tells already.
func EndWaits(int, Clock) (int, error) { return 0, Available() }
