package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/seen"
)

// judgement is a saved run and what is found in its history.
type judgement struct {
	dir    results.Dir
	report checker.Report
	// problem is why there is no verdict, nil if there is one. The report has it in words.
	problem error
}

// judge finds the run that a path names, and judges it within a budget. An error is one
// of the path or of the budget; of a history that cannot be judged the judgement tells.
func judge(path string, budget *budgetFlags) (judgement, error) {
	dir, err := openRun(path)
	if err != nil {
		return judgement{}, err
	}
	o, err := budget.options()
	if err != nil {
		return judgement{}, err
	}
	return judged(dir, o), nil
}

func judged(dir results.Dir, o checker.Options) judgement {
	j := judgement{dir: dir}
	if j.report, j.problem = engine.CheckWithin(dir.History(), o); j.problem != nil {
		j.report = checker.Report{Problem: j.problem.Error()}
	}
	return j
}

// judgedBefore is judged by the verdict in the directory, if the history has not changed
// since.
func judgedBefore(dir results.Dir) judgement {
	report, err := savedReport(dir)
	if err != nil {
		return judged(dir, checker.Options{})
	}
	return judgement{dir: dir, report: report}
}

// draw makes the picture of the run: of what can be read of its history, and then it says
// so and returns why that is not all. Without anything to draw there is no picture.
func (j *judgement) draw() (p *picture.Picture, unread, err error) {
	drawn, err := seen.Picture(j.dir, j.report)
	switch {
	case drawn.Format == 0:
		return nil, nil, err
	case err != nil:
		err = cmp.Or(j.problem, err) // which tell of the same line
	}
	return &drawn, err, nil
}

// openRun finds a saved run. Who names a history of another program's is told who reads it.
func openRun(path string) (results.Dir, error) {
	dir, err := results.Open(path)
	if info, e := os.Stat(path); errors.Is(err, results.ErrNotARun) && e == nil && !info.IsDir() {
		err = fmt.Errorf("%w; what something else wrote, in Jepsen's form, only usurper check reads", err)
	}
	return dir, err
}

// savedReport reads the verdict of a run, if the history has not changed since.
func savedReport(dir results.Dir) (report checker.Report, err error) {
	h, err := os.Stat(dir.History())
	if err != nil {
		return report, err
	}
	v, err := os.Stat(dir.Path(results.VerdictFile))
	if err != nil {
		return report, err
	}
	if v.ModTime().Before(h.ModTime()) {
		return report, fmt.Errorf("%s is older than the history", results.VerdictFile)
	}
	err = dir.ReadJSON(results.VerdictFile, &report)
	return report, err
}
