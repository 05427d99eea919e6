package libraft_test

import (
	"flag"
	"testing"

	"github.com/usurper/usurper/harness/capture/golden"
	"github.com/usurper/usurper/harness/dialect/libraft"
)

var update = flag.Bool("update", false, "write the golden files")

// captured is a first election and the first writes, by three members below libdqlite
// 1.11.1: usurper run --target exec --config examples/dqlite/dqlite.yaml --capture, without
// the connections of clients and with the end cut off. The second is another run whose leader
// is killed, and another elected.
func captured() []string {
	return []string{"testdata/0.15.0.pcapng", "testdata/second-election.pcapng.gz"}
}

func TestGolden(t *testing.T) {
	for _, path := range captured() {
		golden.Check(t, libraft.Dialect(), path, *update)
	}
}

func TestCuts(t *testing.T) {
	for _, path := range captured() {
		golden.Cuts(t, libraft.Dialect(), path)
	}
}

func FuzzCaptured(f *testing.F) { golden.Fuzz(f, libraft.Dialect(), captured()...) }

func BenchmarkCaptured(b *testing.B) { golden.Benchmark(b, libraft.Dialect(), captured()[0]) }
