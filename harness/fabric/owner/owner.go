// Package owner tells whose socket is at the other end of a connection of this
// machine, where all who dial are given one address and their names must come
// from elsewhere: the kernel knows the socket, and which process has it open
// names the member. It knows nothing of links and rules.
//
// A Finder answers for the members of one cluster (finder_linux.go), by the inode
// of the socket (socket_linux.go). Elsewhere than on Linux there is none.
package owner

import "errors"

// ErrGone is wrapped by an error of Identify if the dialling socket is there no
// more.
var ErrGone = errors.New("the dialler has closed its socket")

// Peer is what an accepted socket knows of its other end.
type Peer uint8

// The states of a peer.
const (
	PeerOpen  Peer = iota // or not known
	PeerEnded             // will send no more
	PeerReset             // the connection is no more
)
