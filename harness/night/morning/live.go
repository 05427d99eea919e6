package morning

import (
	"fmt"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/text"
)

// Running is a cluster of the night at this moment. What is not known is zero.
type Running struct {
	Number  int           `json:"number"` // of the run, 0 for a control
	Cell    string        `json:"cell"`
	Control string        `json:"control,omitempty"`
	Seed    uint64        `json:"seed"`
	Phase   string        `json:"phase,omitempty"`  // as histories have them
	Left    time.Duration `json:"left"`             // until its attack ends as planned
	Leader  string        `json:"leader,omitempty"` // a member
	Term    uint64        `json:"term,omitempty"`
	Faults  []string      `json:"faults,omitempty"` // in force, the latest first
	PerSec  float64       `json:"per_sec"`          // operations that succeeded a second, lately
}

// Live is how a night stands while it goes on.
type Live struct {
	Runs     Counts
	Asked    int           // runs; 0 for as many as there is time for
	Elapsed  time.Duration // since the night began
	For      time.Duration // how long it is to take; 0 without a bound
	Findings []Finding     // that were seen in it
	Running  []Running
}

// Line is how the night stands in one line, for where there is no terminal.
func (l *Live) Line() string { return oneLine(strings.Join(l.parts(), "; ")) }

func (l *Live) parts() []string {
	c := l.Runs
	runs := count.Many(c.All, "run")
	if l.Asked > 0 {
		runs = fmt.Sprintf("%d of %s", c.All, count.Many(l.Asked, "run"))
	}
	var classes []string
	for _, class := range []struct {
		n    int
		name string
	}{{c.Valid, "valid"}, {c.Invalid, "invalid"}, {c.Unknown, "unknown"}, {c.Broken, "broken"}} {
		if class.n > 0 {
			classes = append(classes, fmt.Sprintf("%d %s", class.n, class.name))
		}
	}
	if len(classes) > 0 {
		runs += ": " + strings.Join(classes, ", ")
	}
	when := span(l.Elapsed.Seconds())
	if l.For > 0 {
		when += " of " + span(l.For.Seconds())
	}
	parts := []string{when, runs}
	if n := len(l.Running); n > 0 {
		parts = append(parts, count.Many(n, "cluster")+" running")
	}
	by := make(map[Status]int)
	for i := range l.Findings {
		if !l.Findings[i].Muted {
			by[l.Findings[i].Status]++
		}
	}
	for _, s := range statuses() {
		if n := by[s]; n > 0 && s != Resolved {
			parts = append(parts, count.Many(n, string(s)+" finding"))
		}
	}
	return parts
}

// Table is how the night stands in lines for a terminal of so many columns and rows:
// its clusters, and below them its findings, the news first. There are fewer lines than
// rows, and none is wider than the terminal.
func (l *Live) Table(width, height int) []string {
	width = max(width-1, 1) // the last column makes some terminals wrap
	lines := []string{text.Shorten(l.Line(), width)}
	room := max(height-2, 0)
	findings := l.shown()
	clusters := l.clusters(width)
	if most := max(room-min(len(findings), room/3), 0); len(clusters) > most {
		clusters = cutLines(clusters, most, "cluster")
	}
	if most := room - len(clusters); len(findings) > most {
		findings = cutLines(findings, most, "finding")
	}
	for _, line := range append(clusters, findings...) {
		lines = append(lines, text.Shorten(line, width))
	}
	return lines
}

// cutLines leaves so many of the lines, the last of which tells how many are missing.
func cutLines(lines []string, most int, what string) []string {
	if most < 1 {
		return nil
	}
	return append(lines[:most-1:most-1], fmt.Sprintf("  … and %s", count.Many(len(lines)-most+1, "more "+what)))
}

// clusters has a row for each cluster, columns one below the other. The faults are
// last, since they may be long.
func (l *Live) clusters(width int) []string {
	rows := make([][]string, len(l.Running))
	var widths []int
	for i := range l.Running {
		rows[i] = l.Running[i].columns(width)
		for c, cell := range rows[i] {
			if c == len(widths) {
				widths = append(widths, 0)
			}
			widths[c] = max(widths[c], text.Columns(cell))
		}
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		var b strings.Builder
		for c, cell := range row {
			if widths[c] == 0 {
				continue
			}
			b.WriteString("  " + cell + strings.Repeat(" ", widths[c]-text.Columns(cell)))
		}
		lines[i] = strings.TrimRight(b.String(), " ")
	}
	return lines
}

// columns are what is said of a cluster.
func (r *Running) columns(width int) []string {
	what := r.Cell
	if r.Control != "" {
		what = "control " + r.Control
	}
	leader := ""
	switch {
	case r.Leader != "" && r.Term > 0:
		leader = fmt.Sprintf("%s leads %d", r.Leader, r.Term)
	case r.Leader != "":
		leader = r.Leader + " leads"
	case r.Term > 0:
		leader = fmt.Sprintf("no leader, %d", r.Term)
	}
	faults := strings.Join(r.Faults, "; ")
	if len(r.Faults) > 1 {
		faults = fmt.Sprintf("%s +%d", r.Faults[0], len(r.Faults)-1)
	}
	left := ""
	if r.Left > 0 {
		left = span(r.Left.Seconds()) + " left"
	}
	columns := []string{text.Shorten(oneLine(what), max(width/3, 8)), fmt.Sprintf("seed %d", r.Seed), r.Phase, left,
		leader, fmt.Sprintf("%.0f ok/s", r.PerSec), faults}
	for i := range columns {
		columns[i] = oneLine(columns[i])
	}
	return columns
}

// shown are the findings that were seen tonight, a line each.
func (l *Live) shown() []string {
	var lines []string
	for _, f := range inOrder(l.Findings) {
		if f.Status == Resolved {
			continue
		}
		status := string(f.Status)
		if f.Muted {
			status = "muted"
		}
		lines = append(lines, oneLine(fmt.Sprintf("  %-9s  %s  %s", status, count.Many(f.Tonight, "run"), f.name())))
	}
	return lines
}
