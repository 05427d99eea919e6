package checker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/usurper/usurper/checker/register"
	"github.com/usurper/usurper/checker/set"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func linearizable() verdict.Checker { return register.New(verdict.Options{}) }

func BenchmarkExact(b *testing.B) {
	for _, row := range []struct {
		name string
		c    tape.Crowd
	}{
		{"register-10-clients", tape.Crowd{Clients: 10, Operations: tape.Million, Keys: 1}},
		{"register-100-clients-1%-unanswered", tape.Crowd{Clients: 100, Operations: tape.Million, Unanswered: 10, Keys: 1}},
	} {
		events := tape.Registers(tape.New(history.Run{}), row.c).Events
		b.Run(row.name, func(b *testing.B) { tape.Measure(b, events, linearizable, verdict.Valid) })
		row.c.Stale = true
		events = tape.Registers(tape.New(history.Run{}), row.c).Events
		b.Run(row.name+"-stale-read", func(b *testing.B) { tape.Measure(b, events, linearizable, verdict.Invalid) })
	}
	newSet := func() verdict.Checker { return set.New() }
	for _, f := range []history.F{history.FAdd, history.FAppend} {
		c := tape.Crowd{Clients: 10, Operations: tape.Million, Unanswered: 1, Keys: tape.Million / 100}
		events := tape.Collections(tape.New(history.Run{}), c, f).Events
		b.Run(map[history.F]string{history.FAdd: "set", history.FAppend: "list-append"}[f], func(b *testing.B) {
			tape.Measure(b, events, newSet, verdict.Valid)
		})
	}
}

// BenchmarkPorcupine gives porcupine histories of the same kind, a quarter of a
// minute each: s/op near 15 means that it had no answer.
func BenchmarkPorcupine(b *testing.B) {
	for _, n := range []int{1000, 10_000, tape.Million} {
		events := tape.Registers(tape.New(history.Run{}), tape.Crowd{Clients: 10, Operations: n, Keys: 1}).Events
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
