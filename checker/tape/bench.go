package tape

import (
	"runtime"
	"testing"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// Heap returns the bytes that are in use after a collection.
func Heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Measure judges the events again and again, and reports what one time took.
func Measure(b *testing.B, events []history.Event, build func() verdict.Checker, want verdict.Verdict) {
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
