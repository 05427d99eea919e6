package picture

import (
	"slices"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// maxUnknowns is how many doubts of one checker a picture has.
const maxUnknowns = 20

// trimmed returns a report as a picture has it: of texts and values that may be of any
// size, it has the beginning.
func trimmed(r checker.Report) checker.Report {
	r.Problem = brief(r.Problem, aText)
	r.Run.Target, r.Run.Workload = brief(r.Run.Target, aLine), brief(r.Run.Workload, aLine)
	r.Run.Themes = slices.Clone(r.Run.Themes)
	for i := range r.Run.Themes {
		r.Run.Themes[i] = brief(r.Run.Themes[i], aWord)
	}
	r.Results = slices.Clone(r.Results)
	if r.Results == nil {
		r.Results = []checker.Result{}
	}
	for i := range r.Results {
		result := &r.Results[i]
		result.Checker, result.Summary, result.Told = brief(result.Checker, aLine), brief(result.Summary, aText), brief(result.Told, aText)
		result.Unknowns = slices.Clone(result.Unknowns)
		if more := len(result.Unknowns) - maxUnknowns; more > 0 {
			result.Unknowns = append(result.Unknowns[:maxUnknowns], "… and "+plural(more, "other"))
		}
		for k := range result.Unknowns {
			result.Unknowns[k] = brief(result.Unknowns[k], aText)
		}
		result.Violations = slices.Clone(result.Violations)
		for k := range result.Violations {
			v := &result.Violations[k]
			v.Rule, v.Text = brief(v.Rule, aLine), brief(v.Text, aText)
			events := make([]history.Event, len(v.Events))
			for j := range v.Events {
				events[j] = verdict.Keep(&v.Events[j])
				trim(&events[j])
			}
			v.Events = events
		}
	}
	return r
}

// trim shortens what is in an event of one's own.
func trim(e *history.Event) {
	switch {
	case e.Op != nil:
		list := e.Op.List
		e.Op = small(e.Op)
		for _, s := range []*string{&e.Op.Key, &e.Op.Arg, &e.Op.Old, &e.Op.Got, &e.Op.Error, &e.Op.Node} {
			*s = brief(*s, aLine)
		}
		e.Op.List = list[:min(len(list), maxList)]
		for i := range e.Op.List {
			e.Op.List[i] = brief(e.Op.List[i], aWord)
		}
	case e.Raft != nil:
		e.Raft.Hashes = nil
	case e.Run != nil:
		e.Run.Text = brief(e.Run.Text, aText)
	case e.Proc != nil:
		e.Proc.Text = brief(e.Proc.Text, aText)
	}
}

// maxList is how many values of a list a picture's report has.
const maxList = 64
