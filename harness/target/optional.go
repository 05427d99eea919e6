package target

import "github.com/usurper/usurper/harness/history"

// Limited is a Target whose clients cannot carry out every operation.
type Limited interface {
	// Ops lists the operations that they can.
	Ops() []history.F
}

// Ops returns the operations that clients of t can carry out, nil for all.
func Ops(t Target) []history.F {
	if l, ok := t.(Limited); ok {
		return l.Ops()
	}
	return nil
}

// Idempotent is a Target that tells whether its system applies a request id
// once.
type Idempotent interface {
	// Idempotent tells whether a write that is sent twice with one request id takes
	// effect at most once. If not, no request may be resent on purpose.
	Idempotent() bool
}

// Resends tells whether requests to t may be resent on purpose: unless it says
// no.
func Resends(t Target) bool {
	i, ok := t.(Idempotent)
	return !ok || i.Idempotent()
}

// Listener is a Target that learns from what its members print.
type Listener interface {
	// Printed takes a line that a process of m printed to stdout or stderr, of which
	// the end may be cut off. The lines of one process come in order; Command was
	// called for it before. It must return soon: the process waits.
	Printed(m Member, line string)
}
