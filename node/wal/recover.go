package wal

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/usurper/usurper/node/bug"
	"github.com/usurper/usurper/node/raft"
)

// open locks the directory, replays it and leaves the log ready for writing.
// Nothing on disk changes before everything has been read and found good.
func (l *Log) open() (Recovered, error) {
	if err := l.disk.make(); err != nil {
		return Recovered{}, err
	}
	lock, err := l.disk.lock()
	if err != nil {
		return Recovered{}, err
	}
	l.lock = lock
	names, err := l.disk.names()
	if err != nil {
		return Recovered{}, err
	}
	seqs, err := l.findSegments(names)
	if err != nil {
		return Recovered{}, err
	}
	if len(seqs) == 0 {
		// A segment is there only once the directory is for good.
		if err := l.disk.settle(); err != nil {
			return Recovered{}, err
		}
		l.chain = newChain(raft.Pos{}, 0)
		return Recovered{}, l.startSegment(meta{seq: 1})
	}
	r, err := l.replayAll(seqs)
	if err != nil {
		return Recovered{}, err
	}
	rec := Recovered{State: r.state, Entries: r.entries, TornBytes: r.torn}
	if r.snap.Index > 0 {
		if rec.Snapshot, err = l.disk.readSnapshot(r.snap, r.snapHash); err != nil {
			return Recovered{}, err
		}
	}
	l.chain, l.segments, l.end = r.chain, r.segments, r.end
	l.state, l.commit, l.snap, l.snapHash = r.state, r.commit, r.snap, r.snapHash
	l.synced = l.summary()
	l.low = l.synced.last.Index
	rec.Commit = min(max(r.commit, r.snap.Index), l.synced.last.Index)
	if err := l.openActive(r); err != nil {
		return Recovered{}, err
	}
	return rec, l.removeLeftovers(names)
}

// findSegments returns the numbers of the segments, in order.
func (l *Log) findSegments(names []string) ([]uint64, error) {
	var seqs []uint64
	snapshot := ""
	for _, name := range names {
		if strings.HasSuffix(name, snapshotSuffix) {
			snapshot = name
		}
		if seq, ok := parseSegmentName(name); ok {
			seqs = append(seqs, seq)
		}
	}
	if len(seqs) == 0 && snapshot != "" {
		return nil, fmt.Errorf("there is a snapshot, %s, but no segment: restore the directory from a copy or replace the member", snapshot)
	}
	return seqs, nil
}

// openActive opens the last segment for writing, cuts off a torn batch, and
// makes durable what was read: a killed process may have left it in the page
// cache, and from now on records say that what is before them is on disk.
func (l *Log) openActive(r *replay) error {
	f, err := l.disk.openFile(segmentName(l.lastSeq()), os.O_RDWR)
	if err != nil {
		return err
	}
	l.active = f
	if l.options.Bug == bug.KeepTornTail {
		l.end, r.torn = l.end+r.torn, 0
	}
	if r.torn > 0 || r.size < l.options.SegmentBytes {
		if err := f.Truncate(l.end); err != nil {
			return fmt.Errorf("cut torn batch: %w", err)
		}
		if err := fill(f, l.end, l.options.SegmentBytes); err != nil {
			return fmt.Errorf("cut torn batch: %w", err)
		}
	}
	return errors.Join(f.Sync(), l.disk.syncNames())
}

// removeLeftovers deletes what a crash has left half made, and what a crash kept
// from being deleted. Only now is it durable that none of it is needed.
func (l *Log) removeLeftovers(names []string) error {
	for _, name := range names {
		seq, isSegment := parseSegmentName(name)
		if strings.HasSuffix(name, temporarySuffix) || isSegment && seq < l.segments[0].seq {
			if err := l.disk.remove(name); err != nil {
				return err
			}
		}
	}
	return errors.Join(l.dropSegments(l.snap.Index), l.disk.dropSnapshots(l.snap.Index))
}

// replay is the log as far as it has been read.
type replay struct {
	chain    chain
	entries  []raft.Entry // from the base of chain on
	state    raft.HardState
	commit   uint64
	snap     raft.Pos
	snapHash uint64

	segments []segment
	end      int64 // of the last segment's records
	size     int64 // of the last segment's file
	torn     int64
}

// replayAll reads the segments from the first on from which the log can be recovered. A
// crash may have stopped the deletion of some: then some of them may be missing, and one
// that is left may lack what was before it, which a truncation in it reached into. Each
// sums up what was before it, so that those that follow do without, if only the snapshot
// reaches to where they begin.
func (l *Log) replayAll(seqs []uint64) (*replay, error) {
	var gap error
	for i := len(seqs) - 1; i > 0; i-- {
		if seqs[i-1]+1 != seqs[i] {
			gap = fmt.Errorf("segment %s is missing: restore the directory from a copy or replace the member", segmentName(seqs[i]-1))
			seqs = seqs[i:]
			break
		}
	}
	r, err := l.replay(seqs)
	for first := err; errors.Is(err, errBehind) && len(seqs) > 1; {
		seqs = seqs[1:]
		if r, err = l.replay(seqs); errors.Is(err, errApart) {
			err = first
		}
	}
	if gap != nil && errors.Is(err, errApart) {
		return nil, gap
	}
	return r, err
}

// replay reads these segments, which are consecutive.
func (l *Log) replay(seqs []uint64) (*replay, error) {
	r := &replay{}
	for i, seq := range seqs {
		name := segmentName(seq)
		b, err := l.disk.read(name)
		if err != nil {
			return nil, err
		}
		s := scanner{b: b, seq: seq, last: i == len(seqs)-1}
		if l.options.Bug == bug.TrustTornTail {
			s.adopt = r.adopt
		}
		if err := s.scan(r.record); err != nil {
			return nil, &CorruptError{File: l.disk.path(name), Offset: s.off, Err: err}
		}
		if s.off == 0 {
			return nil, &CorruptError{File: l.disk.path(name), Err: errors.New("segment has no header")}
		}
		r.end, r.size, r.torn = s.off, int64(len(b)), s.torn
	}
	return r, l.settle(r)
}

// errApart is of a log that does not reach down to its snapshot.
var errApart = errors.New("entries are missing")

// settle leaves only what comes after the snapshot.
func (l *Log) settle(r *replay) error {
	last, _ := r.chain.last()
	if r.chain.base > r.snap.Index || last.Index < r.snap.Index {
		return fmt.Errorf("%w between the snapshot at index %d and entry %d: restore the directory from a copy or replace the member",
			errApart, r.snap.Index, r.chain.base+1)
	}
	r.entries = append([]raft.Entry(nil), r.entries[r.snap.Index-r.chain.base:]...)
	r.chain.compact(r.snap.Index)
	return nil
}

// record takes in one record of segment seq.
func (r *replay) record(seq uint64, off int64, kind recordType, payload []byte) error {
	if (off == 0) != (kind == typeMeta) {
		return fmt.Errorf("record of type %d has no place here", kind)
	}
	switch kind {
	case typeMeta:
		return r.meta(seq, payload)
	case typeState:
		return parseNumbers(payload, &r.state.Term, (*uint64)(&r.state.Vote))
	case typeCommit:
		return parseNumbers(payload, &r.commit)
	case typeTruncate:
		return r.truncate(payload)
	case typeEntry:
		e, err := parseEntry(payload)
		if err != nil {
			return err
		}
		r.entries = append(r.entries, e)
		return r.chain.append(e)
	case typeSnapshot:
		if err := parseNumbers(payload, &r.snap.Term, &r.snap.Index, &r.snapHash); err != nil {
			return err
		}
		// One before the base has served: a later one let the segments before go.
		if r.snap.Index >= r.chain.base && !r.chain.holds(r.snap, r.snapHash) {
			return fmt.Errorf("snapshot at %v with chain hash %016x is not in the log", r.snap, r.snapHash)
		}
		return nil
	}
	return fmt.Errorf("unknown record type %d", kind)
}

// adopt takes in an entry whose data may be anything, as long as its place is right: what
// is there is hashed as if it had been written so. It is what bug.TrustTornTail does with
// records that have their header.
func (r *replay) adopt(payload []byte) bool {
	e, err := parseEntry(payload)
	last, hash := r.chain.last()
	if err != nil || e.Index != last.Index+1 || e.Term < last.Term {
		return false
	}
	e.Hash = chainHash(hash, e)
	r.entries = append(r.entries, e)
	r.chain.marks = append(r.chain.marks, mark{e.Term, e.Hash})
	return true
}

func (r *replay) meta(seq uint64, payload []byte) error {
	m, err := parseMeta(payload)
	if err != nil {
		return err
	}
	if m.seq != seq {
		return fmt.Errorf("this is segment %d, not %d", m.seq, seq)
	}
	first := len(r.segments) == 0
	if !first && !m.install {
		before := summary{state: r.state, commit: r.commit, snap: r.snap, snapHash: r.snapHash}
		before.last, before.hash = r.chain.last()
		if before != m.summary {
			return fmt.Errorf("segment continues %+v, but the segments before it end at %+v", m.summary, before)
		}
	}
	if first || m.install {
		r.chain, r.entries = newChain(m.last, m.hash), nil
	}
	r.state, r.commit, r.snap, r.snapHash = m.state, m.commit, m.snap, m.snapHash
	r.segments = append(r.segments, segment{seq: seq, prev: m.last.Index, low: m.last.Index})
	return nil
}

func (r *replay) truncate(payload []byte) error {
	var from uint64
	if err := parseNumbers(payload, &from); err != nil {
		return err
	}
	if err := r.chain.truncate(from); err != nil {
		return err
	}
	s := &r.segments[len(r.segments)-1]
	s.low = min(s.low, from-1)
	if n := from - r.chain.base - 1; n < uint64(len(r.entries)) {
		r.entries = r.entries[:n]
	}
	return nil
}
