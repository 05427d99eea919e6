package cli_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cli"
	"github.com/usurper/usurper/nemesis"
)

// Every example in the catalogue of faults is a step of a plan.
func TestExamplesParse(t *testing.T) {
	t.Parallel()
	var out, problems bytes.Buffer
	require.Zero(t, cli.Main(t.Context(), []string{"faults"}, cli.Options{Stdout: &out, Stderr: &problems}))
	require.Empty(t, problems.String())
	catalogue, _, _ := strings.Cut(out.String(), "\n\n")
	lines := strings.Split(catalogue, "\n")[1:]
	require.Len(t, lines, 2*len(nemesis.Catalog()))
	for i := 1; i < len(lines); i += 2 { // a fault, and below it its example
		_, err := nemesis.ParseStep(strings.TrimSpace(lines[i]))
		require.NoError(t, err, lines[i])
	}
}
