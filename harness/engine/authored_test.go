package engine_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/nemesis"
)

// idle returns what coverage says of steps that struck nobody.
func idle(r checker.Report) []string {
	var found []string
	for _, result := range r.Results {
		for _, u := range result.Unknowns {
			if result.Checker == "coverage" && strings.Contains(u, "of the plan") {
				found = append(found, u)
			}
		}
	}
	return found
}

// A step that a person wrote and that struck nobody leaves the run without a
// verdict, and names its line; one of a plan that nobody wrote, or that is marked,
// does not. The saved history says the same.
func TestStepsThatStrikeNobody(t *testing.T) {
	t.Parallel()
	const text = "# mine\nat 100ms for 300ms kill one\nmaybe on truncate by n1 from 850ms restart it\non truncate by n1 from 900ms restart it\n"
	for name, tt := range map[string]struct {
		text string
		want string
	}{
		"written":   {text, `step 3, in line 4 of the plan, never fired: "on truncate by n1 from 900ms restart it": no such event came`},
		"generated": {"generated\n" + text, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := steady(t, configFor(t))
			var err error
			cfg.Plan, err = plan(tt.text)
			require.NoError(t, err)
			result, err := engine.Run(t.Context(), cfg)
			require.NoError(t, err)
			again, err := engine.CheckFile(result.Dir.History())
			require.NoError(t, err)
			require.Equal(t, result.Report.Verdict, again.Verdict)
			saved, err := engine.Load(result.Dir)
			require.NoError(t, err)
			require.Equal(t, cfg.Plan.Generated, saved.Config.Plan.Generated)
			executed, err := os.ReadFile(result.Dir.Path(results.ExecutedFile))
			require.NoError(t, err)
			made, err := nemesis.Parse("executed", string(executed))
			require.NoError(t, err, string(executed))
			require.True(t, made.Generated)
			if tt.want == "" {
				require.Empty(t, idle(result.Report))
				return
			}
			require.Equal(t, checker.Unknown, result.Report.Verdict)
			require.Equal(t, []string{tt.want}, idle(result.Report))
			require.Equal(t, []string{tt.want}, idle(again))
		})
	}
}

// What a plan can never do there is an error before anything is written, with the
// line of the step.
func TestPlansThatCannotBe(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"at 100ms for 300ms drop vot * > *":         `step 2, in line 2: unknown class "vot" (did you mean vote?)`,
		"at 100ms defragment n1":                    "step 2, in line 2: defragment: reference has nothing for an operator to do",
		"at 5s for 1s kill one":                     "none:2: 5s is not before the end of the faults, which last 1s",
		"on leader from 2s for 1s kill it":          "none:2: 2s is not before the end",
		"at 100ms for 1s partition n1 n2 n3 | rest": "among n1, n2, n3 it can hit nobody",
	} {
		cfg := configFor(t)
		var err error
		cfg.Plan, err = plan("at 10ms restart n1\n" + text)
		require.NoError(t, err)
		_, err = engine.Run(t.Context(), cfg)
		require.ErrorContains(t, err, want, text)
		require.NoDirExists(t, cfg.Results)
	}
}

// What the target and the fabric can do is known before the run.
func TestOffer(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	offer := cfg.Setting().System
	require.Equal(t, "reference", offer.System)
	require.Equal(t, cfg.Target.Protocol().Classes(), offer.Classes)
	require.Equal(t, offer.Classes, offer.Lossy)
	require.Len(t, offer.Events, len(nemesis.Triggers())-1, "a trace tells of everything but assertions")
	require.False(t, offer.Operator || offer.Membership)
	cfg.Direct = true
	require.Empty(t, cfg.Setting().System.Classes)
	cfg.Target = nil
	require.Nil(t, cfg.Setting().System)
}
