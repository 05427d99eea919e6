package coverage

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// States is a set of abstract states with the number of runs that showed each. A state
// is known by a hash of 48 bits.
//
// It stays small by sampling: at level l it holds the states whose hash is below 2^48 /
// 2^l, so that a level more is half of them. Which states are held depends on hashes
// and sizes alone, never on the order in which sets are joined.
type States struct {
	level uint
	runs  map[uint64]uint32
}

const (
	hashBits = 48
	// runStates bounds what is kept of one run, allStates what is kept of many. A run
	// at 5 nodes shows some dozens to some hundreds in 20 s.
	runStates = 512
	allStates = 1 << 15
)

// see notes that a run is in a state.
func (s *States) see(hash uint64) {
	if hash>>(hashBits-s.level) != 0 {
		return
	}
	if s.runs == nil {
		s.runs = make(map[uint64]uint32)
	}
	s.runs[hash] = 1
	if len(s.runs) > 4*runStates { // what a long run keeps on its way
		s.trim(4 * runStates)
	}
}

// trim raises the level until at most so many are left.
func (s *States) trim(most int) {
	for len(s.runs) > most && s.level < hashBits {
		s.raise(s.level + 1)
	}
}

func (s *States) raise(level uint) {
	s.level = max(s.level, level)
	maps.DeleteFunc(s.runs, func(hash uint64, _ uint32) bool { return hash>>(hashBits-s.level) != 0 })
}

// add joins what other runs have shown.
func (s *States) add(o States) {
	if s.runs == nil && len(o.runs) > 0 {
		s.runs = make(map[uint64]uint32, len(o.runs))
	}
	s.raise(o.level)
	for hash, n := range o.runs {
		if hash>>(hashBits-s.level) == 0 {
			s.runs[hash] += n
		}
	}
	s.trim(allStates)
}

// Exact tells whether every state that was seen is held: else numbers are estimates
// from a sample.
func (s States) Exact() bool { return s.level == 0 }

// Distinct returns how many distinct states were seen: exactly, or an estimate.
func (s States) Distinct() int { return len(s.runs) << s.level }

// New returns how many of the states are not among those known: exactly, or an estimate.
func (s States) New(known States) int {
	level := max(s.level, known.level)
	n := 0
	for hash := range s.runs {
		if _, old := known.runs[hash]; !old && hash>>(hashBits-level) == 0 {
			n++
		}
	}
	return n << level
}

// Unseen is the Good–Turing estimate of what was not seen. What is sampled is runs, and
// each shows a set of states. It holds as far as runs to come are drawn as these were.
type Unseen struct {
	// Mass is the estimated part, 0 to 1, of the states that one more run shows which
	// no run has shown: those that one run alone has shown, divided by the sum over
	// runs of the states that each has shown.
	Mass float64 `json:"mass"`
	// PerRun is how many new states one more run is expected to show: those that one
	// run alone has shown, divided by the number of runs.
	PerRun float64 `json:"per_run"`
	// Once and Twice are how many states one and two runs have shown.
	Once  int `json:"once"`
	Twice int `json:"twice"`
}

// Unseen estimates from this many runs; a Mass of 1 where there is nothing to go by.
func (s States) Unseen(runs int) Unseen {
	var u Unseen
	sum := 0.0
	for _, n := range s.runs {
		sum += float64(n)
		switch n {
		case 1:
			u.Once++
		case 2:
			u.Twice++
		}
	}
	u.Mass = 1
	if sum > 0 {
		u.Mass = float64(u.Once) / sum
	}
	u.Once, u.Twice = u.Once<<s.level, u.Twice<<s.level
	if runs > 0 {
		u.PerRun = float64(u.Once) / float64(runs)
	}
	return u
}

// statesText is how a file has them: hashes in order, six bytes each, and how many runs
// showed each, unless that is one for all.
type statesText struct {
	Level  uint   `json:"level,omitempty"`
	Hashes string `json:"hashes"`
	Runs   string `json:"runs,omitempty"`
}

// MarshalJSON writes the same text for the same set.
func (s States) MarshalJSON() ([]byte, error) {
	var hashes, runs []byte
	many := false
	for _, hash := range slices.Sorted(maps.Keys(s.runs)) {
		hashes = append(hashes, binary.BigEndian.AppendUint64(nil, hash<<(64-hashBits))[:hashBits/8]...)
		runs = binary.AppendUvarint(runs, uint64(s.runs[hash]))
		many = many || s.runs[hash] != 1
	}
	text := statesText{Level: s.level, Hashes: base64.RawStdEncoding.EncodeToString(hashes)}
	if many {
		text.Runs = base64.RawStdEncoding.EncodeToString(runs)
	}
	return json.Marshal(text)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *States) UnmarshalJSON(b []byte) error {
	var text statesText
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("states: %w", err)
	}
	hashes, err := base64.RawStdEncoding.DecodeString(text.Hashes)
	if err != nil {
		return fmt.Errorf("states: hashes: %w", err)
	}
	runs, err := base64.RawStdEncoding.DecodeString(text.Runs)
	if err != nil {
		return fmt.Errorf("states: runs: %w", err)
	}
	if len(hashes)%(hashBits/8) != 0 || text.Level > hashBits {
		return errors.New("states: this is no set of states")
	}
	*s = States{level: text.Level, runs: make(map[uint64]uint32)}
	for ; len(hashes) > 0; hashes = hashes[hashBits/8:] {
		n := uint64(1)
		if text.Runs != "" {
			var size int
			if n, size = binary.Uvarint(runs); size <= 0 || n == 0 || n > 1<<32-1 {
				return errors.New("states: runs are not those of the hashes")
			}
			runs = runs[size:]
		}
		var hash uint64
		for _, b := range hashes[:hashBits/8] {
			hash = hash<<8 | uint64(b)
		}
		s.runs[hash] = uint32(n)
	}
	s.raise(s.level)
	if len(runs) > 0 {
		return errors.New("states: more numbers of runs than hashes")
	}
	return nil
}
