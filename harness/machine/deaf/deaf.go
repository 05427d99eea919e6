// Package deaf closes the listening sockets of a process under it, for good, while its
// connections live on: who dials it is refused, and only a restart opens them again. Its accept
// fails, as it does when somebody in the process shuts the socket down; some programs end
// then.
//
// The sockets are borrowed (pidfd_getfd(2)) and shut down. The kernel's own way, SOCK_DESTROY of
// sock_diag(7), does not close listeners of multipath TCP, and those of Go are that by
// default since 1.24.
package deaf

import "errors"

// ErrUnsupported is that sockets of others cannot be closed here.
var ErrUnsupported = errors.New("listening sockets of other processes cannot be closed here")

// Closed is what became of the listening sockets of some processes.
type Closed struct {
	Listeners int      // that were closed
	Refused   int      // at how many of their addresses a dial is refused now
	Accepts   []string // where somebody accepts yet
}
