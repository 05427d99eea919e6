package set

import (
	"fmt"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
)

// clients is a Checker for a history without phases, in which no read is known to be
// the final one. Its verdict needs a read of every key; what was acknowledged
// after the last one began is told, since nobody can have missed it.
type clients struct{ *Checker }

// newClientSet returns the checker "set" for such a history.
func NewOfClients() verdict.Checker { return clients{New()} }

// Finish gives the verdict.
func (s clients) Finish() verdict.Result {
	var late int64
	for _, c := range s.order {
		var last uint64
		for i := range c.reads {
			last = max(last, c.reads[i].invoke.Seq)
		}
		var acknowledged, after int64
		for n := range int32(len(c.values) + len(c.again)) {
			if a := c.addition(n); a.outcome == verdict.OK {
				acknowledged++
				if a.done.Seq > last {
					after++
				}
			}
		}
		if acknowledged > 0 && len(c.reads) == 0 {
			s.Unknown("key %s was never read: what became of %s is not known", c.key, count.Many(acknowledged, "acknowledged addition"))
		}
		late += after
	}
	s.final = max(s.final, s.reads)
	r := s.Checker.Finish()
	if r.Verdict == verdict.Valid && late > 0 {
		r.Summary += fmt.Sprintf("; %d acknowledged after the last read began", late)
	}
	return r
}
