package engine_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/target"
)

// examined is a target whose members' files are looked at.
type examined struct {
	target.Target
	autopsy func(context.Context, target.Setup) ([]target.Remains, error)
}

func (e examined) Autopsy(ctx context.Context, s target.Setup) ([]target.Remains, error) {
	return e.autopsy(ctx, s)
}

// What is found in members' files is judged, in the run and whenever its history is
// checked anew.
func TestAutopsy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		found []target.Remains
		err   error
		want  checker.Verdict
		says  string
	}{
		"nothing":      {nil, nil, checker.Valid, "nothing is wrong"},
		"something":    {[]target.Remains{{Node: "n2", Text: "term 3 has two leaders\nn1 and n3"}}, nil, checker.Invalid, "what n2 left on disk: term 3 has two leaders"},
		"who can tell": {nil, errors.New("no tool for that"), checker.Unknown, "no tool for that"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := configFor(t)
			cfg.Plan, _ = plan("")
			cfg.For = 100 * time.Millisecond
			looked := 0
			cfg.Target = examined{steady(t, cfg).Target, func(ctx context.Context, s target.Setup) ([]target.Remains, error) {
				looked++
				for _, m := range s.Members {
					if _, err := cfg.Target.Status(ctx, m); err == nil {
						return nil, errors.New(m.Name + " is at work")
					}
					if _, err := os.Stat(m.DataDir); err != nil {
						return nil, err
					}
				}
				var failed *target.Failed
				err := s.Run(ctx, target.Command{Path: "sh", Args: []string{"-c", "echo found; exit 1"}})
				if !errors.As(err, &failed) || failed.Said != "found" || failed.End != "exit status 1" {
					return nil, err
				}
				return c.found, c.err
			}}
			result, err := engine.Run(t.Context(), cfg)
			require.NoError(t, err)
			require.Equal(t, 1, looked)
			again, err := engine.Check(result.Dir, cfg.Search)
			require.NoError(t, err)
			for _, report := range []checker.Report{result.Report, again} {
				found := false
				for _, r := range report.Results {
					if r.Checker == "autopsy" {
						found = true
						require.Equal(t, c.want, r.Verdict, r.Summary)
						require.True(t, strings.Contains(r.Summary, c.says), r.Summary)
					}
				}
				require.True(t, found)
			}
		})
	}
}
