package reproduce

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
)

// Who asks for one way to break a rule is not served with another.
func TestSame(t *testing.T) {
	t.Parallel()
	broken := func(texts ...string) checker.Report {
		r := checker.Result{Checker: twoVotes.Checker, Verdict: checker.Invalid}
		for _, text := range texts {
			r.Violations = append(r.Violations, checker.Violation{Rule: twoVotes.Rule, Text: text})
		}
		return checker.Report{Verdict: checker.Invalid, Results: []checker.Result{r}}
	}
	after := func(what string) func(checker.Violation) bool {
		return func(v checker.Violation) bool { return strings.HasSuffix(v.Text, what) }
	}
	f := Finding{Report: broken("twice at once", "twice after a restart")}
	require.NoError(t, f.Aim(twoVotes, after("restart")))
	require.Equal(t, "twice after a restart", f.Violation.Text)
	require.Equal(t, twoVotes, f.Breach)
	require.NoError(t, f.Aim(twoVotes, nil))
	require.Equal(t, "twice at once", f.Violation.Text)
	require.ErrorIs(t, f.Aim(twoVotes, after("never")), ErrNothingToReproduce)
	require.ErrorIs(t, f.Aim(checker.Breach{Checker: "logs", Rule: "any"}, nil), ErrNothingToReproduce)

	runs := []checker.Report{broken("at once"), broken("at once", "after a restart"), broken("at once")}
	n := 0
	count, err := Trial{
		Breach: twoVotes, Same: after("restart"), Enough: All(len(runs)),
		attempt: func(context.Context, engine.Config, checker.Breach) (Attempt, error) {
			n++
			return Attempt{Report: runs[n-1], Reproduced: true}, nil
		},
	}.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, count.Reproduced)
	require.Equal(t, 3, count.Runs)
	require.Equal(t, map[checker.Breach]int{twoVotes: 2}, count.Others)
}
