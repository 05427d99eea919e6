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
	for _, e := range nemesis.Catalog() { // a fault, below it its example, and what it needs
		require.Regexp(t, `(?m)^`+e.Name+` +.*\n +`+regexp.QuoteMeta(e.Example)+`$`, catalogue)
		_, err := nemesis.ParseStep(e.Example)
		require.NoError(t, err, e.Example)
	}
}
