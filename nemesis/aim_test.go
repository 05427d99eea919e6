package nemesis_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
)

// reigns lets n2 lead from the start, and whoever the times say later.
func reigns(later map[time.Duration]string) func(*fake, *nemesis.Options) func(func()) {
	return func(f *fake, _ *nemesis.Options) func(func()) {
		f.tell(leader("n2", 1))
		return func(func()) {
			term := uint64(1)
			for at := range 20 {
				time.Sleep(time.Second)
				if node := later[time.Duration(at+1)*time.Second]; node != "" {
					term++
					f.tell(leader(node, term))
				}
			}
		}
	}
}

// The word means whom the step before hit: also when others lead by now, when that
// step is over, when it is still going on, when it chose at random, and whichever
// other steps came between them.
func TestSameIsWhomTheStepBeforeHit(t *testing.T) {
	for name, tt := range map[string]struct {
		plan  string
		later map[time.Duration]string
		want  []string // of the last step
	}{
		"another leads by now": {"at 1s for 500ms isolate leader\nat 4s for 1s kill same",
			map[time.Duration]string{2 * time.Second: "n3"}, []string{"inject: at 4s for 1s kill n2", "heal bit=true"}},
		"in the midst of it": {"at 1s for 8s isolate leader\nat 4s for 1s kill same",
			map[time.Duration]string{2 * time.Second: "n3"}, []string{"inject: at 4s for 1s kill n2", "heal bit=true"}},
		"at the same time": {"at 1s for 8s isolate n4\nat 1s for 1s kill same", nil,
			[]string{"inject: at 1s for 1s kill n4", "heal bit=true"}},
		"everybody but rest": {"at 1s for 1s partition leader n4 | rest\nat 1s500ms for 1s pause same", nil,
			[]string{"inject: at 1.5s for 1s pause n2 n4", "heal bit=true"}},
		"everybody but all": {"at 1s for 1s delay 5ms leader > *\nat 1s500ms for 1s pause same", nil,
			[]string{"inject: at 1.5s for 1s pause n2", "heal bit=true"}},
		"all, if it names nobody else": {"at 1s for 1s delay 5ms * > *\nat 1s500ms for 1s isolate same", nil,
			[]string{"inject: at 1.5s for 1s isolate n1 n2 n3 n4 n5", "heal bit=true"}},
		"as one end": {"at 1s for 1s kill n1 n5\nat 4s for 1s partition same | rest", nil,
			[]string{"inject: at 4s for 1s partition n1 n5 | n2 n3 n4", "heal bit=true"}},
		"besides whom another is drawn": {"at 1s for 1s isolate n1 n2 n3 n4\nat 4s for 1s kill same one", nil,
			[]string{"inject: at 4s for 1s kill n1 n2 n3 n4 n5", "heal bit=true"}},
		"through a chain": {"at 1s for 1s kill leader\nat 4s for 1s pause same\nat 7s for 1s isolate same",
			map[time.Duration]string{2 * time.Second: "n3"}, []string{"inject: at 7s for 1s isolate n2", "heal bit=true"}},
		"the line before, not the step that fired last": {"at 5s for 1s kill n1\nat 1s for 1s pause n2\nat 7s for 1s isolate same", nil,
			[]string{"inject: at 7s for 1s isolate n2", "heal bit=true"}},
		"its last time": {"on leader from 500ms times 2 for 10ms pause it\nat 7s for 1s isolate same",
			map[time.Duration]string{2 * time.Second: "n3", 4 * time.Second: "n5"}, []string{"inject: at 7s for 1s isolate n5", "heal bit=true"}},
		"whom a triggered step hit": {"at 1s for 100ms kill n4\non leader from 1500ms for 1s pause same",
			map[time.Duration]string{3 * time.Second: "n3"}, []string{"inject: at 3s for 1s pause n4", "heal bit=true"}},
		"it waits for that step": {"on leader from 1500ms for 1s kill it\nat 2500ms for 2s isolate same",
			map[time.Duration]string{3 * time.Second: "n3"}, []string{"inject: at 3s for 2s isolate n3", "heal bit=true"}},
		"not for long": {"on leader from 1500ms for 1s kill it\nat 2500ms for 800ms isolate same",
			map[time.Duration]string{3 * time.Second: "n3"}, []string{"no-target: no such target just now: same: the step before it has hit nobody yet (waited 400ms)"}},
		"that step found nobody": {"at 1s for 1s kill candidate\nat 2s for 1s kill same", nil,
			[]string{"no-target: no such target just now: same: the step before it hit nobody"}},
		"that step never fired": {"on install until 1s for 1s kill it\nat 2s for 1s kill same", nil,
			[]string{"no-target: no such target just now: same: the step before it hit nobody"}},
		"those of them that were up": {"at 1s for 5s kill n1\nat 2s for 1s isolate n1\nat 4s for 1s pause same", nil,
			[]string{"skipped: n1 is already down"}},
		"as late as that": {"at 1s for 1s kill leader\nat 2s for 4s isolate leader\nat 3s for 1s pause same",
			map[time.Duration]string{3 * time.Second: "n3"}, []string{"inject: at 4s for 1s pause n3", "heal bit=true"}},
		"as late as the first of a chain": {"at 1s for 1s kill leader\nat 2s for 4s isolate leader\nat 3s for 1s pause same\nat 3200ms for 1s slow same 5%",
			map[time.Duration]string{3 * time.Second: "n3"}, []string{"inject: at 4.2s for 1s slow n3 5%", "heal bit=true"}},
		"before a step that comes later": {"at 5s for 1s kill n1\nat 1s for 1s pause same", nil,
			[]string{"no-target: no such target just now: same: the step before it has hit nobody yet (waited 500ms)"}},
		"who passes the lead on": {"at 1s move-leader to n4\nat 1s for 1s kill same", nil,
			[]string{"inject: at 1s for 1s kill n2", "heal bit=true"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := play(t, tt.plan, reigns(tt.later))
			require.NoError(t, p.err)
			require.Equal(t, tt.want, p.linesOf(strings.Count(tt.plan, "\n")+1))
		})
	}
}

// linesOf are the lines of one step, without its number.
func (f *fake) linesOf(step int) []string {
	var found []string
	for i, line := range f.lines() {
		if f.history[i].Step == step {
			_, line, _ = strings.Cut(line, " ")
			found = append(found, line)
		}
	}
	return found
}

// A step that turns out to be refused hit nobody, whoever it was meant for.
func TestSameAfterARefusal(t *testing.T) {
	p := play(t, "at 1s defragment n3\nat 2s for 1s kill same", func(f *fake, _ *nemesis.Options) func(func()) {
		f.refuse["defragment n3"] = nemesis.ErrRefused
		return nil
	})
	require.NoError(t, p.err)
	require.Equal(t, []string{"no-target: no such target just now: same: the step before it hit nobody"}, p.linesOf(2))
}

// There is none before the first step.
func TestSameNeedsAStepBefore(t *testing.T) {
	for _, text := range []string{"at 1s kill same", "# one\n\non leader for 1s isolate same\nat 1s restart n1"} {
		_, err := nemesis.Parse("p.txt", text)
		require.ErrorContains(t, err, `"same" is whom the step before hit, and there is none before the first`)
	}
	_, err := nemesis.Parse("p.txt", "at 1s restart n1\nat 2s for 1s kill same")
	require.NoError(t, err)
	step, err := nemesis.ParseStep("at 2s for 1s kill same")
	require.NoError(t, err)
	require.Error(t, nemesis.Plan{Steps: []nemesis.Step{step}}.Validate(nemesis.Setting{Nodes: members(3)}))
}

// Steps of the generator that belong together hit one member, whoever leads by then.
func TestPairsOfTheGeneratorHitOneMember(t *testing.T) {
	pairs := 0
	for seed := range uint64(60) {
		o := generating(5)
		o.Operator, o.Classes = true, append(o.Classes, "heartbeat-response")
		plan := nemesis.Generate(seed, o)
		synctest.Test(t, func(t *testing.T) {
			f := newFake(members(5)...)
			ctx := t.Context()
			over, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				for term := uint64(1); ; term++ { // a new leader ever so often
					select {
					case f.events <- leader(members(5)[term%5], term):
						time.Sleep(70 * time.Millisecond)
					case <-over:
						return
					}
				}
			}()
			_, err := nemesis.Execute(ctx, nemesis.Options{System: f, Record: f.record, Seed: seed, Until: o.Duration}, plan)
			require.NoError(t, err)
			close(over)
			<-done
			hit := make(map[int][]string)
			for _, e := range f.history {
				if e.What == history.FaultInject {
					hit[e.Step] = e.Nodes
				}
			}
			for i, s := range plan.Steps[1:] {
				of := plan.Steps[i] // of which the number is i+1
				if _, ok := of.Fault.(nemesis.Operation); ok && s.Fault.String() == "kill same" && hit[i+2] != nil {
					require.Equal(t, hit[i+1], hit[i+2], "%s\n%s", of, s)
					pairs++
				}
			}
		})
	}
	require.Greater(t, pairs, 10)
}
