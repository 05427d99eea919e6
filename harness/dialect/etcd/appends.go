package etcd

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// The types of frames on a msgapp stream.
const (
	appendLink    = 0 // somebody is there
	appendEntries = 1 // continues from the frame before: entries and a commit index, nothing else
	appendMessage = 2 // a whole message, from which the next frames continue
)

// maxEntries bounds the entries of one frame.
const maxEntries = 1 << 20

// appends is where a msgapp stream stands: the leader's term, which is that of
// the last entry too, and the last entry's index. entries and mark are how far
// the frame at hand has been looked at.
type appends struct {
	term, index uint64

	counted bool
	entries uint64 // still to come
	mark    int    // in part, where the next of them begins
	entry   raftpb.Entry
}

var errOutOfStep = errors.New("msgapp stream out of step")

// appendFrame splits a frame of a msgapp stream.
func (d *direction) appendFrame(b []byte) (string, error) {
	ok, err := d.fetch(b, 1)
	if !ok || err != nil {
		return d.short(), err
	}
	switch d.part[0] {
	case appendLink:
		if ok, err = d.whole(b); !ok || err != nil {
			return "", err
		}
		d.finish()
		return classOther, nil
	case appendEntries:
		return d.entriesFrame(b)
	case appendMessage:
		return d.resetFrame(b)
	}
	return "", fmt.Errorf("msgapp stream: a frame of type %d", d.part[0])
}

// resetFrame splits a frame that is a whole message.
func (d *direction) resetFrame(b []byte) (string, error) {
	const lengthEnd = 1 + 8
	size, ok, err := d.number(b, 1)
	if !ok || err != nil {
		return d.short(), err
	}
	if size > maxMessage {
		return "", fmt.Errorf("msgapp stream: a message of %d bytes", size)
	}
	if ok, err = d.fetch(b, lengthEnd+int(size)); !ok || err != nil {
		return d.short(), err
	}
	if ok, err = d.whole(b); !ok || err != nil {
		return "", err
	}
	class, err := d.decode(d.part[lengthEnd:])
	if m := &d.message; err == nil {
		d.stream.term, d.stream.index = m.Term, m.Index
		if n := len(m.Entries); n > 0 {
			d.stream.index = m.Entries[n-1].Index
		}
	}
	d.finish()
	return class, err
}

// entriesFrame splits a frame that continues from the one before.
func (d *direction) entriesFrame(b []byte) (string, error) {
	s := &d.stream
	if !s.counted {
		n, ok, err := d.number(b, 1)
		if !ok || err != nil {
			return d.short(), err
		}
		if n > maxEntries {
			return "", fmt.Errorf("msgapp stream: a frame of %d entries", n)
		}
		s.counted, s.entries, s.mark = true, n, 1+8
	}
	for ; s.entries > 0; s.entries-- {
		size, ok, err := d.number(b, s.mark)
		if !ok || err != nil {
			return d.short(), err
		}
		end := uint64(s.mark) + 8 + size
		if size > maxMessage || end > maxMessage {
			return "", fmt.Errorf("msgapp stream: an entry of %d bytes", size)
		}
		if ok, err = d.fetch(b, int(end)); !ok || err != nil {
			return d.short(), err
		}
		s.mark = int(end)
	}
	commit, ok, err := d.number(b, s.mark)
	if !ok || err != nil {
		return d.short(), err
	}
	if ok, err = d.whole(b); !ok || err != nil {
		return "", err
	}
	s.counted = false
	err = d.appended(d.part[1+8:s.mark], commit)
	d.finish()
	return classAppend, err
}

// number fetches the number at an offset in part.
func (d *direction) number(b []byte, at int) (uint64, bool, error) {
	ok, err := d.fetch(b, at+8)
	if !ok || err != nil {
		return 0, false, err
	}
	return binary.BigEndian.Uint64(d.part[at:]), true, nil
}

// appended says what a tap makes of entries, each behind its length, that continue the
// stream.
func (d *direction) appended(b []byte, commit uint64) error {
	s := &d.stream
	if s.term == 0 {
		return fmt.Errorf("%w: it begins in the middle", errOutOfStep)
	}
	at := history.Pos{Term: s.term, Index: s.index}
	for len(b) > 0 {
		size := binary.BigEndian.Uint64(b)
		data := s.entry.Data[:0]
		s.entry = raftpb.Entry{Data: data}
		if err := s.entry.Unmarshal(b[8 : 8+size]); err != nil {
			return fmt.Errorf("raft entry: %w", err)
		}
		if s.entry.Index != s.index+1 || s.entry.Term != s.term {
			return fmt.Errorf("%w: entry %d of term %d follows entry %d of term %d",
				errOutOfStep, s.entry.Index, s.entry.Term, s.index, s.term)
		}
		if s.entry.Type != raftpb.EntryNormal {
			d.conn.cluster.Reconfigured("")
		}
		s.index++
		b = b[8+size:]
	}
	if cap(s.entry.Data) > keepPart {
		s.entry.Data = nil
	}
	*d.told = tap.Message{
		Kind: tap.Append, FromNew: d.from.renewed, ToNew: d.to.renewed,
		Term: s.term, Log: at, Last: history.Pos{Term: s.term, Index: s.index}, Commit: commit,
	}
	return nil
}
