package cli_test

import (
	"bytes"
	"regexp"
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
	require.Len(t, lines, len(nemesis.Catalog()))
	columns := regexp.MustCompile(` {2,}`)
	for _, line := range lines {
		parts := columns.Split(line, -1)
		_, err := nemesis.ParseStep(parts[len(parts)-1])
		require.NoError(t, err, line)
	}
}
