package evidence_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func TestAutopsy(t *testing.T) {
	fine := history.Run{What: history.RunAutopsy}
	shared := history.Run{What: history.RunAutopsy, Text: "term 3 has leaders a and b\nmore"}
	own := history.Run{What: history.RunAutopsy, Node: "n2", Text: "a hole"}
	for name, c := range map[string]struct {
		told []history.Run
		want verdict.Verdict
		says string
	}{
		"nobody looked":   {nil, verdict.Unchecked, "no files were examined"},
		"a note":          {[]history.Run{{What: history.RunNote, Text: "term 3 has leaders a and b"}}, verdict.Unchecked, "no files were examined"},
		"nothing":         {[]history.Run{fine}, verdict.Valid, "nothing is wrong"},
		"of several":      {[]history.Run{shared}, verdict.Invalid, "what the members left on disk: term 3 has leaders a and b"},
		"of one":          {[]history.Run{shared, own}, verdict.Invalid, "(and 1 more)"},
		"nobody can tell": {[]history.Run{{What: history.RunUnexamined, Text: "no such tool"}}, verdict.Unknown, "no such tool"},
	} {
		t.Run(name, func(t *testing.T) {
			checker := evidence.NewAutopsy()
			for _, r := range c.told {
				checker.Event(&history.Event{Run: &r})
			}
			result := checker.Finish()
			require.Equal(t, c.want, result.Verdict)
			require.Contains(t, result.Summary, c.says)
			if c.want == verdict.Invalid {
				require.NotEmpty(t, result.Violations[0].Events)
			}
		})
	}
}
