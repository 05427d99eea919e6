package cli

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cli/screen"
)

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// What cannot be said is said to be so, once, and is no success; nor does it hide
// that a rule was broken.
func TestOutputThatFails(t *testing.T) {
	corpus := filepath.Join("..", "..", "results", "corpus")
	valid, invalid := filepath.Join(corpus, "clean-set"), filepath.Join(corpus, "stale-read")
	for _, c := range []struct {
		args string
		want int
	}{
		{"check " + valid, screen.ExitUnknown},
		{"check " + invalid, screen.ExitInvalid},
		{"explain " + valid, screen.ExitUnknown},
		{"explain " + invalid, screen.ExitInvalid},
		{"export --format jepsen " + valid, screen.ExitUnknown},
		{"bugs --list", screen.ExitUnknown},
		{"faults", screen.ExitUnknown},
		{"scenarios", screen.ExitUnknown},
		{"scenarios stale-candidate", screen.ExitUnknown},
		{"version", screen.ExitUnknown},
		{"run --help", screen.ExitUnknown},
		{"nightly --for 1x", screen.ExitUnknown},
	} {
		var said bytes.Buffer
		require.Equal(t, c.want, Main(t.Context(), strings.Fields(c.args), Options{Stdout: full{}, Stderr: &said}), c.args)
		if !strings.Contains(c.args, "1x") {
			require.Equal(t, 1, strings.Count(said.String(), "no space left on device"), "%s: %s", c.args, said.String())
		}
		require.Equal(t, 1, strings.Count(said.String(), "usurper: "), "%s: %s", c.args, said.String())
	}
}
