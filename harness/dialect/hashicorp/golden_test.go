package hashicorp_test

import (
	"flag"
	"testing"

	"github.com/usurper/usurper/harness/capture/golden"
	"github.com/usurper/usurper/harness/dialect/hashicorp"
)

var update = flag.Bool("update", false, "write the golden files")

// captured are a first election and one after the leader was killed, by three members of
// each version: usurper run --target exec --config examples/hashicorp-raft/store.yaml
// --capture, with an election timeout of 1 s and the end cut off. The third is of 1.7.3 with
// --snapshots=8: the leader is told to hand over, and a member that was down is sent a snapshot.
// The last is of Consul's servers (examples/consul.yaml), where Raft shares its port.
func captured() []string {
	return []string{"testdata/1.7.3.pcapng", "testdata/1.8.0.pcapng", "testdata/handover.pcapng.gz", "testdata/consul-1.14.11.pcapng.gz"}
}

func TestGolden(t *testing.T) {
	for _, path := range captured() {
		golden.Check(t, hashicorp.Dialect(), path, *update)
	}
}

func TestCuts(t *testing.T) {
	for _, path := range captured() {
		golden.Cuts(t, hashicorp.Dialect(), path)
	}
}

func FuzzCaptured(f *testing.F) { golden.Fuzz(f, hashicorp.Dialect(), captured()...) }

func BenchmarkCaptured(b *testing.B) { golden.Benchmark(b, hashicorp.Dialect(), captured()[0]) }
