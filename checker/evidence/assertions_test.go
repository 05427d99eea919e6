package evidence_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func TestAssertions(t *testing.T) {
	say := func(a history.Assertion) history.Run {
		return history.Run{What: history.RunAssertion, Node: "n2", Assertion: &a}
	}
	always, sometimes, reach := history.AssertAlways, history.AssertSometimes, history.AssertReach
	asserts := history.Run{What: history.RunAssertion, Node: "n1"}
	for name, c := range map[string]struct {
		told []history.Run
		want verdict.Verdict
		says string
	}{
		"nobody asserts":                {nil, verdict.Unchecked, "assert nothing"},
		"a line of a log":               {[]history.Run{{What: history.RunLog, Node: "n2", Text: "x"}}, verdict.Unchecked, "assert nothing"},
		"nobody came by any":            {[]history.Run{asserts, asserts}, verdict.Valid, "2 processes assert; what is asserted came up 0 times"},
		"it holds":                      {[]history.Run{asserts, say(history.Assertion{Message: "m", Type: always, Hit: true, Condition: true, Where: "a.go:3"})}, verdict.Valid, "came up once"},
		"it does not":                   {[]history.Run{asserts, say(history.Assertion{Message: "m", Type: always, Hit: true, Where: "a.go:3", Details: "{}"})}, verdict.Invalid, `n2 says that "m" did not hold, at a.go:3, with {}`},
		"it is declared":                {[]history.Run{asserts, say(history.Assertion{Message: "m", Type: always, Must: true})}, verdict.Valid, `never came to pass, which is told and not judged: "m"`},
		"a place is declared":           {[]history.Run{asserts, say(history.Assertion{Message: "m", Type: reach})}, verdict.Valid, "nothing failed"},
		"a place is reached":            {[]history.Run{asserts, say(history.Assertion{Message: "two leaders", Type: reach, Hit: true})}, verdict.Invalid, `n2 says that it reached "two leaders", at an unknown place`},
		"one that must be":              {[]history.Run{asserts, say(history.Assertion{Message: "m", Type: reach, Must: true, Hit: true})}, verdict.Valid, "nothing failed"},
		"sometimes, and not now":        {[]history.Run{asserts, say(history.Assertion{Message: "m", Type: sometimes, Must: true, Hit: true})}, verdict.Valid, `never came to pass, which is told and not judged: "m"`},
		"sometimes, and once":           {[]history.Run{asserts, say(history.Assertion{Message: "m", Type: sometimes, Must: true}), say(history.Assertion{Message: "m", Type: sometimes, Must: true, Hit: true, Condition: true}), say(history.Assertion{Message: "m", Type: sometimes, Must: true, Hit: true})}, verdict.Valid, "nothing failed"},
		"what the SDK says of its own":  {[]history.Run{asserts, say(history.Assertion{Message: "Go application under test compiled with CGO enabled", Type: always, Must: true, Hit: true})}, verdict.Valid, "0 times"},
		"the same of a program":         {[]history.Run{asserts, say(history.Assertion{Message: "Go application under test compiled with CGO enabled", Type: always, Hit: true, Where: "a.go:3"})}, verdict.Invalid, "did not hold"},
		"a line that nobody can read":   {[]history.Run{asserts, {What: history.RunAssertion, Node: "n2", Text: "assertions.1.jsonl:7: what?"}}, verdict.Unknown, "assertions.1.jsonl:7: what?"},
		"broken, and unreadable behind": {[]history.Run{say(history.Assertion{Message: "m", Type: always, Hit: true}), {What: history.RunAssertion, Node: "n2", Text: "x"}}, verdict.Invalid, "did not hold"},
	} {
		t.Run(name, func(t *testing.T) {
			checker := evidence.NewAssertions()
			for _, r := range c.told {
				checker.Event(&history.Event{Run: &r})
			}
			result := checker.Finish()
			require.Equal(t, c.want, result.Verdict, result.Summary)
			require.Contains(t, result.Summary, c.says)
			if c.want == verdict.Invalid {
				require.NotEmpty(t, result.Violations[0].Events)
				require.NotContains(t, verdict.Describe(&result.Violations[0].Events[0]), "run: assertion")
			}
		})
	}
}
