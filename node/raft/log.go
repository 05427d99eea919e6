package raft

import (
	"encoding/binary"
	"fmt"
	"math"
	"sort"

	"github.com/cespare/xxhash/v2"
)

// entryLog is a member's log from the position after its snapshot on, and how
// far it is stable, committed and handed out.
//
// An Entry once in entries is never written again in place: truncate and
// compact leave the old array to those who still hold a slice of it (messages
// on their way, an Output being handled).
type entryLog struct {
	base     Pos // just before entries[0]: the snapshot's position
	baseHash uint64
	entries  []Entry

	commit  uint64 // base.Index <= commit <= last().Index
	applied uint64 // handed out to be applied, <= commit
	stable  uint64 // handed out to be persisted
	cut     uint64 // lowest index <= stable removed since the last Output; 0: none

	digest *xxhash.Digest
	header [16]byte
}

// newLog builds the log that was recovered.
func newLog(snap *Snapshot, entries []Entry) (entryLog, error) {
	l := entryLog{digest: xxhash.New()}
	if snap != nil {
		l.reset(snap)
	}
	for len(entries) > 0 && entries[0].Index <= l.base.Index {
		entries = entries[1:]
	}
	l.entries = make([]Entry, 0, len(entries))
	for _, e := range entries {
		if want := l.last().Index + 1; e.Index != want {
			return l, fmt.Errorf("recovered log has index %d where %d must be: restore the data directory", e.Index, want)
		}
		h := l.push(e.Term, e.Data)
		if e.Hash != 0 && e.Hash != h {
			return l, fmt.Errorf("recovered entry %d has hash %x, its log makes %x: restore the data directory", e.Index, e.Hash, h)
		}
	}
	l.stable = l.last().Index
	return l, nil
}

// last returns the position of the last entry.
func (l *entryLog) last() Pos {
	if n := len(l.entries); n > 0 {
		return Pos{l.entries[n-1].Term, l.entries[n-1].Index}
	}
	return l.base
}

// term returns the term of the entry at i, and whether the log knows it.
func (l *entryLog) term(i uint64) (uint64, bool) {
	switch {
	case i == l.base.Index:
		return l.base.Term, true
	case i < l.base.Index || i > l.last().Index:
		return 0, false
	}
	return l.entries[i-l.base.Index-1].Term, true
}

// at returns position and chain hash at i, which must lie in the log.
func (l *entryLog) at(i uint64) (Pos, uint64) {
	if i == l.base.Index {
		return l.base, l.baseHash
	}
	e := &l.entries[i-l.base.Index-1]
	return Pos{e.Term, i}, e.Hash
}

// push appends an entry and returns its chain hash.
func (l *entryLog) push(term uint64, data []byte) uint64 {
	last := l.last().Index
	_, h := l.at(last)
	binary.LittleEndian.PutUint64(l.header[:8], h)
	binary.LittleEndian.PutUint64(l.header[8:], term)
	l.digest.Reset()
	l.digest.Write(l.header[:]) // a hash never fails
	l.digest.Write(data)
	h = l.digest.Sum64()
	l.entries = append(l.entries, Entry{Term: term, Index: last + 1, Hash: h, Data: data})
	return h
}

// truncate removes the entries from i on and tells whether there were any.
// i must be above commit.
func (l *entryLog) truncate(i uint64) bool {
	if i > l.last().Index {
		return false
	}
	n := i - l.base.Index - 1
	l.entries = l.entries[:n:n]
	if i <= l.stable {
		if l.cut == 0 || i < l.cut {
			l.cut = i
		}
		l.stable = i - 1
	}
	return true
}

// slice returns the entries from lo up to and including hi, which must lie in
// the log; nil if lo > hi.
func (l *entryLog) slice(lo, hi uint64) []Entry {
	if lo > hi {
		return nil
	}
	a, b := lo-l.base.Index-1, hi-l.base.Index
	return l.entries[a:b:b]
}

// batch returns entries from next on, all of one term and of maxBytes together,
// but at least one if there is any. One term, so that one trace event tells of
// a batch, and because entries of an earlier term are then acknowledged apart
// from those that make them safe (Raft figure 8).
func (l *entryLog) batch(next uint64, maxBytes int) []Entry {
	all := l.slice(next, l.last().Index)
	size := 0
	for i := range all {
		size += len(all[i].Data) + entryOverhead
		if i > 0 && (all[i].Term != all[0].Term || size > maxBytes) {
			return all[:i:i]
		}
	}
	return all
}

// entryOverhead is roughly what an entry costs on the wire besides its data.
const entryOverhead = 24

// backOff returns the highest position at or below i whose term is not above
// term, or the one at floor if there is none. Terms never fall along a log, so
// it skips whole terms at once (Raft §5.3).
func (l *entryLog) backOff(i, term, floor uint64) Pos {
	i = min(i, l.last().Index)
	floor = max(floor, l.base.Index)
	if i <= floor {
		p, _ := l.at(floor)
		return p
	}
	n := sort.Search(int(i-floor), func(k int) bool {
		t, _ := l.term(floor + uint64(k) + 1)
		return t > term
	})
	p, _ := l.at(floor + uint64(n))
	return p
}

// compact drops the entries up to i, which must not be above applied.
func (l *entryLog) compact(i uint64) {
	rest := l.slice(i+1, l.last().Index)
	l.base, l.baseHash = l.at(i)
	l.entries = append(make([]Entry, 0, len(rest)+len(rest)/2), rest...)
}

// reset replaces everything by a snapshot.
func (l *entryLog) reset(s *Snapshot) {
	l.base, l.baseHash, l.entries = s.Pos, s.Hash, nil
	l.commit, l.applied, l.stable, l.cut = s.Pos.Index, s.Pos.Index, s.Pos.Index, 0
}

// takeUnstable returns what must be persisted and counts it as persisted.
func (l *entryLog) takeUnstable() (truncate uint64, entries []Entry) {
	last := l.last().Index
	truncate, entries = l.cut, l.slice(l.stable+1, last)
	l.cut, l.stable = 0, last
	return truncate, entries
}

// takeCommitted returns what must be applied and counts it as applied.
func (l *entryLog) takeCommitted() []Entry {
	entries := l.slice(l.applied+1, l.commit)
	l.applied = l.commit
	return entries
}

// limit bounds terms and indexes taken from the wire, so that no arithmetic on
// them can overflow.
const limit = math.MaxInt64
