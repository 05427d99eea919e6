package verdict

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// shrinkable is a part of a history, P, that may be made smaller in ways that
// never make a legal one illegal: what is left proves as much as the whole.
type shrinkable[P any] interface {
	// ends lists when the operations ended that did, in any order.
	Ends() []int64
	// until returns the part as it was at a time: later calls left out, and what
	// had not ended by then open.
	Until(end int64) P
	// size is how many operations there are.
	Size() int
	// without leaves out operation i and what has to go with it. It reports whether
	// that is safe.
	Without(i int) (P, bool)
}

// MaxTrials bounds the searches that one explanation may take.
const MaxTrials = 400

// Shortest returns the shortest illegal beginning of an illegal part.
func Shortest[P shrinkable[P]](p P, illegal func(P) bool) P {
	ends := p.Ends()
	slices.Sort(ends)
	n, _ := slices.BinarySearchFunc(ends, true, func(end int64, _ bool) int {
		if illegal(p.Until(end)) {
			return 0
		}
		return -1
	})
	if n == len(ends) {
		return p
	}
	return p.Until(ends[n])
}

// Shrink returns a small part of an illegal one that is illegal too: its shortest
// illegal beginning, and of that no more than needed, from the last operation
// back.
func Shrink[P shrinkable[P]](p P, illegal func(P) bool) P {
	p = Shortest(p, illegal)
	for trial, i := 0, p.Size()-1; i >= 0 && trial < MaxTrials; i-- {
		if i >= p.Size() {
			continue // left out with a later one
		}
		less, safe := p.Without(i)
		if !safe {
			continue
		}
		trial++
		if illegal(less) {
			p = less
		}
	}
	return p
}

// MaxShown is how many operations an explanation shows that has more than MaxProven, and
// how many it tells of.
const MaxShown = 16

// Showable returns the operations that prove something or, if they are too many for an
// explanation, the last of them and what to say then.
func Showable[T any](ops []T) (last []T, note string) {
	if len(ops) <= MaxProven {
		return ops, ""
	}
	return ops[len(ops)-MaxShown:], fmt.Sprintf("; the last %d are shown", MaxShown)
}

// Both adds the two ends of an operation to the evidence; done has no Op if it
// never completed.
func Both(evidence []history.Event, invoke, done history.Event) []history.Event {
	evidence = append(evidence, invoke)
	if done.Op != nil {
		evidence = append(evidence, done)
	}
	return evidence
}
