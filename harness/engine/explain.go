package engine

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	layout "github.com/usurper/usurper/harness/text"
)

// Explain tells the story of the first broken rule of a run that was judged
// invalid, from its history; if by is not "", of the first that this checker
// found. It ends with what was not checked, and is wrapped to a width in columns.
func Explain(dir results.Dir, report *checker.Report, by string, width int) (string, error) {
	broken, v, err := Broken(report, by)
	if err != nil {
		return "", fmt.Errorf("%s: %w", dir, err)
	}
	h, err := history.Open(dir.History())
	if err != nil {
		return "", err
	}
	defer h.Close()
	text, err := checker.Story(broken, v, h.Events(), width)
	if others := slices.DeleteFunc(report.Failed(), func(name string) bool { return name == broken.Checker }); err == nil && len(others) > 0 {
		text += layout.Wrap("also broken: "+strings.Join(others, ", ")+"; usurper explain --checker tells of each", width, 2) + "\n"
	}
	if idle := report.Unchecked(); err == nil && idle != "" {
		text += layout.Wrap(idle, width, 9) + "\n"
	}
	return text, err
}

// Broken returns the first broken rule of a report, or if by is not "" the first that this
// checker found, and its first violation. If there is none the error tells what was found.
func Broken(report *checker.Report, by string) (checker.Breach, checker.Violation, error) {
	all := report.Breaches()
	for _, b := range all {
		if by == "" || b.Checker == by {
			v, _ := report.Violation(b)
			return b, v, nil
		}
	}
	var asked []string
	for i := range report.Results {
		asked = append(asked, report.Results[i].Checker)
	}
	var err error
	switch {
	case by != "" && !slices.Contains(asked, by):
		by = layout.Shorten(by, layout.Token)
		err = fmt.Errorf("no checker %q%s: use one of %s", by, layout.DidYouMean(by, asked), strings.Join(asked, ", "))
	case len(all) == 0:
		err = errors.New("no rule was found broken")
	default:
		err = fmt.Errorf("no rule was found broken by %s: what was is %v", by, all)
	}
	return checker.Breach{}, checker.Violation{}, err
}

// ErrNoOrder says that a run has no operations on a key that lack an order, so that
// there is nothing for a page to show.
var ErrNoOrder = errors.New("a page shows operations on one key that have no order, and there are none such")

// ExplainHTML writes porcupine's page about operations of a judged run that have no
// order: those on the key, or if it is "" on that of the first violation that the
// checker "linearizable" found. Only the failing part of the key is shown. If there
// is none the error is ErrNoOrder and tells what else was found.
func ExplainHTML(w io.Writer, dir results.Dir, report *checker.Report, key string) (checker.Page, error) {
	result, _ := report.Result("linearizable")
	if key == "" {
		if len(result.Violations) == 0 {
			err := fmt.Errorf("%s: %w", dir, ErrNoOrder)
			if broken := report.Breaches(); len(broken) > 0 {
				err = fmt.Errorf("%w; what was found broken is %v", err, broken)
			}
			return checker.Page{}, err
		}
		key = keyOf(&result.Violations[0])
	}
	h, err := history.Open(dir.History())
	if err != nil {
		return checker.Page{}, err
	}
	defer h.Close()
	page, err := checker.WriteHTML(w, key, h.Events())
	if errors.Is(err, checker.ErrOrdered) {
		err = fmt.Errorf("%s: %w: %w", dir, ErrNoOrder, err)
	}
	return page, err
}

// keyOf is the key that a violation of order is about.
func keyOf(v *checker.Violation) string {
	for i := range v.Events {
		switch op := v.Events[i].Op; {
		case op == nil:
		case len(op.Txn) > 0:
			return op.Txn[0].Key
		default:
			return op.Key
		}
	}
	return ""
}
