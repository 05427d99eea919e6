package cli

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
		{"check " + valid, exitUnknown},
		{"check " + invalid, exitInvalid},
		{"explain " + valid, exitUnknown},
		{"explain " + invalid, exitInvalid},
		{"export --format jepsen " + valid, exitUnknown},
		{"bugs --list", exitUnknown},
		{"faults", exitUnknown},
		{"scenarios", exitUnknown},
		{"scenarios stale-candidate", exitUnknown},
		{"version", exitUnknown},
		{"run --help", exitUnknown},
		{"nightly --for 1x", exitUnknown},
	} {
		var said bytes.Buffer
		require.Equal(t, c.want, Main(t.Context(), strings.Fields(c.args), Options{Stdout: full{}, Stderr: &said}), c.args)
		if !strings.Contains(c.args, "1x") {
			require.Equal(t, 1, strings.Count(said.String(), "no space left on device"), "%s: %s", c.args, said.String())
		}
		require.Equal(t, 1, strings.Count(said.String(), "usurper: "), "%s: %s", c.args, said.String())
	}
}
