package picture

import (
	"cmp"
	"slices"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// maxDeeds is how many deeds of a lane are kept outside the windows, by each who tells
// of them.
const maxDeeds = 600

// deeds are those of a member that one teller tells of. Outside the windows one of a
// kind is kept of each stretch of the run that is as long as grain, which grows.
type deeds struct {
	kept, exact []Deed // the exact ones are in windows
	grain       time.Duration
	last        map[deedKind]time.Duration // when one of a kind was kept last
	folded      int
}

type deedKind struct {
	what    string
	granted bool
	stage   string
}

func (d *Deed) kind() deedKind { return deedKind{d.What, d.Granted, d.Stage} }

// deed takes what a member did, if it is drawn.
func (m *maker) deed(l *lane, e *history.Event) {
	d, t, ok := deedOf(l, e)
	if !ok {
		return
	}
	to := &l.deeds[t]
	exact := slices.ContainsFunc(m.windows, func(w *window) bool { return w.has(d.At) })
	if !exact && !to.room(&d) {
		to.folded++
		return
	}
	d.Text = brief(verdict.Describe(e), aLine)
	if exact {
		to.exact = append(to.exact, d)
		return
	}
	to.kept = append(to.kept, d)
	if len(to.kept) > maxDeeds {
		to.thin()
	}
}

// deedOf returns the deed, but for its words, and who tells of it.
func deedOf(l *lane, e *history.Event) (Deed, teller, bool) {
	d := Deed{At: e.At, Seq: e.Seq}
	switch {
	case e.Proc != nil:
		switch e.Proc.What {
		case history.ProcStart, history.ProcReady, history.ProcExit:
			d.What = string(e.Proc.What)
			return d, byTrace, true
		}
	case e.Run != nil:
		d.What = string(history.RunLog)
		return d, byTrace, true
	case e.Raft != nil:
		r := e.Raft
		switch r.What {
		case history.RaftCandidate, history.RaftVote, history.RaftPreVote, history.RaftLeader,
			history.RaftTruncate, history.RaftSnapshot, history.RaftInstall, history.RaftConfig, history.RaftRegress:
		default:
			return d, 0, false
		}
		d.What, d.Term, d.Peer, d.Granted = string(r.What), r.Term, brief(r.Peer, aWord), r.Granted
		if r.What == history.RaftVote || r.What == history.RaftPreVote {
			d.Reason = brief(string(r.Reason), aWord)
		}
		if r.Source == history.Tap {
			d.Stage = brief(string(r.Stage), aWord)
			return d, byTap, true
		}
		if r.Source == history.Trace && l.late(r.Inc) && r.Inc == l.ended { // told of after its end, done before
			d.At = min(d.At, l.endAt)
		}
		return d, byTrace, true
	}
	return d, 0, false
}

// room tells whether another deed may be kept outside the windows.
func (d *deeds) room(one *Deed) bool {
	if d.last == nil {
		d.last = make(map[deedKind]time.Duration)
	}
	at, known := d.last[one.kind()]
	if known && d.grain > 0 && one.At-at < d.grain {
		return false
	}
	d.last[one.kind()] = one.At
	return true
}

// thin folds half of what is kept, or more.
func (d *deeds) thin() {
	for d.grain = max(d.grain, 5*time.Millisecond); len(d.kept) > maxDeeds/2; {
		d.grain *= 2 // those of a kind are this far apart already
		clear(d.last)
		d.kept = slices.DeleteFunc(d.kept, func(one Deed) bool {
			folds := !d.room(&one)
			if folds {
				d.folded++
			}
			return folds
		})
	}
}

// done returns the deeds of the lane, in their order: processes', and those that a
// teller tells of.
func (l *lane) done(by teller) ([]Deed, int) {
	out, folded := []Deed{}, 0
	for _, t := range slices.Compact([]teller{byTrace, by}) {
		out = append(append(out, l.deeds[t].kept...), l.deeds[t].exact...)
		folded += l.deeds[t].folded
	}
	slices.SortStableFunc(out, func(a, b Deed) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Seq, b.Seq)) })
	return out, folded
}
