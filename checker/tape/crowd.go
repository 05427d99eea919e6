package tape

import (
	"fmt"
	"math/rand/v2"

	"github.com/usurper/usurper/harness/history"
)

// Crowd is clients that each do one operation after the other, at a system that is
// linearizable.
type Crowd struct {
	Clients    int
	Operations int
	Unanswered int // of 1000
	Keys       int // one after the other
	// Stale makes one get near the end return what the first put wrote.
	Stale bool
}

// member is one of a crowd.
type member struct {
	process int
	op      *history.Op
	key     int
	took    bool
}

// Play adds what the crowd does to the tape. next gives a client's next operation;
// take lets it happen.
func (c Crowd) Play(h *Tape, next func(r *rand.Rand, key int) history.Op, take func(key int, op *history.Op)) {
	r := rand.New(rand.NewPCG(1, 2))
	clients := make([]member, c.Clients)
	for i := range clients {
		clients[i].process = i
	}
	first := "" // what the first put wrote
	for asked := 0; asked < c.Operations; {
		w := &clients[r.IntN(len(clients))]
		switch {
		case w.op == nil:
			w.key = asked * c.Keys / c.Operations
			op := next(r, w.key)
			op.Key = fmt.Sprint("k", w.key)
			h.Ask(w.process, op)
			w.op, w.took = &op, false
			asked++
			if first == "" && op.F == history.FPut {
				first = op.Arg
			}
		case !w.took && r.IntN(2) == 0:
			take(w.key, w.op)
			w.took = true
		case r.IntN(1000) < c.Unanswered:
			h.Answer(w.process, history.Info, history.Op{F: w.op.F, Key: w.op.Key, Arg: w.op.Arg, Old: w.op.Old})
			w.op, w.process = nil, w.process+c.Clients
		default:
			if !w.took {
				take(w.key, w.op)
			}
			kind := history.OK
			if w.op.Type == history.Fail {
				kind = history.Fail
			}
			if c.Stale && asked > c.Operations*99/100 && w.op.F == history.FGet && c.Keys == 1 {
				w.op.Got, c.Stale = first, false
			}
			h.Answer(w.process, kind, *w.op)
			w.op = nil
		}
	}
}
