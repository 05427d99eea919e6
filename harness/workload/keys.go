package workload

import "github.com/usurper/usurper/harness/history"

// KeyLimits say when [Keys] retires a key. The zero value of a field is its
// default.
type KeyLimits struct {
	// Operations is how many are drawn for a key. Default 100.
	Operations int
	// Unanswered is how many operations, but for get and read, may end without an
	// answer or be open that yet may. Each may double the search for an order: choose
	// fewer where an operation without an answer says nothing about itself, such as
	// which element it took. Default 8; negative for no limit.
	Unanswered int
	// Final is how many keys, the newest, Final lists. Default 2000.
	Final int
}

// Keys hands out keys to a workload of the user's own, so that whoever has to find
// an order of the operations on one key, in time that grows exponentially with those
// open at once, gets short histories. Every five clients share a key; it is used up
// after KeyLimits.Operations, or once so many of its operations have no answer that
// it might exceed KeyLimits.Unanswered, and the group goes on with a new one.
// Keys are named after the prefix, the group and a number: q0-17.
//
// Next of a workload calls Take, Done calls Done, Final calls Final. All may be
// called by several goroutines.
type Keys struct{ rotation *rotation }

// NewKeys returns keys that begin with prefix.
func NewKeys(prefix string, l KeyLimits) *Keys {
	b := bounds{operations: l.Operations, unanswered: l.Unanswered, final: l.Final}
	if b.operations <= 0 {
		b.operations = 100
	}
	switch {
	case b.unanswered == 0:
		b.unanswered = 8
	case b.unanswered < 0:
		b.unanswered = 0
	}
	if b.final <= 0 {
		b.final = 2000
	}
	return &Keys{newRotation(prefix, b)}
}

// Take returns the key of the client's next operation, which ends with Done.
func (k *Keys) Take(client int) string {
	k.rotation.mu.Lock()
	defer k.rotation.mu.Unlock()
	return k.rotation.takeLocked(client).name
}

// Done takes the completion of an operation for which Take was called. It ignores
// operations on other keys.
func (k *Keys) Done(op history.Op) {
	k.rotation.mu.Lock()
	defer k.rotation.mu.Unlock()
	k.rotation.doneLocked(&op)
}

// Value returns a value that no other call returns: c3-17 is the 17th of client 3.
func (k *Keys) Value(client int) string {
	k.rotation.mu.Lock()
	defer k.rotation.mu.Unlock()
	return k.rotation.valueLocked(client)
}

// Final lists an operation f on each of the newest keys, in order of first use.
func (k *Keys) Final(f history.F) []history.Op { return k.rotation.final(f) }
