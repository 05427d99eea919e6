package main

import (
	"encoding/binary"
	"log"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// amnesiac is a deliberate bug: a stable store that has said of some values that they
// are stored while they are in memory. A kill takes them away, as a power failure does
// with a store that never syncs.
type amnesiac struct {
	raft.StableStore
	keys []string      // whose values are in memory
	late time.Duration // until they are on the disk too; 0: they never are

	mu     sync.Mutex
	memory map[string][]byte
}

// Set stores a value.
func (a *amnesiac) Set(key, value []byte) error {
	if !slices.Contains(a.keys, string(key)) {
		return a.StableStore.Set(key, value)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.memory == nil {
		a.memory = make(map[string][]byte)
	}
	a.memory[string(key)] = slices.Clone(value)
	if a.late > 0 {
		time.AfterFunc(a.late, func() {
			if err := a.StableStore.Set(key, value); err != nil {
				log.Print(err)
			}
		})
	}
	return nil
}

// Get returns a value.
func (a *amnesiac) Get(key []byte) ([]byte, error) {
	a.mu.Lock()
	value, ok := a.memory[string(key)]
	a.mu.Unlock()
	if ok {
		return value, nil
	}
	if a.late == 0 && slices.Contains(a.keys, string(key)) {
		return nil, nil
	}
	return a.StableStore.Get(key)
}

// SetUint64 stores a number.
func (a *amnesiac) SetUint64(key []byte, n uint64) error {
	if !slices.Contains(a.keys, string(key)) {
		return a.StableStore.SetUint64(key, n)
	}
	return a.Set(key, binary.BigEndian.AppendUint64(nil, n))
}

// GetUint64 returns a number, 0 if there is none.
func (a *amnesiac) GetUint64(key []byte) (uint64, error) {
	value, err := a.Get(key)
	if err != nil || len(value) != 8 {
		return 0, err
	}
	return binary.BigEndian.Uint64(value), nil
}
