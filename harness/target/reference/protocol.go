package reference

import (
	"slices"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
	"github.com/usurper/usurper/node/wire"
)

// protocol splits peer streams into frames. Raft tolerates the loss, doubling
// and overtaking of every message, and so do its frames: each stands alone.
type protocol struct{}

// Open needs no state: every frame has its length in its header.
func (protocol) Open(_, _ string) (forward, backward fabric.Splitter) {
	return splitter{}, splitter{}
}

func (protocol) Lossy(class string) bool { return slices.Contains(wire.Classes(), class) }

func (protocol) Classes() []string { return wire.Classes() }

// Identify names the frames of elections, and the first append of a leader to
// each member with its answer. What else there is of a term differs in number
// from run to run.
func (protocol) Identify(class string, frame []byte) (fabric.ID, bool) {
	switch class {
	case "vote", voteResponse, "prevote", preVoteResponse, "append", "append-response":
		h, err := wire.ParseHeader(frame)
		return fabric.ID{Class: class, Term: h.Term, Reject: h.Reject}, err == nil
	}
	return fabric.ID{}, false
}

// Opens is true of requests for votes: a member that has heard of a term stands in
// a later one.
func (protocol) Opens(class string) bool { return class == "vote" }

// splitter finds frames by the length in their headers, and shows each to seen, if
// there is somebody who looks.
type splitter struct {
	seen func(class string, h *wire.Header)
}

func (s splitter) Next(b []byte) (n int, class string, err error) {
	if len(b) < wire.HeaderSize {
		return 0, "", nil
	}
	h, err := wire.ParseHeader(b)
	if err != nil {
		return 0, "", err
	}
	if len(b) < h.Length {
		return 0, "", nil
	}
	class = wire.ClassOf(h.Kind)
	if s.seen != nil {
		s.seen(class, &h)
	}
	return h.Length, class, nil
}

// observer turns the headers of frames into messages for the assembler. It is the
// protocol of its run, since only a splitter knows one connection from another.
type observer struct {
	protocol
	tap *tap.Assembler
}

var _ fabric.Protocol = (*observer)(nil)

func newObserver(emit func(history.Raft), voters []string) *observer {
	return &observer{tap: tap.New(emit, voters)}
}

// Open returns the splitters of a connection, which watch the terms on it.
func (o *observer) Open(dialler, accepter string) (forward, backward fabric.Splitter) {
	return o.watched(fabric.Link{From: dialler, To: accepter}), o.watched(fabric.Link{From: accepter, To: dialler})
}

func (o *observer) watched(link fabric.Link) splitter {
	terms := &tap.Order{}
	return splitter{func(class string, h *wire.Header) {
		terms.Sent(o.tap, &tap.Message{Kind: tap.Kind(class), From: link.From, To: link.To, Term: h.Term})
	}}
}

// The classes of which the tap looks at more than the sending; the rest of the
// traffic is spared the work.
const (
	voteResponse    = string(tap.VoteResponse)
	preVoteResponse = string(tap.PreVoteResponse)
)

// Frame observes a frame. Who sent it is what the fabric knows, not what the
// frame says.
func (o *observer) Frame(stage fabric.Stage, f fabric.Frame) {
	if stage == fabric.Held || stage != fabric.Sent && f.Class != voteResponse && f.Class != preVoteResponse {
		return
	}
	h, err := wire.ParseHeader(f.Bytes)
	if err != nil {
		return // the splitter passes no such frame
	}
	m := tap.Message{
		Kind: tap.Kind(f.Class), From: f.Link.From, To: f.Link.To, Term: h.Term, Reject: h.Reject,
		Log: history.Pos(h.Log), Last: history.Pos(h.Last), LastKnown: true, Commit: h.Commit,
	}
	o.tap.Observe(history.Stage(stage), m)
	if stage == fabric.Sent {
		o.tap.Passes(f.ID, m)
	}
}

// Flush tells what was held back to coalesce it.
func (o *observer) Flush() { o.tap.Flush() }
