package cli

import (
	"encoding/json"
	"time"

	"github.com/usurper/usurper/harness/capture"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// decodeJSON prints for programs.
type decodeJSON struct {
	out   *json.Encoder
	quiet bool // leaves frames out
}

// decodedLine is one line of it, with the fields of its kind.
type decodedLine struct {
	Kind   string    `json:"kind"` // frame, event, comment, undecoded
	At     time.Time `json:"at"`
	Conn   int       `json:"conn,omitempty"`
	From   string    `json:"from,omitempty"`
	To     string    `json:"to,omitempty"`
	Offset *int64    `json:"offset,omitempty"` // in its direction
	Size   int       `json:"size,omitempty"`
	Class  string    `json:"class,omitempty"`

	Message *decodedMessage `json:"message,omitempty"`
	Event   *history.Raft   `json:"event,omitempty"` // as in a history
	Text    string          `json:"text,omitempty"`  // a comment, or why the bytes cannot be decoded
	Bytes   []byte          `json:"bytes,omitempty"` // the first that cannot
}

// decodedMessage is a tap.Message.
type decodedMessage struct {
	From   string      `json:"from"`
	To     string      `json:"to"`
	Group  string      `json:"group,omitempty"`
	Term   uint64      `json:"term"`
	Reject bool        `json:"reject,omitempty"`
	Asked  uint64      `json:"asked,omitempty"`
	Log    history.Pos `json:"log,omitzero"`
	Last   history.Pos `json:"last,omitzero"`
	Commit uint64      `json:"commit,omitempty"`
}

func (p decodeJSON) item(i capture.Item) error {
	line := decodedLine{At: i.At, Text: i.Comment, Kind: "comment"}
	if i.Conn != nil {
		line.Conn = i.Conn.Number
	}
	switch {
	case i.Frame != nil && p.quiet:
		return nil
	case i.Frame != nil:
		f := i.Frame
		line.Kind, line.From, line.To, line.Offset, line.Size, line.Class = "frame", f.Link.From, f.Link.To, &f.Offset, f.Size, f.Class
		line.Message = messageLine(f.Message)
	case i.Event != nil:
		line.Kind, line.Event = "event", i.Event
	case i.Trouble != nil:
		t := i.Trouble
		line.Kind, line.From, line.To, line.Offset, line.Text, line.Bytes = "undecoded", t.Link.From, t.Link.To, &t.Offset, explained{t.Err}.Error(), t.First
	}
	return p.out.Encode(line)
}

func messageLine(m *tap.Message) *decodedMessage {
	if m == nil {
		return nil
	}
	return &decodedMessage{
		From: m.From, To: m.To, Group: m.Group, Term: m.Term, Reject: m.Reject, Asked: m.Asked, Log: m.Log, Last: m.Last, Commit: m.Commit,
	}
}

// decodedConn is what came of one connection.
type decodedConn struct {
	Conn      int    `json:"conn"`
	From      string `json:"from"` // who dialled
	To        string `json:"to"`
	Frames    int    `json:"frames"`
	Bytes     int64  `json:"bytes"`
	Undecoded int64  `json:"undecoded"`
	Aside     int64  `json:"aside,omitempty"` // of another protocol at the same port
}

// end prints what came of it all, the last line.
func (p decodeJSON) end(d capture.Decoded) error {
	line := struct {
		Kind      string            `json:"kind"` // end
		Conns     []decodedConn     `json:"conns"`
		Undecoded int64             `json:"undecoded"`
		Strange   map[string]uint64 `json:"strange,omitempty"`
		CutShort  string            `json:"cut_short,omitempty"`
	}{Kind: "end", Undecoded: d.Undecoded(), Strange: d.Strange, CutShort: d.CutShort}
	for _, c := range d.Conns {
		line.Conns = append(line.Conns, decodedConn{c.Number, c.Dialler, c.Accepter, c.Frames, c.Bytes, c.Undecoded, c.Aside})
	}
	return p.out.Encode(line)
}
