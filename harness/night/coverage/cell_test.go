package coverage_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/night/coverage"
)

// cells returns the cells that were hit, as text.
func cells(t *testing.T, h *tape.Tape) []string {
	t.Helper()
	tally, err := coverage.Of(h.All(), "a")
	require.NoError(t, err)
	var out []string
	for _, p := range tally.Powers() {
		require.Equal(t, 1, p.Runs)
		out = append(out, p.Cell.String())
	}
	return out
}

// bites puts a fault in force, does something, and heals it, with evidence.
func bites(h *tape.Tape, resolved string, nodes ...string) {
	inject(h, 1, resolved, nodes...)
	heal(h, 1, true)
}

// Roles and phases are those at the moment at which the fault begins.
func TestWhomAndWhen(t *testing.T) {
	for name, row := range map[string]struct {
		do   func(h *tape.Tape)
		want string
	}{
		"leader":    {func(h *tape.Tape) { bites(h, "at 1s for 1s isolate n1", "n1") }, "isolate leader steady one"},
		"follower":  {func(h *tape.Tape) { bites(h, "at 1s for 1s isolate n2", "n2") }, "isolate follower steady one"},
		"candidate": {func(h *tape.Tape) { h.Stand("n2", 2); bites(h, "at 1s for 1s isolate n2", "n2") }, "isolate candidate election one"},
		"in vain": {func(h *tape.Tape) { // it has not heard that another has won
			h.Stand("n3", 2)
			h.Elect("n2", 2, "n1")
			bites(h, "at 1s for 1s isolate n3", "n3")
		}, "isolate candidate steady one"},
		"voter": {func(h *tape.Tape) {
			h.Stand("n2", 2)
			h.Grant("n3", "n2", 2)
			bites(h, "at 1s for 1s isolate n3", "n3")
		}, "isolate voter election one"},
		"voter no more": {func(h *tape.Tape) { h.Elect("n2", 2, "n3"); bites(h, "at 1s for 1s isolate n3", "n3") }, "isolate follower steady one"},
		"deposed":       {func(h *tape.Tape) { depose(h); bites(h, "at 1s for 1s isolate n1", "n1") }, "isolate deposed steady one"},
		"deposed, and knows": {func(h *tape.Tape) { depose(h); h.Follow("n1", "n2", 2); bites(h, "at 1s for 1s isolate n1", "n1") },
			"isolate follower steady one"},
		"down":      {func(h *tape.Tape) { exit(h, "n2", 1); bites(h, "at 1s for 1s isolate n2", "n2") }, "isolate down steady one"},
		"no leader": {func(h *tape.Tape) { exit(h, "n1", 1); bites(h, "at 1s for 1s isolate n2", "n2") }, "isolate follower election one"},
		"lagging":   {func(h *tape.Tape) { behind(h, 0); bites(h, "at 1s for 1s isolate n3", "n3") }, "isolate lagging catching-up one"},
		"one lags":  {func(h *tape.Tape) { behind(h, 0); bites(h, "at 1s for 1s isolate n1", "n1") }, "isolate leader catching-up one"},
		"in need":   {func(h *tape.Tape) { behind(h, 5); bites(h, "at 1s for 1s isolate n3", "n3") }, "isolate lagging snapshot one"},
		"not so far": {func(h *tape.Tape) {
			put(h, 1, 1, "n1", "n2")
			h.Commit("n1", 1, 1, true)
			bites(h, "at 1s isolate n3", "n3")
		}, "isolate follower steady one"},
		"joining": {func(h *tape.Tape) {
			behind(h, 0)
			h.Add(history.Event{Raft: &history.Raft{Source: history.Harness, What: history.RaftConfig, Node: "n3", Inc: 2}})
			bites(h, "at 1s for 1s isolate n3", "n3")
		}, "isolate joining membership-change one"},
		"joined": {func(h *tape.Tape) {
			behind(h, 0)
			h.Add(history.Event{Raft: &history.Raft{Source: history.Harness, What: history.RaftConfig, Node: "n3", Inc: 2}})
			h.Put("n3", "n1", 1, 1, 5)
			bites(h, "at 1s for 1s isolate n3", "n3")
		}, "isolate follower steady one"},
		"final": {func(h *tape.Tape) { h.Phase(history.PhaseHealed); bites(h, "at 1s for 1s isolate n1", "n1") }, "isolate leader final one"},
	} {
		t.Run(name, func(t *testing.T) {
			h := led()
			row.do(h)
			require.Equal(t, []string{row.want}, cells(t, h))
		})
	}
}

// Whom a step hits, by what it came to.
func TestWhomAStepHits(t *testing.T) {
	for resolved, want := range map[string]string{
		"at 1s for 1s partition n1 | n2 n3 n4 n5":              "partition leader steady one",
		"at 1s for 1s partition n2 n3 n4 | n1 n5":              "partition mixed steady minority",
		"at 1s for 1s partition n2 n3 | n4 n5":                 "partition follower steady majority", // a bridge
		"at 1s for 1s partition clients n1 | n2 n3 n4 n5":      "partition leader steady one",
		"at 1s for 1s partition ring n1 n3 n2 n5 n4":           "partition mixed steady all",
		"maybe at 1s for 1s drop vote 50% n1 n2 n3 n4 n5 > n3": "drop follower steady one",
		"at 1s for 1s delay 50ms±10ms n1 > n1 n2 n3 n4 n5":     "delay leader steady one",
		"at 1s for 1s refuse n2 <> n3":                         "refuse follower steady minority",
		"at 1s for 1s refuse n1 <> n3":                         "refuse mixed steady minority",
		"at 1s for 1s cut clients > n1":                        "cut leader steady one",
		"at 1s reset n1 n2 n3 n4 n5 > n1 n2 n3 n4 n5":          "reset mixed steady all",
		"at 1s move-leader to n2":                              "move-leader follower steady one",
		"at 1s for 1s failpoint n1 sleep(50ms) at n2":          "failpoint follower steady one", // a failpoint called like a member
		"at 1s for 1s failpoint raftBeforeSave panic at n2":    "failpoint follower steady one",
	} {
		h := tape.Started("n1", "n2", "n3", "n4", "n5")
		h.Elect("n1", 1, "n2", "n3")
		for _, n := range h.Nodes[1:] {
			h.Follow(n, "n1", 1)
		}
		h.Phase(history.PhaseFaults)
		bites(h, resolved, "n1", "n2", "n3", "n4", "n5")
		require.Equal(t, []string{want}, cells(t, h), resolved)
	}
}

// A fault counts only where it is shown to have bitten.
func TestEvidence(t *testing.T) {
	h := led()
	inject(h, 1, "at 1s for 1s isolate n1", "n1")
	heal(h, 1, false)
	require.Empty(t, cells(t, h), "it did not bite")

	h = led()
	inject(h, 1, "at 1s for 1s isolate n1", "n1")
	h.Fault(history.Fault{Step: 1, What: history.FaultSkipped})
	heal(h, 1, true)
	require.Empty(t, cells(t, h), "it was taken back before")

	h = led()
	inject(h, 1, "at 1s for 1s isolate n1", "n1")
	require.Empty(t, cells(t, h), "nobody says that it bit")

	h = led()
	inject(h, 1, "at 1s for 1s kill n1 n2", "n1", "n2")
	exit(h, "n2", 1)
	heal(h, 1, true)
	require.Equal(t, []string{"kill follower steady one"}, cells(t, h), "one of the two was killed")

	h = led()
	inject(h, 1, "at 1s for 1s kill n1 n2", "n1", "n2")
	exit(h, "n2", 1)
	exit(h, "n1", 1)
	heal(h, 1, true)
	require.Equal(t, []string{"kill follower steady majority", "kill leader steady majority"}, cells(t, h))

	h = led()
	inject(h, 1, "at 1s rolling-restart n1 n2 n3 every 300ms", "n1", "n2", "n3")
	exit(h, "n1", 1)
	start(h, "n1", 2)
	h.Stand("n2", 2)
	exit(h, "n2", 1)
	start(h, "n2", 2)
	h.Elect("n3", 3, "n1")
	exit(h, "n3", 1)
	heal(h, 1, true)
	require.Equal(t, []string{
		"rolling-restart candidate election all", "rolling-restart leader steady all",
	}, cells(t, h), "one after the other, as what each was then")

	h = led()
	inject(h, 1, "at 1s for 1s power-failure n1 n2 n3 keep nothing", "n1", "n2", "n3")
	exit(h, "n2", 1)
	exit(h, "n1", 1)
	heal(h, 1, true)
	require.Equal(t, []string{"power-failure follower steady majority", "power-failure leader steady majority"}, cells(t, h), "n3 had ended by itself")

	h = led()
	inject(h, 1, "at 1s for 1s freeze n1 n2", "n1", "n2")
	heal(h, 1, true)
	require.Equal(t, []string{"freeze follower steady majority", "freeze leader steady majority"}, cells(t, h))

	h = led()
	for i, what := range []string{"slow n1 5%", "clock n1 +1h", "full n1 wal", "slow-sync n1 200ms±100ms", "deaf n1", "bit-rot n1 flip wal 17"} {
		inject(h, i, "at 1s for 1s "+what, "n1")
	}
	exit(h, "n1", 1)
	for i := range 6 {
		heal(h, i, true)
	}
	require.Equal(t, []string{
		"bit-rot leader steady one", "clock leader steady one", "deaf leader steady one", "full leader steady one", "slow leader steady one",
		"slow-sync leader steady one",
	}, cells(t, h))

	h = led()
	inject(h, 1, "at 1s for 1s pause n1", "n1")
	inject(h, 2, "at 1s for 1s kill n1", "n1")
	exit(h, "n1", 1)
	heal(h, 2, true)
	heal(h, 1, true)
	require.Equal(t, []string{"kill leader steady one"}, cells(t, h), "nothing shows that it stood still")
}

// Where neither traces nor taps tell, what members say of themselves does, and nothing
// else is made up.
func TestRolesByClaims(t *testing.T) {
	h := tape.New(history.Run{})
	h.Phase(history.PhaseFaults)
	bites(h, "at 1s for 1s isolate n1", "n1")
	require.Equal(t, []string{"isolate unknown unknown one"}, cells(t, h))

	h = tape.New(history.Run{})
	claim := func(node, role string, term uint64) {
		h.Add(history.Event{Claim: &history.Claim{Node: node, Inc: 1, Role: role, Term: term}})
	}
	claim("n1", "leader", 0)
	claim("n2", "follower", 0)
	h.Phase(history.PhaseFaults)
	bites(h, "at 1s for 1s isolate n1", "n1")
	h.Wait(time.Second)
	claim("n2", "leader", 0)
	bites(h, "at 2s for 1s cut n1 > n2 n3", "n1")
	claim("n1", "follower", 0)
	bites(h, "at 3s for 1s refuse n1 > n2 n3", "n1")
	exit(h, "n2", 1)
	bites(h, "at 4s for 1s throttle n1 > n2 n3", "n1")
	require.Equal(t, []string{
		"cut deposed steady one", "isolate leader steady one", "refuse follower steady one", "throttle follower election one",
	}, cells(t, h))
}
