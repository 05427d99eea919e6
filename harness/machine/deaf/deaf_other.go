//go:build !linux

package deaf

import (
	"context"
	"fmt"
	"runtime"
)

// Deafen closes all TCP sockets on which the processes listen.
func Deafen(context.Context, ...int) (Closed, error) { return Closed{}, Available() }

// Available tells why listening sockets of other processes cannot be closed here.
func Available() error {
	return fmt.Errorf("%w: that needs Linux, this is %s", ErrUnsupported, runtime.GOOS)
}
