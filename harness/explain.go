package harness

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
)

// Explain tells the story of the first broken rule of a run that was judged
// invalid, from its history; if by is not "", of the first that this checker
// found.
func Explain(dir results.Dir, report *checker.Report, by string) (string, error) {
	all := report.Breaches()
	i := slices.IndexFunc(all, func(b checker.Breach) bool { return by == "" || b.Checker == by })
	if i < 0 {
		return "", fmt.Errorf("%s: no rule was found broken%s: what was is %v", dir, byWhom(by), all)
	}
	h, err := history.Open(dir.History())
	if err != nil {
		return "", err
	}
	defer h.Close()
	v, _ := report.Violation(all[i])
	return checker.Story(all[i], v, h.Events())
}

func byWhom(by string) string {
	if by == "" {
		return ""
	}
	return " by " + by
}
