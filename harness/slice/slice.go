// Package slice finds what can have led to a broken rule: from the events that prove it
// backwards along messages, operations and the starts of processes, as far as the
// history shows that one thing came before another.
//
// Read slice.go (what a slice is), proof.go (how one is found), graph.go (the search
// backwards), builder.go, raft.go and client.go (what joins two events). text.go and
// mermaid.go show one.
//
// That one event came before another is claimed only where the history shows it: both
// are of one process, whose trace is in order; one is a message or a promise that the
// other needs; or a client had its answer before it asked again. That two events are
// not joined proves nothing.
package slice

import (
	"iter"

	"github.com/usurper/usurper/harness/history"
)

// Slice is what can have led to a broken rule: the events nearest to its proof.
type Slice struct {
	// Events are nearest first: those of the proof, then those that led to them at once,
	// and so on; of one distance the latest first.
	Events []Event
	Edges  []Edge // between them, by To and From
	// Further counts events that can have led to it and are left out, since they are
	// further away than those here. Between counts what the members did besides
	// (entries, commits) between events that can have led to it. Others counts events
	// before the end of the proof that nothing in the history joins to it.
	Further, Between, Others int
	// Unknown says what the history does not tell, a sentence each.
	Unknown []string
}

// Event is one of a slice.
type Event struct {
	history.Event
	Proof    bool
	Distance int // in edges from the proof
}

// Edge says that the event From came before the event To, and how that is known. The
// numbers are those of the history.
type Edge struct {
	From, To uint64
	How      How
}

// How is why one event is known to have come before another.
type How uint8

// The reasons, in words: see String.
const (
	Before How = iota + 1 // in the same process
	Log                   // its log came from there
	Recovers
	Starts
	Asks
	Carries
	Counts
	Leads
	Proposes
	Commits
	Acks
	Answers
	Asked
	Wrote
	Over
	Client
	InForce
	Heals
	Wire
)

// String says how, as a remark on the earlier of the two.
func (h How) String() string {
	return [...]string{
		"", "earlier in the same process", "its log came from there", "the process before it, whose disk it took over",
		"the process was started", "it was asked", "the message on its way", "a vote that can have counted",
		"the leader whose word it took", "the entry was proposed there", "it was committed there", "it was acknowledged",
		"the decision that it tells", "whom the client asked, as it was then", "the value was written there",
		"it was over before this was asked", "the same client before", "a fault in force", "the fault's beginning",
		"by the member's own word",
	}[h]
}

// Make reads a history twice and returns what led to the proof, at most limit events
// and never fewer than the proof has. The events after the proof are not read.
func Make(read func() iter.Seq2[*history.Event, error], proof []history.Event, limit int) (Slice, error) {
	all, err := All(read, [][]history.Event{proof}, limit)
	if err != nil {
		return Slice{}, err
	}
	return all[0], nil
}

// All returns the slices of several proofs, each as Make makes it. The history is read
// twice, however many there are.
func All(read func() iter.Seq2[*history.Event, error], proofs [][]history.Event, limit int) ([]Slice, error) {
	b := newBuilder(proofs, limit)
	if err := b.read(read(), b.take); err != nil {
		return nil, err
	}
	for _, p := range b.proofs { // whose last event the history lacks
		p.search(b)
	}
	told := tally{deeds: make(map[string]*int)}
	if err := b.read(read(), func(e *history.Event) { told.take(e, b.proofs) }); err != nil {
		return nil, err
	}
	all := make([]Slice, len(b.proofs))
	for i, p := range b.proofs {
		if !p.counts.closed {
			told.close(p)
		}
		if len(p.events) > 0 {
			all[i] = p.slice()
		}
	}
	return all, nil
}
