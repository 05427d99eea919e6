// Package wal keeps a member's term, vote, log and snapshot on disk.
//
// A Log is a directory of segments and at most one snapshot. What is appended
// is buffered in user space, and nothing of it reaches the kernel before Sync:
// a process that is killed really loses what it did not sync, as a machine that
// loses power does.
//
// A segment is a file of records, then zeros; it is allocated in full before it
// is used. Records hold integers little endian:
//
//	offset size field
//	     0    4 length of the payload in bytes
//	     4    1 type
//	     5    3 0
//	     8    4 offset of the batch: of the first record synced with this one
//	    12    4 offset of the record
//	    16    8 number of the segment
//	    24    4 CRC-32C of the payload
//	    28    4 CRC-32C of the 28 bytes before
//	    32      payload
//
//	type       payload, 8 bytes each
//	1 meta     version, number, install, term, vote, commit, last term, last index,
//	           last hash, snapshot term, snapshot index, snapshot hash: the first
//	           record of a segment, which sums up all segments before it
//	2 state    term, vote
//	3 commit   index
//	4 truncate first index that is removed
//	5 entry    term, index, chain hash, then the data
//	6 snapshot term, index, chain hash: the snapshot to start from
//
// # Torn or damaged
//
// A crash in the middle of Sync leaves a torn batch, which nobody was promised
// and which Open cuts off. Damage to what was synced must never be taken for
// that, or the member forgets what it has acknowledged. A record that cannot be
// read is torn only at the end of the last segment, when no record follows it;
// or when those that do are of its own batch, and a sector between is all zero,
// that is, was never written. Everything else is a CorruptError.
//
// # Failure
//
// Once a write or sync has failed, nobody knows what is on disk: the kernel may
// have dropped the dirty pages and will report success the next time. So a Log
// never retries. It fails for good, and the member must be restarted.
//
// Read wal.go first, then recover.go, and disk.go for what is asked of the machine.
package wal

import (
	"errors"
	"fmt"
	"io"

	"github.com/usurper/usurper/node/bug"
	"github.com/usurper/usurper/node/raft"
)

// ErrClosed is returned by every call on a Log that was closed.
var ErrClosed = errors.New("log is closed")

// CorruptError says that bytes which were synced cannot be read back. Restore
// the member from a copy, or replace it: a member that starts without them
// breaks its promises.
type CorruptError struct {
	File   string
	Offset int64
	Err    error // what is wrong there
}

// Error says where, and what to do about it.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s is damaged at offset %d: %v; restore the directory from a copy or replace the member", e.File, e.Offset, e.Err)
}

// Unwrap returns Err.
func (e *CorruptError) Unwrap() error { return e.Err }

// Options tune a Log. The zero value is good.
type Options struct {
	// SegmentBytes is the size of a segment, from 1 KiB to 1 GiB. 0 means 1 MiB.
	SegmentBytes int64
	// Bug is the deliberate bug to have. Those of this package are
	// bug.ForgetVote, bug.TermRegress, bug.InstallDropsVote, bug.OldSnapshot,
	// without which a log refuses to install what is older than it, and those that only a
	// power failure shows; all others do nothing here.
	Bug bug.Name

	directory directory                      // nil means that of the machine
	wrap      func(name string, f file) file // see disk
}

func (o *Options) validate() error {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 1 << 20
	}
	if o.SegmentBytes < 1<<10 || o.SegmentBytes > 1<<30 {
		return fmt.Errorf("segment size %d: use 1024 to %d bytes", o.SegmentBytes, 1<<30)
	}
	return nil
}

// Recovered is what Open found.
type Recovered struct {
	State    raft.HardState
	Snapshot *raft.Snapshot // nil if there is none
	Entries  []raft.Entry   // those after the snapshot
	Commit   uint64         // last known commit index; it may lag, and never leads
	// TornBytes is what was cut off the end of the log: a batch that a crash left
	// half written, and that was never acknowledged.
	TornBytes int64
}

// Log is the disk of one member. It is not safe for concurrent use.
//
// Every error is final: all later calls return it, and the member must stop.
type Log struct {
	disk     disk
	options  Options
	lock     io.Closer
	segments []segment // oldest first; the last is active
	active   file
	end      int64 // where the next batch goes in active
	spare    *spare

	chain    chain
	state    raft.HardState
	commit   uint64
	snap     raft.Pos
	snapHash uint64

	synced summary // as of the last Sync
	batch  []byte  // records since
	low    uint64  // the least that the last index was since
	err    error
}

// Open reads the log in dir, which it makes if need be, and readies it for
// writing. It holds the directory until Close or the end of the process; if
// another process does, the error wraps ErrLocked. Damage is a CorruptError,
// and changes nothing on disk.
func Open(dir string, o Options) (*Log, Recovered, error) {
	if err := o.validate(); err != nil {
		return nil, Recovered{}, err
	}
	if o.directory == nil {
		o.directory = &osDirectory{dir: dir}
	}
	l := &Log{disk: disk{directory: o.directory, dir: dir, bug: o.Bug, wrap: o.wrap}, options: o}
	rec, err := l.open()
	if err != nil {
		l.release()
		return nil, Recovered{}, fmt.Errorf("open log in %s: %w", dir, err)
	}
	if o.Bug == bug.TermRegress && rec.State.Term > 1 {
		rec.State = raft.HardState{Term: rec.State.Term - 1}
	}
	return l, rec, nil
}

// SetState records term and vote. They are durable after the next Sync.
func (l *Log) SetState(s raft.HardState) error {
	if l.err != nil {
		return l.err
	}
	if l.options.Bug == bug.ForgetVote {
		return nil
	}
	l.state = s
	l.batch = appendNumbers(l.batch, typeState, s.Term, uint64(s.Vote))
	return nil
}

// SetCommit notes that entries up to index are committed: a hint, which goes to
// disk with the next Sync that is made for something else, and may be lost.
func (l *Log) SetCommit(index uint64) error {
	if l.err == nil {
		l.commit = index
	}
	return l.err
}

// Truncate removes the entries from index from on; past the end of the log it
// does nothing. It is an error to reach into the snapshot.
func (l *Log) Truncate(from uint64) error {
	if l.err != nil {
		return l.err
	}
	if err := l.chain.truncate(from); err != nil {
		return l.fail(err)
	}
	l.low = min(l.low, from-1)
	l.batch = appendNumbers(l.batch, typeTruncate, from)
	return nil
}

// Append adds entries, whose index, term and hash must continue the log. They
// are durable after the next Sync. Their Data is copied.
func (l *Log) Append(entries []raft.Entry) error {
	if l.err != nil {
		return l.err
	}
	for _, e := range entries {
		if len(e.Data) > MaxData {
			return l.fail(fmt.Errorf("entry %d has %d bytes: the limit is %d", e.Index, len(e.Data), MaxData))
		}
		if err := l.chain.append(e); err != nil {
			return l.fail(err)
		}
		l.batch = appendEntry(l.batch, e)
	}
	return nil
}

// Sync makes everything so far durable: one write and one fdatasync.
func (l *Log) Sync() error {
	if l.err != nil || len(l.batch) == 0 {
		return l.err
	}
	return l.fail(l.flush())
}

// SaveSnapshot makes s, a snapshot of a position that the log holds, durable
// together with everything so far, and deletes what it makes superfluous.
func (l *Log) SaveSnapshot(s raft.Snapshot) error {
	if l.err != nil {
		return l.err
	}
	if s.Pos.Index <= l.snap.Index || !l.chain.holds(s.Pos, s.Hash) {
		return l.fail(fmt.Errorf("cannot save a snapshot at %v with chain hash %016x: it is not in the log", s.Pos, s.Hash))
	}
	if err := l.disk.writeSnapshot(s); err != nil {
		return l.fail(fmt.Errorf("write snapshot: %w", err))
	}
	l.snap, l.snapHash = s.Pos, s.Hash
	l.commit = max(l.commit, s.Pos.Index)
	l.batch = appendNumbers(l.batch, typeSnapshot, s.Pos.Term, s.Pos.Index, s.Hash)
	if err := l.Sync(); err != nil {
		return err
	}
	l.chain.compact(s.Pos.Index)
	return l.fail(errors.Join(l.dropSegments(s.Pos.Index), l.disk.dropSnapshots(s.Pos.Index)))
}

// Install replaces the whole log by s, which must be ahead of the snapshot that
// the log has. It is durable, together with the state, before Install returns.
func (l *Log) Install(s raft.Snapshot) error {
	if l.err != nil {
		return l.err
	}
	if s.Pos.Index <= l.snap.Index && l.options.Bug != bug.OldSnapshot {
		return l.fail(fmt.Errorf("cannot install a snapshot at %v: the log has one at %v", s.Pos, l.snap))
	}
	if err := l.disk.writeSnapshot(s); err != nil {
		return l.fail(fmt.Errorf("write snapshot: %w", err))
	}
	if l.options.Bug == bug.InstallDropsVote {
		l.state.Vote = 0
	}
	l.chain = newChain(s.Pos, s.Hash)
	l.snap, l.snapHash = s.Pos, s.Hash
	l.commit = max(l.commit, s.Pos.Index)
	l.batch, l.low = l.batch[:0], s.Pos.Index // the new segment's header says it all
	l.synced = l.summary()
	// Until that header is durable the old segments count, and they name the old
	// snapshot; from then on they are void.
	if err := l.startSegment(meta{seq: l.lastSeq() + 1, install: true, summary: l.synced}); err != nil {
		return l.fail(err)
	}
	return l.fail(errors.Join(l.removeSegments(len(l.segments)-1), l.disk.dropSnapshots(s.Pos.Index)))
}

// Close syncs and gives the directory back. A second Close does nothing.
func (l *Log) Close() error {
	if errors.Is(l.err, ErrClosed) {
		return nil
	}
	err := l.err
	if err == nil {
		err = l.fail(l.flush()) // with the last hint, even if it is all there is
	}
	l.release()
	l.err = ErrClosed
	return err
}

// Abandon gives the directory back as the death of the process would: nothing
// more is written, and what was not synced is lost. After Close it does nothing.
func (l *Log) Abandon() {
	if !errors.Is(l.err, ErrClosed) {
		l.release()
		l.err = ErrClosed
	}
}

// release gives back what the process holds, and writes nothing.
func (l *Log) release() {
	if l.spare != nil {
		if f, err := l.spare.wait(); err == nil {
			f.Close()
		}
		l.spare = nil
	}
	if l.active != nil {
		l.active.Close()
	}
	if l.lock != nil {
		l.lock.Close()
	}
}

// flush writes the batch, in a new segment if the active one has no room.
func (l *Log) flush() error {
	if l.commit != l.synced.commit {
		l.batch = appendNumbers(l.batch, typeCommit, l.commit)
	}
	if len(l.batch) == 0 {
		return nil
	}
	if l.end+int64(len(l.batch)) > l.options.SegmentBytes && l.end > headerSize+metaSize {
		if err := l.startSegment(meta{seq: l.lastSeq() + 1, summary: l.synced}); err != nil {
			return err
		}
	}
	active := &l.segments[len(l.segments)-1]
	seal(l.batch, active.seq, l.end)
	if err := writeAll(l.active, l.batch, l.end); err != nil {
		return fmt.Errorf("write %s: %w", segmentName(active.seq), err)
	}
	l.end += int64(len(l.batch))
	active.low = min(active.low, l.low)
	l.synced = l.summary()
	l.batch, l.low = l.batch[:0], l.synced.last.Index
	if int64(cap(l.batch)) > 4*l.options.SegmentBytes {
		l.batch = nil
	}
	if l.spare == nil && l.end > l.options.SegmentBytes/2 {
		l.spare = l.disk.startSpare(l.options.SegmentBytes)
	}
	return nil
}

func (l *Log) summary() summary {
	s := summary{state: l.state, commit: l.commit, snap: l.snap, snapHash: l.snapHash}
	s.last, s.hash = l.chain.last()
	return s
}

func (l *Log) lastSeq() uint64 {
	if len(l.segments) == 0 {
		return 0
	}
	return l.segments[len(l.segments)-1].seq
}

// fail makes err, if there is one, the answer to every later call.
func (l *Log) fail(err error) error {
	if err != nil && l.err == nil {
		l.err = fmt.Errorf("log in %s has failed, restart the member: %w", l.disk.dir, err)
	}
	return l.err
}
