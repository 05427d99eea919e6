package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/usurper/usurper/node/bug"
)

// A snapshot is, in this order: magic, the applied index, the number of keys
// and each key in byte order (name, index of its last write, type, value or
// length and items), the number of sessions and each in index order, and the
// xxhash64 of all before it, little endian. Integers are uvarints.
const magic = "ukv1"

// ErrSnapshot is wrapped by every error of Restore.
var ErrSnapshot = errors.New("malformed snapshot")

// Snapshot returns the state as bytes. Equal states at equal index give equal
// bytes.
func (s *Store) Snapshot() []byte {
	keys := make([]string, 0, len(s.items))
	for k := range s.items {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	if s.bug == bug.SnapshotDropsKey {
		keys = s.withoutOldest(keys)
	}
	b := append([]byte(nil), magic...)
	b = binary.AppendUvarint(b, s.applied)
	b = binary.AppendUvarint(b, uint64(len(keys)))
	for _, k := range keys {
		b = s.items[k].appendTo(appendString(b, k))
	}
	b = binary.AppendUvarint(b, uint64(s.sessions.byIndex.Len()))
	for el := s.sessions.byIndex.Front(); el != nil; el = el.Next() {
		b = el.Value.(*session).appendTo(b)
	}
	return binary.LittleEndian.AppendUint64(b, xxhash.Sum64(b))
}

// withoutOldest returns keys without the one that was written longest ago. It
// is the least likely to be written again, which would mend the loss before
// anybody reads it.
func (s *Store) withoutOldest(keys []string) []string {
	if len(keys) == 0 {
		return keys
	}
	oldest := 0
	for i, k := range keys {
		if s.items[k].index < s.items[keys[oldest]].index {
			oldest = i
		}
	}
	return slices.Delete(keys, oldest, oldest+1)
}

// Restore replaces the state by that of a snapshot. On an error, which wraps
// ErrSnapshot, the store is as it was. The checksum covers the bytes and not
// the state they were taken from: that the two agree is for digests to show.
func (s *Store) Restore(data []byte) error {
	if len(data) < len(magic)+8 || string(data[:len(magic)]) != magic {
		return fmt.Errorf("%w: %d bytes without the mark %q", ErrSnapshot, len(data), magic)
	}
	body, sum := data[:len(data)-8], binary.LittleEndian.Uint64(data[len(data)-8:])
	if got := xxhash.Sum64(body); got != sum {
		return fmt.Errorf("%w: checksum is %016x, should be %016x", ErrSnapshot, got, sum)
	}
	d := decoder{b: body[len(magic):]}
	fresh := New(Options{MaxSessions: s.sessions.max, Bug: s.bug})
	fresh.applied = d.uvarint()
	for n := d.uvarint(); n > 0 && !d.failed; n-- {
		key := d.string()
		fresh.set(key, d.item())
	}
	for n := d.uvarint(); n > 0 && !d.failed; n-- {
		fresh.sessions.record(d.session())
	}
	if d.failed || len(d.b) > 0 {
		return fmt.Errorf("%w: its parts do not fill its %d bytes", ErrSnapshot, len(data))
	}
	*s = *fresh
	return nil
}

func (it *item) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, it.index)
	if !it.isList {
		return appendString(append(b, tagString), it.value)
	}
	b = binary.AppendUvarint(append(b, tagList), uint64(len(it.list)))
	for _, v := range it.list {
		b = appendString(b, v)
	}
	return b
}

func (d *decoder) item() *item {
	it := &item{index: d.uvarint()}
	switch d.byte() {
	case tagString:
		it.value = d.string()
		it.chain = stringChain(it.value)
	case tagList:
		it.isList = true
		for n := d.uvarint(); n > 0 && !d.failed; n-- {
			v := d.string()
			it.list = append(it.list, v)
			it.chain = listChain(it.chain, v)
		}
	default:
		d.failed = true
	}
	return it
}
