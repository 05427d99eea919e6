package tap

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// Dialect is how systems of one family say Raft's messages on the wire. It is a value:
// what differs between families is said here, and no checker asks which of them it
// judges.
type Dialect struct {
	// Name is the word for it in target files and reports: small letters, digits
	// and -.
	Name string
	// Classes lists the classes of frames that are no Kind, and those of kinds that the
	// dialect does not have are left out of what rules may name: see Kinds.
	Classes []string
	// Kinds lists the kinds of messages that occur.
	Kinds []Kind
	// Ordered declares that what one member sends on one connection is in the order
	// in which it was said, by one process: see Order. Leave it false where connections
	// come from a pool that several threads use.
	Ordered bool
	// Begins tells whether bytes can hardly be anything but the beginning of what one side
	// of a connection sends, be it dialler or accepter: it says which protocol is spoken
	// where another was expected. It must not hold for another dialect, nor for what is
	// too short to tell. nil: its beginnings look like nothing special.
	Begins func(first []byte) bool
	// Plain says, for those whose traffic cannot be decoded, how the system is set up so
	// that it neither encrypts nor compresses what members say: "no tls and compression:
	// off in its cluster block". "" if there is nothing to say.
	Plain string
	// Hello returns how a dialler introduces itself by what it sends first: the address,
	// host:port, that it listens at or advertises to other members. More asks for more
	// bytes than these; an error says that there is no such word in them, so that they are
	// no beginning of the protocol. nil: diallers do not say who they are, or cannot before
	// they are answered.
	Hello func(first []byte) (addr string, more bool, err error)
	// Main is, where messages name groups, the one in which all members of the cluster
	// vote, if there is one: its events name no group, and its leaders are those that are
	// shown and aimed at. Who votes in any other, Cluster.Voters says.
	Main string
	// Term is what these systems call a term, "" if they call it that.
	Term string
	// Rules lists what they keep, or do not keep, of what history.Rule knows: it is added
	// to what a target states.
	Rules []history.Rule
	// Unjudged lists the rules of checkers, as violations name them, to which they are not
	// held, and why: such as that a vote may change within a round. The checker then says
	// so, whatever was seen.
	Unjudged []history.Unjudged
	// Redial is how long a proxy repeats its own dial while the accepter refuses it, for
	// diallers that take a connection which ends at once worse than one that is refused.
	Redial time.Duration
	// Open begins with one cluster and returns what is called for each of its
	// connections: who dialled, who accepted, and back a decoder for each direction,
	// dialler to accepter first. The two are never called at the same time; those of
	// different connections are.
	Open func(c *Cluster) func(dialler, accepter string) (forward, backward Decoder)
}

// Wire is what a history has to say of the dialect.
func (d Dialect) Wire() *history.Wire {
	return &history.Wire{Dialect: d.Name, Main: d.Main, Term: d.Term, Unjudged: d.Unjudged}
}

// Decoder reads one direction of one connection, from its first byte. It never sees a
// byte twice that it has split off, and keeps nothing of what it is shown.
type Decoder interface {
	// Next looks at the bytes that are not yet split off. n is the length of the first
	// whole frame of b, 0 if more bytes are needed: it is then asked again with
	// more, and has to be ready for any number of them. class is that of the frame, ""
	// for the Kind of what it says. What it says is put into m, which is empty when Next
	// is called: a frame that means nothing to a tap leaves it so. From and To are those
	// of the connection's direction unless they are set.
	//
	// An error means that the stream cannot be decoded: it says what was found, and
	// nothing more of the connection is read. What is merely not known is passed as a
	// frame of a class of its own, and counted (Cluster.Strange).
	Next(b []byte, m *Message) (n int, class string, err error)
}

// Rewriter is a Decoder of a dialect whose members tell each other where they are to be
// dialled back, and would dial past a proxy: see fabric.Rewriter.
type Rewriter interface {
	Decoder
	// Rewrite returns what goes on in the place of the frame that Next found last, nil
	// for the frame as it is. It is called once a frame, right after Next.
	Rewrite(frame []byte, reach func(backend string) (addr string, ok bool)) []byte
}

// maxNames bounds the members that are told apart by what they call themselves.
const maxNames = 1 << 12

// maxStrange bounds the kinds of what nobody knows.
const maxStrange = 64

// Cluster is what the decoders of one cluster know in common. Its methods may be called
// by several goroutines.
type Cluster struct {
	tap  *Assembler // nil: nobody wants to know
	main string     // what the dialect calls the main group

	understood atomic.Uint64 // messages
	port       port

	mu      sync.Mutex
	known   map[string]identity // by what they call themselves
	unnamed []unnamed           // configurations with voters that are not known
	strange map[string]uint64
}

func newCluster(a *Assembler, main string) *Cluster {
	return &Cluster{tap: a, main: main, known: make(map[string]identity), strange: make(map[string]uint64)}
}

// Meet takes the id under which a member introduces itself, which tells it from
// all others and from those that had its name before. An id of another's means that it
// is not known who speaks: the connection cannot be decoded.
func (c *Cluster) Meet(id, name string) error {
	if id == "" {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.known[id]; ok {
		if known.name != name {
			return fmt.Errorf("%s introduces itself as %.40q, which is %s", name, id, known.name)
		}
		return nil
	}
	if len(c.known) >= maxNames {
		return fmt.Errorf("%s introduces itself as %.40q, and so have %d others before", name, id, maxNames)
	}
	who := identity{name: name}
	for _, other := range c.known {
		if other.name == name {
			who.renewed++
		}
	}
	c.known[id] = who
	c.nameLocked()
	return nil
}

// Member returns the name of the member that introduced itself as id, and how many
// members had that name before, for FromNew and ToNew of a Message.
func (c *Cluster) Member(id string) (name string, renewed uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	who, ok := c.known[id]
	return who.name, who.renewed, ok
}

// group returns the name of a group in events.
func (c *Cluster) group(name string) string {
	if name == c.main {
		return ""
	}
	return name
}

// Strange counts something that the decoder does not know, such as a type of message
// that it was never shown. What it stands for is not guessed; that it came is told at the
// end of the run.
func (c *Cluster) Strange(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.strange[what]; ok || len(c.strange) < maxStrange {
		c.strange[what]++
	}
}
