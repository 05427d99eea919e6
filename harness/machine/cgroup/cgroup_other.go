//go:build !linux

package cgroup

import (
	"context"
	"fmt"
	"runtime"
)

// Root is where the groups of a run are.
type Root struct{}

// Group is a member's groups.
type Group struct{}

func unsupported() error {
	return fmt.Errorf("%w: they need Linux, this is %s", ErrUnsupported, runtime.GOOS)
}

// Open finds out what can be had.
func Open(string, Promises) *Root { return &Root{} }

// Available tells why a controller cannot be had.
func (*Root) Available(Controller) error { return unsupported() }

// Group is a member's.
func (*Root) Group(string) (*Group, error) { return nil, unsupported() }

// Close removes nothing.
func (*Root) Close() error { return nil }

// Enter puts processes into the group.
func (*Group) Enter(...int) error { return unsupported() }

// LimitCPU lets the group use so many percent of one processor.
func (*Group) LimitCPU(float64) error { return unsupported() }

// LimitMemory lets the group use so many bytes of memory.
func (*Group) LimitMemory(int64) error { return unsupported() }

// Firm is how much memory is in use that cannot be freed.
func (*Group) Firm() int64 { return 0 }

// Counts tells what was counted so far.
func (*Group) Counts() (Counts, error) { return Counts{}, unsupported() }

// Freeze has the group stand still.
func (*Group) Freeze(context.Context) error { return unsupported() }

// Frozen tells whether all that is in the group stands still.
func (*Group) Frozen() bool { return false }

// Doomed tells whether a process of the group was killed and cannot end.
func (*Group) Doomed() bool { return false }

// Thaw lets the group go on.
func (*Group) Thaw() error { return unsupported() }
