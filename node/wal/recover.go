package wal

import (
	"errors"
	"fmt"
	"strings"

	"github.com/usurper/usurper/node/raft"
)

// open locks the directory, replays it and leaves the log ready for writing.
// Nothing on disk changes before everything has been read and found good.
func (l *Log) open() (Recovered, error) {
	if err := l.disk.makeDir(); err != nil {
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

// findSegments returns the numbers of the segments, which must be consecutive.
func (l *Log) findSegments(names []string) ([]uint64, error) {
	var seqs []uint64
	snapshot := ""
	for _, name := range names {
		if strings.HasSuffix(name, snapshotSuffix) {
			snapshot = name
		}
		seq, ok := parseSegmentName(name)
		if !ok {
			continue
		}
		if n := len(seqs); n > 0 && seqs[n-1]+1 != seq {
			return nil, fmt.Errorf("segment %s is missing: restore the directory from a copy or replace the member", segmentName(seqs[n-1]+1))
		}
		seqs = append(seqs, seq)
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
	f, err := l.disk.open(segmentName(l.lastSeq()))
	if err != nil {
		return err
	}
	l.active = f
	if r.torn > 0 || r.size < l.options.SegmentBytes {
		if err := f.Truncate(l.end); err != nil {
			return fmt.Errorf("cut torn batch: %w", err)
		}
		if err := fill(f, l.end, l.options.SegmentBytes); err != nil {
			return fmt.Errorf("cut torn batch: %w", err)
		}
	}
	return errors.Join(f.Sync(), l.disk.sync())
}

// removeLeftovers deletes what a crash has left half made, and what a crash kept
// from being deleted. Only now is it durable that none of it is needed.
func (l *Log) removeLeftovers(names []string) error {
	for _, name := range names {
		if strings.HasSuffix(name, temporarySuffix) {
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

func (l *Log) replayAll(seqs []uint64) (*replay, error) {
	r := &replay{}
	for i, seq := range seqs {
		name := segmentName(seq)
		b, err := l.disk.read(name)
		if err != nil {
			return nil, err
		}
		s := scanner{b: b, seq: seq, last: i == len(seqs)-1}
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

// settle leaves only what comes after the snapshot.
func (l *Log) settle(r *replay) error {
	last, _ := r.chain.last()
	if r.chain.base > r.snap.Index || last.Index < r.snap.Index {
		return fmt.Errorf("entries between the snapshot at index %d and entry %d are missing: restore the directory from a copy or replace the member",
			r.snap.Index, r.chain.base+1)
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
