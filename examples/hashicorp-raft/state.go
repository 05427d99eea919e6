package main

import (
	"encoding/json"
	"io"
	"maps"
	"sync"

	"github.com/hashicorp/raft"
)

// command is what a client asks for, and an entry of the log.
type command struct {
	F     string `json:"f"` // get, put or cas
	Key   string `json:"key"`
	Value string `json:"value,omitempty"`
	Old   string `json:"old,omitempty"` // of cas; "" for no value
}

// answer is what it is told.
type answer struct {
	Done   bool   `json:"done"`            // a cas that found another value was not
	Value  string `json:"value,omitempty"` // what a get or a failed cas found
	Leader string `json:"leader,omitempty"`
}

// state is the state machine: values by key.
type state struct {
	mu     sync.Mutex
	values map[string]string
}

func newState() *state { return &state{values: make(map[string]string)} }

func (s *state) get(key string) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return answer{Done: true, Value: s.values[key]}
}

// Apply carries out an entry of the log.
func (s *state) Apply(entry *raft.Log) any {
	var c command
	if err := json.Unmarshal(entry.Data, &c); err != nil {
		panic(err) // nobody else writes to the log
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.values[c.Key]
	switch {
	case c.F == "get":
		return answer{Done: true, Value: now}
	case c.F == "cas" && now != c.Old:
		return answer{Value: now}
	}
	s.values[c.Key] = c.Value
	return answer{Done: true}
}

// Snapshot returns a copy of the state.
func (s *state) Snapshot() (raft.FSMSnapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return snapshot(maps.Clone(s.values)), nil
}

// Restore takes the state from a snapshot.
func (s *state) Restore(from io.ReadCloser) error {
	defer from.Close()
	values := make(map[string]string)
	if err := json.NewDecoder(from).Decode(&values); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values = values
	return nil
}

// snapshot is a state that no longer changes.
type snapshot map[string]string

// Persist writes the state down.
func (s snapshot) Persist(to raft.SnapshotSink) error {
	if err := json.NewEncoder(to).Encode(map[string]string(s)); err != nil {
		to.Cancel()
		return err
	}
	return to.Close()
}

// Release does nothing.
func (snapshot) Release() {}
