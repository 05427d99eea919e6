package cluster

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a pattern cannot hold without is looked for first, and only that.
func TestLiteral(t *testing.T) {
	for pattern, want := range map[string]string{
		`^[\w./-]+:\d+:\d+: runtime error: `: ": runtime error: ",
		`^(panic: |fatal error: )`:           "",
		`^FATAL .* gone`:                     "FATAL ",
		`(?i)fatal`:                          "",
		`fatal|gone`:                         "",
		`fatal`:                              "",
		`^Tracebacks? now`:                   "Traceback",
	} {
		require.Equal(t, want, literal(regexp.MustCompile(pattern)), pattern)
	}
}
