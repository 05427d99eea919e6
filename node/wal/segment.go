package wal

import (
	"fmt"
	"strings"
)

const (
	segmentSuffix   = ".wal"
	temporarySuffix = ".tmp"
	spareName       = "spare" + temporarySuffix
	// sector is the unit in which a disk writes or does not write.
	sector = 512
	zeros  = 256 << 10 // written at a time
)

// segment is one file of the log.
type segment struct {
	seq  uint64
	prev uint64 // index of the last entry before the segment
	low  uint64 // the least that the last index ever was in the segment
}

func segmentName(seq uint64) string { return fmt.Sprintf("%016x%s", seq, segmentSuffix) }

// parseSegmentName tells whether a file is a segment, and which.
func parseSegmentName(name string) (seq uint64, ok bool) {
	if _, err := fmt.Sscanf(strings.TrimSuffix(name, segmentSuffix), "%x", &seq); err != nil {
		return 0, false
	}
	return seq, name == segmentName(seq)
}

// makeSpare makes a file of zeros, durably. Overwriting blocks that the file
// system has already allocated is what makes a datasync cheap; and what was
// never written is known to be zero, which is how a torn write is told from a
// damaged one.
func (d disk) makeSpare(size int64) (file, error) {
	f, err := d.create(spareName)
	if err != nil {
		return nil, err
	}
	if err := fill(f, 0, size); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// fill writes zeros over [from, to) and syncs.
func fill(f file, from, to int64) error {
	b := make([]byte, min(zeros, max(to-from, 0)))
	for from < to {
		n, err := f.WriteAt(b[:min(int64(len(b)), to-from)], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return f.Sync()
}

// spare is a file of zeros in the making.
type spare struct {
	done chan struct{}
	file file
	err  error
}

func (d disk) startSpare(size int64) *spare {
	s := &spare{done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.file, s.err = d.makeSpare(size)
	}()
	return s
}

func (s *spare) wait() (file, error) {
	<-s.done
	return s.file, s.err
}

// startSegment makes the spare the active segment. Its header is durable before
// it gets its name, so a segment without one is damaged.
func (l *Log) startSegment(m meta) error {
	if l.spare == nil {
		l.spare = l.disk.startSpare(l.options.SegmentBytes)
	}
	f, err := l.spare.wait()
	l.spare = nil
	if err != nil {
		return fmt.Errorf("make segment %d: %w", m.seq, err)
	}
	b := appendMeta(nil, m)
	seal(b, m.seq, 0)
	if err := writeAll(f, b, 0); err != nil {
		f.Close()
		return fmt.Errorf("begin segment %d: %w", m.seq, err)
	}
	if err := l.disk.renameDurably(spareName, segmentName(m.seq)); err != nil {
		f.Close()
		return err
	}
	if l.active != nil {
		l.active.Close() // synced; nothing is left that could fail
	}
	l.active, l.end = f, int64(len(b))
	l.segments = append(l.segments, segment{seq: m.seq, prev: m.last.Index, low: m.last.Index})
	return nil
}

// writeAll writes b and makes it durable.
func writeAll(f file, b []byte, off int64) error {
	if _, err := f.WriteAt(b, off); err != nil {
		return err
	}
	return f.Datasync()
}

// dropSegments deletes the segments that a recovery from the snapshot at index
// does not need. The first that stays must begin within the snapshot, and no
// later truncation may reach behind its beginning.
func (l *Log) dropSegments(index uint64) error {
	keep, low := 0, ^uint64(0)
	for i := len(l.segments) - 1; i > 0; i-- {
		low = min(low, l.segments[i].low)
		if s := l.segments[i]; s.prev <= index && low >= s.prev {
			keep = i
			break
		}
	}
	return l.removeSegments(keep)
}

// removeSegments deletes the first n segments. A crash may leave any of them, see
// [Log.replayAll].
func (l *Log) removeSegments(n int) error {
	for ; n > 0; n-- {
		if err := l.disk.remove(segmentName(l.segments[0].seq)); err != nil {
			return err
		}
		l.segments = l.segments[1:]
	}
	return nil
}
