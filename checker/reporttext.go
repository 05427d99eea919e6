package checker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/text"
)

// Width is how wide reports and stories are that no terminal shows, in columns.
const Width = 120

// String is Text of that Width.
func (r Report) String() string { return r.Text(Width) }

// Text renders the report for people, in printable characters, wrapped to a number of
// columns: the verdict, then every violation with the events that prove it, then what
// is unknown, then one line for each checker, what is told without being judged, which
// rules were not, and one line for all that judged nothing. It ends with the verdict, and why, since that
// is what stays on a screen.
func (r Report) Text(width int) string {
	p := printer{width: width}
	said := strings.ToUpper(string(r.Verdict)) + "  "
	p.line(len(said), "%s%s", said, r.Run)
	if r.Problem != "" {
		p.line(4, "  %s", r.Problem)
	}
	for i := range r.Results {
		p.violations(&r.Results[i])
	}
	if len(r.Failed()) > 0 && r.Run.Faults > 0 {
		p.line(0, "")
		p.line(2, "%s", clocks{faults: r.Run.Faults, begun: true})
	}
	for i := range r.Results {
		p.unknowns(&r.Results[i])
	}
	p.line(0, "")
	const column = 25 // of what checkers say
	for _, result := range r.Results {
		if result.Verdict != Unchecked {
			p.line(column, "  %-8s %-13s %s", result.Verdict, result.Checker, result.Summary)
		}
	}
	for _, result := range r.Results {
		if result.Told != "" {
			p.line(column, "  %-8s %-13s %s", "told", result.Checker, result.Told)
		}
	}
	r.leftOut(&p, column)
	if idle := r.Unchecked(); idle != "" {
		p.line(11, "  %s", idle)
	}
	p.line(0, "")
	p.line(len(said), "%s%s", said, r.why())
	return p.String()
}

// why says in a line what the verdict comes from.
func (r Report) why() string {
	switch r.Verdict {
	case Invalid:
		return r.broken()
	case Valid:
		return r.judged()
	}
	if r.Problem != "" {
		return r.Problem
	}
	var names, follow []string // from what others say
	for i := range r.Results {
		result := &r.Results[i]
		said := fmt.Sprintf("%s: %s", result.Checker, result.Summary)
		switch {
		case result.Verdict != Unknown:
		case strings.HasPrefix(result.Summary, verdict.Undecoded):
			follow = append(follow, said)
		default:
			names = append(names, said)
		}
	}
	names = append(names, follow...)
	if len(names) > 1 {
		names = append(names[:1], count.Many(len(names)-1, "other"))
	}
	return strings.Join(names, "; ")
}

// leftOut prints which rules were not judged, each once: those to which all members are not
// held, several checkers tell of.
func (r Report) leftOut(p *printer, column int) {
	by := make(map[string]int)
	for _, result := range r.Results {
		for _, rule := range result.Unjudged {
			by[rule]++
		}
	}
	for _, result := range r.Results {
		for _, rule := range result.Unjudged {
			name := result.Checker
			if by[rule] > 1 {
				name = ""
			}
			if by[rule] > 0 {
				p.line(column, "  %-8s %-13s %s", "unjudged", name, rule)
			}
			if name == "" {
				by[rule] = 0
			}
		}
	}
}

// broken says which rule the history proves broken first, as explain does, and who
// else found one.
func (r Report) broken() string {
	all := r.Breaches()
	if len(all) == 0 {
		return verdict.OrElse(r.Problem, strings.Join(r.Failed(), ", "))
	}
	first, _ := r.Violation(all[0])
	why := fmt.Sprintf("%s: %s", all[0].Checker, first.Text)
	others := slices.DeleteFunc(r.Failed(), func(name string) bool { return name == all[0].Checker })
	if len(others) > 0 {
		why += "; also broken: " + strings.Join(others, ", ")
	}
	return why
}

// judged says who judged a valid history.
func (r Report) judged() string {
	idle := 0
	for i := range r.Results {
		if r.Results[i].Verdict == Unchecked {
			idle++
		}
	}
	said := count.Many(len(r.Results)-idle, "checker") + " found nothing wrong"
	if idle > 0 {
		said += fmt.Sprintf(", %d had nothing to judge", idle)
	}
	return said
}

// printer lays out lines of a width.
type printer struct {
	strings.Builder
	width int
}

// line writes a text of which all lines but the first are indented.
func (p *printer) line(indent int, format string, args ...any) {
	said := verdict.Printable(fmt.Sprintf(format, args...))
	p.WriteString(text.Wrap(said, p.width, indent) + "\n")
}

// moments is the column of what events tell.
const moments = 13

func (p *printer) violations(result *Result) {
	for _, v := range result.Violations {
		p.line(0, "")
		p.line(9, "INVALID  %s: %s", result.Checker, v.Text)
		for i := range v.Events {
			e := &v.Events[i]
			p.line(moments, "  %9s  %s", verdict.Seconds(e.At), verdict.Describe(e))
		}
		for _, line := range timeline(v.Events, p.width-moments) {
			p.WriteString(verdict.Printable(strings.Repeat(" ", moments)+line) + "\n")
		}
	}
	if total := result.Stats["violations"]; total > int64(len(result.Violations)) && len(result.Violations) > 0 {
		p.line(4, "  … and %d more from %s", total-int64(len(result.Violations)), result.Checker)
	}
}

func (p *printer) unknowns(result *Result) {
	if len(result.Unknowns) == 0 {
		return
	}
	p.line(0, "")
	p.line(0, "UNKNOWN  %s", result.Checker)
	for _, u := range result.Unknowns {
		p.line(4, "  %s", strings.TrimRight(u, "\n"))
	}
}
