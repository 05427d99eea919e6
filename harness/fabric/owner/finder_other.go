//go:build !linux

package owner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
)

// Finder needs Linux; elsewhere there is none.
type Finder struct{}

// New returns an error that wraps errors.ErrUnsupported.
func New(_, _ func() map[string][]int) (*Finder, error) {
	return nil, fmt.Errorf("telling diallers apart by the owner of their socket needs Linux; give each member its own addresses of its peers instead: %w", errors.ErrUnsupported)
}

// Identify returns an error.
func (*Finder) Identify(context.Context, net.Addr, net.Addr) (string, error) {
	return "", errors.ErrUnsupported
}

// Note is empty.
func (*Finder) Note() string { return "" }

// Close does nothing.
func (*Finder) Close() error { return nil }

// PeerOf knows of no peer that is not open.
func PeerOf(*net.TCPConn) Peer { return PeerOpen }

// Listening returns an error that wraps errors.ErrUnsupported.
func Listening(string) ([]int, error) { return nil, errors.ErrUnsupported }

// Listens returns an error.
func Listens(string, []int) (bool, error) { return false, errors.ErrUnsupported }

// Names tells of processes by their numbers.
func Names(pids []int) string {
	all := make([]string, len(pids))
	for i, pid := range pids {
		all[i] = fmt.Sprintf("pid %d", pid)
	}
	return strings.Join(all, ", ")
}
