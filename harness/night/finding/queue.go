package finding

import (
	"cmp"
	"slices"
)

// Task is something to do for a finding.
type Task struct {
	ID      string
	What    What
	Example string // its name

	finding *Finding
}

// plans is how many examples of a finding are shrunk: the second one tells whether it is
// more than one bug.
const plans = 2

// Next lists what is to be done, the most urgent first; it is told from the files alone,
// so that whoever is killed goes on where he was. First all that are new are repeated,
// then they are shrunk, then a second run of those that have one plan already; then the
// same for the others. Among these the most frequent come first, the rarest last. What
// was tried in a night in vain is not tried again in that night. Resolved and muted ones have no turn.
func (r *Report) Next() []Task {
	var tasks []Task
	for _, fresh := range []bool{true, false} {
		for _, round := range []func(*Finding, string) (Task, bool){toRepeat, toShrink, toTellApart} {
			for _, f := range r.byRate() {
				if f.Muted || f.Status == Resolved || fresh != (f.Status == New || f.Status == Regressed) {
					continue
				}
				if t, ok := round(f, r.Night); ok {
					tasks = append(tasks, t)
				}
			}
		}
	}
	return tasks
}

// byRate returns one finding of each folder, the most frequent first.
func (r *Report) byRate() []*Finding {
	var all []*Finding
	for i := range r.Findings {
		f := &r.Findings[i]
		if !slices.ContainsFunc(all, func(o *Finding) bool { return o.folder == f.folder }) {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b *Finding) int { return cmp.Compare(b.Rate.K*a.Rate.N, a.Rate.K*b.Rate.N) })
	return all
}

func toRepeat(f *Finding, night string) (Task, bool) {
	if len(f.Examples) == 0 || f.Repeated() > 0 || len(f.shrunk) > 0 {
		return Task{}, false
	}
	for _, e := range f.Examples {
		if !f.tried(Repeat, e.Name, night) {
			return Task{f.ID, Repeat, e.Name, f}, true
		}
	}
	return Task{}, false
}

func toShrink(f *Finding, night string) (Task, bool) {
	if len(f.shrunk) > 0 {
		return Task{}, false
	}
	return another(f, night)
}

func toTellApart(f *Finding, night string) (Task, bool) {
	if len(f.shrunk) == 0 || len(f.shrunk) >= plans || f.runs < 2 {
		return Task{}, false
	}
	return another(f, night)
}

// another is to shrink an example that was not shrunk: the one that failed most often
// when it was repeated and, of equals, one that broke other rules besides than the one
// that was shrunk.
func another(f *Finding, night string) (Task, bool) {
	left := slices.DeleteFunc(slices.Clone(f.Examples), func(e Example) bool {
		return f.tried(Shrink, e.Name, night) || slices.ContainsFunc(f.shrunk, func(m Minimal) bool { return m.Of == e.Name })
	})
	if len(left) == 0 {
		return Task{}, false
	}
	slices.SortStableFunc(left, func(a, b Example) int {
		return cmp.Or(cmp.Compare(f.again(b.Name), f.again(a.Name)), cmp.Compare(f.alikeShrunk(&a), f.alikeShrunk(&b)))
	})
	return Task{f.ID, Shrink, left[0].Name, f}, true
}

// alikeShrunk counts the examples that were shrunk and broke the same rules.
func (f *Finding) alikeShrunk(e *Example) (n int) {
	for _, m := range f.shrunk {
		if slices.Equal(f.run(m.Of).Broke, e.Run.Broke) {
			n++
		}
	}
	return n
}

// again is the share of its runs in which an example failed again, below 0 if it never
// did, 0 if it was not tried.
func (f *Finding) again(example string) float64 {
	for _, t := range f.Tried {
		if t.What == Repeat && t.Of == example && t.Runs > 0 {
			return cmp.Or(float64(t.Reproduced)/float64(t.Runs), -1)
		}
	}
	return 0
}

// tried tells whether something was done to an example in the night: to repeat it, in
// any night.
func (f *Finding) tried(what What, example, night string) bool {
	return slices.ContainsFunc(f.Tried, func(t Tried) bool {
		return t.What == what && t.Of == example && (t.Night == night || what == Repeat && t.Problem == "")
	})
}

// Repeated is how many runs broke the rule again in the same way, of all that were made
// of its examples as they were.
func (f *Finding) Repeated() int {
	k := 0
	for _, t := range f.Tried {
		if t.What == Repeat {
			k += t.Reproduced
		}
	}
	return k
}
