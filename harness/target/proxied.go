package target

import "github.com/usurper/usurper/harness/workload"

// Addressed is a Target whose clients may dial another address of a member than
// its ClientAddr.
type Addressed interface {
	// ClientAddress is what the clients of m dial, host:port.
	ClientAddress(m Member) (string, error)
	// ClientAt is Client for clients that reach m at addr instead: a listener of
	// the fabric that leads to ClientAddress.
	ClientAt(m Member, addr string) (workload.Client, error)
}

// ClientAddress returns what the clients of m dial: its ClientAddr unless t says
// otherwise.
func ClientAddress(t Target, m Member) (string, error) {
	if a, ok := t.(Addressed); ok {
		return a.ClientAddress(m)
	}
	return m.ClientAddr, nil
}

// ClientAt connects a client to m by way of addr, which leads to ClientAddress.
func ClientAt(t Target, m Member, addr string) (workload.Client, error) {
	if a, ok := t.(Addressed); ok {
		return a.ClientAt(m, addr)
	}
	m.ClientAddr = addr
	return t.Client(m)
}
