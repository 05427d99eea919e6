package main

import (
	"slices"
	"sync"

	"github.com/hashicorp/raft"
)

// forgetful is a deliberate bug: a log store that has said of its last entries that
// they are stored while they are in memory alone. A kill takes them away, as a power
// failure does with a store that never syncs.
type forgetful struct {
	raft.LogStore
	mu   sync.Mutex
	tail []*raft.Log
}

// batch is how many entries are written together.
const batch = 64

// FirstIndex returns the index of the first entry, 0 for none.
func (f *forgetful) FirstIndex() (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	first, err := f.LogStore.FirstIndex()
	if err == nil && first == 0 && len(f.tail) > 0 {
		first = f.tail[0].Index
	}
	return first, err
}

// LastIndex returns the index of the last entry, 0 for none.
func (f *forgetful) LastIndex() (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.tail); n > 0 {
		return f.tail[n-1].Index, nil
	}
	return f.LogStore.LastIndex()
}

// GetLog returns the entry at an index.
func (f *forgetful) GetLog(index uint64, log *raft.Log) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.IndexFunc(f.tail, func(l *raft.Log) bool { return l.Index == index }); i >= 0 {
		*log = *f.tail[i]
		return nil
	}
	return f.LogStore.GetLog(index, log)
}

// StoreLog stores an entry.
func (f *forgetful) StoreLog(log *raft.Log) error { return f.StoreLogs([]*raft.Log{log}) }

// StoreLogs stores entries: in memory, until a batch is together.
func (f *forgetful) StoreLogs(logs []*raft.Log) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range logs {
		entry := *l
		f.tail = append(f.tail, &entry)
	}
	if len(f.tail) < batch {
		return nil
	}
	err := f.LogStore.StoreLogs(f.tail)
	if err == nil {
		f.tail = nil
	}
	return err
}

// DeleteRange removes the entries from one index to another.
func (f *forgetful) DeleteRange(from, to uint64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tail = slices.DeleteFunc(f.tail, func(l *raft.Log) bool { return from <= l.Index && l.Index <= to })
	return f.LogStore.DeleteRange(from, to)
}

// stubborn is a deliberate bug: a log store in which an entry that was stored once
// stays, whatever is stored in its place, and of which no end is ever deleted.
type stubborn struct{ raft.LogStore }

// StoreLog stores an entry.
func (s *stubborn) StoreLog(log *raft.Log) error { return s.StoreLogs([]*raft.Log{log}) }

// StoreLogs stores those entries in whose places there are none.
func (s *stubborn) StoreLogs(logs []*raft.Log) error {
	last, err := s.LastIndex()
	if err != nil {
		return err
	}
	return s.LogStore.StoreLogs(slices.DeleteFunc(slices.Clone(logs), func(l *raft.Log) bool { return l.Index <= last }))
}

// DeleteRange removes entries at the beginning.
func (s *stubborn) DeleteRange(from, to uint64) error {
	if last, err := s.LastIndex(); err != nil || to >= last {
		return err
	}
	return s.LogStore.DeleteRange(from, to)
}
