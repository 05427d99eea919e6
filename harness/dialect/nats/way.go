package nats

import (
	"bytes"
	"fmt"
)

// raftPrefix begins the subjects of Raft's messages.
const raftPrefix = "$NRG."

// wayKind is what a subject says of the messages under it.
type wayKind uint8

const (
	wayElsewhere wayKind = iota // it is not Raft's
	wayVote
	wayAppend
	wayAnswer
	wayPropose
	wayCatchup
	wayUnknown
)

// way is what the subjects of a message tell: of which group it is, and what.
type way struct {
	kind    wayKind
	group   *group
	strange string // with wayUnknown: what it is
}

// way returns what the words of a message's line tell. Those of Raft's messages
// are few, and come again and again.
func (d *decoder) way(args []byte) way {
	if epoch := d.shared.epoch.Load(); epoch != d.epoch {
		clear(d.ways)
		d.epoch = epoch
	}
	if w, ok := d.ways[string(args)]; ok {
		return w
	}
	// A route of one account names none; another puts the account before the subject.
	subject, rest, _ := bytes.Cut(args, []byte(" "))
	name, ok := bytes.CutPrefix(subject, []byte(raftPrefix))
	if !ok {
		subject, rest, _ = bytes.Cut(rest, []byte(" "))
		if name, ok = bytes.CutPrefix(subject, []byte(raftPrefix)); !ok {
			return way{}
		}
	}
	reply, _, _ := bytes.Cut(rest, []byte(" "))
	w := d.find(name)
	if w.group == nil {
		return w // it may be known the next time
	}
	d.expects(reply, w.group)
	if d.ways == nil || len(d.ways) >= maxWays {
		d.ways = make(map[string]way)
	}
	d.ways[string(args)] = w
	return w
}

// find reads a subject, of which the prefix is gone.
func (d *decoder) find(subject []byte) way {
	kind, name, _ := bytes.Cut(subject, []byte("."))
	switch string(kind) {
	case "V", "AE", "P", "RP":
		g := d.shared.group(name)
		switch {
		case g == nil:
			return way{kind: wayUnknown, strange: "messages of more groups than are kept apart"}
		case string(kind) == "V":
			return way{kind: wayVote, group: g}
		case string(kind) == "AE":
			return way{kind: wayAppend, group: g}
		}
		return way{kind: wayPropose, group: g}
	case "R", "CP":
		if g := d.answered(name); g != nil {
			return way{kind: wayAnswer, group: g}
		}
		return way{kind: wayUnknown, strange: "an answer to a message that was not seen"}
	case "CR":
		return way{kind: wayCatchup, group: d.answered(name)}
	}
	return way{kind: wayUnknown, strange: fmt.Sprintf("a message under %s%.10s", raftPrefix, kind)}
}

// expects notes of which group the answers under a reply subject are.
func (d *decoder) expects(reply []byte, g *group) {
	rest, ok := bytes.CutPrefix(reply, []byte(raftPrefix))
	if !ok {
		return
	}
	kind, name, _ := bytes.Cut(rest, []byte("."))
	switch string(kind) {
	case "R", "CP", "CR": // what ends them tells them apart
		if len(name) == len(token{}) {
			d.shared.answersTo(token(name), g)
		}
	}
}

// answered returns the group of what comes under a reply subject.
func (d *decoder) answered(name []byte) *group {
	if len(name) != len(token{}) {
		return nil
	}
	return d.shared.answered(token(name))
}
