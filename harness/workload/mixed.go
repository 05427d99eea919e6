package workload

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// Mixed is a workload of single values, Register unless told otherwise, and Set in one
// run, on keys of their own: the one shows wrong answers, the other lost and doubled
// writes.
type Mixed struct {
	values singles
	set    *Set
	share  int // one operation of so many is the set's
}

// singles is a workload of single values.
type singles interface {
	Workload
	// reads tells whether the client only reads.
	reads(client int) bool
}

// NewMixed returns the mixed workload: two operations of Register to one of Set.
func NewMixed() *Mixed { return &Mixed{NewRegister(), NewSet(), 3} }

// MixedOf returns the mixed workload of a system that can do no more than ops, nil for
// everything, with the named workload of single values, register or churn; "" is
// register. Of churn, which needs its time to move much, it makes seven operations to
// one of Set.
func MixedOf(values string, ops []history.F) (Workload, error) {
	switch values {
	case "", "register":
		return For("mixed", ops)
	case "churn":
	default:
		return nil, fmt.Errorf("mixed of %q: use register or churn", values)
	}
	for _, name := range []string{"churn", "set"} {
		if missing := lacks(name, ops); ops != nil && len(missing) > 0 {
			return nil, fmt.Errorf("mixed of churn needs %v, which the system lacks: use mixed of register", missing)
		}
	}
	w := &Mixed{NewChurn(), NewSet(), 8}
	if ops == nil {
		return w, nil
	}
	return within{w, slices.Clone(ops)}, nil
}

// ofChurn tells whether w is the mixed workload with churn in it.
func ofChurn(w Workload) bool {
	if in, ok := w.(within); ok {
		w = in.Workload
	}
	m, ok := w.(*Mixed)
	return ok && m.values.Name() != "register"
}

// Name returns "mixed".
func (*Mixed) Name() string { return "mixed" }

// Next draws an operation of one of both, of values for clients that only read them.
func (m *Mixed) Next(client int, r *rand.Rand) history.Op {
	if r.IntN(m.share) == 0 && !m.values.reads(client) {
		return m.set.Next(client, r)
	}
	return m.values.Next(client, r)
}

// inherit draws a read of the values that others were at.
func (m *Mixed) inherit(client int, r *rand.Rand) (history.Op, bool) {
	return inherit(m.values, client, r)
}

// Done passes the completion on to the workload that drew the operation.
func (m *Mixed) Done(client int, op history.Op) {
	if op.F == history.FAdd || op.F == history.FRead {
		m.set.Done(client, op)
		return
	}
	m.values.Done(client, op)
}

// Final makes the final reads of both.
func (m *Mixed) Final() []history.Op { return append(m.values.Final(), m.set.Final()...) }
