package exec_test

import (
	"os"
	"testing"

	"github.com/usurper/usurper/harness/target/reference"
)

// The test binary is the reference node too: {{harness}} in the example.
func TestMain(m *testing.M) {
	reference.Reenter()
	os.Exit(m.Run())
}
