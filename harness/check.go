package harness

import (
	"fmt"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
)

// Check judges the history in a run directory and leaves verdict.json and
// report.txt there. It needs nothing but the history.
func Check(dir results.Dir) (checker.Report, error) {
	report, err := CheckFile(dir.History())
	if err != nil {
		return report, err
	}
	if err := dir.WriteJSON(results.VerdictFile, report); err != nil {
		return report, err
	}
	return report, dir.WriteText(results.ReportFile, report.String())
}

// CheckFile judges the history at path. A last line that was cut short, as by a
// harness that was killed, is left out, and the report says so; any other line
// that cannot be read is an error.
func CheckFile(path string) (checker.Report, error) {
	h, err := history.Open(path)
	if err != nil {
		return checker.Report{}, err
	}
	defer h.Close()
	report, err := checker.RunBatches(checker.All(checker.Options{}), h.Batches())
	if err != nil {
		return report, fmt.Errorf("check: %w", err)
	}
	if h.Truncated() {
		report.Problem = fmt.Sprintf("line %d, the last, was cut short: judged up to the one before it", h.Line()+1)
		report.Verdict = checker.Worse(report.Verdict, checker.Unknown)
	}
	return report, nil
}
