package results_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/results"
)

// A shell reads back what was quoted.
func TestQuote(t *testing.T) {
	require.Equal(t, "results/20261129-1-seed7", results.Quote("results/20261129-1-seed7"))
	require.Equal(t, "'a b'", results.Quote("a b"))
	for _, text := range []string{"", "a b", "it's", `"`, "$HOME", "`id`", "a;b|c&d>e", "*", "~", "a\nb", `\`, "ü", "#x"} {
		out, err := exec.Command("sh", "-c", "printf %s "+results.Quote(text)).Output()
		require.NoError(t, err, text)
		require.Equal(t, text, string(out))
	}
}
