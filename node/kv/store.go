// Package kv is the reference node's state machine: strings and lists under
// keys, and a table of sessions that makes a resent write apply once.
//
// It is pure: no I/O, no clock, no randomness. The same commands at the same
// indexes make the same state on every member, and equal states have equal
// digests.
//
// To add an operation: add its Op and its case in [Store.Apply], which must
// keep the digest through set and remove.
package kv

import (
	"fmt"

	"github.com/usurper/usurper/node/bug"
)

// Options shape a Store. Every member of a cluster needs the same MaxSessions.
type Options struct {
	// MaxSessions bounds the session table; 0 means DefaultMaxSessions.
	MaxSessions int
	// Bug is the deliberate bug of the node; the store knows bug.ApplyTwice,
	// bug.SnapshotDropsKey, bug.ForgetSessions, bug.ShortSessions and
	// bug.ResendIsDone.
	Bug bug.Name
}

// DefaultMaxSessions is the size of the session table unless Options say
// otherwise.
const DefaultMaxSessions = 8192

// Store is the state machine. It is not safe for concurrent use.
type Store struct {
	items    map[string]*item
	sessions sessions
	digest   uint64
	applied  uint64
	bug      bug.Name
}

// item is what one key holds.
type item struct {
	isList bool
	value  string
	list   []string
	chain  uint64 // of the value, see digest.go
	sum    uint64 // what the key adds to the digest
	index  uint64 // of the write that last touched it
}

// Value is what a read of a key sees.
type Value struct {
	Found  bool
	IsList bool
	String string
	// List is the store's own: valid until the next Apply or Restore of the
	// store only up to its length, which no later append changes.
	List []string
}

// Result is the answer to a write.
type Result struct {
	// Done says that the write took effect, now or when it was first sent.
	Done bool
	// Saw says that Got and Found tell what a refused cas found at its key.
	Saw, Found bool
	Got        string
	Refusal    Refusal // why not, when Done is false
}

// Refusal is why a write had no effect. Its values are in snapshots: never
// renumber.
type Refusal uint8

// The refusals.
const (
	NotRefused  Refusal = iota
	Mismatch            // cas: the key holds another value
	WrongType           // a string operation met a list, or an append a string
	Superseded          // a later request of the same client was applied before: whether this one was is forgotten
	Undecodable         // the entry is no command
)

// String is the reason, for the client.
func (r Refusal) String() string {
	switch r {
	case NotRefused:
		return "not refused"
	case Mismatch:
		return "the key holds another value"
	case WrongType:
		return "the key holds a value of another type: put, cas and get take strings, append and read take lists"
	case Superseded:
		return "a later request of this client has been applied: the answer to this one is forgotten"
	case Undecodable:
		return "the log entry is not a command"
	}
	return fmt.Sprintf("refusal %d", uint8(r))
}

// New returns an empty store at index 0.
func New(o Options) *Store {
	if o.MaxSessions <= 0 {
		o.MaxSessions = DefaultMaxSessions
	}
	return &Store{items: map[string]*item{}, sessions: newSessions(o.MaxSessions), bug: o.Bug}
}

// Applied returns the index of the last entry applied.
func (s *Store) Applied() uint64 { return s.applied }

// Digest returns a hash of the whole state, keys and sessions. Stores at the
// same index with the same state have the same digest, however they got there;
// different states differ but for a chance of 2⁻⁶⁴. It costs nothing.
func (s *Store) Digest() uint64 { return s.digest + s.sessions.digest }

// Len returns how many keys there are.
func (s *Store) Len() int { return len(s.items) }

// Get returns what key holds.
func (s *Store) Get(key string) Value {
	it := s.items[key]
	if it == nil {
		return Value{}
	}
	return Value{Found: true, IsList: it.isList, String: it.value, List: it.list[:len(it.list):len(it.list)]}
}

// Apply applies the entry at index, which must be the one after Applied. A data
// that is empty (a leader's no-op) changes nothing; one that is no command is
// refused, on every member alike.
func (s *Store) Apply(index uint64, data []byte) Result {
	if index != s.applied+1 {
		panic(fmt.Sprintf("kv: apply of index %d after %d", index, s.applied))
	}
	s.applied = index
	if len(data) == 0 {
		if s.bug == bug.ForgetSessions {
			s.sessions = newSessions(s.sessions.max)
		}
		return Result{Done: true}
	}
	c, err := Decode(data)
	if err != nil {
		return Result{Refusal: Undecodable}
	}
	if c.Client == "" {
		return s.execute(&c)
	}
	if r, seen := s.sessions.lookup(c.Client, c.Seq); seen && !s.forgets(c.Client) {
		if s.bug == bug.ResendIsDone {
			return Result{Done: true}
		}
		return r
	}
	r := s.execute(&c)
	s.sessions.record(session{client: c.Client, seq: c.Seq, index: index, result: r})
	return r
}

// shortAge is how many entries bug.ShortSessions remembers a request for.
const shortAge = 200

// forgets tells whether a bug makes the store forget the client's last request.
func (s *Store) forgets(client string) bool {
	return s.bug == bug.ApplyTwice || s.bug == bug.ShortSessions && s.sessions.age(client, s.applied) > shortAge
}

// Speculate returns what Apply would answer if c were applied to the state as
// it is now, and changes nothing.
func (s *Store) Speculate(c *Command) Result {
	it := s.items[c.Key]
	switch c.Op {
	case OpCas:
		switch {
		case it != nil && it.isList:
			return Result{Refusal: WrongType}
		case it == nil && c.Old != "" || it != nil && it.value != c.Old:
			v := s.Get(c.Key)
			return Result{Saw: true, Found: v.Found, Got: v.String, Refusal: Mismatch}
		}
	case OpAppend:
		if it != nil && !it.isList {
			return Result{Refusal: WrongType}
		}
	}
	return Result{Done: true}
}

// execute carries out c, which is decided by Speculate.
func (s *Store) execute(c *Command) Result {
	r := s.Speculate(c)
	if !r.Done {
		return r
	}
	switch c.Op {
	case OpPut, OpCas:
		s.set(c.Key, &item{value: c.Arg, chain: stringChain(c.Arg), index: s.applied})
	case OpAppend:
		it := s.items[c.Key]
		if it == nil {
			it = &item{isList: true}
		}
		it.list = append(it.list, c.Arg)
		it.chain = listChain(it.chain, c.Arg)
		it.index = s.applied
		s.set(c.Key, it)
	case OpDelete:
		s.remove(c.Key)
	}
	return r
}

// set puts it at key and moves the digest along. it may be the item that is
// there, changed.
func (s *Store) set(key string, it *item) {
	s.remove(key)
	it.sum = keySum(key, it)
	s.digest += it.sum
	s.items[key] = it
}

func (s *Store) remove(key string) {
	if it := s.items[key]; it != nil {
		s.digest -= it.sum
		delete(s.items, key)
	}
}
