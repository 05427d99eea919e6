package nats_test

import (
	"flag"
	"testing"

	"github.com/usurper/usurper/harness/capture/golden"
	"github.com/usurper/usurper/harness/dialect/nats"
)

var update = flag.Bool("update", false, "write what captures are decoded to anew")

// captures are of three servers each: the first election of the meta group, two streams of
// three replicas, a leader that is killed. Of what is not about elections most was left out.
func captures() []string {
	return []string{"testdata/2.10.22.pcapng", "testdata/2.12.15.pcapng", "testdata/2.15.2.pcapng"}
}

func TestGolden(t *testing.T) {
	for _, path := range captures() {
		t.Run(path, func(t *testing.T) { golden.Check(t, nats.Dialect(), path, *update) })
	}
}

func TestCuts(t *testing.T) {
	for _, path := range captures() {
		t.Run(path, func(t *testing.T) { golden.Cuts(t, nats.Dialect(), path) })
	}
}

func FuzzCaptures(f *testing.F) { golden.Fuzz(f, nats.Dialect(), captures()...) }

func BenchmarkCapture(b *testing.B) { golden.Benchmark(b, nats.Dialect(), captures()[2]) }
