package nemesis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
)

// fake is a system in memory that writes down what is done to it.
type fake struct {
	nodes  []string
	events chan history.Raft
	start  time.Time

	mu     sync.Mutex
	calls  []string
	state  map[string]string // "" running, "paused", "down"
	rules  int
	refuse map[string]error // by call, such as "kill n1": what it fails with
	panics map[string]bool
	slow   map[string]time.Duration // by operation
	out    map[string]bool          // no members just now
	idle   bool                     // rules do not bite
	deadly bool                     // processes end of what is in force at members
	onRule func(nemesis.Rule)
	// trouble is asked before a call takes effect, and late after it has, of those that may
	// fail then. What it returns is how the call fails; it may panic.
	trouble, late func() error

	evidence map[string]int64 // of operations that fail
	cuts     map[string]int64 // of power failures, unless they are as they should be
	history  []history.Fault
}

func newFake(nodes ...string) *fake {
	return &fake{
		nodes:  nodes,
		events: make(chan history.Raft, 100),
		start:  time.Now(),
		state:  make(map[string]string),
		refuse: make(map[string]error),
		panics: make(map[string]bool),
		slow:   make(map[string]time.Duration),
		out:    make(map[string]bool),
	}
}

func (f *fake) Nodes() []string { return f.nodes }

// call notes a call and returns the error planned for it.
func (f *fake) call(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.calls = append(f.calls, fmt.Sprintf("%v %s", time.Since(f.start), name))
	if f.panics[name] {
		panic("planned: " + name)
	}
	if err := f.refuse[name]; err != nil || f.trouble == nil {
		return err
	}
	return f.trouble()
}

// relent makes a call that was to fail succeed after a while; it is for what
// runs beside an execution.
func (f *fake) relent(call string, after time.Duration) func(func()) {
	return func(func()) {
		time.Sleep(after)
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.refuse, call)
		delete(f.panics, call)
	}
}

// process moves a node from one state to another.
func (f *fake) process(ctx context.Context, verb, node string, from []string, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call(ctx, verb+" "+node); err != nil {
		return err
	}
	if !slices.Contains(from, f.state[node]) {
		return fmt.Errorf("%s is %q", node, f.state[node])
	}
	f.state[node] = to
	if f.late != nil && (verb == "kill" || verb == "pause") {
		return f.late()
	}
	return nil
}

func (f *fake) Kill(ctx context.Context, node string) (int, error) {
	return 4711, f.process(ctx, "kill", node, []string{"", "paused"}, "down")
}

func (f *fake) Start(ctx context.Context, node string) error {
	return f.process(ctx, "start", node, []string{"down"}, "")
}

func (f *fake) Pause(ctx context.Context, node string) error {
	return f.process(ctx, "pause", node, []string{""}, "paused")
}

func (f *fake) Resume(ctx context.Context, node string) error {
	return f.process(ctx, "resume", node, []string{"paused"}, "")
}

// CutPower takes the power from all, but those whose blackout is to fail.
func (f *fake) CutPower(ctx context.Context, nodes []string, keep nemesis.Keep, quiet bool) (out nemesis.Outage, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call(ctx, strings.TrimSpace(fmt.Sprintf("cut power %s keep %s %s", strings.Join(nodes, " "), keep, map[bool]string{true: "quiet"}[quiet]))); err != nil {
		return out, err
	}
	f.mu.Unlock()
	time.Sleep(f.slow["cut power"])
	f.mu.Lock()
	var errs []error
	for _, n := range nodes {
		if f.panics["blackout "+n] {
			panic("planned: blackout " + n)
		}
		if err := f.refuse["blackout "+n]; err != nil {
			errs = append(errs, err)
			continue
		}
		if f.state[n] == "down" {
			continue
		}
		f.state[n] = "down"
		out.Down = append(out.Down, n)
	}
	if out.Evidence = f.cuts; f.cuts == nil {
		out.Evidence = map[string]int64{"canaries-lost": int64(len(out.Down))}
	}
	return out, errors.Join(errs...)
}

// Meddle, Rot, Constrain and Deafen note what is done, in the words of plans.
func (f *fake) Meddle(ctx context.Context, node string, r nemesis.FileRule) (nemesis.Applied, error) {
	return f.rule(ctx, r.Action, node, fmt.Sprint(r.Files, " ", r.Delay, " ", r.Jitter))
}

func (f *fake) Rot(ctx context.Context, node string, r nemesis.FileRot) (map[string]int64, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state[node] != "down" {
		panic(node + " is not down")
	}
	err := f.call(ctx, "rot "+node)
	return map[string]int64{"bytes-flipped": 1}, fmt.Sprintf("%s of %s: %s, drawn by %d", r.How, node, r.Files, r.Seed), err
}

func (f *fake) Constrain(ctx context.Context, node string, c nemesis.Constraint) (nemesis.Applied, error) {
	f.mu.Lock()
	state := f.state[node]
	f.mu.Unlock()
	if state == "down" || state != "" && c.Freeze {
		panic(node + " is " + state)
	}
	text := nemesis.Constrained{Who: nemesis.Target(node), Constraint: c}.String()
	return f.rule(ctx, c.Kind(), node, strings.TrimPrefix(text, c.Kind()+" "+node))
}

func (f *fake) Deafen(ctx context.Context, node string) (map[string]int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state[node] == "down" {
		panic(node + " is down")
	}
	return map[string]int64{"listeners-closed": 2}, f.call(ctx, "deafen "+node)
}

// rule puts something in force at a member.
func (f *fake) rule(ctx context.Context, verb, node, how string) (nemesis.Applied, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call(ctx, strings.Join(strings.Fields(verb+" "+node+" "+how), " ")); err != nil {
		return nil, err
	}
	f.rules++
	return &fakeRule{fake: f, name: verb + " " + node, node: node}, nil
}

func (f *fake) Apply(ctx context.Context, r nemesis.Rule) (nemesis.Applied, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var links []string
	for _, l := range r.Links {
		links = append(links, l[0]+">"+l[1])
	}
	slices.Sort(links)
	words := []string{r.Action}
	for _, w := range []any{r.Class, r.Delay, r.Jitter, r.Rate, r.Chance, r.Count} {
		if s := fmt.Sprint(w); s != "" && s != "0" && s != "0s" {
			words = append(words, s)
		}
	}
	name := strings.Join(append(words, links...), " ")
	if err := f.call(ctx, name); err != nil {
		return nil, err
	}
	if f.onRule != nil {
		f.onRule(r)
	}
	f.rules++
	return &fakeRule{fake: f, name: name}, nil
}

// Operate notes the operation. Those in f.slow take time, in which others go on.
func (f *fake) Operate(ctx context.Context, node, operation string, args ...string) (map[string]int64, error) {
	name := strings.Join(append([]string{operation, node}, args...), " ")
	slow, err := func() (time.Duration, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.slow[name], f.call(ctx, name)
	}()
	if err != nil {
		return f.evidence, err
	}
	if slow > 0 { // a timer of no time is none that the race build bears in a bubble
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch operation {
	case nemesis.OpRemove:
		f.out[node] = true
	case nemesis.OpAdd:
		if !f.out[node] {
			f.state[node] = ""
			return nil, nil
		}
		delete(f.out, node)
		f.state[node] = ""
		return map[string]int64{"added": 1}, nil
	}
	return map[string]int64{"done": 3}, nil
}

func (f *fake) Watch() (<-chan history.Raft, func()) { return f.events, func() {} }

// tell hands an event to the watcher.
func (f *fake) tell(e history.Raft) { f.events <- e }

// record is the history's recorder.
func (f *fake) record(e history.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.history = append(f.history, *e.Fault)
	if e.Fault.What == history.FaultInject {
		f.calls = append(f.calls, fmt.Sprintf("%v inject", time.Since(f.start)))
	}
}

type fakeRule struct {
	fake *fake
	name string
	node string // where it is in force, if not on links
}

func (r *fakeRule) Remove(ctx context.Context) (map[string]int64, error) {
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	verb, _, _ := strings.Cut(r.name, " ")
	if err := r.fake.call(ctx, "remove "+verb); err != nil {
		return nil, err
	}
	r.fake.rules--
	harmless := r.node == "" || verb == "clock" || verb == "slow" || verb == "freeze"
	done := map[string]int64{"frames": 7}
	if r.fake.idle {
		done["frames"] = 0
	}
	if r.fake.deadly && !harmless {
		r.fake.state[r.node] = "down"
		done[nemesis.PidsGone] = 1
	}
	return done, nil
}

// healed tells what is not as it was at first.
func (f *fake) healed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for node, state := range f.state {
		if state != "" {
			errs = append(errs, fmt.Errorf("%s is %s", node, state))
		}
	}
	for node := range f.out {
		errs = append(errs, fmt.Errorf("%s is no member", node))
	}
	if f.rules != 0 {
		errs = append(errs, fmt.Errorf("%d rules are left", f.rules))
	}
	return errors.Join(errs...)
}

// lines renders the faults of the history, one a line.
func (f *fake) lines() []string {
	var lines []string
	for _, e := range f.history {
		line := fmt.Sprintf("%d %s", e.Step, e.What)
		switch e.What {
		case history.FaultInject:
			line += ": " + e.Resolved
		case history.FaultHeal:
			line += fmt.Sprintf(" bit=%v", e.Bit)
		}
		if e.Reason != "" {
			line += ": " + e.Reason
		}
		lines = append(lines, line)
	}
	return lines
}

// played is an execution that is over.
type played struct {
	*fake
	report nemesis.Report
	err    error
}

// play executes a plan on five members in fake time, for 20 s at most, and
// demands that everything is healed afterwards. script prepares the fake and
// the options; what it returns, unless nil, runs beside the execution.
func play(t *testing.T, plan string, script func(*fake, *nemesis.Options) func(cancel func())) *played {
	t.Helper()
	parsed, err := nemesis.Parse("plan.txt", plan)
	require.NoError(t, err)
	p := &played{}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		p.fake = newFake("n1", "n2", "n3", "n4", "n5")
		o := nemesis.Options{System: p.fake, Record: p.fake.record, Seed: 1, Until: 20 * time.Second}
		var beside sync.WaitGroup
		if script != nil {
			if f := script(p.fake, &o); f != nil {
				beside.Go(func() { f(cancel) })
			}
		}
		p.report, p.err = nemesis.Execute(ctx, o, parsed)
		beside.Wait()
	})
	require.NoError(t, p.healed())
	return p
}

// leader is the election of a node.
func leader(node string, term uint64) history.Raft {
	return history.Raft{Source: history.Trace, Node: node, What: history.RaftLeader, Term: term}
}

// vote is the vote of a node for another.
func vote(node, candidate string, term uint64) history.Raft {
	return history.Raft{Source: history.Trace, Node: node, What: history.RaftVote, Peer: candidate, Term: term, Granted: true}
}

func candidate(node string, term uint64) history.Raft {
	return history.Raft{Source: history.Trace, Node: node, What: history.RaftCandidate, Term: term}
}

func splitNames(t nemesis.Target) []string { return strings.Fields(string(t)) }
