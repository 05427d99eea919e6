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
	Keys       int
}

// Events plays the crowd. next gives a client's next operation; take lets it
// happen.
func (c Crowd) Events(next func(r *rand.Rand, key int) history.Op, take func(key int, op *history.Op)) []history.Event {
	type client struct {
		process int
		op      *history.Op
		key     int
		took    bool
	}
	r := rand.New(rand.NewPCG(1, 2))
	h := New(history.Run{})
	h.Events = make([]history.Event, 0, 2*c.Operations+2)
	clients := make([]client, c.Clients)
	for i := range clients {
		clients[i].process = i
	}
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
			h.Answer(w.process, kind, *w.op)
			w.op = nil
		}
	}
	return h.Events
}
