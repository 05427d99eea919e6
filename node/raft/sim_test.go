package raft_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/bug"
	"github.com/usurper/usurper/node/raft"
)

// sim attacks a cluster with everything that a network and a power switch can
// do: its messages are lost, repeated, held and overtaken, members handle several
// at once, crash, also with an output that they have not begun to carry out,
// and come back.
type sim struct {
	*cluster
	oracle *oracle
	rng    *rand.Rand
	next   uint64 // number of the next proposal or read
	reach  int    // how many messages one may overtake
	calm   bool   // nothing is lost any more
}

func newSim(tb testing.TB, seed uint64, b coreBug) *sim {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := setup{
		n: 3 + 2*rng.IntN(2), election: 10, heartbeat: 2, bug: b.bug,
		timeout: func(raft.ID) int { return 10 + rng.IntN(10) },
		preVote: rng.IntN(4) == 0,
		batch:   1 + rng.IntN(200), inflight: 1 + rng.IntN(4),
	}
	if b.even {
		s.n--
	}
	o := newOracle(s)
	c := newCluster(tb, s, o)
	c.later = func() bool { return rng.IntN(3) == 0 }
	return &sim{cluster: c, oracle: o, rng: rng, reach: 1 << (2 * rng.IntN(4))}
}

// run makes a number of random steps; it ends early when an invariant is broken.
func (s *sim) run(steps int) {
	for range steps {
		if len(s.oracle.broken) > 0 {
			return
		}
		s.step()
	}
}

func (s *sim) step() {
	id := s.voters[s.rng.IntN(len(s.voters))]
	p := s.rng.IntN(1000)
	switch {
	case s.up(id) == nil:
		if p < 100 {
			s.start(id)
		}
	case p < 500:
		s.deliverSome()
	case p < 800:
		s.tick(id, 1)
	case p < 880:
		s.next++
		_, err := s.propose(id, fmt.Sprintf("p%d", s.next))
		s.notLeader(id, err)
	case p < 940:
		s.next++
		s.oracle.asked[s.next] = s.oracle.top
		_ = s.read(id, s.next)
	case p < 960:
		s.compact(id)
	case p < 970:
		s.partition()
	case p < 976:
		s.heal()
	case p < 982:
		s.crash(id)
	case p < 986:
		s.crashUnsaved(id)
	}
}

func (s *sim) notLeader(id raft.ID, err error) {
	if s.up(id).Status().Role != raft.Leader {
		require.ErrorIs(s.tb, err, raft.ErrNotLeader)
	}
}

// deliverSome delivers one of the oldest messages, or loses, repeats or leaves
// it.
func (s *sim) deliverSome() {
	if len(s.flight) == 0 {
		return
	}
	i := s.rng.IntN(min(len(s.flight), s.reach))
	switch p := s.rng.IntN(100); {
	case s.calm || p < 80:
		s.deliver(i)
	case p < 88:
		s.give(s.flight[i])
	case p < 96:
		s.flight = append(s.flight[:i], s.flight[i+1:]...)
	}
}

// partition cuts the members in two groups, or one link in one direction.
func (s *sim) partition() {
	s.hold = s.rng.IntN(2) == 0
	side := map[raft.ID]bool{}
	for _, id := range s.voters {
		side[id] = s.rng.IntN(2) == 0
	}
	oneWay := s.rng.IntN(4) == 0
	s.cut = func(from, to raft.ID) bool { return side[from] != side[to] && (!oneWay || side[from]) }
}

// crashUnsaved crashes a member that has decided things and not yet saved them.
func (s *sim) crashUnsaved(id raft.ID) {
	for i := len(s.flight) - 1; i >= 0; i-- {
		if m := s.flight[i]; m.To == id {
			s.up(id).Step(m)
			break
		}
	}
	s.up(id).Output()
	s.crash(id)
}

// recover ends all faults and demands that the cluster elects a leader, commits
// and agrees.
func (s *sim) recover() {
	s.calm, s.later = true, nil
	s.heal()
	for _, id := range s.voters {
		if s.up(id) == nil {
			s.start(id)
		}
	}
	agreed := func() bool {
		first := s.members[s.voters[0]].applied
		for _, id := range s.voters {
			m := s.members[id]
			if m.applied.Index != first.Index || m.applied.Hash != first.Hash {
				return false
			}
		}
		return true
	}
	var at raft.Pos
	for range 1000 {
		for _, id := range s.voters {
			s.tick(id, 1)
			for len(s.flight) > 0 && s.rng.IntN(20) != 0 {
				s.deliverSome()
			}
			if st := s.up(id).Status(); st.Role == raft.Leader && st.Term > at.Term {
				at, _ = s.propose(id, "final")
			}
		}
		if at.Term > 0 && s.members[s.voters[0]].applied.Index >= at.Index && agreed() {
			return
		}
	}
	s.tb.Fatalf("no agreement after all faults ended")
}

func TestSimulationCorrect(t *testing.T) {
	seeds, steps := uint64(120), 4000
	if testing.Short() {
		seeds = 30
	}
	var committed uint64
	for seed := range seeds {
		s := newSim(t, seed, coreBug{})
		s.run(steps)
		require.Empty(t, s.oracle.broken, "seed %d", seed)
		s.recover()
		require.Empty(t, s.oracle.broken, "seed %d, recovering", seed)
		committed += s.oracle.top
	}
	require.Greater(t, committed, 20*seeds, "too little happened to prove anything")
}

// coreBug is a deliberate bug of the core and the invariants of which it must
// break one.
type coreBug struct {
	bug    bug.Name
	breaks []string
	even   bool // it shows only if the number of members is even
}

func coreBugs() []coreBug {
	return []coreBug{
		{bug.DoubleVote, []string{oneVote}, false},
		{bug.StaleLogVote, []string{completeVote}, false},
		{bug.MinorityQuorum, []string{majorityWins}, false},
		{bug.IgnoreHigherTerm, []string{oneVote}, false},
		{bug.LastComeVote, []string{firstCome}, false},
		{bug.NoTruncate, []string{stateSafety, completeness, logMatching}, false},
		{bug.AlwaysTruncate, []string{keptAck}, false},
		{bug.CommitOldTerm, []string{ownTerm}, false},
		{bug.HeartbeatCommit, []string{stateSafety, completeness}, false},
		{bug.StaleRead, []string{freshRead}, false},
		{bug.FollowerRead, []string{freshRead}, false},
		{bug.DeafTimer, []string{quietTimer}, false},
		{bug.OldSnapshot, []string{keptCommit}, false},
		{bug.EarlyRead, []string{freshRead}, false},
		{bug.AnswerLease, []string{freshRead}, false},
		{bug.EvenQuorum, []string{majorityWins}, true},
	}
}

// TestSimulationFindsBugs shows that the simulation above would notice: each
// deliberate bug of the core breaks the invariant that it must break.
func TestSimulationFindsBugs(t *testing.T) {
	for _, tc := range coreBugs() {
		t.Run(string(tc.bug), func(t *testing.T) {
			for seed := range uint64(300) {
				s := newSim(t, seed, tc)
				s.run(3000)
				for _, invariant := range tc.breaks {
					if text, found := s.oracle.broken[invariant]; found {
						t.Logf("seed %d: %s: %s", seed, invariant, text)
						return
					}
				}
				require.Empty(t, s.oracle.broken, "seed %d breaks something else", seed)
			}
			t.Fatalf("no seed breaks %v", tc.breaks)
		})
	}
}
