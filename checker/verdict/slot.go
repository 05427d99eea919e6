package verdict

import (
	"github.com/usurper/usurper/harness/history"
)

// Slot holds an event for use as evidence, without allocating for each. It must not
// be copied once it is set.
type Slot struct {
	Event history.Event
	Raft  history.Raft
}

// Set notes an event, which must be one of raft; nothing of it need live on.
func (s *Slot) Set(e *history.Event) {
	s.Event.Seq, s.Event.At = e.Seq, e.At
	s.Raft = *e.Raft
	s.Raft.Hashes, s.Raft.Voters, s.Raft.Outgoing, s.Raft.Learners = nil, nil, nil, nil
	s.Event.Raft = &s.Raft
}

// Get returns the event as evidence: none if none was set.
func (s *Slot) Get() []history.Event {
	if s.Event.Raft == nil {
		return nil
	}
	return []history.Event{Keep(&s.Event)}
}
