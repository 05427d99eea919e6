package checker_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// Every history in the corpus gets the verdict that it was kept for, by the same
// rule.
func TestCorpus(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../results/corpus/*/expected.json")
	require.NoError(t, err)
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			var want struct {
				Verdict verdict.Verdict
				Breach  checker.Breach
			}
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(b, &want))
			h, err := history.Open(filepath.Join(dir, "history.jsonl.gz"))
			require.NoError(t, err)
			defer h.Close()
			report, err := checker.Run(checker.All(verdict.Options{}), h.Events())
			require.NoError(t, err)
			require.Equal(t, want.Verdict, report.Verdict, report.String())
			if want.Verdict == verdict.Invalid {
				require.Contains(t, report.Breaches(), want.Breach)
			}
		})
	}
}
