package nemesis_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
)

// known is a cluster of three of which everything is known: its messages are
// decoded, and some of them must not be lost.
func known() nemesis.Setting {
	return nemesis.Setting{Nodes: members(3), System: &nemesis.Offer{
		System:  "abc",
		Classes: []string{"append", "vote", "stream"}, Lossy: []string{"append", "vote"},
		Events: nemesis.EventsOf(history.RaftCandidate, history.RaftVote, history.RaftLeader),
		Leads:  true, Operator: true, Membership: true,
		Failpoint: func(name string) error {
			if name == "here" {
				return nil
			}
			return errors.New("no failpoint " + name)
		},
	}}
}

// bare is a system of which nothing can be seen and with which nothing can be done
// but to its processes and connections.
func bare() nemesis.Setting {
	return nemesis.Setting{Nodes: members(3), System: &nemesis.Offer{System: "abc"}}
}

// What a step can never do is an error before the run, also if it need not bite.
func TestImpossibleSteps(t *testing.T) {
	alone := known()
	alone.Nodes = members(1)
	polled := bare()
	polled.System.Leads, polled.System.Events = true, nemesis.EventsOf(history.RaftLeader)
	for _, tt := range []struct {
		setting nemesis.Setting
		step    string
		want    string // "" for a step that is possible
	}{
		{known(), "at 1s for 1s drop vote 50% * > *", ""},
		{known(), "at 1s for 1s drop 50% * > *", ""},
		{known(), "at 1s for 1s drop vot 50% * > *", `unknown class "vot" (did you mean vote?): messages of abc are append, vote, stream`},
		{known(), "maybe at 1s for 1s drop vot 50% * > *", "did you mean vote?"},
		{known(), "at 1s for 1s delay appendd 5ms * > *", "did you mean append?"},
		{known(), "at 1s for 1s hold leases * > *", `unknown class "leases": messages`},
		{known(), "at 1s for 1s delay stream 5ms * > *", ""},
		{known(), "at 1s for 1s duplicate stream * > *", "only messages of these classes may be lost or overtaken: append, vote"},
		{bare(), "at 1s for 1s delay 5ms * > *", ""},
		{bare(), "at 1s for 1s cut n1 > n2", ""},
		{bare(), "at 1s for 1s throttle 1KB/s n1 > n2", ""},
		{bare(), "at 1s for 1s drop append * > *", "drop append needs single messages"},
		{bare(), "at 1s for 1s reorder 5% * > *", "is not decoded"},
		{bare(), "at 1s for 1s hold n1 > n2", "is not decoded"},
		{bare(), "at 1s for 1s delay append 5ms * > *", "is not decoded"},

		{known(), "on vote-granted for 1s kill it", ""},
		{known(), "on install for 1s kill it", "on install: this is never seen of abc: use one of candidate, vote-granted, vote-refused, leader"},
		{bare(), "on leader for 1s kill it", "neither a tap nor a trace shows events of abc"},
		{polled, "on leader for 1s kill it", ""},
		{polled, "on commit for 1s kill it", "never seen of abc: use one of leader"},
		{polled, "on leader by candidate for 1s kill it", `"candidate": nothing tells`},
		{polled, "at 1s for 1s kill leader", ""},
		{bare(), "at 1s for 1s kill leader", `"leader": nothing tells of abc who that is`},
		{bare(), "at 1s for 1s partition n1 follower | rest", `"follower": nothing tells`},
		{polled, "at 1s for 1s kill voter", `"voter": nothing tells`},

		{known(), "at 1s defragment n1", ""},
		{bare(), "at 1s defragment n1", "abc has nothing for an operator to do"},
		{bare(), "at 1s move-leader to n1", "nothing for an operator"},
		{bare(), "at 1s for 1s remove n1", "cannot leave and come back"},
		{bare(), "at 1s replace n1", "cannot leave and come back"},
		{bare(), "at 1s for 1s failpoint here panic at n1", "nothing for an operator"},
		{known(), "at 1s for 1s failpoint here panic at n1", ""},
		{known(), "at 1s for 1s failpoint there panic at n1", "no failpoint there"},

		{known(), "at 1s for 1s partition n1 n2 n3 | rest", "among n1, n2, n3 it can hit nobody: rest: too few members are left"},
		{known(), "at 1s for 1s kill n1 n2 follower", ""},
		{known(), "at 1s for 1s kill n1 n2 n3 one", "it can hit nobody: one"},
		{known(), "at 1s for 1s cut n1 > n1", "it can hit nobody: there is no link"},
		{known(), "at 1s move-leader to leader", "it can hit nobody: n"},
		{known(), "at 1s move-leader to followers", "one member takes the lead"},
		{known(), "at 1s for 1s partition minority | majority", ""},
		{alone, "at 1s for 1s kill follower", "among n1 it can hit nobody: follower"},
		{alone, "at 1s for 1s kill minority", "it can hit nobody: minority"},
		{alone, "at 1s for 1s kill leader", ""},
	} {
		_, err := nemesis.ParseFor("p.txt", "\n"+tt.step, tt.setting)
		if tt.want == "" {
			require.NoError(t, err, tt.step)
			continue
		}
		require.ErrorContains(t, err, "p.txt:2: ", tt.step)
		require.ErrorContains(t, err, tt.want, tt.step)
	}
}

// A plan that no person wrote says so, wherever it comes from, and what its words
// and events mean in this run is not asked.
func TestGeneratedPlans(t *testing.T) {
	made := nemesis.Generate(1, generating(3))
	require.True(t, made.Generated)
	require.True(t, strings.HasPrefix(made.String(), "generated "))
	again, err := nemesis.Parse("p", made.String())
	require.NoError(t, err)
	require.True(t, again.Generated)

	_, err = nemesis.ParseFor("p", "# a run of others\ngenerated\nat 1s for 1s kill leader\non commit for 1s kill it\n", bare())
	require.NoError(t, err)
	_, err = nemesis.ParseFor("p", "generated\nat 1s for 1s drop vot * > *\n", known())
	require.ErrorContains(t, err, "did you mean vote?")
	written, err := nemesis.Parse("p", "at 1s for 1s kill leader\n")
	require.NoError(t, err)
	require.False(t, written.Generated)
	for _, text := range []string{"at 1s restart n1\ngenerated\n", "generated\ngenerated\nat 1s restart n1\n"} {
		_, err := nemesis.Parse("p.txt", text)
		require.ErrorContains(t, err, `p.txt:2: "generated" stands once, before all steps`)
	}
}

// The generator leaves out what it knows never to fire.
func TestGenerateForEventsThatAreSeen(t *testing.T) {
	o := generating(5)
	o.Events = []string{"leader", "commit"}
	on := make(map[string]bool)
	for seed := range uint64(100) {
		for _, s := range nemesis.Generate(seed, o).Steps {
			on[s.Trigger.On] = true
			require.True(t, s.Optional || s.Trigger.On == "", "its event may not come: %s", s)
		}
	}
	require.Equal(t, map[string]bool{"": true, "leader": true, "commit": true}, on)
}
