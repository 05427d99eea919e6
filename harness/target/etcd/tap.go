package etcd

import (
	"fmt"
	"sync"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// maxExpected bounds the messages of elections that are remembered until the fabric
// says which they are, and the vote responses while they are on their way.
const maxExpected = 1 << 14

// observer decodes etcd's peer traffic as it splits it: much of a stream means
// nothing without what came before on the same connection, which only a splitter
// knows. So a run has one observer that is its fabric's Protocol and its Tap.
type observer struct {
	tap *tap.Assembler // nil: nobody wants to know

	mu       sync.Mutex
	members  map[uint64]identity // by etcd's id
	expected map[onWay]*sighting
	answers  map[uint64]tap.Message // to votes, on their way through the fabric
}

// identity is a member's name, and how many members had it before. etcd gives a
// member that is removed and added again a new id: it is another one, which has
// promised nothing.
type identity struct {
	name    string
	renewed uint64
}

// onWay is a frame with a message of an election that enters the fabric. Two that are
// the same byte for byte mean the same.
type onWay struct {
	link  fabric.Link
	frame string
}

// sighting is what the splitter found in a frame of which the fabric is still to say
// which it is.
type sighting struct {
	message tap.Message
	copies  int
}

func newObserver(t *tap.Assembler) *observer {
	return &observer{tap: t, members: make(map[uint64]identity), expected: make(map[onWay]*sighting), answers: make(map[uint64]tap.Message)}
}

var _ fabric.Protocol = (*observer)(nil)

// Open returns the splitters of a connection. What they decode is observed as
// sent at once; the stages behind that come to Frame.
func (o *observer) Open(dialler, accepter string) (forward, backward fabric.Splitter) {
	c := &conn{tap: o}
	return &direction{conn: c, link: fabric.Link{From: dialler, To: accepter}},
		&direction{conn: c, link: fabric.Link{From: accepter, To: dialler}, answer: true}
}

// Lossy returns false: a frame missing from the middle of a stream breaks it.
func (*observer) Lossy(string) bool { return false }

// Classes lists the classes of frames.
func (*observer) Classes() []string { return classes() }

// Frame tells of messages of elections that enter the fabric, and observes how far the
// answers to votes come.
func (o *observer) Frame(stage fabric.Stage, f fabric.Frame) {
	switch {
	case o.tap == nil || !elects(f.Class):
	case stage == fabric.Sent:
		if m, ok := o.enters(f); ok {
			o.tap.Passes(f.ID, m)
		}
	case stage != fabric.Held && answersVote(f.Class):
		o.mu.Lock()
		m, ok := o.answers[f.ID]
		delete(o.answers, f.ID)
		o.mu.Unlock()
		if ok {
			o.tap.Observe(history.Stage(stage), m)
		}
	}
}

// enters returns the message that the splitter found in a frame.
func (o *observer) enters(f fabric.Frame) (tap.Message, bool) {
	key := onWay{f.Link, string(f.Bytes)}
	o.mu.Lock()
	defer o.mu.Unlock()
	s, ok := o.expected[key]
	if !ok {
		return tap.Message{}, false
	}
	if s.copies--; s.copies == 0 {
		delete(o.expected, key)
	}
	if answersVote(f.Class) && len(o.answers) < maxExpected {
		o.answers[f.ID] = s.message
	}
	return s.message, true
}

// Flush tells what was held back to coalesce it.
func (o *observer) Flush() {
	if o.tap != nil {
		o.tap.Flush()
	}
}

// sent observes a message that has entered the fabric.
func (o *observer) sent(link fabric.Link, class string, m *raftpb.Message) {
	switch class {
	case classPropose, classReadIndex, classReadIndexResponse:
		return // they mean nothing to a tap
	case classTransfer:
		if m.Type != raftpb.MsgTimeoutNow {
			return // a wish, not a word
		}
	case classAppend:
		if changesMembers(m.Entries) {
			o.reconfigured()
		}
	}
	if o.tap != nil {
		o.tap.Observe(history.Sent, o.observed(link, class, m))
	}
}

// observed is what a tap makes of a message between known members.
func (o *observer) observed(link fabric.Link, class string, m *raftpb.Message) tap.Message {
	t := observed(link, class, m)
	o.mu.Lock()
	defer o.mu.Unlock()
	t.FromNew, t.ToNew = o.members[m.From].renewed, o.members[m.To].renewed
	return t
}

func changesMembers(entries []raftpb.Entry) bool {
	for i := range entries {
		if entries[i].Type != raftpb.EntryNormal {
			return true
		}
	}
	return false
}

// reconfigured takes an entry that changes the members.
func (o *observer) reconfigured() {
	if o.tap != nil {
		o.tap.Reconfigured("")
	}
}

// observe is sent for a message without a form of its own on the wire, between
// the members with these ids.
func (o *observer) observe(m *tap.Message, from, to uint64) {
	if o.tap == nil {
		return
	}
	o.mu.Lock()
	m.FromNew, m.ToNew = o.members[from].renewed, o.members[to].renewed
	o.mu.Unlock()
	o.tap.Observe(history.Sent, *m)
}

// expect remembers a message of an election until Frame tells which it is.
func (o *observer) expect(link fabric.Link, frame []byte, m *raftpb.Message) {
	if o.tap == nil {
		return
	}
	key := onWay{link, string(frame)}
	message := o.observed(link, classOf(m), m)
	o.mu.Lock()
	defer o.mu.Unlock()
	if a, ok := o.expected[key]; ok {
		a.copies++
	} else if len(o.expected) < maxExpected {
		o.expected[key] = &sighting{message, 1}
	}
}

// meet takes the id under which a member introduces itself. That it is another's
// means that the fabric is wrong about who dialled: nothing that this connection
// shows can be put down to anybody.
func (o *observer) meet(id uint64, name string) error {
	if id == 0 {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if known := o.meetLocked(id, name); known != name {
		return fmt.Errorf("%s introduces itself as member %x, which is %s", name, id, known)
	}
	return nil
}

// meetLocked returns the name of the member with this id. One that was not known
// goes by the given name from now on.
func (o *observer) meetLocked(id uint64, name string) string {
	if known, ok := o.members[id]; ok {
		return known.name
	}
	who := identity{name: name}
	for _, other := range o.members {
		if other.name == name {
			who.renewed++
		}
	}
	o.members[id] = who
	return name
}

// recognize checks that a message goes from and to whom its link says. What a follower passes on to its leader (proposals, reads,
// wishes for another leader) keeps its first sender: a member that has lost the
// lead passes on what others sent it as their leader.
func (o *observer) recognize(link fabric.Link, m *raftpb.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, end := range []struct {
		id   uint64
		name string
	}{{m.From, link.From}, {m.To, link.To}} {
		if end.id == 0 || end.id == m.From && passedOn(m.Type) {
			continue
		}
		if known := o.meetLocked(end.id, end.name); known != end.name {
			return fmt.Errorf("a message from member %x to %x on the link %s, but %x is %s", m.From, m.To, link, end.id, known)
		}
	}
	return nil
}

func passedOn(t raftpb.MessageType) bool {
	return t == raftpb.MsgProp || t == raftpb.MsgReadIndex || t == raftpb.MsgTransferLeader
}
