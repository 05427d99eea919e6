package hashicorp

import (
	"bytes"
	"fmt"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// maxFrame is what a fabric takes as one frame: nothing in it is longer, or has more
// values.
const maxFrame = 64 << 20

// body is what a request or an answer says, as far as a tap wants to know.
type body struct {
	term             uint64
	prev, last       history.Pos // of an append; last is zero without entries
	position         history.Pos // of a vote, a pre-vote or a snapshot
	commit           uint64
	size             int64
	entries          uint64
	granted, success bool
	hasTerm          bool
	configurations   []configuration // of an append
	configuration    []byte          // of a snapshot
	configured       uint64          // … and where it stands in the log
}

// walk reads one msgpack table of a request or an answer, as its bytes come. It looks
// at no value twice, but for the one that was not whole.
type walk struct {
	cluster *tap.Cluster
	body    body
	id      []byte // of the last speaker

	begun   bool
	pairs   uint64 // of the table that are still to come
	skip    uint64 // values that nobody wants to know, and that are still to come
	entries uint64 // of the log, still to come
	inner   uint64 // pairs of the entry at hand, still to come
	entry   entry
	data    []byte // of the entry at hand, if it begins as a configuration does
}

// entry is an entry of the log.
type entry struct {
	pos  history.Pos
	what uint64
}

// The types of entries, as the library numbers them: what applications and it itself
// say, and what changes the members (two of them in old versions only).
const (
	entryCommand = iota
	entryNoop
	entryAddPeer
	entryRemovePeer
	entryBarrier
	entryConfiguration
)

func (w *walk) reset() {
	id := w.id
	*w = walk{cluster: w.cluster, id: id}
}

// read takes b from at on and returns how far it came; done tells whether the table
// is whole. Only nil may stand in its place.
func (w *walk) read(b []byte, at int) (now int, done bool, err error) {
	if !w.begun {
		it, n := read(b[at:])
		switch {
		case n < 0:
			return at, false, wrong(b[at:])
		case n == 0:
			return at, false, nil
		case it.kind == nothing:
			return at + n, true, nil
		case it.kind != table:
			return at, false, fmt.Errorf("%w: a table should begin with byte %02x", errNoMsgpack, b[at])
		}
		w.begun, w.pairs = true, it.n
		at += n
	}
	for {
		var n int
		switch {
		case w.skip > 0:
			n, err = w.skipped(b[at:])
		case w.inner > 0:
			n, err = w.entryPair(b[at:])
		case w.entries > 0:
			n, err = w.entryHead(b[at:])
		case w.pairs > 0:
			n, err = w.pair(b[at:])
		default:
			return at, true, nil
		}
		if n == 0 || err != nil {
			return at, false, err
		}
		at += n
	}
}

// keyed reads a key and its value: how long they are together, and where the value ends
// if that is 0 for want of bytes.
func keyed(b []byte) (key []byte, value item, size int, err error) {
	k, n := read(b)
	if n <= 0 || k.kind != raw {
		return nil, item{}, 0, noKey(b, k, n)
	}
	value, m := read(b[n:])
	if m <= 0 {
		if m < 0 {
			err = wrong(b[n:])
		}
		return nil, item{}, 0, err
	}
	return b[n-int(k.n) : n], value, n + m, nil
}

// noKey says why an item is no key, nil if it is not whole.
func noKey(b []byte, k item, size int) error {
	switch {
	case size < 0:
		return wrong(b)
	case size > 0:
		return fmt.Errorf("%w: a key should begin with byte %02x", errNoMsgpack, b[0])
	}
	return nil
}

// pair reads a pair of the table.
func (w *walk) pair(b []byte) (int, error) {
	key, v, n, err := keyed(b)
	if n == 0 || err != nil {
		return 0, err
	}
	w.pairs--
	f := &w.body
	switch string(key) {
	case "Term":
		f.hasTerm = true
		return n, number(key, v, &f.term)
	case "PrevLogEntry":
		return n, number(key, v, &f.prev.Index)
	case "PrevLogTerm":
		return n, number(key, v, &f.prev.Term)
	case "LastLogIndex":
		return n, number(key, v, &f.position.Index)
	case "LastLogTerm":
		return n, number(key, v, &f.position.Term)
	case "LeaderCommitIndex":
		return n, number(key, v, &f.commit)
	case "Size":
		var size uint64
		err := number(key, v, &size)
		if f.size = int64(size); f.size < 0 && err == nil {
			err = fmt.Errorf("a snapshot of %d bytes", size)
		}
		return n, err
	case "Granted":
		return n, flag(key, v, &f.granted)
	case "Success":
		return n, flag(key, v, &f.success)
	case "ID":
		if v.kind == raw && v.n > 0 && !bytes.Equal(b[n-int(v.n):n], w.id) {
			w.id = append(w.id[:0], b[n-int(v.n):n]...)
		}
	case "Entries":
		if v.kind == list {
			w.entries, f.entries = v.n, v.n
			return n, announced(v.n)
		}
	case "Configuration":
		if v.kind == raw {
			f.configuration = bytes.Clone(b[n-int(v.n) : n])
		}
	case "ConfigurationIndex":
		return n, number(key, v, &f.configured)
	case "Addr", "ProtocolVersion", "Leader", "Candidate", "LeadershipTransfer", "Peers", "LastLog", "NoRetryBackoff",
		"SnapshotVersion":
	default:
		w.cluster.Strange(fmt.Sprintf("a field %.40q", key))
	}
	return n, w.ignore(v)
}

// entryHead reads how many pairs the next entry has.
func (w *walk) entryHead(b []byte) (int, error) {
	v, n := read(b)
	switch {
	case n < 0:
		return 0, wrong(b)
	case n == 0:
		return 0, nil
	}
	w.entries--
	w.entry, w.data = entry{}, w.data[:0]
	if v.kind != table {
		return 0, fmt.Errorf("%w: an entry should begin with byte %02x", errNoMsgpack, b[0])
	}
	w.inner = v.n
	return n, announced(v.n)
}

// entryPair reads a pair of an entry.
func (w *walk) entryPair(b []byte) (int, error) {
	key, v, n, err := keyed(b)
	if n == 0 || err != nil {
		return 0, err
	}
	w.inner--
	e := &w.entry
	switch string(key) {
	case "Index":
		err = number(key, v, &e.pos.Index)
	case "Term":
		err = number(key, v, &e.pos.Term)
	case "Type":
		err = number(key, v, &e.what)
	case "Data":
		if v.kind == raw && bytes.HasPrefix(b[n-int(v.n):n], begun) {
			w.data = append(w.data, b[n-int(v.n):n]...)
		}
		err = w.ignore(v)
	case "Extensions", "AppendedAt":
		err = w.ignore(v)
	default:
		w.cluster.Strange(fmt.Sprintf("a field %.40q of an entry", key))
		err = w.ignore(v)
	}
	if w.inner == 0 && err == nil {
		w.body.last = e.pos
		w.judge()
	}
	return n, err
}

// judge looks at the type of an entry.
func (w *walk) judge() {
	switch e := &w.entry; e.what {
	case entryCommand, entryNoop, entryBarrier:
	case entryConfiguration:
		ids, ok := voters(w.data)
		w.body.configurations = append(w.body.configurations, configuration{e.pos, ids, ok})
	case entryAddPeer, entryRemovePeer:
		w.body.configurations = append(w.body.configurations, configuration{at: e.pos})
	default:
		w.cluster.Strange(fmt.Sprintf("an entry of type %d", e.what))
	}
}

// ignore leaves out a value, of which the head is read.
func (w *walk) ignore(v item) error {
	switch v.kind {
	case list:
		w.skip += v.n
	case table:
		w.skip += 2 * v.n
	}
	return announced(w.skip)
}

func (w *walk) skipped(b []byte) (int, error) {
	v, n := read(b)
	switch {
	case n < 0:
		return 0, wrong(b)
	case n == 0:
		return 0, nil
	}
	w.skip--
	return n, w.ignore(v)
}

// announced refuses more values than a frame can have bytes.
func announced(n uint64) error {
	if n > maxFrame {
		return fmt.Errorf("%w: %d values", errNoMsgpack, n)
	}
	return nil
}

func number(key []byte, v item, to *uint64) error {
	if v.kind != integer {
		return fmt.Errorf("%s is no number from 0 on", key)
	}
	*to = v.n
	return nil
}

func flag(key []byte, v item, to *bool) error {
	if v.kind != boolean {
		return fmt.Errorf("%s is neither true nor false", key)
	}
	*to = v.n == 1
	return nil
}
