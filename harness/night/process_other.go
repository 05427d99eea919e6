//go:build !linux

package night

import (
	"math"
	"syscall"
)

// leashed lets a process have a group of its own, so that an interrupt of the terminal
// reaches the night alone. That the night is gone it learns at the end of its input.
func leashed() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// memory needs Linux; elsewhere a run may hold what it likes.
func memory(int) uint64 { return 0 }

// oomKills needs Linux.
func oomKills() uint64 { return 0 }

// free needs Linux; elsewhere a disk is never full.
func free(string) uint64 { return math.MaxUint64 }

// scarce needs Linux.
func scarce() bool { return false }
