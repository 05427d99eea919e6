package nemesis_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
)

// behind is a cluster of three whose clients are behind the proxy layer.
func behind() nemesis.Setting { return nemesis.Setting{Nodes: members(3), Clients: true} }

func TestClientsAreAnEndOfLinks(t *testing.T) {
	for text, want := range map[string]struct {
		resolved string
		links    []string
	}{
		"cut clients > leader":   {"cut clients > n2", []string{"clients>n2"}},
		"cut leader > clients":   {"cut n2 > clients", []string{"n2>clients"}},
		"delay 50ms clients > *": {"delay 50ms clients > n1 n2 n3", []string{"clients>n1", "clients>n2", "clients>n3"}},
		"reset clients <> n1":    {"reset clients <> n1", []string{"clients>n1", "n1>clients"}},
		"partition clients leader | rest": {"partition n2 clients | n1 n3", []string{
			"n2>n1", "n2>n3", "clients>n1", "clients>n3", "n1>n2", "n1>clients", "n3>n2", "n3>clients"}},
		"partition all | clients": {"partition n1 n2 n3 | clients", []string{
			"n1>clients", "n2>clients", "n3>clients", "clients>n1", "clients>n2", "clients>n3"}},
		// The words for members do not mean clients.
		"partition leader | rest": {"partition n2 | n1 n3", []string{"n2>n1", "n2>n3", "n1>n2", "n3>n2"}},
		"isolate leader":          {"isolate n2", []string{"n1>n2", "n2>n1", "n2>n3", "n3>n2"}},
	} {
		t.Run(text, func(t *testing.T) {
			f := newFake(members(3)...)
			var links []string
			f.onRule = func(r nemesis.Rule) {
				for _, l := range r.Links {
					links = append(links, l[0]+">"+l[1])
				}
			}
			line := "at 0s for 1ms " + text
			if strings.HasPrefix(text, "reset") {
				line = "at 0s " + text
			}
			plan, err := nemesis.ParseFor("p", line, behind())
			require.NoError(t, err)
			view := nemesis.NewView()
			view.Observe(history.Raft{What: history.RaftLeader, Node: "n2", Term: 1})
			_, err = nemesis.Execute(t.Context(), nemesis.Options{System: f, Record: f.record, View: view}, plan)
			require.NoError(t, err)
			require.Equal(t, want.links, links)
			require.True(t, strings.HasSuffix(f.history[0].Resolved, want.resolved), f.history[0].Resolved)
			require.NotContains(t, f.history[0].Nodes, nemesis.Clients, "they are no member")
			require.Equal(t, !strings.Contains(text, nemesis.Clients), f.history[0].Traffic, "what clients say tells nothing of how members reach each other")
		})
	}
}

// What clients cannot be is refused before the run, as is everything about them
// while they reach the members directly.
func TestClientsRefused(t *testing.T) {
	for fault, want := range map[string]string{
		"kill clients":                       "no members",
		"isolate clients leader":             "no members",
		"partition bridge clients":           "no members",
		"rolling-restart clients every 50ms": "no members",
		"drop 50% clients > *":               "not decoded",
		"delay append 50ms leader > clients": "not decoded",
		"cut clients n9 > n1":                "unknown member",
		"partition n1 * | clients":           "already means everybody",
	} {
		step := "at 1s for 1s " + fault
		if strings.HasPrefix(fault, "rolling") {
			step = "at 1s " + fault
		}
		_, err := nemesis.ParseFor("p", step, behind())
		require.ErrorContains(t, err, "p:1: ", fault)
		require.ErrorContains(t, err, want, fault)
	}
	plan, err := nemesis.Parse("p", "at 1s for 1s cut clients > leader\nat 3s for 1s partition clients leader | rest")
	require.NoError(t, err, "who is behind the proxy layer is not known yet")
	require.NoError(t, plan.Validate(behind()))
	require.EqualError(t, plan.Validate(nemesis.Setting{Nodes: members(3)}), `step 1, in line 1: "clients" have no links while they reach the members directly: put them behind the proxy layer with --proxy-clients
step 2, in line 2: "clients" have no links while they reach the members directly: put them behind the proxy layer with --proxy-clients`)
}

// Random plans have faults between clients and members if there are links
// between them, and only then.
func TestGenerateForClients(t *testing.T) {
	with, steps := 0, 0
	for seed := range uint64(50) {
		o := generating(3)
		require.NotContains(t, nemesis.Generate(seed, o).String(), nemesis.Clients)
		o.Clients = true
		plan := nemesis.Generate(seed, o)
		require.NoError(t, plan.Validate(nemesis.Setting{Nodes: o.Nodes, Clients: true}), plan)
		n := strings.Count(plan.String(), nemesis.Clients)
		if steps += n; n > 0 {
			with++
		}
	}
	require.Greater(t, with, 30, "of 50 plans of 30 s")
	require.GreaterOrEqual(t, steps, 50)
}
