//go:build !linux

package fabric

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// Owners needs Linux; elsewhere there is none.
type Owners struct{}

// NewOwners returns an error that wraps errors.ErrUnsupported.
func NewOwners(func() map[string][]int) (*Owners, error) {
	return nil, fmt.Errorf("telling diallers apart by the owner of their socket needs Linux; give each member its own addresses of its peers instead: %w", errors.ErrUnsupported)
}

// Identify returns an error.
func (*Owners) Identify(context.Context, net.Addr, net.Addr) (string, error) {
	return "", errors.ErrUnsupported
}

// Note is empty.
func (*Owners) Note() string { return "" }

// Close does nothing.
func (*Owners) Close() error { return nil }

func peerOf(*net.TCPConn) peer { return peerOpen }
