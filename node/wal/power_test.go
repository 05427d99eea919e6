package wal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/bug"
	"github.com/usurper/usurper/node/raft"
)

// held is what a log may hold.
type held struct {
	state raft.HardState
	snap  *raft.Snapshot
	book  book // from the snapshot on
}

func (h held) clone() held {
	h.book.entries = slices.Clone(h.book.entries)
	return h
}

// is tells whether it was recovered.
func (h held) is(rec Recovered) bool {
	return rec.State == h.state && reflect.DeepEqual(rec.Snapshot, h.snap) && slices.EqualFunc(rec.Entries, h.book.entries, sameEntry)
}

func sameEntry(a, b raft.Entry) bool { return reflect.DeepEqual(a, b) }

// member writes to a log at random. Its last promise is the first of what the log may
// hold; each of the others is that with some of what was written since.
type member struct {
	rng *rand.Rand
	log *Log
	may []held
}

func (m *member) now() *held { return &m.may[len(m.may)-1] }

// then notes that the log may hold what do makes of it.
func (m *member) then(do func(h *held)) {
	h := m.now().clone()
	do(&h)
	m.may = append(m.may, h)
}

func (m *member) promised() { m.may = m.may[len(m.may)-1:] }

// act does one thing to the log.
func (m *member) act() error {
	h := m.now()
	n := uint64(len(h.book.entries))
	switch m.rng.IntN(12) {
	case 0:
		m.then(func(h *held) { h.state = raft.HardState{Term: h.state.Term + 1, Vote: raft.ID(m.rng.IntN(3))} })
		return m.log.SetState(m.now().state)
	case 1:
		if n == 0 {
			return nil
		}
		from := h.book.base.Index + 1 + m.rng.Uint64N(n)
		m.then(func(h *held) { h.book.truncate(from) })
		return m.log.Truncate(from)
	case 2:
		if n == 0 || m.rng.IntN(3) > 0 {
			return nil
		}
		return m.snapshot(h.book.base.Index + 1 + m.rng.Uint64N(n))
	case 3:
		if m.rng.IntN(6) > 0 {
			return nil
		}
		return m.install()
	case 4, 5, 6:
		err := m.log.Sync()
		if err == nil {
			m.promised()
		}
		return err
	}
	return m.append()
}

func (m *member) append() error {
	var entries []raft.Entry
	for range m.rng.IntN(4) {
		m.then(func(h *held) {
			h.book.pad = m.rng.IntN(300)
			entries = append(entries, h.book.write(max(h.state.Term, h.book.lastTerm(), 1), 1)...)
		})
	}
	return m.log.Append(entries)
}

func (b *book) lastTerm() uint64 {
	if n := len(b.entries); n > 0 {
		return b.entries[n-1].Term
	}
	return b.base.Term
}

func (m *member) snapshot(at uint64) error {
	var s raft.Snapshot
	m.then(func(h *held) {
		s = h.book.snapshot(at, fmt.Sprintf("%0*d", m.rng.IntN(1500)+1, at))
		h.snap, h.book = &s, book{base: s.Pos, hash: s.Hash, entries: h.book.after(at)}
	})
	err := m.log.SaveSnapshot(s)
	if err == nil {
		m.promised()
	}
	return err
}

func (m *member) install() error {
	h := m.now()
	s := raft.Snapshot{Hash: m.rng.Uint64(), Digest: 1, Data: make([]byte, 1+m.rng.IntN(1500))}
	s.Pos = raft.Pos{Term: max(h.book.lastTerm(), 1), Index: h.book.base.Index + uint64(len(h.book.entries)) + 1 + m.rng.Uint64N(9)}
	for i := range s.Data {
		s.Data[i] = byte(i)
	}
	m.then(func(h *held) { h.snap, h.book = &s, book{base: s.Pos, hash: s.Hash} })
	err := m.log.Install(s)
	if err == nil {
		m.promised()
	}
	return err
}

// life lets a member write, lose its power or be killed at any moment, the first of its
// recovery too, and come back, some times over. It returns the first promise that was
// not kept.
func life(seed uint64, b bug.Name) error {
	rng := rand.New(rand.NewPCG(seed, 15))
	disk := newMedium()
	o := Options{SegmentBytes: 1 << 10 << rng.IntN(3), Bug: b, directory: disk}
	m := &member{rng: rng, may: []held{{}}}
	for range 12 {
		if rng.IntN(3) > 0 {
			disk.budget = rng.IntN(60)
		}
		var rec Recovered
		var err error
		if m.log, rec, err = Open("data", o); err == nil {
			if err := m.recovered(rec); err != nil {
				return err
			}
			for range rng.IntN(150) {
				if err = m.act(); err != nil {
					break
				}
			}
			m.log.Abandon()
		}
		if err != nil && !errors.Is(err, errNoPower) {
			return err
		}
		if disk.budget <= 0 || rng.IntN(2) == 0 {
			disk.fail(rng)
		}
		disk.budget = 1 << 30
	}
	return nil
}

// recovered finds what the log has among what it may hold.
func (m *member) recovered(rec Recovered) error {
	i := slices.IndexFunc(m.may, func(h held) bool { return h.is(rec) })
	if i < 0 {
		return fmt.Errorf("recovered %s, promised %s, and %d more were written", told(held{rec.State, rec.Snapshot, book{entries: rec.Entries}}), told(m.may[0]), len(m.may)-1)
	}
	if last := m.may[i].book.base.Index + uint64(len(rec.Entries)); rec.Commit > last {
		return fmt.Errorf("recovered commit %d of %d entries", rec.Commit, last)
	}
	m.may = m.may[i : i+1]
	return nil
}

func told(h held) string {
	text := fmt.Sprintf("%+v", h.state)
	if h.snap != nil {
		text += fmt.Sprintf(", a snapshot at %v", h.snap.Pos)
	}
	for _, e := range h.book.entries {
		text += fmt.Sprintf(" %d/%d", e.Term, e.Index)
	}
	return text
}

// Whatever a power failure leaves of what was not synced, nothing that the log has
// promised is gone, and nothing else is there than what was written, in its order.
func TestPowerFailure(t *testing.T) {
	seeds := uint64(600)
	if testing.Short() {
		seeds = 100
	}
	for seed := range seeds {
		require.NoError(t, life(seed, bug.None), "seed %d", seed)
	}
}

// What the deliberate bugs promise is gone soon.
func TestPowerFailureShowsBugs(t *testing.T) {
	for _, b := range []bug.Name{bug.WriteWithoutSync, bug.SyncDataNotName, bug.SyncLate, bug.TrustTornTail, bug.KeepTornTail} {
		found := 0
		for seed := range uint64(100) {
			if err := life(seed, b); err != nil {
				if found++; found == 1 {
					t.Logf("%s, seed %d: %v", b, seed, err)
				}
			}
		}
		t.Logf("%s: %d of 100", b, found)
		require.Positive(t, found, b)
	}
}
