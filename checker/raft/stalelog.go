package raft

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// StaleLog checks leader completeness (Raft §5.4): the winner of a term T holds
// every entry that a leader of a term below T committed.
//
// The rule is about terms, not about time. A candidate of term 3 whose votes
// were on their way may win after term 4 has committed entries that it lacks:
// that is legal, and it can do no harm, because a majority has left term 3.
// Because time does not matter, neither does the order in which the events of
// different members were merged: everything is decided at the end, from each
// leader's winning position and the furthest commit of lower terms.
//
// A winner lacks entry (e, i) for certain when
//   - its log ends before i; or
//   - its last entry's term is below e: terms never decrease along a log, so no
//     entry of it is of term e; or
//   - the lineage of leaders shows another term at i in its log.
//
// Where lineage is incomplete the pair is skipped. All of this is positive
// evidence; a source cut short can only hide a violation. Commits known from the
// wire need not name the entry's term, and then only the first case applies. If of
// no winner the wire shows where its log ended, nothing is judged.
type StaleLog struct {
	verdict.Findings
	verdict.Sources
	lineage     lineage
	commitments commitments
	winners     map[winner]history.Event
	crowned     bool // somebody won, with a log that is known or not
}

// winner identifies a leadership; a split term has several.
type winner struct {
	term uint64
	node string
	last history.Pos
}

// NewStaleLog returns the checker "stale-log".
func NewStaleLog() *StaleLog { return &StaleLog{winners: make(map[winner]history.Event)} }

// Name returns "stale-log".
func (*StaleLog) Name() string { return "stale-log" }

// Early returns AsEventsCome.
func (*StaleLog) Early() verdict.Early { return verdict.AsEventsCome }

// Kinds returns Rafts and Others.
func (*StaleLog) Kinds() verdict.Kinds { return verdict.Rafts | verdict.Others }

// Event takes the next event.
func (c *StaleLog) Event(e *history.Event) {
	r := c.Deed(e)
	if r == nil {
		return
	}
	switch r.What {
	case history.RaftLeader:
		c.lineage.crown(e)
		c.crowned = true
		if r.Source == history.Tap && r.Last == (history.Pos{}) {
			return
		}
		w := winner{r.Term, r.Node, r.Last}
		if _, ok := c.winners[w]; !ok {
			c.winners[w] = verdict.Keep(e)
		}
	case history.RaftCommit:
		if r.Index > 0 {
			c.commitments.add(e)
		}
	}
}

// Finish gives the verdict.
func (c *StaleLog) Finish() verdict.Result {
	if c.Blind() {
		c.Unknown(verdict.Undecoded + ", and the members write no trace: whoever won there is not known")
	}
	if why, ok := c.Silent(); ok {
		return c.Unchecked(c.Name(), why)
	}
	if c.crowned && len(c.winners) == 0 {
		return c.Unchecked(c.Name(), "the wire does not show where the log of a winner ended")
	}
	c.commitments.seal()
	var compared int64
	order := slices.SortedFunc(maps.Keys(c.winners), func(a, b winner) int {
		return cmp.Or(cmp.Compare(a.term, b.term), cmp.Compare(a.node, b.node), cmp.Compare(a.last.Index, b.last.Index))
	})
	for _, w := range order {
		if w.term == 0 {
			continue
		}
		if m := c.commitments.upTo(w.term - 1); m != nil {
			compared++
			c.judge(w, c.winners[w], m)
		}
	}
	c.Count("winners", int64(len(c.winners)))
	c.Count("compared", compared)
	return c.Result(c.Name(), fmt.Sprintf("%s, %d of them in terms after a commit, none without a committed entry",
		count.Many(len(c.winners), "winner"), compared))
}

// judge compares a winner's log with the furthest commit of lower terms.
func (c *StaleLog) judge(w winner, e history.Event, m *commitment) {
	const rule = "the winner lacks a committed entry"
	lacks := fmt.Sprintf("%s won term %d with its log ending at %s, without entry %s, which was committed in term %d",
		w.node, w.term, verdict.Place(w.last), history.Index(m.pos.Index), m.term)
	switch {
	case w.last.Index < m.pos.Index:
		c.Violate(rule, lacks, e, m.event)
	case m.pos.Term == 0:
	case w.last.Term < m.pos.Term:
		c.Violate(rule, fmt.Sprintf("%s won term %d with its log ending at %s, without entry %s, which was committed in term %d",
			w.node, w.term, verdict.Place(w.last), verdict.Place(m.pos), m.term), e, m.event)
	default:
		term, ok := c.lineage.termAt(w.last, m.pos.Index)
		if !ok {
			c.Count("undecided", 1)
			return
		}
		if term != m.pos.Term {
			c.Violate(rule, fmt.Sprintf("%s won term %d holding %s where %s was committed in term %d", w.node, w.term,
				verdict.Place(history.Pos{Term: term, Index: m.pos.Index}), verdict.Place(m.pos), m.term), e, m.event)
		}
	}
}
