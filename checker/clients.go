package checker

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// Clients returns new checkers that judge what clients saw and nothing else, for
// the histories of other tools, which tell of no members, no phases and no faults
// that usurper could judge: those of the given names, or all if there are none.
func Clients(o Options, names ...string) []Checker {
	all := []Checker{
		inTransactions(NewLinearizable(o)),
		NewMultiRegister(o),
		newClientSet(),
		NewTransactions(),
		NewAnswers(),
	}
	if len(names) == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(c Checker) bool { return !slices.Contains(names, c.Name()) })
}

// clientSet is Set for a history without phases, in which no read is known to be
// the final one. Its verdict needs a read of every key; what was acknowledged
// after the last one began is told, since nobody can have missed it.
type clientSet struct{ *Set }

// newClientSet returns the checker "set" for such a history.
func newClientSet() Checker { return clientSet{NewSet()} }

// Finish gives the verdict.
func (s clientSet) Finish() Result {
	var late int64
	for _, c := range s.order {
		var last uint64
		for i := range c.reads {
			last = max(last, c.reads[i].invoke.seq)
		}
		var acknowledged, after int64
		for n := range int32(len(c.values) + len(c.again)) {
			if a := c.addition(n); a.outcome == outcomeOK {
				acknowledged++
				if a.done.seq > last {
					after++
				}
			}
		}
		if acknowledged > 0 && len(c.reads) == 0 {
			s.unknown("key %s was never read: what became of %s is not known", c.key, many(acknowledged, "acknowledged addition"))
		}
		late += after
	}
	s.final = max(s.final, s.reads)
	r := s.Set.Finish()
	if r.Verdict == Valid && late > 0 {
		r.Summary += fmt.Sprintf("; %d acknowledged after the last read began", late)
	}
	return r
}

// Answers guards against the history in which nothing happened, which every other
// checker would call valid: it wants the whole history, and an operation that
// succeeded. It never says Invalid.
type Answers struct {
	findings
	counts map[history.OpType]int64
	ended  bool
}

// NewAnswers returns the checker "answers".
func NewAnswers() *Answers { return &Answers{counts: make(map[history.OpType]int64)} }

// Name returns "answers".
func (*Answers) Name() string { return "answers" }

// Event takes the next event.
func (a *Answers) Event(e *history.Event) {
	switch {
	case e.Op != nil:
		a.counts[e.Op.Type]++
	case e.Run != nil && e.Run.What == history.RunEnd:
		a.ended = true
	}
}

// Finish gives the verdict.
func (a *Answers) Finish() Result {
	tried, ok, failed := a.counts[history.Invoke], a.counts[history.OK], a.counts[history.Fail]
	switch {
	case tried == 0:
		a.unknown("no operation was tried")
	case ok == 0:
		a.unknown("none of %s succeeded", many(tried, "operation"))
	}
	if !a.ended {
		a.unknown("the history was cut short: it has no end")
	}
	return a.result(a.Name(), fmt.Sprintf("of %s %d succeeded, %d failed, %d have no answer", many(tried, "operation"), ok, failed, tried-ok-failed))
}
