package terminal

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/picture/columns"
)

// maxTold is how many lines of elections are told.
const maxTold = 20

// told is something of an election, in words.
type told struct {
	at   time.Duration
	seq  uint64
	text string
}

// elections tells, of a stretch that was asked for, who stood, who voted for another and
// who won in it, and what became of messages that did not simply arrive.
func (d *drawing) elections() {
	if !d.part {
		return
	}
	var all []told
	for i := range d.p.Lanes {
		for k := range d.p.Lanes[i].Deeds {
			if deed := &d.p.Lanes[i].Deeds[k]; decides(deed) && deed.Peer != d.p.Lanes[i].Member {
				all = append(all, told{deed.At, deed.Seq, deed.Text})
			}
		}
	}
	for i := range d.p.Windows {
		for k := range d.p.Windows[i].Messages {
			if m := &d.p.Windows[i].Messages[k]; m.Fate != picture.Arrived {
				all = append(all, told{m.Sent, m.Seq, m.Text + ": " + fate(m)})
			}
		}
	}
	all = slices.DeleteFunc(all, func(e told) bool { return e.at < d.o.From || e.at > d.o.To })
	slices.SortStableFunc(all, func(a, b told) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq)) })
	if len(all) == 0 {
		return
	}
	d.out.WriteString("\n")
	d.print(plain, 2, "elections:")
	for _, e := range all[:min(len(all), maxTold)] {
		d.print(plain, 14, fmt.Sprintf("  %10s  %s", columns.Moment(e.at), d.words(e.text)))
	}
	if more := len(all) - maxTold; more > 0 {
		d.print(plain, 2, fmt.Sprintf("  and %s: draw a shorter stretch with --from and --to", count.Many(more, "more line")))
	}
}

// decides tells whether a deed is told of: on the wire, only what was sent.
func decides(deed *picture.Deed) bool {
	switch deed.What {
	case "candidate", "vote", "leader":
		return deed.Stage == "" || deed.Stage == "sent"
	}
	return false
}

// fate says what became of a message.
func fate(m *picture.Message) string {
	if m.Delivered >= 0 {
		return fmt.Sprintf("%s, delivered at %s", m.Fate, columns.Moment(m.Delivered))
	}
	return m.Fate
}
