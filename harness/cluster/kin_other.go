//go:build !linux

package cluster

import (
	"os"
	"syscall"
	"time"
)

// mark needs Linux; elsewhere only a process's group is known to belong to it.
type mark uint64

func brand(int) mark { return 0 }

func (mark) on(int) bool { return false }

func (mark) kin() []int { return nil }

func (mark) buried(time.Duration) {}

func (mark) signal(int, syscall.Signal) error { return os.ErrProcessDone }

func alive(int) bool { return false }

// stopped takes a signal for heard once it was sent.
func stopped(int) bool { return true }

func halt(int) {}

// untilEnded leaves it to whoever reaps the child to wait.
func untilEnded(int) {}
