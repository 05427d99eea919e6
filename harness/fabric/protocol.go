package fabric

import (
	"errors"
	"time"
)

// Protocol decodes the traffic of a system, so that rules can tell frames
// apart and an Observer can watch them. It alters no bytes, unless its Splitters are
// Rewriters.
type Protocol interface {
	// Open is called for each new connection and returns a splitter for each
	// direction; the two may share state and are never called at the same time.
	Open(dialler, accepter string) (forward, backward Splitter)
	// Lossy tells whether frames of the class may be dropped, duplicated or
	// overtaken without corrupting the stream.
	Lossy(class string) bool
	// Classes lists every class, for messages about unknown ones.
	Classes() []string
}

// Redialer is a Protocol of a system whose diallers take a connection that ends at once
// worse than one that is refused.
type Redialer interface {
	Protocol
	// Redial is how long the fabric repeats its own dial while the accepter refuses it:
	// see ListenOptions.
	Redial() time.Duration
}

// Introducer is a Protocol of a system whose diallers may say who they are.
type Introducer interface {
	Protocol
	// Hello returns what finds the address, host:port, by which a dialler introduces itself
	// in what it sends first: see SharedOptions, which wants a name. nil: none does.
	Hello() func(first []byte) (addr string, more bool, err error)
}

// Splitter finds frame boundaries in one direction of one connection, from its
// first byte.
type Splitter interface {
	// Next looks at the bytes that are not yet split. n is the length of the
	// first whole frame in b and class its class; n is 0 when more bytes are
	// needed. An error means that the stream cannot be decoded: the connection
	// then passes as plain bytes and the Observer is told once. Bytes are
	// forwarded once their frame is whole, so a frame should not wait for an
	// answer to its own beginning.
	Next(b []byte) (n int, class string, err error)
}

// ErrAside is a Splitter's error, or within it, of a connection that is none of its
// protocol's: that is known of it, so its bytes do not count as Undecoded.
var ErrAside = errors.New("another protocol at the same port")

// Teller is a Splitter that makes something of the frames that it finds, so that much
// of a stream which means nothing without what came before is understood once.
type Teller interface {
	Splitter
	// Told returns what it makes of the frame that Next found last: the Meaning of that
	// frame at every stage. It is called once a frame, right after Next.
	Told() any
}

// Rewriter is a Splitter of a system whose members tell each other in a message where
// they are to be dialled, and would dial past the fabric.
type Rewriter interface {
	Splitter
	// Rewrite returns what goes on in the place of frame, the one that Next found last;
	// nil for the frame as it is. It is called once a frame, right after Next (and
	// before Told), and keeps nothing of the frame. What it returns may be of any
	// length, is one frame of the same class, and must not change afterwards: rules and
	// the Observer know of no other. reach tells at which listener of the fabric the
	// receiver of the frame reaches whoever listens at backend, a host:port; ok is false
	// if there is none.
	Rewrite(frame []byte, reach func(backend string) (addr string, ok bool)) []byte
}

// Frame is one frame of a decoded link.
type Frame struct {
	// ID tells it from all others of the fabric, counted from 1 in no order. A
	// duplicate has that of its original.
	ID    uint64
	Link  Link
	Class string
	Bytes []byte // all of it; nil when it is Held
	// Meaning is what a Teller made of it, nil of any other Splitter's.
	Meaning any
}

// Stage is how far a frame has come.
type Stage string

// The stages of a frame. Every frame is Sent, then Delivered or Dropped; one
// that is still on its way when the run ends is neither. Between the two it is Held,
// once, if a cut or a hold keeps it. A duplicate is Sent by nobody: it adds a second
// Delivered or Dropped.
const (
	Sent      Stage = "sent"      // entered the fabric whole
	Held      Stage = "held"      // is kept until a rule is gone
	Delivered Stage = "delivered" // was written to the receiver's socket
	Dropped   Stage = "dropped"   // will never be delivered
)

// Observer is told of every frame of a decoded link. Calls for one connection
// and direction come one by one and in order; those for different connections,
// even of one link, may come at the same time. Held comes from whoever
// puts the rule in force, at any time after Sent. It must be quick, must not keep a
// frame's Bytes, which are reused, and must not call the Fabric.
type Observer interface {
	// Frame is told of a frame at each stage that it reaches.
	Frame(stage Stage, f Frame)
	// Undecodable is told once for a connection that could not be decoded, or is not
	// meant to be: its error is then ErrAside.
	Undecodable(link Link, err error)
}
