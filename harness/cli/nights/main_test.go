package nights

import (
	"os"
	"testing"

	"github.com/usurper/usurper/harness/target/reference"
)

// TestMain lets the test binary be a member.
func TestMain(m *testing.M) {
	reference.Reenter()
	os.Exit(m.Run())
}
