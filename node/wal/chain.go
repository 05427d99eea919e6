package wal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/usurper/usurper/node/raft"
)

// chain remembers the term and hash of each position of the log from its base
// on, so that what is appended, truncated or read back is known to fit.
type chain struct {
	base  uint64 // index of marks[0], the position before the first entry
	marks []mark // never empty
}

type mark struct{ term, hash uint64 }

func newChain(base raft.Pos, hash uint64) chain {
	return chain{base.Index, []mark{{base.Term, hash}}}
}

func (c *chain) last() (raft.Pos, uint64) {
	m := c.marks[len(c.marks)-1]
	return raft.Pos{Term: m.term, Index: c.base + uint64(len(c.marks)) - 1}, m.hash
}

// holds tells whether the entry at p, with that hash, is part of the log.
func (c *chain) holds(p raft.Pos, hash uint64) bool {
	if p.Index < c.base || p.Index-c.base >= uint64(len(c.marks)) {
		return false
	}
	return c.marks[p.Index-c.base] == mark{p.Term, hash}
}

func (c *chain) append(e raft.Entry) error {
	last, hash := c.last()
	if e.Index != last.Index+1 {
		return fmt.Errorf("entry %d cannot follow entry %d", e.Index, last.Index)
	}
	if e.Term < last.Term {
		return fmt.Errorf("entry %d of term %d cannot follow one of term %d", e.Index, e.Term, last.Term)
	}
	if want := chainHash(hash, e); e.Hash != want {
		return fmt.Errorf("entry %d has chain hash %016x, its data and the entry before it give %016x", e.Index, e.Hash, want)
	}
	c.marks = append(c.marks, mark{e.Term, e.Hash})
	return nil
}

// errBehind is of a truncation that reaches behind the beginning of the log.
var errBehind = errors.New("cannot truncate")

// truncate removes the entries from index from on, if there are any.
func (c *chain) truncate(from uint64) error {
	if from <= c.base {
		return fmt.Errorf("%w from entry %d: the log begins after entry %d", errBehind, from, c.base)
	}
	if n := from - c.base; n < uint64(len(c.marks)) {
		c.marks = c.marks[:n]
	}
	return nil
}

// compact forgets what is before index, which the log must hold.
func (c *chain) compact(index uint64) {
	c.marks = append([]mark(nil), c.marks[index-c.base:]...)
	c.base = index
}

// chainHash is the hash that [raft.Entry] defines.
func chainHash(prev uint64, e raft.Entry) uint64 {
	var d xxhash.Digest
	var b [16]byte
	d.Reset()
	binary.LittleEndian.PutUint64(b[:], prev)
	binary.LittleEndian.PutUint64(b[8:], e.Term)
	d.Write(b[:])
	d.Write(e.Data)
	return d.Sum64()
}
