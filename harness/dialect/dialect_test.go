package dialect_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/dialect"
)

func TestAll(t *testing.T) {
	require.True(t, slices.IsSorted(dialect.Names()), dialect.Names())
	require.Len(t, slices.Compact(dialect.Names()), len(dialect.All()))
	for _, d := range dialect.All() {
		require.Regexp(t, regexp.MustCompile(`^[a-z][a-z0-9-]*$`), d.Name)
		require.NotNil(t, d.Open, d.Name)
		require.NotEmpty(t, d.Kinds, d.Name)
		found, err := dialect.Named(d.Name)
		require.NoError(t, err)
		require.Equal(t, d.Name, found.Name)
	}
	_, err := dialect.Named("smoke signals")
	for _, name := range dialect.Names() {
		require.ErrorContains(t, err, name)
	}
}
