package checker

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// shrinkable is a part of a history, P, that may be made smaller in ways that
// never make a legal one illegal: what is left proves as much as the whole.
type shrinkable[P any] interface {
	// ends lists when the operations ended that did, in any order.
	ends() []int64
	// until returns the part as it was at a time: later calls left out, and what
	// had not ended by then open.
	until(end int64) P
	// size is how many operations there are.
	size() int
	// without leaves out operation i and what has to go with it. It reports whether
	// that is safe.
	without(i int) (P, bool)
}

// maxTrials bounds the searches that one explanation may take.
const maxTrials = 400

// shortest returns the shortest illegal beginning of an illegal part.
func shortest[P shrinkable[P]](p P, illegal func(P) bool) P {
	ends := p.ends()
	slices.Sort(ends)
	n, _ := slices.BinarySearchFunc(ends, true, func(end int64, _ bool) int {
		if illegal(p.until(end)) {
			return 0
		}
		return -1
	})
	if n == len(ends) {
		return p
	}
	return p.until(ends[n])
}

// shrink returns a small part of an illegal one that is illegal too: its shortest
// illegal beginning, and of that no more than needed, from the last operation
// back.
func shrink[P shrinkable[P]](p P, illegal func(P) bool) P {
	p = shortest(p, illegal)
	for trial, i := 0, p.size()-1; i >= 0 && trial < maxTrials; i-- {
		if i >= p.size() {
			continue // left out with a later one
		}
		less, safe := p.without(i)
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

// maxShown is how many operations an explanation shows.
const maxShown = 16

// showable returns the last of the operations that prove something, as many as an
// explanation shows, and what to say if that is not all.
func showable[T any](ops []T) (last []T, note string) {
	if len(ops) <= maxShown {
		return ops, ""
	}
	return ops[len(ops)-maxShown:], fmt.Sprintf("; the last %d are shown", maxShown)
}

// both adds the two ends of an operation to the evidence; done has no Op if it
// never completed.
func both(evidence []history.Event, invoke, done history.Event) []history.Event {
	evidence = append(evidence, invoke)
	if done.Op != nil {
		evidence = append(evidence, done)
	}
	return evidence
}
