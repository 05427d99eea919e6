package dialect_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
		require.True(t, slices.ContainsFunc(captures(), func(c captured) bool { return c.dialect == d.Name }), "%s has no capture that is judged", d.Name)
	}
	_, err := dialect.Named("smoke signals")
	for _, name := range dialect.Names() {
		require.ErrorContains(t, err, name)
	}
}

// A rule to which a dialect's speakers are not held has the name of one that a checker of
// elections has: another would leave the rule judged.
func TestUnjudgedRulesAreRules(t *testing.T) {
	judged := rules(t)
	require.True(t, judged("two votes in one term"))
	require.False(t, judged("two votes in a term"))
	for _, d := range dialect.All() {
		for _, u := range d.Unjudged {
			require.True(t, judged(u.Rule), "%s: no checker has a rule %q", d.Name, u.Rule)
			require.NotEmpty(t, u.Why, d.Name)
		}
	}
}

// rules tells of a text whether the checkers of Raft may give it as a rule.
func rules(t *testing.T) func(rule string) bool {
	files, err := filepath.Glob("../../checker/raft/*.go")
	require.NoError(t, err)
	var source strings.Builder
	for _, name := range files {
		if !strings.HasSuffix(name, "_test.go") {
			b, err := os.ReadFile(name)
			require.NoError(t, err)
			source.Write(b)
		}
	}
	return func(rule string) bool {
		quoted := regexp.QuoteMeta(strconv.Quote(rule))
		return regexp.MustCompile(`(Violate\(|\t\w+ += |const rule = )` + quoted).MatchString(source.String())
	}
}
