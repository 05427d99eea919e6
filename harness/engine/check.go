package engine

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
)

// Check judges the history in a run directory, as CheckWithin does, and leaves
// verdict.json and report.txt there.
func Check(dir results.Dir, o checker.Options, models ...checker.Spec) (checker.Report, error) {
	report, err := CheckWithin(dir.History(), o, models...)
	if err != nil {
		return report, err
	}
	if err := dir.WriteJSON(results.VerdictFile, report); err != nil {
		return report, err
	}
	return report, dir.WriteText(results.ReportFile, report.String())
}

// CheckFile judges the history at path by every checker and by the user's own
// models. It needs nothing else; without the models that judged the run, the
// verdict is at best unknown. A last line that was cut short, as by a harness that
// was killed, is left out, and the report says so; any other line that cannot be
// read is an error, as is a run that never got ready: it has no verdict.
func CheckFile(path string, models ...checker.Spec) (checker.Report, error) {
	return CheckWithin(path, checker.Options{}, models...)
}

// CheckWithin is CheckFile with what the searches of checkers may spend.
func CheckWithin(path string, o checker.Options, models ...checker.Spec) (checker.Report, error) {
	h, err := history.Open(path)
	if err != nil {
		return checker.Report{}, err
	}
	defer h.Close()
	report, err := checker.RunBatches(append(checker.All(o), judges(models, o)...), h.Batches())
	if err != nil {
		return report, fmt.Errorf("check: %w", err)
	}
	if report.Run.Unready {
		return checker.Report{}, fmt.Errorf("check: %s: the run never got ready, so it has no verdict: see why in the logs below nodes, and run it again", path)
	}
	if h.Truncated() {
		report.Doubt(fmt.Sprintf("line %d, the last, was cut short: judged up to the one before it", h.Line()+1))
	}
	return report, nil
}

// judges returns new checkers of the user's own models.
func judges(models []checker.Spec, o checker.Options) []checker.Checker {
	var cs []checker.Checker
	for _, m := range models {
		cs = append(cs, m.Checker(o))
	}
	return cs
}

func names(cs []checker.Checker) []string {
	var out []string
	for _, c := range cs {
		out = append(out, c.Name())
	}
	return out
}

// distinct refuses models whose checkers could be mistaken for others.
func distinct(models []checker.Spec) error {
	taken := names(checker.All(checker.Options{}))
	for _, name := range names(judges(models, checker.Options{})) {
		if name == "" || slices.Contains(taken, name) {
			return fmt.Errorf("a model called %q: give each a name of its own, none of %v", name, taken)
		}
		taken = append(taken, name)
	}
	return nil
}
