package checker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/text"
)

// maxLines is how many lines a timeline may have: beyond them it shows nothing that
// its events do not.
const maxLines = 12

// timeline draws the operations of clients among the events, a line for each
// operation, in the order in which they began:
//
//	client 1  |-put "a"-|
//	client 1             |-put "b"-|
//	client 2                        |-get = "a"-|
//
// What overlaps in the drawing overlapped in the run; the widths mean nothing. An
// operation without an answer ends in "…". It returns nothing if there are
// fewer than two operations, or too many, also for a width in columns.
func timeline(events []history.Event, width int) []string {
	spells := spellsOf(events)
	if len(spells) < 2 || len(spells) > maxLines {
		return nil
	}
	// Every end of an operation has a column. Between the ends of one there is
	// room for its text.
	type end struct {
		seq  uint64
		s    *spell
		last bool
	}
	var ends []end
	for i := range spells {
		s := &spells[i]
		ends = append(ends, end{s.from, s, false})
		if s.to != 0 {
			ends = append(ends, end{s.to, s, true})
		}
	}
	slices.SortFunc(ends, func(a, b end) int { return cmp.Compare(a.seq, b.seq) })
	column := 0
	for _, e := range ends {
		if !e.last {
			e.s.left = column
		} else {
			column = max(column, e.s.left+text.Columns(e.s.text)+3)
			e.s.right = column
		}
		column++
	}
	var lines []string
	for i := range spells {
		s := &spells[i]
		line := fmt.Sprintf("%-*s  %s%s", widest(spells), s.who, strings.Repeat(" ", s.left), s.bar())
		if text.Columns(line) > width {
			return nil
		}
		lines = append(lines, line)
	}
	return lines
}

// spell is the time of one operation.
type spell struct {
	who, text   string
	process     int
	from, to    uint64 // to is 0 while it is open
	left, right int    // columns
}

func (s *spell) bar() string {
	if s.to == 0 {
		return "|-" + s.text + "-…"
	}
	return "|-" + s.text + strings.Repeat("-", max(s.right-s.left-2-text.Columns(s.text), 1)) + "|"
}

func widest(spells []spell) int {
	width := 0
	for _, s := range spells {
		width = max(width, len(s.who))
	}
	return width
}

// spellsOf pairs the invocations and completions among the events.
func spellsOf(events []history.Event) []spell {
	var spells []spell
	for i := range events {
		e := &events[i]
		if e.Op == nil || e.Op.F == history.FTxn {
			continue
		}
		call := strings.NewReplacer(" to "+e.Op.Key, "", " "+e.Op.Key, "").Replace(verdict.Call(e.Op))
		if e.Op.Type == history.Invoke {
			spells = append(spells, spell{
				who: fmt.Sprintf("client %d", e.Op.Process), text: call, process: e.Op.Process, from: e.Seq,
			})
			continue
		}
		at := len(spells) - 1
		for at >= 0 && (spells[at].process != e.Op.Process || spells[at].to != 0) {
			at--
		}
		switch {
		case at < 0 || e.Op.Type == history.Info:
		case e.Op.Type == history.Fail:
			spells[at].to, spells[at].text = e.Seq, call+" fails"
			if e.Op.Saw {
				spells[at].text += ", saw " + verdict.Value(e.Op.Got)
			}
		default:
			spells[at].to, spells[at].text = e.Seq, call+verdict.Answer(e.Op)
		}
	}
	return spells
}
