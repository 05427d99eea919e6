//go:build !unix

package owner

import (
	"errors"
	"net"
)

// Peek returns an error that wraps errors.ErrUnsupported.
func Peek(*net.TCPConn, []byte) (int, error) { return 0, errors.ErrUnsupported }
