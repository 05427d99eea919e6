package checker_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// crowd is clients that each do one operation after the other, at a system that is
// linearizable.
type crowd struct {
	clients    int
	operations int
	unanswered int // of 1000
	keys       int
}

// events plays the crowd. next gives a client's next operation; take lets it
// happen.
func (c crowd) events(next func(r *rand.Rand, key int) history.Op, take func(key int, op *history.Op)) []history.Event {
	type client struct {
		process int
		op      *history.Op
		key     int
		took    bool
	}
	r := rand.New(rand.NewPCG(1, 2))
	h := newTape(history.Run{})
	h.events = make([]history.Event, 0, 2*c.operations+2)
	clients := make([]client, c.clients)
	for i := range clients {
		clients[i].process = i
	}
	for asked := 0; asked < c.operations; {
		w := &clients[r.IntN(len(clients))]
		switch {
		case w.op == nil:
			w.key = asked * c.keys / c.operations
			op := next(r, w.key)
			op.Key = fmt.Sprint("k", w.key)
			h.ask(w.process, op)
			w.op, w.took = &op, false
			asked++
		case !w.took && r.IntN(2) == 0:
			take(w.key, w.op)
			w.took = true
		case r.IntN(1000) < c.unanswered:
			h.answer(w.process, history.Info, history.Op{F: w.op.F, Key: w.op.Key, Arg: w.op.Arg, Old: w.op.Old})
			w.op, w.process = nil, w.process+c.clients
		default:
			if !w.took {
				take(w.key, w.op)
			}
			kind := history.OK
			if w.op.Type == history.Fail {
				kind = history.Fail
			}
			h.answer(w.process, kind, *w.op)
			w.op = nil
		}
	}
	return h.events
}

// registers is a crowd's history of gets, puts and cas.
func registers(c crowd) []history.Event {
	state := make([]string, c.keys)
	values := 0
	return c.events(func(r *rand.Rand, key int) history.Op {
		switch roll := r.IntN(10); {
		case roll < 4:
			return history.Op{F: history.FGet}
		case roll < 8:
			values++
			return put(fmt.Sprint("v", values))
		}
		values++
		return cas(state[key], fmt.Sprint("v", values))
	}, func(key int, op *history.Op) {
		switch {
		case op.F == history.FGet:
			op.Got, op.Saw = state[key], true
		case op.F == history.FCas && op.Old != state[key]:
			op.Type, op.Got, op.Saw = history.Fail, state[key], true
		default:
			state[key] = op.Arg
		}
	})
}

// collections is a crowd's history of additions and reads: two to one.
func collections(c crowd, f history.F) []history.Event {
	state := make([][]string, c.keys)
	values := 0
	return c.events(func(r *rand.Rand, _ int) history.Op {
		if r.IntN(3) == 0 {
			return history.Op{F: history.FRead, Final: true}
		}
		values++
		return history.Op{F: f, Arg: fmt.Sprint("v", values)}
	}, func(key int, op *history.Op) {
		if op.F == history.FRead {
			op.List, op.Saw = slices.Clone(state[key]), true
		} else {
			state[key] = append(state[key], op.Arg)
		}
	})
}

// stale makes a read near the end return a value of the start.
func stale(events []history.Event) []history.Event {
	events = slices.Clone(events)
	old := ""
	for i := range events {
		if op := events[i].Op; op != nil && op.F == history.FPut && op.Type == history.OK {
			old = op.Arg
			break
		}
	}
	for i := len(events) * 99 / 100; ; i++ {
		if op := events[i].Op; op != nil && op.F == history.FGet && op.Type == history.OK {
			lie := *op
			lie.Got = old
			events[i].Op = &lie
			return events
		}
	}
}

// measure judges the events again and again, and reports what one time took.
func measure(b *testing.B, events []history.Event, build func() checker.Checker, want checker.Verdict) {
	var before, after runtime.MemStats
	proof := 0
	runtime.GC()
	runtime.ReadMemStats(&before)
	for b.Loop() {
		c := build()
		for i := range events {
			c.Event(&events[i])
		}
		got := c.Finish()
		if got.Verdict != want {
			b.Fatal(got.Verdict, got.Summary)
		}
		for _, v := range got.Violations {
			proof = max(proof, len(v.Events)/2)
		}
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/1e6, "MB") // all that was allocated: at least the peak
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
	b.ReportMetric(0, "ns/op")
	if proof > 0 {
		b.ReportMetric(float64(proof), "operations")
	}
}

const million = 1_000_000

func linearizable() checker.Checker { return checker.NewLinearizable(checker.Options{}) }

func BenchmarkExact(b *testing.B) {
	for _, row := range []struct {
		name string
		c    crowd
	}{
		{"register-10-clients", crowd{clients: 10, operations: million, keys: 1}},
		{"register-100-clients-1%-unanswered", crowd{clients: 100, operations: million, unanswered: 10, keys: 1}},
	} {
		events := registers(row.c)
		b.Run(row.name, func(b *testing.B) { measure(b, events, linearizable, checker.Valid) })
		events = stale(events)
		b.Run(row.name+"-stale-read", func(b *testing.B) { measure(b, events, linearizable, checker.Invalid) })
	}
	newSet := func() checker.Checker { return checker.NewSet() }
	for _, f := range []history.F{history.FAdd, history.FAppend} {
		events := collections(crowd{clients: 10, operations: million, unanswered: 1, keys: million / 100}, f)
		b.Run(map[history.F]string{history.FAdd: "set", history.FAppend: "list-append"}[f], func(b *testing.B) {
			measure(b, events, newSet, checker.Valid)
		})
	}
}

// BenchmarkPorcupine gives porcupine histories of the same kind, a quarter of a
// minute each: s/op near 15 means that it had no answer.
func BenchmarkPorcupine(b *testing.B) {
	for _, n := range []int{1000, 10_000, million} {
		events := registers(crowd{clients: 10, operations: n, keys: 1})
		b.Run(fmt.Sprint(n, "-operations"), func(b *testing.B) {
			operations, model := asPorcupine(events)
			var result porcupine.CheckResult
			for b.Loop() {
				result = porcupine.CheckOperationsTimeout(model, operations, 15*time.Second)
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
			b.ReportMetric(0, "ns/op")
			if result == porcupine.Illegal {
				b.Fatal("illegal")
			}
		})
	}
}
