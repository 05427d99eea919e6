package raft_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
	"github.com/usurper/usurper/nemesis/draw"
	"github.com/usurper/usurper/node/bug"
	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/node/wire"
)

// Each run draws the same trials, so that a change is to blame for what fails, and
// rapid leaves no files: the seed is the failure. -rapid.seed=0 draws others.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.seed": "1", "rapid.nofailfile": "true", "rapid.checks": "300"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// trials draws trials of small plans, of a correct node or one with a bug.
func trials(b coreBug) *rapid.Generator[trial] {
	plans := map[int]*rapid.Generator[trial]{}
	sizes := []int{3, 5}
	if b.even {
		sizes = []int{2, 4}
	}
	for _, n := range sizes {
		plan := draw.Plan(draw.Options{
			Nodes: names(n), Within: 600 * time.Millisecond, Unit: 10 * time.Millisecond, Classes: wire.Classes(),
			Omit: func(fault string) bool { _, no := refused()[fault]; return no },
		})
		plans[n] = rapid.Custom(func(t *rapid.T) trial {
			return trial{
				nodes: n, bug: b.bug, plan: plan.Draw(t, "plan"),
				seed: rapid.Uint64Max(1000).Draw(t, "seed"), preVote: rapid.IntRange(0, 3).Draw(t, "pre-vote") == 3,
				mixed: rapid.IntRange(0, 3).Draw(t, "mixed") == 3,
			}
		})
	}
	return rapid.OneOf(plans[sizes[0]], plans[sizes[1]])
}

// Whatever a small plan does to a correct cluster, nothing is broken, and once all
// is healed it goes on.
func TestDrawnPlansCorrect(t *testing.T) {
	trials := trials(coreBug{})
	var ran, steps, took int
	var committed uint64
	var worst time.Duration
	rapid.Check(t, func(rt *rapid.T) {
		tr := trials.Draw(rt, "trial")
		require.NoError(rt, tr.check())
		out := tr.run(t)
		if wrong := out.wrong(); wrong != "" {
			rt.Log(out.stack)
			rt.Fatalf("%s\n%s", wrong, tr)
		}
		ran, steps, took = ran+1, steps+len(tr.plan.Steps), took+out.took()
		committed += out.committed
		worst = max(worst, out.recovery)
	})
	t.Logf("%d plans of %d steps took hold %d times; %d entries committed; at worst %v to a commit after all faults", ran, steps, took, committed, worst)
	require.Greater(t, took, ran, "too little happened to prove anything")
	require.Greater(t, committed, uint64(10*ran), "too little happened to prove anything")
}

// elaborate are the deliberate bugs that take more than small plans do, and a plan
// that they show under.
func elaborate() map[bug.Name]string {
	return map[bug.Name]string{
		bug.OldSnapshot: `
			at 0s for 900ms isolate n3
			at 800ms for 1200ms hold snapshot first 1 * > n3`,
		bug.AnswerLease: `
			at 0s for 800ms delay heartbeat-response 250ms * > leader
			at 300ms for 400ms cut same > rest
			at 300ms for 400ms hold vote rest > same
			at 300ms for 400ms hold append rest > same
			at 300ms for 400ms hold heartbeat rest > same`,
	}
}

func TestElaboratePlansFindBugs(t *testing.T) {
	for _, tc := range coreBugs() {
		text, ok := elaborate()[tc.bug]
		if !ok {
			continue
		}
		t.Run(string(tc.bug), func(t *testing.T) {
			plan, err := nemesis.Parse("plan", text)
			require.NoError(t, err)
			found := 0
			for seed := range uint64(50) {
				tr := trial{plan: plan, nodes: 3, seed: seed, bug: tc.bug}
				require.NoError(t, tr.check())
				if tr.run(t).breaks(tc) != "" {
					found++
				}
				tr.bug = bug.None
				require.Empty(t, tr.run(t).wrong(), "seed %d", seed)
			}
			t.Logf("found %d times", found)
			require.NotZero(t, found)
		})
	}
}

// Small plans would notice: each other deliberate bug of the core breaks the
// invariant that it must break.
func TestDrawnPlansFindBugs(t *testing.T) {
	for _, tc := range coreBugs() {
		if _, more := elaborate()[tc.bug]; more {
			continue
		}
		t.Run(string(tc.bug), func(t *testing.T) {
			trials := trials(tc)
			for seed := range 1000 {
				tr := trials.Example(seed)
				out := tr.run(t)
				if what := out.breaks(tc); what != "" {
					t.Logf("plan %d: %s\n%s", seed, what, tr)
					return
				}
				require.Empty(t, out.wrong(), "plan %d breaks something else\n%s", seed, tr)
			}
			t.Fatalf("no plan breaks %v", tc.breaks)
		})
	}
}

// rapid makes of a plan that breaks something one of very few steps, without which
// nothing breaks.
func TestDrawnPlansShrink(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand trials")
	}
	for _, tc := range coreBugs() {
		switch tc.bug {
		case bug.StaleLogVote, bug.NoTruncate, bug.StaleRead:
		default:
			continue // shows without a fault too, or takes some seconds to shrink
		}
		t.Run(string(tc.bug), func(t *testing.T) {
			trials, runs := trials(tc), 0
			var last trial // that broke something: in the end the smallest
			seeker := &seeker{TB: t}
			rapid.Check(seeker, func(rt *rapid.T) {
				tr := trials.Draw(rt, "trial")
				runs++
				if out := tr.run(t); out.breaks(tc) != "" {
					last = tr
					rt.Fatalf("found")
				}
			})
			require.True(t, seeker.found, "no plan breaks %v", tc.breaks)
			t.Logf("after %d runs: %s\n%s", runs, last.run(t).breaks(tc), last)
			require.LessOrEqual(t, len(last.plan.Steps), 2)
			last.plan.Steps = nil
			require.Empty(t, last.run(t).wrong(), "without the plan")
		})
	}
}

// seeker is a test that is content when rapid fails it.
type seeker struct {
	rapid.TB
	found bool
}

func (s *seeker) Errorf(string, ...any) { s.found = true }
func (s *seeker) FailNow()              {}
func (s *seeker) Failed() bool          { return s.found }
func (s *seeker) Logf(string, ...any)   {}

// A trial comes out the same each time, also where faults end together.
func TestTrialsAreRepeatable(t *testing.T) {
	again := func(tr trial) {
		first, second := tr.run(t), tr.run(t)
		require.Equal(t, first.trail, second.trail, tr)
		require.Equal(t, first.recovery, second.recovery, tr)
		require.Equal(t, first.took(), second.took(), tr)
	}
	trials := trials(coreBug{})
	for seed := range 30 {
		again(trials.Example(seed))
	}
	for _, text := range []string{
		"at 10ms hold * > n3\nat 20ms hold vote * > *\nat 30ms cut n1 > n2 n3",
		"at 0s kill n1\nat 0s kill n2\nat 0s pause n3\non restart kill it\non follower pause it",
		"at 0s for 100ms kill n1 n2\nat 100ms for 200ms kill n1\nat 100ms for 200ms pause n1\nat 0s for 100ms restart-storm n3 every 50ms",
		"at 0s for 500ms kill leader\nat 10ms for 900ms pause leader\nat 20ms for 800ms isolate leader\nat 30ms restart leader",
	} {
		plan, err := nemesis.Parse("plan", text)
		require.NoError(t, err)
		for seed := range uint64(10) {
			again(trial{plan: plan, nodes: 3, seed: seed})
		}
	}
}

// Every fault of the catalogue is refused, with a reason, or takes hold and has an
// effect. The leader is killed now and then, so that all triggers come.
func TestTrialsKnowEveryFault(t *testing.T) {
	kills, err := nemesis.Parse("kills", "at 500ms for 400ms kill leader\nat 1500ms for 400ms kill leader")
	require.NoError(t, err)
	unknown := refused()
	for _, e := range nemesis.Catalog() {
		delete(unknown, e.Name)
		t.Run(e.Name, func(t *testing.T) {
			step, err := nemesis.ParseStep(e.Example)
			require.NoError(t, err)
			step.At = 0
			tr := trial{nodes: 5, plan: nemesis.Plan{Steps: append([]nemesis.Step{step}, kills.Steps...)}}
			if why, no := refused()[e.Name]; no {
				require.ErrorContains(t, tr.check(), why)
				return
			}
			require.NoError(t, tr.check())
			for ; tr.seed < 20; tr.seed++ {
				out := tr.run(t)
				require.Empty(t, out.wrong())
				if slices.ContainsFunc(out.report.Ends, func(f history.Fault) bool { return f.Step == 1 && f.Bit }) {
					return
				}
			}
			t.Fatalf("it never bites: %s", step)
		})
	}
	require.Empty(t, unknown, "refused, and not in the catalogue")
}

// A member that panics is a breach, and ends the trial early.
func TestTrialsSurvivePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := trial{nodes: 3, plan: nemesis.Plan{Steps: []nemesis.Step{{At: 5 * time.Second, Fault: nemesis.Kill{Who: "n1"}}}}}
		w := newWorld(tr)
		w.post = func(raft.Message) { panic("planned") }
		_, ok := w.commits()
		require.False(t, ok)
		require.Equal(t, map[string]string{noPanic: "planned"}, w.oracle.broken)
		require.Contains(t, w.stack, "TestTrialsSurvivePanics")
		before := time.Now()
		report, err := w.attack(tr)
		require.NoError(t, err)
		require.Equal(t, 1, report.Count(history.FaultNotStarted))
		require.Less(t, time.Since(before), time.Second)
	})
}

// A plan that cannot be carried out here is refused as a whole.
func TestTrialsRefuse(t *testing.T) {
	for text, want := range map[string]string{
		"at 0s kill n4": `unknown member "n4"`,
		"at 0s kill n1\nat 0s throttle 1B/s * > *": "step 2: no throttle here: messages have no size here",
		"at 0s cut clients > n1":                   `"clients" have no links`,
		"at 1us kill n1":                           "step 1: times are multiples of 1ms here",
		"at 0s rolling-restart every 1500us":       "step 1: times are multiples of 1ms here",
		"at 1h kill n1":                            "more than 32 steps or 10s",
		strings.Repeat("at 0s kill n1\n", 33):      "more than 32 steps or 10s",
	} {
		plan, err := nemesis.Parse("plan", text)
		require.NoError(t, err)
		require.ErrorContains(t, trial{nodes: 3, plan: plan}.check(), want)
	}
}

// FuzzPlan carries out whatever is a plan: nothing may be broken by it. The bits of
// shape say how many members there are and whether they ask for pre-votes.
func FuzzPlan(f *testing.F) {
	for i, text := range []string{
		"at 100ms for 500ms isolate leader\nmaybe at 100ms for 500ms delay vote 80ms±40ms * > *",
		"at 0s for 300ms kill leader\non vote-granted times 2 after 3ms restart voter",
		"at 50ms for 400ms partition leader | rest\nat 400ms for 1s hold append leader > *",
		"on leader times 3 after 20ms for 300ms pause it\nat 0s rolling-restart every 200ms",
		"at 0s for 1s duplicate append 50% * > *\nat 0s for 1s reorder 30% * > *\nat 0s for 500ms restart-storm one every 70ms",
		"at 0s for 400ms cut leader > rest\nat 100ms reset * > *\nat 300ms for 100ms refuse n1 <> n2",
		"on commit by followers for 100ms kill it\nat 200ms for 600ms partition ring\nat 900ms drop heartbeat 40% first 30 leader > *",
	} {
		f.Add(text, uint64(i), byte(i))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64, shape byte) {
		plan, err := nemesis.Parse("fuzz", text)
		if err != nil {
			return
		}
		tr := trial{plan: plan, nodes: 3 + 2*int(shape&1), preVote: shape&2 != 0, seed: seed}
		if tr.check() != nil {
			return
		}
		out := tr.run(t)
		if wrong := out.wrong(); wrong != "" {
			t.Fatalf("%s\n%s\n%s", wrong, tr, out.stack)
		}
	})
}
