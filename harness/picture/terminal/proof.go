package terminal

import (
	"fmt"
	"strings"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/picture/columns"
)

// marks name the events of a proof.
const marks = "123456789abcdefghijklmnopqrstuvwxyz"

// mark is the name of the i-th event.
func mark(i int) string {
	if i < len(marks) {
		return marks[i : i+1]
	}
	return "*"
}

// proofMarks marks the events of the first proof; those of one column are below each other.
func (d *drawing) proofMarks() {
	if len(d.p.Proofs) == 0 {
		return
	}
	var rows []*row
	for i, e := range d.p.Proofs[0].Events {
		c := d.scale.At(e.At)
		if e.At == d.scale.To {
			c = d.scale.Columns - 1
		}
		if c < 0 || c >= d.scale.Columns {
			continue
		}
		at := 0
		for at < len(rows) && !rows[at].free(c, c+1) {
			at++
		}
		if at == len(rows) {
			rows = append(rows, d.row())
		}
		rows[at].put(c, mark(i), red)
	}
	for i, r := range rows {
		name := ""
		if i == 0 {
			name = "proof"
		}
		r.print(name, red)
	}
}

// proof tells what is wrong: the first violation event by event, of the others which rules
// they break; of a run that is not decided, why.
func (d *drawing) proof() {
	p := d.p
	if len(p.Proofs) == 0 {
		d.undecided()
		return
	}
	first := &p.Proofs[0]
	d.out.WriteString("\n")
	d.print(red, 2, "broken: "+d.rule(first))
	for i, e := range first.Events {
		outside := ""
		if e.At < d.o.From || e.At > d.o.To {
			outside = " (not in what is shown)"
		}
		d.print(plain, 14, fmt.Sprintf("  %s %10s  %s%s", mark(i), columns.Moment(e.At), d.words(e.Text), outside))
	}
	var said []string
	for _, s := range first.Sentences {
		said = append(said, d.words(s.Text))
		if s.Event >= 0 && s.Event < len(first.Events) {
			said = append(said, "["+mark(s.Event)+"]")
		}
	}
	if len(said) > 0 {
		d.print(plain, 2, "  "+strings.Join(said, " "))
	}
	d.others()
}

func (d *drawing) rule(p *picture.Proof) string { return d.words(p.Checker + ": " + p.Rule) }

// maxOthers bounds the further rules that are named.
const maxOthers = 8

func (d *drawing) others() {
	var names []string
	times := make(map[string]int)
	for i := range d.p.Proofs[1:] {
		name := d.rule(&d.p.Proofs[1+i])
		if times[name]++; times[name] == 1 {
			names = append(names, name)
		}
	}
	left := max(0, len(names)-maxOthers)
	for _, name := range names[:len(names)-left] {
		d.print(plain, 4, fmt.Sprintf("  also broken: %s (%d)", name, times[name]))
	}
	if left > 0 {
		d.print(plain, 4, fmt.Sprintf("  and %s more", count.Many(left, "rule")))
	}
}

// maxDoubts bounds the reasons for which a run is not decided.
const maxDoubts = 8

func (d *drawing) undecided() {
	said := 0
	for i := range d.p.Report.Results {
		r := &d.p.Report.Results[i]
		if r.Verdict != checker.Unknown {
			continue
		}
		for _, why := range append([]string{r.Summary}, r.Unknowns...)[min(1, len(r.Unknowns)):] {
			if said == 0 {
				d.out.WriteString("\n")
			}
			if said++; said > maxDoubts {
				d.print(yellow, 2, "and more")
				return
			}
			d.print(yellow, 2, d.words("not decided: "+r.Checker+": "+why))
		}
	}
}
