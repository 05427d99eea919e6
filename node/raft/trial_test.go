package raft_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
	"github.com/usurper/usurper/node/bug"
	"github.com/usurper/usurper/node/raft"
)

// trial is a plan carried out on a cluster in memory, with all that its outcome
// depends on.
type trial struct {
	plan    nemesis.Plan
	nodes   int
	seed    uint64
	preVote bool
	mixed   bool // only every other member asks for pre-votes
	bug     bug.Name
}

func (t trial) String() string {
	return fmt.Sprintf("%d members, seed %d, pre-vote %v, bug %q\n%s", t.nodes, t.seed, t.preVote, t.bug, t.plan)
}

// outcome is what came of a trial.
type outcome struct {
	broken    map[string]string // see oracle
	stack     string            // of a panic
	report    nemesis.Report
	err       error // of the nemesis
	committed uint64
	recovery  time.Duration // from the end of all faults to a commit that all have applied
	trail     uint64        // digests all that happened
}

// refused names the faults that mean nothing to the protocol alone, and says why.
// A trial with one of them is refused as a whole.
func refused() map[string]string {
	return map[string]string{
		"throttle":           "messages have no size here",
		nemesis.OpDefragment: "there is no database",
		nemesis.OpCompact:    "there is no database",
		nemesis.OpSnapshot:   "there is no database",
		nemesis.OpMoveLeader: "the protocol does not pass the lead on",
		"remove":             "the members do not change",
		"replace":            "the members do not change",
		"failpoint":          "the protocol has none",
		"power-failure":      "disks are sound here",
		"slow-sync":          "disks are sound here",
		"fail-sync":          "disks are sound here",
		"fail-write":         "disks are sound here",
		"full":               "disks are sound here",
		"short-write":        "disks are sound here",
		"lost-write":         "disks are sound here",
		"bit-rot":            "disks are sound here",
		"clock":              "the protocol reads no wall clock",
		"slow":               "there is no machine",
		"starve":             "there is no machine",
		"freeze":             "there is no machine",
		"deaf":               "there are no sockets",
	}
}

// Bounds of a trial.
const (
	maxSteps = 32
	maxTime  = 10 * time.Second
	// respite is how long faults that have no end of their own go on after all
	// others.
	respite = 200 * time.Millisecond
	// patience bounds the time, in slots, that a cluster without faults has to make
	// progress: thirty election timeouts.
	patience = 30 * electionTicks * tickSlots
)

// check tells why the trial cannot be carried out.
func (t trial) check() error {
	if err := t.plan.Validate(nemesis.Setting{Nodes: names(t.nodes)}); err != nil {
		return err
	}
	if len(t.plan.Steps) > maxSteps || t.plan.End() > maxTime {
		return fmt.Errorf("more than %d steps or %v", maxSteps, maxTime)
	}
	for i, s := range t.plan.Steps {
		word, _, _ := strings.Cut(s.Fault.String(), " ")
		if why, no := refused()[word]; no {
			return fmt.Errorf("step %d: no %s here: %s", i+1, word, why)
		}
		times := []time.Duration{s.At, s.For, s.Trigger.From, s.Trigger.Until, s.Trigger.After, s.Repeat.Every, s.Repeat.Jitter, s.Repeat.Until}
		switch f := s.Fault.(type) {
		case nemesis.RestartStorm:
			times = append(times, f.Every)
		case nemesis.RollingRestart:
			times = append(times, f.Every)
		case nemesis.Staggered:
			times = append(times, f.Back...)
		}
		if slices.ContainsFunc(times, func(d time.Duration) bool { return d%slot != 0 }) {
			return fmt.Errorf("step %d: times are multiples of %v here", i+1, slot)
		}
	}
	return nil
}

// stagger gives the n-th step a place of its own in the slots, n³ ns from the
// beginning: a step that another one's deed triggers acts at the sum of two cubes,
// which is no cube. What ends by itself does so later than whatever it repeats.
func stagger(plan nemesis.Plan) nemesis.Plan {
	steps := slices.Clone(plan.Steps)
	for i := range steps {
		s, n := &steps[i], time.Duration(i+1)
		if s.Trigger.On == "" {
			s.At += n * n * n
		} else {
			s.Trigger.After += n * n * n
		}
		if s.For > 0 {
			s.For += slot / 8
		}
	}
	return nemesis.Plan{Steps: steps}
}

// run carries the trial out, which must have passed its check: a leader commits,
// the plan takes its course, and without faults a leader must commit again.
func (t trial) run(tb *testing.T) (out outcome) {
	synctest.Test(tb, func(*testing.T) {
		w := newWorld(t)
		if _, ok := w.commits(); !ok {
			w.oracle.breach(progress, "no commit before all faults")
		}
		out.report, out.err = w.attack(t)
		if len(w.oracle.broken) == 0 {
			took, ok := w.commits()
			out.recovery = took
			if !ok {
				w.oracle.breach(progress, "no commit within %v after all faults", took)
			}
			out.err = errors.Join(out.err, w.healed())
		}
		out.broken, out.stack, out.committed, out.trail = w.oracle.broken, w.stack, w.oracle.top, w.trail.Sum64()
	})
	return out
}

// attack carries out the plan, which ends early once something is broken.
func (w *world) attack(t trial) (report nemesis.Report, err error) {
	time.Sleep(time.Until(w.began.Add(time.Duration(w.now()+2) * slot))) // a slot begins
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	over := false
	go func() {
		o := nemesis.Options{
			System: w, Record: func(history.Event) {}, View: w.view, Seed: t.seed,
			Until: t.plan.End() + respite,
		}
		r, e := nemesis.Execute(ctx, o, stagger(t.plan))
		w.hand(call{"over", func() { report, err, over = r, e, true }, make(chan struct{})})
	}()
	for !w.pass(tickSlots, func() bool { return over }) {
		if len(w.oracle.broken) > 0 {
			cancel()
		}
	}
	if len(w.oracle.broken) > 0 {
		err = nil // it was cut short, and may have been unable to heal the dead
	}
	return report, err
}

// commits lets time pass until an entry that is proposed from now on is committed
// and everybody has applied it. It returns how long that took.
func (w *world) commits() (took time.Duration, ok bool) {
	var at raft.Pos
	var hash uint64
	began := time.Now()
	ok = w.pass(patience, func() bool {
		for _, id := range w.voters {
			if st := w.up(id).Status(); st.Role == raft.Leader && st.Term > at.Term {
				at, _ = w.propose(id, "probe")
				hash = w.up(id).Status().Hash
			}
		}
		if at.Term == 0 || w.oracle.committed[at.Index].hash != hash {
			return false
		}
		for _, m := range w.members {
			if m.applied.Index < at.Index {
				return false
			}
		}
		return true
	})
	return time.Since(began), ok
}

// took counts the firings that took hold and had an effect.
func (o outcome) took() int {
	n := 0
	for _, f := range o.report.Ends {
		if f.What == history.FaultHeal && f.Bit {
			n++
		}
	}
	return n
}

// breaks is the invariant of those that the bug must break that is broken, and how;
// "" for none.
func (o outcome) breaks(b coreBug) string {
	for _, invariant := range b.breaks {
		if how, broken := o.broken[invariant]; broken {
			return invariant + ": " + how
		}
	}
	return ""
}

// wrong is all that a correct member never lets happen, "" for nothing.
func (o outcome) wrong() string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(o.broken)) {
		lines = append(lines, name+": "+o.broken[name])
	}
	if o.err != nil {
		lines = append(lines, o.err.Error())
	}
	return strings.Join(lines, "\n")
}

// names are those of n members.
func names(n int) []string {
	nodes := make([]string, n)
	for i := range nodes {
		nodes[i] = nameOf(raft.ID(i + 1))
	}
	return nodes
}
