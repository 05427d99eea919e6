package capture

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// String says what the item tells, without its time and connection.
func (i Item) String() string {
	switch {
	case i.Frame != nil:
		return i.Frame.String()
	case i.Event != nil:
		return "→ " + event(i.Event)
	case i.Trouble != nil:
		return i.Trouble.String()
	}
	return "# " + i.Comment
}

// String is "n1 > n2 vote: term 3, log (2,17)".
func (f *Frame) String() string {
	text := fmt.Sprintf("%s %s", f.Link, f.Class)
	if f.Message != nil {
		text += ": " + describe(f.Message)
	}
	return text
}

// String says where it is, why, and what is there.
func (t *Trouble) String() string {
	return fmt.Sprintf("%s cannot be decoded from its byte %d on: %v (%s)", t.Link, t.Offset, t.Err, shown(t.First))
}

// shown is bytes, as text if they are some.
func shown(b []byte) string {
	for _, c := range b {
		if (c < ' ' || c > '~') && c != '\r' && c != '\n' && c != '\t' {
			return hex.EncodeToString(b[:min(len(b), 24)])
		}
	}
	return fmt.Sprintf("%q", b)
}

// describe says what a message tells, but for its kind and those between whom it is.
func describe(m *tap.Message) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if m.Group != "" {
		add("group %s", m.Group)
	}
	add("term %d", m.Term)
	switch m.Kind {
	case tap.VoteResponse, tap.PreVoteResponse, tap.AppendResponse, tap.SnapshotResponse, tap.HeartbeatResponse:
		if m.Reject {
			add("refused")
		} else if m.Kind != tap.HeartbeatResponse {
			add("granted")
		}
	}
	if m.Asked != 0 && m.Asked != m.Term {
		add("asked in term %d", m.Asked)
	}
	if m.Log != (history.Pos{}) {
		add("log %s", place(m.Log))
	}
	if m.Last != (history.Pos{}) && m.Last != m.Log {
		add("last %s", place(m.Last))
	}
	if m.Commit != 0 {
		add("commit %s", history.Index(m.Commit))
	}
	return strings.Join(parts, ", ")
}

func place(p history.Pos) string { return fmt.Sprintf("(%d,%s)", p.Term, history.Index(p.Index)) }

// event says what the assembler concludes.
func event(e *history.Raft) string {
	text := fmt.Sprintf("%s %s in term %d", e.Node, e.What, e.Term)
	if e.What == history.RaftVote || e.What == history.RaftPreVote {
		verb := "refuses"
		if e.Granted {
			verb = "grants"
		}
		text = fmt.Sprintf("%s %s %s a %s in term %d", e.Node, verb, e.Peer, e.What, e.PeerTerm)
	}
	if e.Group != "" {
		text += " of group " + e.Group
	}
	if e.Last != (history.Pos{}) {
		text += ", log " + place(e.Last)
	}
	if e.PeerLast != (history.Pos{}) {
		text += ", the candidate's " + place(e.PeerLast)
	}
	if e.Index != 0 {
		text += fmt.Sprintf(", index %s", history.Index(e.Index))
	}
	if e.EntryTerm != 0 {
		text += fmt.Sprintf(" of term %d", e.EntryTerm)
	}
	return text
}
