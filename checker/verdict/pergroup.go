package verdict

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// maxGroups bounds the groups that are judged beside the main one.
const maxGroups = 1024

// perGroup judges each Raft by itself, where members are of several: terms, votes and
// logs of one are nothing to another.
type perGroup struct {
	fresh   func() Checker
	main    Checker
	groups  map[string]*ofGroup
	order   []*ofGroup // the same, in order of appearance
	recent  *ofGroup   // the one asked for last
	run     []history.Event
	excused []history.Unjudged
	left    int64 // events of groups beyond maxGroups
}

// ofGroup is the checker of one group.
type ofGroup struct {
	Checker
	name string
}

// GroupOf returns the group that a proof is about.
func GroupOf(proof []history.Event) string {
	for i := range proof {
		if r := proof[i].Raft; r != nil {
			return r.Group
		}
	}
	return ""
}

// grouped is a checker that can be told that it judges a group other than the main one.
type grouped interface{ OfGroup() }

// excusable is a checker that can be told of a rule that it is not to judge.
type excusable interface{ Excuse(rule, why string) }

// PerGroup returns a checker that has one that fresh makes for each group of which raft
// events tell. Each is given what is told of the run and of processes; of all else the
// main group's is given what names no group. What is found in another group is told with
// its name. A history of one group costs what its checker does.
func PerGroup(fresh func() Checker) Checker { return &perGroup{fresh: fresh, main: fresh()} }

// Name returns that of the checkers.
func (p *perGroup) Name() string { return p.main.Name() }

// Early returns that of the checkers.
func (p *perGroup) Early() Early { return EarlyOf(p.main) }

// Kinds returns that of the checkers.
func (p *perGroup) Kinds() Kinds { return KindsOf(p.main) }

// Event takes the next event.
func (p *perGroup) Event(e *history.Event) {
	if r := e.Raft; r != nil {
		if r.Group == "" {
			p.main.Event(e)
		} else if c := p.of(r.Group); c != nil {
			c.Event(e)
		}
		return
	}
	if e.Run != nil || e.Proc != nil {
		p.common(e)
	}
	p.main.Event(e)
}

// common takes what is told of the run or of a process, which is told to all groups.
func (p *perGroup) common(e *history.Event) {
	if r := e.Run; r != nil {
		switch r.What {
		case history.RunBegin:
			if r.Wire != nil {
				p.excused = slices.Clone(r.Wire.Unjudged)
				p.excuse(p.main)
			}
		case history.RunUntap, history.RunUntrace, history.RunHeard, history.RunEnd:
		default:
			return // nothing follows from it for an election
		}
	}
	p.run = append(p.run, Keep(e))
	for _, g := range p.order {
		g.Event(e)
	}
}

// of returns the checker of a group, nil if there are too many.
func (p *perGroup) of(group string) *ofGroup {
	if p.recent != nil && p.recent.name == group {
		return p.recent
	}
	g := p.groups[group]
	if g == nil {
		if len(p.order) >= maxGroups {
			p.left++
			return nil
		}
		g = p.begin(strings.Clone(group))
	}
	p.recent = g
	return g
}

// begin makes the checker of a group, and tells it of the run so far.
func (p *perGroup) begin(group string) *ofGroup {
	g := &ofGroup{p.fresh(), group}
	if c, ok := g.Checker.(grouped); ok {
		c.OfGroup()
	}
	p.excuse(g.Checker)
	for i := range p.run {
		g.Event(&p.run[i])
	}
	if p.groups == nil {
		p.groups = make(map[string]*ofGroup)
	}
	p.groups[group] = g
	p.order = append(p.order, g)
	return g
}

func (p *perGroup) excuse(c Checker) {
	if x, ok := c.(excusable); ok {
		for _, u := range p.excused {
			x.Excuse(u.Rule, u.Why)
		}
	}
}

// Violated tells whether any rule is broken in any group.
func (p *perGroup) Violated() bool { return p.any(Watchful.Violated) }

// Breached tells whether the rule is broken in any group.
func (p *perGroup) Breached(rule string) bool {
	return p.any(func(w Watchful) bool { return w.Breached(rule) })
}

// any tells whether something holds for the checker of any group.
func (p *perGroup) any(holds func(Watchful) bool) bool {
	of := func(c Checker) bool {
		w, ok := c.(Watchful)
		return ok && holds(w)
	}
	return of(p.main) || slices.ContainsFunc(p.order, func(g *ofGroup) bool { return of(g.Checker) })
}

// Foresees lists the rules that would be broken in any group.
func (p *perGroup) Foresees(upTo uint64) []string {
	var rules []string
	foresee := func(c Checker) {
		if f, ok := c.(Foreseeing); ok {
			rules = Union(rules, f.Foresees(upTo))
		}
	}
	foresee(p.main)
	for _, g := range p.order {
		foresee(g.Checker)
	}
	return rules
}

// Finish gives the verdict on all groups.
func (p *perGroup) Finish() Result {
	out := p.main.Finish()
	if len(p.order) == 0 {
		return out
	}
	m := newMerge(out)
	for _, g := range slices.SortedFunc(slices.Values(p.order), func(a, b *ofGroup) int { return cmp.Compare(a.name, b.name) }) {
		m.add(g.name, g.Finish())
	}
	if p.left > 0 {
		m.unknown(fmt.Sprintf("%s of groups beyond the first %d: these are not judged", count.Many(p.left, "event"), maxGroups))
	}
	return m.result()
}

// merge makes one result of those of several groups.
type merge struct {
	Result
	kept     map[string]int // violations by rule
	judged   int64          // groups beside the main one that had something to judge
	example  string         // what the first of them says
	unjudged map[string]int // groups by what was not judged there
	more     int            // unknowns that are not named
}

// newMerge begins with the result of the main group.
func newMerge(main Result) *merge {
	m := &merge{Result: main, kept: make(map[string]int), unjudged: make(map[string]int)}
	m.Stats = maps.Clone(main.Stats)
	if m.Stats == nil {
		m.Stats = make(map[string]int64)
	}
	for _, u := range m.Unjudged {
		m.unjudged[u] = 1
	}
	return m
}

func (m *merge) add(group string, r Result) {
	for stat, n := range r.Stats {
		m.Stats[stat] += n
	}
	m.Verdict = Worse(m.Verdict, r.Verdict)
	if r.Verdict != Unchecked {
		if m.judged++; m.judged == 1 {
			m.example = group + ": " + r.Summary
		}
	}
	for _, v := range r.Violations {
		v.Text = inGroup(group, v.Text)
		m.Violations = append(m.Violations, v)
	}
	for _, u := range r.Unknowns {
		m.unknown(inGroup(group, u))
	}
	for _, u := range r.Unjudged {
		if m.unjudged[u]++; m.unjudged[u] == 1 {
			m.Unjudged = append(m.Unjudged, u)
		}
	}
}

func inGroup(group, text string) string { return "group " + group + ": " + text }

func (m *merge) unknown(text string) {
	m.Verdict = Worse(m.Verdict, Unknown)
	if len(m.Unknowns) >= maxUnknowns {
		m.more++
		return
	}
	m.Unknowns = append(m.Unknowns, text)
}

func (m *merge) result() Result {
	slices.SortStableFunc(m.Violations, func(a, b Violation) int { return cmp.Compare(a.Proven(), b.Proven()) })
	m.Violations = slices.DeleteFunc(m.Violations, func(v Violation) bool {
		m.kept[v.Rule]++
		return m.kept[v.Rule] > PerRule
	})
	if m.more > 0 {
		m.Unknowns = append(m.Unknowns, fmt.Sprintf("… and %d more", m.more))
	}
	for i, u := range m.Unjudged {
		if n := m.unjudged[u]; n > 1 {
			m.Unjudged[i] = fmt.Sprintf("%s (%d groups)", u, n)
		}
	}
	switch {
	case len(m.Violations) > 0:
		m.Summary = firstOf(m.Violations, m.Stats[violations])
	case len(m.Unknowns) > 0:
		m.Summary = FirstLine(m.Unknowns[0])
	case m.judged > 0 && strings.HasPrefix(m.Summary, uncheckedBecause):
		m.Summary = fmt.Sprintf("%s, such as %s", count.Many(m.judged, "group"), m.example)
	case m.judged > 0:
		m.Summary += fmt.Sprintf("; likewise in %s beside the main one", count.Many(m.judged, "group"))
	}
	return m.Result
}
