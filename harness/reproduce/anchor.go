package reproduce

import (
	"time"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
)

// Anchor rewrites the times of a plan, as it was written, as triggers: a fault
// that began soon after a rare raft event is fired by that event, as much later
// as it was then. A run whose elections come at other times is then still
// struck in the same place. It returns the plan and how many steps it rewrote.
//
// A fault on the member whose event it was is rewritten as one on "it".
func Anchor(f Finding) (nemesis.Plan, int, error) {
	plan := nemesis.Plan{Steps: append([]nemesis.Step(nil), f.Config.Plan.Steps...), Generated: true}
	events, err := anchors(f)
	if err != nil {
		return plan, 0, err
	}
	rewritten := 0
	done := make(map[int]bool)
	for i := range f.Firings {
		firing := &f.Firings[i]
		n := firing.Step - 1
		if !firing.Fired() || n < 0 || n >= len(plan.Steps) || done[n] {
			continue
		}
		done[n] = true
		step := plan.Steps[n]
		if step.Trigger != (nemesis.Trigger{}) {
			continue
		}
		if t, by, ok := anchorFor(events, firing.Began, 4*f.Config.Election); ok {
			step.At, step.Trigger = 0, t
			step.Fault = onIt(step.Fault, firing, by)
			plan.Steps[n] = step
			rewritten++
		}
	}
	return plan, rewritten, plan.Validate(nemesis.Setting{Nodes: f.Config.Names(), Clients: f.Config.ProxyClients})
}

// anchor is a raft event that can fire a step.
type anchor struct {
	on, by string
	at     time.Duration // since the start of the faults
}

// anchors reads the rare events of a history, each once though trace and tap may
// both tell of it.
func anchors(f Finding) ([]anchor, error) {
	h, err := history.Open(f.Dir.History())
	if err != nil {
		return nil, err
	}
	defer h.Close()
	type deed struct {
		on, by string
		n      uint64
	}
	seen := make(map[deed]bool)
	var all []anchor
	for e, err := range h.Events() {
		if err != nil {
			return nil, err
		}
		if e.Raft == nil || e.Raft.Stage == history.Dropped || e.Raft.Group != "" {
			continue
		}
		on, n := "", e.Raft.Term
		switch e.Raft.What {
		case history.RaftLeader:
			on = "leader"
		case history.RaftCandidate:
			on = "candidate"
		case history.RaftStart:
			on, n = "restart", e.Raft.Inc
		case history.RaftInstall:
			on, n = "install", e.Raft.Index
		}
		d := deed{on, e.Raft.Node, n}
		if on == "" || seen[d] {
			continue
		}
		seen[d] = true
		all = append(all, anchor{on, e.Raft.Node, e.At - f.Start})
	}
	return all, nil
}

// anchorFor makes the trigger for a fault that began then: the last event before,
// if it is no longer ago than most.
func anchorFor(events []anchor, began, most time.Duration) (t nemesis.Trigger, by string, ok bool) {
	last := -1
	for i, e := range events {
		if e.at >= 0 && e.at <= began {
			last = i
		}
	}
	if last < 0 || began-events[last].at > most {
		return t, "", false
	}
	e := events[last]
	t = nemesis.Trigger{On: e.on, After: (began - e.at).Round(time.Millisecond)}
	for i := last - 1; i >= 0; i-- { // those of the same kind before must not fire it
		if events[i].on == e.on && events[i].at > 0 {
			t.From = (events[i].at + (e.at-events[i].at)/2).Round(time.Millisecond)
			break
		}
	}
	return t, e.by, true
}

// onIt replaces the word for a member by "it" where the fault struck the one
// whose event comes before it.
func onIt(fault nemesis.Fault, firing *engine.Firing, by string) nemesis.Fault {
	if len(firing.Nodes) != 1 || firing.Nodes[0] != by {
		return fault
	}
	for _, word := range []string{"leader", "candidate"} {
		if replaced, ok := replaceWord(fault, word, "it"); ok {
			return replaced
		}
	}
	return fault
}
