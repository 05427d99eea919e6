package picture

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// maxMessages is how many a picture shows, in all its windows.
const maxMessages = 4000

// What became of a message, as pictures say it. One that was dropped, of which a copy
// came through, is Arrived.
const (
	Arrived  = "delivered"
	Held     = "held" // by a fault for a while, or for good: Delivered says which
	Lost     = "dropped"
	InFlight = "in flight"
)

// messages follows those of elections until they come through.
type messages struct {
	open  map[uint64]*Message
	tells bool // the history tells of any, or that there were none
}

// message takes what became of a message.
func (m *maker) message(e *history.Event) {
	m.messages.tells = true
	r := e.Raft
	if r.Stage == history.Sent {
		if m.messages.open == nil {
			m.messages.open = make(map[uint64]*Message)
		}
		text, _, _ := strings.Cut(verdict.Describe(e), " [")
		m.messages.open[r.ID] = &Message{
			Sent: e.At, Delivered: -1, From: brief(r.Node, aWord), To: brief(r.Peer, aWord), Class: brief(r.Class, aWord),
			Term: r.Term, Granted: r.Granted, Fate: InFlight, Text: brief(text, aLine), Seq: e.Seq,
		}
		return
	}
	one := m.messages.open[r.ID]
	if one == nil { // it was sent before the history began
		return
	}
	switch r.Stage {
	case history.HeldBack:
		one.Fate = Held
	case history.Dropped:
		if one.Fate = Lost; !exact(m.windows, one.Sent, e.At+1) {
			delete(m.messages.open, r.ID)
		}
	case history.Delivered:
		if one.Fate != Held {
			one.Fate = Arrived
		}
		one.Delivered = max(e.At, one.Sent)
		m.passed(one, one.Delivered+1)
		delete(m.messages.open, r.ID)
	}
}

// passed gives a message to the windows that show it.
func (m *maker) passed(one *Message, to time.Duration) {
	for _, w := range m.windows {
		if one.Sent < w.To && to > w.From {
			w.Messages = append(w.Messages, *one)
		}
	}
}

// finishMessages takes those that never came through: a window shows them if they were
// sent in it, or are under way there.
func (m *maker) finishMessages() {
	for _, one := range m.messages.open {
		to := m.end + 1
		if one.Fate == Lost {
			to = one.Sent + 1
		}
		m.passed(one, to)
	}
	if !m.messages.tells {
		m.lack("the history does not tell of messages of elections: none are shown")
	}
	for _, w := range m.windows {
		room := maxMessages / len(m.windows)
		slices.SortFunc(w.Messages, func(a, b Message) int {
			return cmp.Or(cmp.Compare(w.far(a.Sent, a.Sent), w.far(b.Sent, b.Sent)), cmp.Compare(a.Seq, b.Seq))
		})
		if more := len(w.Messages) - room; more > 0 {
			w.Messages, w.Left = w.Messages[:room], w.Left+more
		}
		slices.SortFunc(w.Messages, func(a, b Message) int { return cmp.Compare(a.Seq, b.Seq) })
	}
}
