package harness_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/target/reference"
)

// binary runs the nodes: this test binary itself.
var binary string

// TestMain makes the test binary a node if it is called as one.
func TestMain(m *testing.M) {
	binary = reference.Reenter()
	flag.Parse()
	_ = flag.Set("test.parallel", "4") // clusters mostly wait
	os.Exit(m.Run())
}

// requireNoneLeft waits until no process has dir on its command line.
func requireNoneLeft(t *testing.T, dir string) {
	t.Helper()
	var left []string
	gone := func() bool {
		left = nil
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		require.NoError(t, err)
		for _, file := range files {
			if line, err := os.ReadFile(file); err == nil && bytes.Contains(line, []byte(dir)) {
				left = append(left, string(bytes.ReplaceAll(line, []byte{0}, []byte(" "))))
			}
		}
		return len(left) == 0
	}
	for end := time.Now().Add(time.Minute); !gone(); time.Sleep(5 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "left over: %q", left)
	}
}
