package engine

import (
	"errors"
	"fmt"
	"sync"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
)

const (
	// refusedRow is how many connections to one member in a row, and refusedShare
	// which part of at least refusedLeast, may be refused before the harness stands
	// between the members itself.
	refusedRow   = 5
	refusedLeast = 20
	refusedShare = 5 // one in so many
	// refusedNotes bounds how many of them are told one by one.
	refusedNotes = 20
)

// attributions counts the connections between members of which nobody could say who
// had dialled, as on a machine too busy to look it up.
//
// Such a connection is refused: its dialler gets a RST and dials again, as after
// any loss. It takes nothing away from what the taps saw. Not a byte of it was read,
// and the one who was dialled never heard of it, so no message was delivered on it
// that the taps lack; what its dialler wrote is a message lost, and no rule
// concludes anything from one that nobody saw. So the verdicts stand. Only if it
// goes on and on are members kept apart by the harness itself, which is no fault of
// the plan: then the run is unknown, and says of how many.
type attributions struct {
	mu      sync.Mutex
	all     map[string]int // by the member that was dialled
	refused map[string]int
	row     map[string]int // refused since the last one that was told
	notes   int
	told    map[string]int // refused when the run was last called unknown
}

// add takes what became of a connection and returns what to record of it, "" for
// nothing.
func (c *attributions) add(a fabric.Attribution) (what history.RunWhat, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all, c.refused = make(map[string]int), make(map[string]int)
		c.row, c.told = make(map[string]int), make(map[string]int)
	}
	to := a.Accepter
	switch {
	case a.Err == nil:
		c.all[to]++
		c.row[to] = 0
		return "", ""
	case !errors.Is(a.Err, fabric.ErrUnknownDialler):
		return "", "" // its dialler gave it up
	}
	c.all[to]++
	c.refused[to]++
	c.row[to]++
	n, row, all := c.refused[to], c.row[to], c.all[to]
	keeps := row >= refusedRow || all >= refusedLeast && n*refusedShare >= all
	if keeps && n >= 2*c.told[to] {
		c.told[to] = n
		return history.RunApart, fmt.Sprintf("%d of %d connections to %s were refused, the last %d in a row, since nobody could tell who had dialled: the machine is too busy", n, all, to, row)
	}
	if c.notes++; c.notes > refusedNotes {
		return "", ""
	}
	return history.RunNote, fmt.Sprintf("a connection to %s from %s was refused before a byte of it moved: %v (%d of %d so far)", to, a.Remote, a.Err, n, all)
}

// attributed records a connection between members that was refused because nobody
// could say who dialled it.
func (r *run) attributed(a fabric.Attribution) {
	what, text := r.diallers.add(a)
	if what == "" {
		return
	}
	r.rec.Record(history.Event{Run: &history.Run{What: what, Node: a.Accepter, Text: text}})
}
