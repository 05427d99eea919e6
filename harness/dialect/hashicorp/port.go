package hashicorp

import (
	"errors"
	"fmt"
)

var (
	errTLS     = errors.New("the connection is TLS: give the members a transport without, as raft.NewTCPTransport makes it")
	errNothing = errors.New("no request, nor one behind a byte of a multiplexer")
)

// starts tells where the first request of a connection begins: at 0 with the library's
// own transport; at 1 where a multiplexer shares the port by a byte before each connection,
// as those of Consul, Nomad and rqlite do. The types of requests and the beginnings of
// tables have no byte in common. An error says that there is none.
func starts(first []byte) (from int, known bool, err error) {
	if len(first) < 2 { // a type alone says nothing
		return 0, false, nil
	}
	switch {
	case secret(first):
		return 0, true, errTLS
	case isTable(first[1]):
		return 0, true, nil
	case len(first) < 3:
		return 0, false, nil
	case first[1] <= requestPreVote && isTable(first[2]):
		return 1, true, nil
	case secret(first[1:]):
		return 0, true, errTLS
	}
	return 0, true, fmt.Errorf("%w: it begins with bytes % x", errNothing, first[:3])
}

// secret knows the first record of TLS.
func secret(first []byte) bool { return first[0] == 0x16 && first[1] == 3 }

// isTable tells whether an item that begins with c is a table.
func isTable(c byte) bool { return c&0xf0 == 0x80 || c == 0xde || c == 0xdf }

// begin is starts of a connection, held against how others at the port began: what cannot
// be read there may be another protocol's, to which the multiplexer hands it.
func (c *conn) begin(first []byte) (from int, known bool, err error) {
	from, known, err = starts(first)
	switch {
	case !known || errors.Is(err, errTLS):
		return 0, known, err
	case err != nil:
		return 0, true, c.cluster.Aside(first[0], err)
	case from == 1:
		return 1, true, c.cluster.Behind(first[0])
	}
	return 0, true, c.cluster.Bare(first[0])
}
