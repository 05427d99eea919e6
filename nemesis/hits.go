package nemesis

import (
	"errors"
	"slices"
	"strings"
	"sync"
)

// Same is the word for the members that the step on the line before has hit, or is
// just hitting: those that it names, all and rest aside, or all that it touches if
// it names nobody else. A step that asks before that waits as it would for a leader.
// If the step before fires again and again, its last time counts, and if it was
// skipped, never fired or found nobody, the word means nobody.
const Same = "same"

// hits is whom the steps of an execution have hit, by number.
type hits struct {
	mu     sync.Mutex
	by     map[int][]string
	over   map[int]bool  // will not fire any more
	change chan struct{} // closed when there is next something new
}

func newHits() *hits {
	return &hits{by: make(map[int][]string), over: make(map[int]bool), change: make(chan struct{})}
}

// begins notes whom a step is about to hit; nobody if it turned out that it could
// not.
func (h *hits) begins(step int, nodes []string) {
	h.tell(func() { h.by[step] = nodes })
}

// ends notes that a step is over.
func (h *hits) ends(step int) {
	h.tell(func() { h.over[step] = true })
}

func (h *hits) tell(news func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	news()
	close(h.change)
	h.change = make(chan struct{})
}

// changed returns a channel that is closed at the next news.
func (h *hits) changed() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.change
}

var (
	errNotYet = nobody{"the step before it has hit nobody yet"}
	errMissed = errors.New("the step before it hit nobody")
)

// of returns whom a step has hit.
func (h *hits) of(step int) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch nodes := h.by[step]; {
	case len(nodes) > 0:
		return nodes, nil
	case h.over[step] || step == 0:
		return nil, errMissed
	}
	return nil, errNotYet
}

// hit returns whom the resolved fault hits, in order.
func (s *Scene) hit(resolved Fault) []string {
	left := strings.Fields(resolved.String())
	hit := slices.DeleteFunc(slices.Clone(s.struck), func(n string) bool { return !slices.Contains(left, n) })
	switch {
	case len(hit) > 0: // without those that are down already
		return s.inOrder(hit)
	case len(s.struck) > 0:
		return s.inOrder(s.struck)
	}
	return s.touched()
}

// links tells whether a fault goes by what the step before it hit.
func links(f Fault) bool { return slices.Contains(strings.Fields(f.String()), Same) }
