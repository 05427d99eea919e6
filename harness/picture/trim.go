package picture

import (
	"reflect"
	"slices"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
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
		result.Unjudged = slices.Clone(result.Unjudged[:min(len(result.Unjudged), maxUnknowns)])
		for k := range result.Unjudged {
			result.Unjudged[k] = brief(result.Unjudged[k], aText)
		}
		result.Unknowns = slices.Clone(result.Unknowns)
		if more := len(result.Unknowns) - maxUnknowns; more > 0 {
			result.Unknowns = append(result.Unknowns[:maxUnknowns], "… and "+count.Many(more, "other"))
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

// trim shortens what is in an event of one's own, whatever it is: all its texts are
// printable and short, and its lists have as many.
func trim(e *history.Event) {
	if e.Raft != nil {
		e.Raft.Hashes = nil
	}
	tidy(reflect.ValueOf(e).Elem())
}

// tidy does so with a value, and with what it holds.
func tidy(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			tidy(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			tidy(v.Field(i))
		}
	case reflect.String:
		v.SetString(brief(v.String(), aLine))
	case reflect.Slice:
		own := reflect.MakeSlice(v.Type(), min(v.Len(), maxList), min(v.Len(), maxList))
		reflect.Copy(own, v)
		for i := range own.Len() {
			tidy(own.Index(i))
		}
		if !v.IsNil() {
			v.Set(own)
		}
	case reflect.Map: // of evidence: a word, and a number
		own := reflect.MakeMap(v.Type())
		for of := v.MapRange(); of.Next() && own.Len() < maxList; {
			key := reflect.New(v.Type().Key()).Elem()
			key.Set(of.Key())
			tidy(key)
			own.SetMapIndex(key, of.Value())
		}
		if !v.IsNil() {
			v.Set(own)
		}
	}
}

// maxList is how many values of a list a picture's report has.
const maxList = 64
