package zookeeper_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/capture/golden"
	"github.com/usurper/usurper/harness/dialect/zookeeper"
)

var update = flag.Bool("update", false, "write what the golden capture says")

// capture is the traffic of three members of ZooKeeper 3.8.0 at both of their ports: one is
// killed and comes back, then the leader; leaders send snapshots to all
// (-Dzookeeper.forceSnapshotSync=true).
const capture = "testdata/election.pcapng"

func TestGolden(t *testing.T) {
	golden.Check(t, zookeeper.Dialect(), capture, *update)
	text := strings.Join(golden.Lines(t, zookeeper.Dialect(), capture), "\n")
	for _, class := range zookeeper.Dialect().Classes {
		if class != "unknown" && class != "sync" {
			require.True(t, strings.Contains(text, class), class)
		}
	}
	for _, event := range []string{"n3 leader in term 1", "n2 leader in term 2, log (1,", "n1 grants n2 a vote in term 2", " snapshot"} {
		require.True(t, strings.Contains(text, event), event)
	}
}

func TestCuts(t *testing.T)         { golden.Cuts(t, zookeeper.Dialect(), capture) }
func FuzzDecoder(f *testing.F)      { golden.Fuzz(f, zookeeper.Dialect(), capture) }
func BenchmarkCapture(b *testing.B) { golden.Benchmark(b, zookeeper.Dialect(), capture) }
