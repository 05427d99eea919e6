package checker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// foreign counts an operation that only a checker of the user's own may judge.
func (t *tally) foreign(f history.F) {
	if t.ops == nil {
		t.ops = make(map[history.F]int64)
	}
	if t.ops[f] == 0 {
		f = history.F(strings.Clone(string(f)))
	}
	t.ops[f]++
}

// unjudged keeps a verdict from being valid when a part of the history was judged
// by nobody: by none of the user's own checkers that judged the run, or operations
// that no checker knows.
func (r *Report) unjudged(t *tally, cs []Checker) {
	var words []string
	var operations int64
	for f, n := range t.ops {
		claims := func(c Checker) bool {
			j, ok := c.(Judge)
			return ok && slices.Contains(j.Ops(), f)
		}
		if !slices.ContainsFunc(cs, claims) {
			words = append(words, string(f))
			operations += n
		}
	}
	absent := slices.DeleteFunc(slices.Clone(t.own), func(name string) bool {
		return slices.ContainsFunc(cs, func(c Checker) bool { return c.Name() == name })
	})
	slices.Sort(words)
	if len(absent) > 0 {
		text := fmt.Sprintf("the run has checkers of its own that judge nothing here: %s", strings.Join(absent, ", "))
		if len(words) > 0 {
			text += fmt.Sprintf(", for %s (%s)", count.Many(operations, "operation"), strings.Join(words, ", "))
		}
		r.Doubt(text + "; its go test judges it whole")
	} else if len(words) > 0 {
		r.Doubt(fmt.Sprintf("no checker judges %s (%s)", count.Many(operations, "operation"), strings.Join(words, ", ")))
	}
}

// Doubt says why the history could not be judged as a whole: the verdict is then at
// best unknown.
func (r *Report) Doubt(text string) {
	if r.Problem != "" {
		text = r.Problem + "; " + text
	}
	r.Problem, r.Verdict = text, Worse(r.Verdict, Unknown)
}
