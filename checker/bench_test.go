package checker_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/usurper/usurper/checker/register"
	"github.com/usurper/usurper/checker/set"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// registers is a crowd's history of gets, puts and cas.
func registers(c tape.Crowd) []history.Event {
	state := make([]string, c.Keys)
	values := 0
	return c.Events(func(r *rand.Rand, key int) history.Op {
		switch roll := r.IntN(10); {
		case roll < 4:
			return history.Op{F: history.FGet}
		case roll < 8:
			values++
			return tape.Put(fmt.Sprint("v", values))
		}
		values++
		return tape.Cas(state[key], fmt.Sprint("v", values))
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
func collections(c tape.Crowd, f history.F) []history.Event {
	state := make([][]string, c.Keys)
	values := 0
	return c.Events(func(r *rand.Rand, _ int) history.Op {
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

func linearizable() verdict.Checker { return register.New(verdict.Options{}) }

func BenchmarkExact(b *testing.B) {
	for _, row := range []struct {
		name string
		c    tape.Crowd
	}{
		{"register-10-clients", tape.Crowd{Clients: 10, Operations: tape.Million, Keys: 1}},
		{"register-100-clients-1%-unanswered", tape.Crowd{Clients: 100, Operations: tape.Million, Unanswered: 10, Keys: 1}},
	} {
		events := registers(row.c)
		b.Run(row.name, func(b *testing.B) { tape.Measure(b, events, linearizable, verdict.Valid) })
		events = stale(events)
		b.Run(row.name+"-stale-read", func(b *testing.B) { tape.Measure(b, events, linearizable, verdict.Invalid) })
	}
	newSet := func() verdict.Checker { return set.New() }
	for _, f := range []history.F{history.FAdd, history.FAppend} {
		events := collections(tape.Crowd{Clients: 10, Operations: tape.Million, Unanswered: 1, Keys: tape.Million / 100}, f)
		b.Run(map[history.F]string{history.FAdd: "set", history.FAppend: "list-append"}[f], func(b *testing.B) {
			tape.Measure(b, events, newSet, verdict.Valid)
		})
	}
}

// BenchmarkPorcupine gives porcupine histories of the same kind, a quarter of a
// minute each: s/op near 15 means that it had no answer.
func BenchmarkPorcupine(b *testing.B) {
	for _, n := range []int{1000, 10_000, tape.Million} {
		events := registers(tape.Crowd{Clients: 10, Operations: n, Keys: 1})
		b.Run(fmt.Sprint(n, "-operations"), func(b *testing.B) {
			operations, model := tape.AsPorcupine(events)
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
