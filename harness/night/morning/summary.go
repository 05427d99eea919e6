package morning

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/count"
)

// How much of each part the page has; night.json has all.
const (
	mostFindings = 100
	mostCells    = 60
	mostLines    = 100
)

// Summary is the page that a person reads in the morning, in Markdown: what the night
// was and why, doubts, findings, and then what they rest on. It is of a bounded size,
// says what it leaves out, and shows what members print as text and no more.
func (r *Report) Summary() string {
	var p page
	p.line("# %s", plain(r.Headline()))
	p.line("\n%s", plain(r.counts()))
	if extent := r.extent(); extent != "" {
		p.line("\n%s", plain(extent))
	}
	if len(r.Unshown) > 0 {
		hint := ""
		if len(r.Controls) == 0 {
			hint = " (controls: usual in the file of a night has some)"
		}
		p.line("\nno control shows that these see: %s%s", plainList(r.Unshown, ", "), hint)
	}
	var doubts []string
	for _, d := range r.Doubts {
		doubts = append(doubts, d.Text)
	}
	p.list("Doubts", mostLines, doubts)
	r.findings(&p)
	r.groups(&p)
	r.controls(&p)
	p.list("Covered", mostLines, r.Covered)
	r.cells(&p)
	r.faults(&p)
	if len(r.Unchecked) > 0 {
		var said []string
		for _, u := range r.Unchecked {
			said = append(said, u.String())
		}
		p.line("\n–  %s  not checked in any run", plainList(said, ", "))
	}
	if medians := r.Medians.String(); medians != "" {
		p.line("\nmedians: %s", plain(medians))
	}
	text := p.String()
	if p.left > 0 {
		text += fmt.Sprintf("\n%s left out, the page being full: night.json has all.\n", count.Many(p.left, "line"))
	}
	return text
}

// String is the checker and why it judged nothing.
func (u Unchecked) String() string {
	if u.Why == "" {
		return u.Checker
	}
	return fmt.Sprintf("%s (%s)", u.Checker, u.Why)
}

// plainList joins texts, each of which is cut by itself.
func plainList(texts []string, by string) string {
	said := make([]string, len(texts))
	for i, t := range texts {
		said[i] = plain(t)
	}
	return strings.Join(said, by)
}

// Headline is the verdict of the night in one line, and why.
func (r *Report) Headline() string {
	text := ""
	switch r.Verdict {
	case Found:
		text = "FINDINGS: "
	case Quiet:
		text = "QUIET: nothing new in " + count.Many(r.Runs.All, "run")
	default:
		text = "UNKNOWN: "
	}
	text += strings.Join(slices.Concat(r.News, r.Lacks), "; ")
	if r.Verdict == Quiet {
		if n := r.seen(Ongoing); n > 0 {
			text += "; " + count.Many(n, "finding") + " ongoing"
		}
	}
	if r.Muted > 0 {
		text += fmt.Sprintf("; %d muted", r.Muted)
	}
	if r.Going {
		text = "so far: " + text
	}
	return oneLine(text)
}

// seen counts the findings of a status that were seen, and are not muted.
func (r *Report) seen(s Status) int {
	n := 0
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Status == s && !f.Muted && f.Tonight > 0 {
			n++
		}
	}
	return n
}

// counts is how many runs there were, and what became of them.
func (r *Report) counts() string {
	c := r.Runs
	text := fmt.Sprintf("%s: %d valid, %d invalid, %d unknown, %d broken", count.Many(c.All, "run"), c.Valid, c.Invalid, c.Unknown, c.Broken)
	if r.Asked > 0 {
		text += fmt.Sprintf("; asked for: %d", r.Asked)
	}
	if r.Wall > 0 {
		text += fmt.Sprintf("; %s of runs in %s", span(r.Seconds), span(r.Wall))
	}
	return text
}

// extent is which nights these were, with the seeds that make them again.
func (r *Report) extent() string {
	var said []string
	for _, n := range r.Nights {
		text := fmt.Sprintf("night %s, seed %d", n.Night, n.Seed)
		if n.Shards > 1 {
			text += fmt.Sprintf(", shard %d of %d", n.Shard, n.Shards)
		}
		text += ", " + n.Begun.UTC().Format("2006-01-02 15:04") + " to "
		switch end := n.Ended.UTC(); {
		case n.Ended.IsZero():
			text += "…"
		case end.Format(time.DateOnly) == n.Begun.UTC().Format(time.DateOnly):
			text += end.Format("15:04 UTC")
		default:
			text += end.Format("2006-01-02 15:04 UTC")
		}
		said = append(said, text)
	}
	return strings.Join(said, "; ")
}

// findings are a row each, those of which no finding tells among the new ones.
func (r *Report) findings(p *page) {
	unfiled := len(r.Unfiled)
	p.table("Findings", []string{"status", "finding", "rule", "runs", "seen", "example", "commands"}, unfiled+len(r.Findings), mostFindings, func(i int) []string {
		if i < unfiled {
			u := &r.Unfiled[i]
			return []string{"**no finding**", "", said(u.name(), u.Text), count.Many(u.Runs, "run"), "", code(u.Dir), ""}
		}
		return r.Findings[i-unfiled].row()
	}, "`usurper findings` lists all, and so does night.json")
}

func (f *Finding) row() []string {
	status := plain(string(f.Status))
	if f.Status == New || f.Status == Regressed {
		status = "**" + status + "**"
	}
	if f.Muted {
		status += ", muted"
		if !f.Until.IsZero() {
			status += " until " + f.Until.UTC().Format(time.DateOnly)
		}
	}
	what := said(f.name(), f.Text)
	for _, more := range []string{f.State, f.Label} {
		if more != "" {
			what += "<br>" + plain(more)
		}
	}
	if len(f.Possibly) > 0 {
		what += "<br>possibly one bug with " + plain(strings.Join(f.Possibly, ", "))
	}
	if f.Several != "" {
		what += "<br>possibly several: " + plain(f.Several)
	}
	rate := fmt.Sprintf("%d tonight", f.Tonight)
	if all := f.rate(); all != "" {
		rate += "<br>" + plain(all)
	}
	commands := make([]string, len(f.Commands))
	for i, c := range f.Commands {
		commands[i] = code(c)
	}
	return []string{status, plain(f.ID), what, rate, f.seen(), code(f.Example), strings.Join(commands, "<br>")}
}

// seen is when it was seen first and last.
func (f *Finding) seen() string {
	var said []string
	if first := f.First.String(); first != "" {
		said = append(said, plain("first "+first))
	}
	if last := f.Last.String(); last != "" {
		said = append(said, plain("last "+last))
	}
	return strings.Join(said, "<br>")
}

// said is a rule, and below it what a run said of it.
func said(rule, text string) string {
	if text == "" || text == rule {
		return plain(rule)
	}
	return plain(rule) + "<br>" + plain(text)
}

// groups are the runs that came to no verdict, by reason.
func (r *Report) groups(p *page) {
	for _, part := range []struct {
		heading string
		groups  []Group
	}{{"Broken runs", r.Broken}, {"Unknown runs", r.Unknown}} {
		p.table(part.heading, []string{"runs", "why", "cells", "seeds", "example"}, len(part.groups), manyGroups, func(i int) []string {
			g := &part.groups[i]
			seeds := strings.Trim(fmt.Sprint(g.Seeds), "[]")
			if g.Runs > len(g.Seeds) {
				seeds += " …"
			}
			return []string{fmt.Sprint(g.Runs), plain(g.Why), plain(strings.Join(g.Cells, ", ")), seeds, code(g.Dir)}
		}, inJSON)
	}
}

// inJSON is where all is of which the page shows the beginning.
const inJSON = "night.json has all"

// controls tell what the night is known to see.
func (r *Report) controls(p *page) {
	p.table("Controls", []string{"control", "checker", "state", "last red", "tries"}, len(r.Controls), mostCells, func(i int) []string {
		c := &r.Controls[i]
		how := c.Untried
		if c.State == red {
			how = span(c.Age) + " ago"
		}
		return []string{plain(c.Name), plain(c.Checker), c.State, plain(how), fmt.Sprint(c.Tries)}
	}, inJSON)
}

// cells are what ran of the matrix, if there is one.
func (r *Report) cells(p *page) {
	if len(r.Cells) < 2 {
		return
	}
	p.table("Matrix", []string{"cell", "valid", "invalid", "unknown", "broken", "operations", "took"}, len(r.Cells), mostCells, func(i int) []string {
		c := &r.Cells[i]
		return []string{plain(c.Name), fmt.Sprint(c.Runs.Valid), fmt.Sprint(c.Runs.Invalid), fmt.Sprint(c.Runs.Unknown),
			fmt.Sprint(c.Runs.Broken), fmt.Sprint(c.OK), span(c.Seconds)}
	}, inJSON)
}

// faults are what bit.
func (r *Report) faults(p *page) {
	p.table("Faults", []string{"kind", "planned", "in force", "bit"}, len(r.Faults), mostCells, func(i int) []string {
		f := &r.Faults[i]
		return []string{plain(f.Kind), fmt.Sprint(f.Planned), fmt.Sprint(f.Fired), fmt.Sprint(f.Bit)}
	}, inJSON)
}

// span is a time of so many seconds, as people say it: 40s, 12m, 3h 12m, 2d 4h.
func span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	minutes, hours := int(d.Minutes()), int(d.Hours())
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", minutes)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh %dm", hours, minutes%60)
	}
	return fmt.Sprintf("%dd %dh", hours/24, hours%24)
}
