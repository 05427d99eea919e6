package jepsen

import (
	"fmt"
	"strings"

	"github.com/usurper/usurper/checker"
)

// Check judges the history by what its clients saw. An error says that the file
// is not a history of its model, and where; there is no verdict then. A file that
// was cut short is judged up to the cut, is at best unknown, and the report's
// Problem says where the cut is.
func Check(h *History, o checker.Options) (checker.Report, error) {
	report, err := checker.Run(h.c.checkers(o), h.Events())
	if err != nil {
		return checker.Report{}, err
	}
	report.Run.Workload = string(h.c.model)
	if cut := h.Cut(); cut != "" {
		report.Problem = cut + ": judged up to there"
		report.Verdict = checker.Worse(report.Verdict, checker.Unknown)
	}
	return report, nil
}

// String tells in one line what the history is and what was passed over.
func (f Facts) String() string {
	parts := []string{"model " + string(f.Model)}
	if f.Guessed {
		parts[0] += " (guessed)"
	}
	if f.Keyed {
		parts = append(parts, "values are [key value]")
	}
	parts = append(parts, fmt.Sprintf("operations %d", f.Ops))
	if f.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("nemesis entries skipped %d", f.Skipped))
	}
	if f.Passed > 0 {
		parts = append(parts, fmt.Sprintf("other lines skipped %d", f.Passed))
	}
	if f.Short {
		parts = append(parts, "without invocations: nothing rests on time")
	} else if !f.Timed {
		parts = append(parts, "without times: line n is shown as n ms")
	}
	return strings.Join(parts, ", ")
}
