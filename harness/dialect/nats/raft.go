package nats

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// The lengths of what has one.
const (
	voteLen           = 32
	voteAnswerLen     = 17
	appendLeast       = 42
	appendAnswerLen   = 25
	peersLeast        = 8
	granted           = 1 // a bit of a vote's answer; another says that the voter's log is empty
	maxPeers          = 64
	entryPeers        = 2
	entryAddPeer      = 3
	entryRemovePeer   = 4
	entryTypeAfterAll = 7
)

var errShort = errors.New("it is too short")

// raft reads what came on a way.
func (d *decoder) raft(w way, body []byte, m *tap.Message) (class string, err error) {
	switch w.kind {
	case wayVote:
		return "", d.vote(w.group, body, m)
	case wayAppend:
		return "", d.append(w.group, body, m)
	case wayAnswer:
		return d.answer(w.group, body, m)
	case wayPropose:
		return classPropose, nil
	case wayCatchup:
		return classCatchup, nil
	case wayUnknown:
		d.shared.cluster.Strange(w.strange)
		return classUnknown, nil
	}
	return classMessage, nil
}

// vote reads a request for votes. The same one goes out several times.
func (d *decoder) vote(g *group, b []byte, m *tap.Message) error {
	if len(b) != voteLen {
		return fmt.Errorf("a vote request of %d bytes", len(b))
	}
	if err := d.speaks(b[24:]); err != nil {
		return err
	}
	m.Kind, m.Group = tap.Vote, g.name
	m.Term, m.Log = number64(b), history.Pos{Term: number64(b[8:]), Index: number64(b[16:])}
	return nil
}

// speaks checks that the member that a message says it comes from is who sends it.
func (d *decoder) speaks(id []byte) error {
	if token(id[:8]) != d.id {
		return fmt.Errorf("it is from %.8q, and %s is %q", id, d.from, d.id[:])
	}
	return nil
}

// answer reads what comes under a reply subject: only its length tells what it is.
func (d *decoder) answer(g *group, b []byte, m *tap.Message) (class string, err error) {
	switch len(b) {
	case voteAnswerLen:
		if err := d.speaks(b[8:]); err != nil {
			return "", err
		}
		m.Kind, m.Group, m.Term, m.Reject = tap.VoteResponse, g.name, number64(b), b[16]&granted == 0
		return "", nil
	case appendAnswerLen:
		if err := d.speaks(b[16:]); err != nil {
			return "", err
		}
		m.Kind, m.Group, m.Term, m.Reject = tap.AppendResponse, g.name, number64(b), b[24] == 0
		m.Log.Index = number64(b[8:])
		return "", nil
	}
	d.shared.cluster.Strange(fmt.Sprintf("an answer of %d bytes", len(b)))
	return classUnknown, nil
}

// append reads what a leader sends to all: a heartbeat, if there are no entries in it. All its
// entries are one of the log.
func (d *decoder) append(g *group, b []byte, m *tap.Message) error {
	if len(b) < appendLeast {
		return errShort
	}
	if err := d.speaks(b); err != nil {
		return err
	}
	m.Kind, m.Group, m.Term, m.Commit = tap.Heartbeat, g.name, number64(b[8:]), number64(b[16:])
	m.Log = history.Pos{Term: number64(b[24:]), Index: number64(b[32:])}
	m.Last = m.Log
	count := int(binary.LittleEndian.Uint16(b[40:]))
	if count == 0 {
		return nil
	}
	m.Kind, m.Last = tap.Append, history.Pos{Term: m.Term, Index: m.Log.Index + 1}
	return d.entries(g, m.Last, b[appendLeast:], count)
}

// entries reads the parts of the log's entry at a position for what they say of who votes.
func (d *decoder) entries(g *group, at history.Pos, b []byte, count int) error {
	for range count {
		if len(b) < 4 {
			return errShort
		}
		size := binary.LittleEndian.Uint32(b)
		if b = b[4:]; size == 0 || uint64(size) > uint64(len(b)) {
			return errShort
		}
		kind, data := b[0], b[1:size]
		b = b[size:]
		switch {
		case kind == entryPeers:
			if err := d.peers(g, at, data); err != nil {
				return err
			}
		case kind == entryAddPeer && len(data) == len(token{}):
			d.shared.admit(g, at, token(data))
		case kind == entryRemovePeer:
			d.shared.dismiss(g)
		case kind >= entryTypeAfterAll:
			d.shared.cluster.Strange(fmt.Sprintf("an entry of type %d", kind))
		}
	}
	return nil
}

// peers reads a list of voters: the size of the group, then those that are known.
func (d *decoder) peers(g *group, at history.Pos, b []byte) error {
	if len(b) < peersLeast {
		return errShort
	}
	size, known := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	b = b[peersLeast:]
	if known > maxPeers || int(known)*len(token{}) > len(b) {
		return fmt.Errorf("a list of %d voters in %d bytes", known, len(b))
	}
	peers := make([]token, known)
	for i := range peers {
		peers[i] = token(b[i*len(token{}):])
	}
	if size == known {
		d.shared.vote(g, peers)
	} else { // who the others are, the group does not know itself
		d.shared.gather(g, at, peers)
	}
	return nil
}

func number64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
