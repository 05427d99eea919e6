package workload

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/usurper/usurper/harness/history"
)

// readLast is a workload that reads only once everything is healed: where it would read
// it writes once more.
type readLast struct {
	Workload

	mu    sync.Mutex
	drawn map[int]uint64 // values, by client
}

// ReadLast returns w without its reads but the final ones, for a system that can be
// read only then, or not often. It is for a w of For that draws nothing but single reads
// and writes, and an error for any other.
func ReadLast(w Workload) (Workload, error) {
	can := []string{"mixed", "register", "set", "append"}
	if !slices.Contains(can, w.Name()) || ofChurn(w) {
		return nil, fmt.Errorf("workload %q has to read all the time, and the system is to be read finally: use one of %s", w.Name(), strings.Join(can, ", "))
	}
	return &readLast{Workload: w, drawn: make(map[int]uint64)}, nil
}

// Next draws an operation; a read becomes a write, of a value that no other has.
func (l *readLast) Next(client int, r *rand.Rand) history.Op {
	op := l.Workload.Next(client, r)
	switch {
	case Writes(op.F):
		return op
	case op.F == history.FGet:
		op.F = history.FPut
	case l.Name() == "append":
		op.F = history.FAppend
	default:
		op.F = history.FAdd
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drawn[client]++
	op.Arg = lateValue + strconv.Itoa(client) + "-" + strconv.FormatUint(l.drawn[client], 10)
	return op
}

// lateValue begins the values of writes that stand for reads.
const lateValue = "w"

// Done passes the completion on, but for an add that stands for the read of a set, which
// the set has not counted.
func (l *readLast) Done(client int, op history.Op) {
	if op.F != history.FAdd || !strings.HasPrefix(op.Arg, lateValue) {
		l.Workload.Done(client, op)
	}
}
