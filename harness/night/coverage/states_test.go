package coverage

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// ofRun is what a run keeps of states.
func ofRun(hashes ...uint64) States {
	var s States
	for _, h := range hashes {
		s.see(h)
	}
	s.trim(runStates)
	return s
}

func inText(t require.TestingT, s States) string {
	b, err := json.Marshal(s)
	require.NoError(t, err)
	return string(b)
}

// Sets add up to the same in any order and grouping, also where they are sampled.
func TestStatesInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		pool := make([]uint64, rapid.IntRange(1, 6000).Draw(t, "states"))
		for i := range pool {
			pool[i] = rnd.Uint64() >> (64 - hashBits)
		}
		var runs []States
		for range rapid.IntRange(1, 12).Draw(t, "runs") {
			n := rnd.IntN(len(pool))
			rnd.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
			runs = append(runs, ofRun(pool[:n]...))
		}
		var want States
		for _, r := range runs {
			want.add(r)
		}
		for range 4 {
			parts := slices.Clone(runs)
			for len(parts) > 1 {
				i, j := rnd.IntN(len(parts)-1), len(parts)-1
				var sum States
				sum.add(parts[j])
				sum.add(parts[i])
				parts[i] = sum
				parts = parts[:j]
			}
			var got States
			got.add(parts[0])
			require.Equal(t, inText(t, want), inText(t, got))
		}
		var again States
		require.NoError(t, json.Unmarshal([]byte(inText(t, want)), &again))
		require.Equal(t, inText(t, want), inText(t, again))
	})
}

// A sampled set estimates how many there are, within what chance does.
func TestSampledStates(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	var s States
	const n = 100_000
	for range n {
		s.see(rnd.Uint64() >> (64 - hashBits))
	}
	require.LessOrEqual(t, len(s.runs), 4*runStates)
	s.trim(runStates)
	require.LessOrEqual(t, len(s.runs), runStates)
	require.False(t, s.Exact())
	require.InEpsilon(t, n, s.Distinct(), 0.25)
	require.Zero(t, s.New(s))
	require.Equal(t, s.Distinct(), s.New(States{}))
}

// Of what is known less is known to be new.
func TestNewAndUnseen(t *testing.T) {
	var sum States
	for _, r := range []States{ofRun(1, 2, 3), ofRun(2, 3, 4), ofRun(3)} {
		sum.add(r)
	}
	require.True(t, sum.Exact())
	require.Equal(t, 4, sum.Distinct())
	require.Equal(t, 2, sum.New(ofRun(1, 2, 9)))
	require.Equal(t, Unseen{Mass: 2.0 / 7, PerRun: 2.0 / 3, Once: 2, Twice: 1}, sum.Unseen(3))
	require.Equal(t, Unseen{Mass: 1}, States{}.Unseen(0), "nothing is known")
}

// A state is the same by whatever names, and another if anything else differs.
func TestStatesWithoutNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(t, "members")
		s := shape{make([]uint16, n), make([]uint64, n)}
		for i := range n {
			s.members[i] = rapid.Uint16Range(0, 3).Draw(t, "code")
			s.cut[i] = rapid.Uint64Range(0, 1<<n-1).Draw(t, "cut") &^ (1 << i)
		}
		order := rapid.Permutation(slices.Collect(func(yield func(int) bool) {
			for i := range n {
				if !yield(i) {
					return
				}
			}
		})).Draw(t, "order")
		other := shape{make([]uint16, n), make([]uint64, n)}
		for i, to := range order {
			other.members[to] = s.members[i]
			for j, from := range order {
				if s.cut[i]>>j&1 == 1 {
					other.cut[to] |= 1 << from
				}
			}
		}
		require.Equal(t, s.hash(true), other.hash(true))
		other.members[order[0]] += 9
		require.NotEqual(t, s.hash(true), other.hash(true))
	})
	one := shape{[]uint16{1, 2, 2}, []uint64{2, 0, 0}} // the second does not reach the first
	back := shape{[]uint16{1, 2, 2}, []uint64{0, 1, 0}}
	require.NotEqual(t, one.hash(true), back.hash(true), "links have a direction")
	require.Equal(t, uint64(0), one.hash(true)>>hashBits)
}
