package nemesis_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/nemesis"
)

func sceneOf(seed uint64) *nemesis.Scene {
	return &nemesis.Scene{
		Nodes: members(5),
		Roles: nemesis.Roles{Leader: "n2", Candidate: "n4", Voter: "n5", It: "n1"},
		Rand:  rand.New(rand.NewPCG(seed, 0)),
	}
}

func TestCertainWords(t *testing.T) {
	for word, want := range map[nemesis.Target]nemesis.Target{
		"leader":       "n2",
		"followers":    "n1 n3 n4 n5",
		"candidate":    "n4",
		"voter":        "n5",
		"it":           "n1",
		"all":          "n1 n2 n3 n4 n5",
		"*":            "n1 n2 n3 n4 n5",
		"n3 leader n1": "n1 n2 n3",
		"leader rest":  "n1 n2 n3 n4 n5",
	} {
		got, err := sceneOf(1).Resolve(word)
		require.NoError(t, err)
		require.Equal(t, []nemesis.Target{want}, got, word)
	}
}

// Words of one fault never draw the same member twice, and rest is what the
// others leave, wherever it stands.
func TestWordsTogether(t *testing.T) {
	for seed := range uint64(50) {
		for _, words := range [][]nemesis.Target{
			{"one", "leader", "rest"}, {"rest", "leader"}, {"others", "n1", "follower"},
			{"majority", "minority"}, {"minority", "rest"}, {"leader follower", "rest"},
		} {
			got, err := sceneOf(seed).Resolve(words...)
			require.NoError(t, err)
			count := make(map[string]int)
			for _, t := range got {
				for _, n := range splitNames(t) {
					count[n]++
				}
			}
			require.Equal(t, map[string]int{"n1": 1, "n2": 1, "n3": 1, "n4": 1, "n5": 1}, count, words)
		}
	}
}

func TestNoTarget(t *testing.T) {
	for _, words := range [][]nemesis.Target{
		{"leader"}, {"followers"}, {"follower"}, {"candidate"}, {"voter"}, {"it"}, {"n9"},
		{"n1 n2 n3 n4 n5", "one"}, {"n1 n2 n3 n4 n5", "rest"}, {"n1 n2 n3", "majority"},
	} {
		s := sceneOf(1)
		s.Roles = nemesis.Roles{}
		_, err := s.Resolve(words...)
		require.ErrorIs(t, err, nemesis.ErrNoTarget, words)
	}
}

// A single member is drawn among those that run, as long as one does.
func TestDrawPrefersTheLiving(t *testing.T) {
	for seed := range uint64(20) {
		s := sceneOf(seed)
		s.Down = map[string]bool{"n1": true, "n2": true, "n3": true, "n4": true}
		got, err := s.Resolve("one")
		require.NoError(t, err)
		require.Equal(t, []nemesis.Target{"n5"}, got)
		s.Down["n5"] = true
		_, err = s.Resolve("one")
		require.NoError(t, err)
	}
}

func TestPartitionShapes(t *testing.T) {
	for seed := range uint64(50) {
		f, err := nemesis.Halves{}.Resolve(sceneOf(seed))
		require.NoError(t, err)
		sides := f.(nemesis.Partition).Sides
		require.Len(t, splitNames(sides[0]), 2)
		require.Len(t, splitNames(sides[1]), 3)

		f, err = nemesis.Bridge{Over: "leader"}.Resolve(sceneOf(seed))
		require.NoError(t, err)
		sides = f.(nemesis.Partition).Sides
		require.Len(t, splitNames(sides[0]), 2)
		require.Len(t, splitNames(sides[1]), 2)
		require.NotContains(t, f.String(), "n2")
	}
}

// On a ring everybody sees a majority and nobody everybody.
func TestRingSeesMajorities(t *testing.T) {
	for n := 4; n <= 9; n++ {
		ring, err := nemesis.Ring{}.Resolve(&nemesis.Scene{Nodes: members(n), Rand: rand.New(rand.NewPCG(1, 1))})
		require.NoError(t, err)
		f := newFake(members(n)...)
		plan := nemesis.Plan{Steps: []nemesis.Step{{For: 1, Fault: ring}}}
		seen := make(map[string]int)
		f.onRule = func(r nemesis.Rule) {
			for _, m := range f.nodes {
				seen[m] = n
			}
			for _, l := range r.Links {
				seen[l[0]]--
			}
		}
		_, err = nemesis.Execute(t.Context(), nemesis.Options{System: f, Record: f.record}, plan)
		require.NoError(t, err)
		require.Len(t, seen, n)
		for m, count := range seen {
			require.GreaterOrEqual(t, count, n/2+1, m)
			require.Less(t, count, n, m)
		}
	}
}
