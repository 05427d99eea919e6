package raft_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/nemesis"
	"github.com/usurper/usurper/node/raft"
)

// What each rule does to ten appends and one vote, sent one a slot from slot 0
// on, by when they arrive: by 20, before the rule is removed, and after. The vote
// is number 0.
func TestNetworkRules(t *testing.T) {
	all := []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0}
	for _, tc := range []struct {
		name          string
		rule          nemesis.Rule
		soon, in, end []uint64
		touched       int
	}{
		{"cut", nemesis.Rule{Action: "cut"}, nil, nil, all, 11},
		{"hold a class", nemesis.Rule{Action: "hold", Class: "append"}, []uint64{0}, nil, all[:10], 10},
		{"hold the first", nemesis.Rule{Action: "hold", Count: 2}, all[2:], nil, all[:2], 2},
		{"drop", nemesis.Rule{Action: "drop"}, nil, nil, nil, 11},
		{"drop a class", nemesis.Rule{Action: "drop", Class: "vote"}, all[:10], nil, nil, 1},
		{"refuse", nemesis.Rule{Action: "refuse"}, nil, nil, nil, 11},
		{"delay", nemesis.Rule{Action: "delay", Delay: 30 * time.Millisecond}, nil, all, nil, 11},
		{"delay a class", nemesis.Rule{Action: "delay", Delay: 30 * time.Millisecond, Class: "vote"}, all[:10], []uint64{0}, nil, 1},
		{"a delay that ends early", nemesis.Rule{Action: "delay", Delay: time.Hour}, nil, nil, all, 11},
		{"duplicate the first", nemesis.Rule{Action: "duplicate", Count: 1}, append([]uint64{1}, all...), nil, nil, 1},
		{"another link", nemesis.Rule{Action: "drop", Links: [][2]string{{"n2", "n1"}}}, all, nil, nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := newNetwork(1)
			if tc.rule.Links == nil {
				tc.rule.Links = [][2]string{{"n1", "n2"}}
			}
			r := n.install(tc.rule)
			for i := range int64(11) {
				m := raft.Message{Kind: raft.KindAppend, From: 1, To: 2, Context: uint64(i + 1)}
				if i == 10 {
					m.Kind, m.Context = raft.KindVote, 0
				}
				n.send(m, i)
			}
			arrived := func(now int64) (got []uint64) {
				for _, p := range n.arrived(now) {
					got = append(got, p.Context)
				}
				return got
			}
			require.Equal(t, tc.soon, arrived(20))
			require.Equal(t, tc.in, arrived(50))
			n.remove(r, 50)
			require.Equal(t, tc.end, arrived(50+transit))
			require.Empty(t, n.flight)
			require.Equal(t, tc.touched, r.touched)
		})
	}
}

// Reordered messages are overtaken, and all arrive. A share means about that many.
func TestNetworkChances(t *testing.T) {
	n := newNetwork(1)
	links := [][2]string{{"n1", "n2"}}
	mixed := n.install(nemesis.Rule{Action: "reorder", Links: links, Chance: 0.5})
	lossy := n.install(nemesis.Rule{Action: "drop", Links: links, Chance: 0.25})
	for i := range int64(1000) {
		n.send(raft.Message{Kind: raft.KindAppend, From: 1, To: 2, Context: uint64(i)}, i)
	}
	var last uint64
	overtaken := 0
	all := n.arrived(2000)
	for _, p := range all {
		if p.Context < last {
			overtaken++
		}
		last = max(last, p.Context)
	}
	require.InDelta(t, 500, mixed.touched, 60)
	require.InDelta(t, 250, lossy.touched, 60)
	require.Len(t, all, 1000-lossy.touched)
	require.Greater(t, overtaken, 200)
}

// A reset loses what is on its way, and is over.
func TestNetworkReset(t *testing.T) {
	n := newNetwork(1)
	n.send(raft.Message{From: 1, To: 2}, 0)
	n.send(raft.Message{From: 2, To: 1}, 0)
	r := n.install(nemesis.Rule{Action: "reset", Links: [][2]string{{"n1", "n2"}}})
	require.Equal(t, 1, r.touched)
	require.Empty(t, n.rules)
	require.Len(t, n.arrived(10), 1)
}
