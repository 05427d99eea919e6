//go:build !linux

package disk

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/usurper/usurper/harness/guard"
)

const keepNothing = "nothing"

var errLinux = errors.New("it needs Linux")

// Available tells whether such disks can be had here.
func Available(kind Kind, _ Engine) error {
	if kind == Plain {
		return nil
	}
	return fmt.Errorf("disks of kind %s are not available: %w", kind, errLinux)
}

func datasync(f *os.File) error { return f.Sync() }

type images struct {
	note string
}

func (*images) remove() error { return nil }

type fsOptions struct {
	kind          Kind
	engine        Engine
	mount, member string
}

func place(*guard.Guard, Options) (*images, error) { return nil, errLinux }

func openFS(context.Context, *guard.Guard, *images, fsOptions) (Volume, error) { return nil, errLinux }

func openFiles(*guard.Guard, string, uint64) (Volume, error) { return nil, errLinux }

// Aside calls what uses members' volumes in this process, apart from methods of Volume.
func Aside(call func() error) error { return call() }
