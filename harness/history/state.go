package history

// State is what one member tells of the data that it holds, asked by itself
// once everything is healed, or Amid the run. Members that hold the same data at
// one revision have done the same up to there: a revision counts the writes that
// changed something.
type State struct {
	What StateWhat `json:"what"`
	Node string    `json:"node,omitempty"`
	// Round counts, from 1, how often all members were asked for their position.
	Round int `json:"round,omitempty"`
	// Amid: it was asked while clients and faults were at work. Then members are
	// late, away or do not tell, and nothing follows from that.
	Amid bool `json:"amid,omitempty"`

	Revision  uint64 `json:"rev,omitempty"`
	Applied   uint64 `json:"applied,omitempty"`   // index of the last entry of the log that is in the data
	Compacted uint64 `json:"compacted,omitempty"` // revision up to which the past is forgotten
	Hash      uint64 `json:"hash,omitempty"`
	Keys      int64  `json:"keys,omitempty"` // how many keys there are

	// Key is a key that members hold differently, Held what each has there.
	Key  string `json:"key,omitempty"`
	Held []Held `json:"held,omitempty"`

	// Error is why the member did not tell.
	Error string `json:"error,omitempty"`
}

// Held is what one member holds at a key. A long value is cut in its middle.
type Held struct {
	Node     string `json:"node"`
	Missing  bool   `json:"missing,omitempty"`
	Value    string `json:"value,omitempty"`
	Revision uint64 `json:"rev,omitempty"`  // of the last write to the key
	Rest     uint64 `json:"rest,omitempty"` // digests what else belongs to the key: its version, its lease
}

// StateWhat tells what a [State] event says. The comments name the fields in use
// besides Node and Error.
type StateWhat string

const (
	// StatePosition: in this Round, the member was at Revision having applied
	// Applied. The two are not read at one instant.
	StatePosition StateWhat = "position"
	// StateHash: Hash is the member's own digest of all that it holds at Revision
	// and since Compacted. Comparable between members where both are equal.
	StateHash StateWhat = "hash"
	// StateData: every key was read at Revision: there are Keys of them, and Hash
	// is a digest of them and their values, versions and revisions.
	StateData StateWhat = "data"
	// StateDiffer: at Revision members hold Key differently: Held. Node is empty.
	StateDiffer StateWhat = "differ"
)
