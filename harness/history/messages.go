package history

import (
	"sync"
	"sync/atomic"
)

const (
	// messageShare is how many events of a hundred may tell of messages.
	messageShare = 3
	// fewMessages is how many may at any rate: the first elections come before
	// anything else.
	fewMessages = 256
	// stagesBehind is how many further events a message that is told of may need: it is
	// held, dropped, and a copy of it delivered.
	stagesBehind = 3
	// maxLost bounds how many dropped messages are remembered for a copy that comes
	// through.
	maxLost = 256
)

// Messages records what becomes of the messages of elections: see RaftMessage. Such
// events are at most three of a hundred of a history, or 256 of a short one. A message
// that is told of is told of to its end, so that nobody takes it for one that is
// still on its way; of all others there is a count. It may be used by several
// goroutines.
type Messages struct {
	rec *Recorder

	open sync.Map     // *passing by the message's ID
	many atomic.Int64 // so many are open: nothing else needs a look

	mu       sync.Mutex
	seq      uint64
	reserved uint64 // further events that those that are open may need
	lost     []uint64
	messages uint64 // that are told of
	left     uint64 // and that are not
}

// passing is a message that is told of and has not come through.
type passing struct {
	sent          Raft
	held, dropped bool
	rest          uint64 // further events that it may need
}

// NewMessages records to rec.
func NewMessages(rec *Recorder) *Messages { return &Messages{rec: rec} }

// Sent takes a RaftMessage that is Sent, whose ID no other has; its Seq is set here. Of
// one without an ID nobody can say what became of it: it is not told of.
func (m *Messages) Sent(r Raft) {
	m.mu.Lock()
	defer m.mu.Unlock()
	room := max(fewMessages, m.rec.Len()*messageShare/100)
	if r.ID == 0 || m.seq+m.reserved+1+stagesBehind > room {
		m.left++
		return
	}
	m.messages++
	m.tellLocked(r)
	m.reserved += stagesBehind
	m.open.Store(r.ID, &passing{sent: r, rest: stagesBehind})
	m.many.Add(1)
}

// Reached takes it that the message with this ID has come to a further stage. It may
// be any: those that are not told of cost next to nothing.
func (m *Messages) Reached(stage Stage, id uint64) {
	if m.many.Load() == 0 {
		return
	}
	if _, ok := m.open.Load(id); !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	found, ok := m.open.Load(id)
	if !ok {
		return
	}
	p := found.(*passing)
	switch {
	case stage == HeldBack && !p.held && !p.dropped:
		p.held = true
	case stage == Dropped && !p.dropped:
		p.dropped = true
		if m.lost = append(m.lost, id); len(m.lost) > maxLost {
			m.closeLocked(m.lost[0])
			m.lost = m.lost[1:]
		}
	case stage == Delivered:
	default:
		return
	}
	p.rest--
	m.reserved--
	r := p.sent
	r.Stage = stage
	m.tellLocked(r)
	if stage == Delivered {
		m.closeLocked(id)
	}
}

// closeLocked forgets a message, and the room that was kept for it.
func (m *Messages) closeLocked(id uint64) {
	if found, ok := m.open.LoadAndDelete(id); ok {
		m.reserved -= found.(*passing).rest
		m.many.Add(-1)
	}
}

func (m *Messages) tellLocked(r Raft) {
	m.seq++
	r.Seq = m.seq
	m.rec.Record(Event{Raft: &r})
}

// Told returns the event that says how many messages are told of.
func (m *Messages) Told() Run {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Run{What: RunMessages, Messages: m.messages, Left: m.left}
}
