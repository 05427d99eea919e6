package screen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/text"
	"github.com/usurper/usurper/nemesis"
)

// plainWidth is how wide lines are that no terminal shows, in columns.
const plainWidth = 160

// fitProgress says in one line how a run stands, the faults in force before all that
// may be left out: what does not fit is left out from the least important on, and
// never cut in its midst while something else can go.
func fitProgress(p engine.Progress, width int) string {
	phase := p.Phase
	if phase == "" {
		phase = "start"
	}
	if p.Phase == engine.PhasePrepare { // nobody asks, and no fault is near
		return text.Shorten(joined([]string{fmt.Sprintf("%5.1fs  %s", p.At.Seconds(), phase), p.Doing}), width)
	}
	steps := ""
	if p.Steps > 0 {
		steps = fmt.Sprintf("%d/%d", p.Done, p.Steps)
	}
	when := fmt.Sprintf("%5.1fs  %-6s", p.At.Seconds(), phase)
	rate := fmt.Sprintf("%.0f ok/s", p.PerSec)
	all := strings.Join(p.Faults, "; ")
	first := all
	if len(p.Faults) > 1 {
		first = fmt.Sprintf("%s +%d", p.Faults[0], len(p.Faults)-1)
	}
	var line string
	for _, parts := range [][]string{
		{when, steps, all, leaderOf(p, false), rate},
		{when, steps, first, leaderOf(p, false), rate},
		{when, first, leaderOf(p, true), rate},
		{when, first, leaderOf(p, true)},
		{when, first},
		{strings.TrimSpace(when), first},
	} {
		line = joined(parts)
		if text.Columns(line) <= width {
			return line
		}
	}
	return text.Shorten(line, width)
}

// joined joins what there is, in printable characters.
func joined(parts []string) string {
	var said []string
	for _, part := range parts {
		if part != "" {
			said = append(said, part)
		}
	}
	return OneLine(strings.Join(said, "  "))
}

// OneLine is a text that moves no cursor.
func OneLine(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(verdict.Printable(s))
}

// leaderOf says who leads, in short without how that is known.
func leaderOf(p engine.Progress, short bool) string {
	l := p.Leader
	switch {
	case p.Untold:
		return ""
	case l.By == "":
		return "no leader yet"
	case l.Node == "" && l.Term == 0:
		return "no leader"
	case l.Node == "":
		return fmt.Sprintf("no leader since term %d", l.Term)
	}
	who := "leader " + l.Node
	if l.Term > 0 {
		who += fmt.Sprintf(" of term %d", l.Term)
	}
	if short {
		return who
	}
	return fmt.Sprintf("%s (%s)", who, l.By)
}

// membersOf says how each member stands, as many to a line as there is room for.
func membersOf(all []engine.MemberProgress, width int) []string {
	cells := make([]string, len(all))
	widest := 0
	for i := range all {
		cells[i] = text.Shorten(memberOf(&all[i], len(all)), width-2)
		widest = max(widest, text.Columns(cells[i]))
	}
	perLine := max(1, width/(widest+4))
	var lines []string
	for len(cells) > 0 {
		var b strings.Builder
		row := cells[:min(perLine, len(cells))]
		for i, cell := range row {
			b.WriteString("  " + cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widest+2-text.Columns(cell)))
			}
		}
		lines = append(lines, b.String())
		cells = cells[len(row):]
	}
	return lines
}

// memberOf says how one of so many members stands: what ails it comes first.
func memberOf(m *engine.MemberProgress, members int) string {
	said := m.Name
	switch {
	case m.Down:
		return OneLine(said + " down")
	case m.Paused:
		said += " paused"
	}
	if m.Role != "" {
		said += " " + m.Role
	}
	if m.Term > 0 {
		said += fmt.Sprintf(" %d", m.Term)
	}
	others := len(m.Cut)
	if slices.Contains(m.Cut, nemesis.Clients) {
		others--
	}
	switch {
	case len(m.Cut) == 0:
	case others == len(m.Cut) && others >= members-1:
		said += " cut off"
	default:
		said += " cut: " + strings.Join(m.Cut, " ")
	}
	return OneLine(said)
}
