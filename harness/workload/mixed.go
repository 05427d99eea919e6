package workload

import (
	"math/rand/v2"

	"github.com/usurper/usurper/harness/history"
)

// Mixed is Register and Set in one run, on keys of their own: the one shows
// wrong answers, the other lost and doubled writes.
type Mixed struct {
	register *Register
	set      *Set
}

// NewMixed returns the mixed workload.
func NewMixed() *Mixed { return &Mixed{NewRegister(), NewSet()} }

// Name returns "mixed".
func (*Mixed) Name() string { return "mixed" }

// Next draws two register operations to one of the set, except for clients that
// only read registers.
func (m *Mixed) Next(client int, r *rand.Rand) history.Op {
	if r.IntN(3) == 0 && !m.register.reads(client) {
		return m.set.Next(client, r)
	}
	return m.register.Next(client, r)
}

// Done passes the completion on to the workload that drew the operation.
func (m *Mixed) Done(client int, op history.Op) {
	if op.F == history.FAdd || op.F == history.FRead {
		m.set.Done(client, op)
		return
	}
	m.register.Done(client, op)
}

// Final makes the final reads of both.
func (m *Mixed) Final() []history.Op { return append(m.register.Final(), m.set.Final()...) }
