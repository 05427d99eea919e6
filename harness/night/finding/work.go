package finding

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/reproduce"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/nemesis"
)

// WorkOptions say how hard to try to repeat and to shrink findings.
type WorkOptions struct {
	// Build makes the system under test of a run that was kept, of which saved are the
	// target's options. A kept run does not know where its executables are: run does.
	Build func(ctx context.Context, cfg *engine.Config, saved json.RawMessage, run Sighting) error
	// Budget is for all of it. What there is no time for is left to the next call.
	Budget   time.Duration
	Night    string   // as of which findings are new, and what was tried is noted; "": the latest
	Parallel int      // clusters side by side in all, at least 1
	Times    int      // how many runs repeat an example at most; 10
	Only     []string // IDs; empty for all
	// Scratch is where runs are made, in a folder that is removed; "" for within the store.
	Scratch string
	// Progress, if not nil, is told in a line what is done, by one goroutine at a time.
	Progress func(string)

	repeat func(context.Context, reproduce.Finding, WorkOptions) (reproduce.Count, error)
	shrink func(context.Context, reproduce.Finding, reproduce.ShrinkOptions) (reproduce.Shrunk, error)
	trial  func(context.Context, reproduce.Trial) (reproduce.Count, error)
}

const (
	// enoughAgain is how many reproductions end the repetition of an example.
	enoughAgain = 3
	// leastTime is what is left of a budget when nothing is begun any more.
	leastTime = 20 * time.Second
	// An example has an equal share of the time that is left to be shrunk, but so much at
	// least and at most.
	fewest = time.Minute
	most   = 10 * time.Minute
)

// Done is what [Store.Work] has come to.
type Done struct {
	Repeated, Shrunk int // examples, also in vain
	Left             int // tasks for which there was no time
}

// old is the age at which what is being written in the store belongs to a killed process.
const old = 24 * time.Hour

// clear removes what killed processes have left at work.
func (s *Store) clear(now time.Time) {
	entries, _ := os.ReadDir(s.dir) // whoever reads the store next says what is wrong
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && (strings.HasPrefix(e.Name(), workPrefix) || strings.HasPrefix(e.Name(), busyPrefix)) && now.Sub(info.ModTime()) > old {
			os.RemoveAll(s.path(e.Name()))
		}
	}
}

// busyPrefix begins the names of files that are locked by who works on a finding.
const busyPrefix = ".busy-"

// claim takes a task, or returns nil if somebody works on its finding. The claim ends
// with this process.
func (s *Store) claim(t Task) (release func()) {
	path := s.path(busyPrefix + t.finding.folder)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		f.Close()
		return nil
	}
	return func() { // on a disk without locks work may be done twice, which does no harm
		os.Remove(path)
		f.Close()
	}
}

// errBudget ends what the budget has no time for.
var errBudget = errors.New("the time for repeating and shrinking is used up")

func (o *WorkOptions) defaults() {
	o.Parallel = max(1, o.Parallel)
	if o.Times <= 0 {
		o.Times = 10
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.repeat == nil {
		o.repeat = repeat
	}
	if o.shrink == nil {
		o.shrink = reproduce.Shrink
	}
	if o.trial == nil {
		o.trial = func(ctx context.Context, t reproduce.Trial) (reproduce.Count, error) { return t.Run(ctx) }
	}
}

// carryOut does a task and notes what came of it. An error means that nothing could be
// noted, or that ctx ended before there was anything to note.
func (s *Store) carryOut(ctx context.Context, t Task, night string, share time.Duration, o WorkOptions) error {
	f := t.finding
	o.Progress(fmt.Sprintf("%s %s: %s, seen in %d of %s", t.What, t.ID, f.Signature, f.Rate.K, count.Many(f.Rate.N, "run")))
	tried := Tried{What: t.What, Of: t.Example, Night: night, Begun: time.Now().UTC()}
	scratch, err := os.MkdirTemp(cmp.Or(o.Scratch, s.dir), workPrefix)
	if err != nil {
		return fmt.Errorf("work on findings: %w", err)
	}
	defer os.RemoveAll(scratch)
	found, err := s.load(ctx, t, scratch, o)
	if err == nil {
		tried.Harness = engine.BuildOf(found.Config.Target).Usurper
		if t.What == Repeat {
			var count reproduce.Count
			count, err = o.repeat(ctx, found, o)
			tried.count(count, found.Breach)
		} else {
			err = s.reduce(ctx, t, found, share, o, &tried)
		}
	}
	tried.Elapsed = time.Since(tried.Begun).Round(time.Millisecond)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		tried.Problem = verdict.Printable(verdict.FirstLine(err.Error()))
	}
	o.Progress(fmt.Sprintf("%s %s", t.ID, tried))
	name := strings.Join([]string{cmp.Or(slug(night), "night"), string(t.What), t.Example}, "-")
	return write(s.path(f.folder, triedDir, name+".json"), tried)
}

// load reads the example, and aims at the finding.
func (s *Store) load(ctx context.Context, t Task, scratch string, o WorkOptions) (reproduce.Finding, error) {
	f := t.finding
	dir, err := results.Open(s.path(f.folder, examplesDir, t.Example))
	if err != nil {
		return reproduce.Finding{}, err
	}
	found, err := reproduce.Load(dir, f.Checker)
	if err != nil {
		return found, err
	}
	breach := checker.Breach{Checker: f.Checker, Rule: f.Rule}
	if err := found.Aim(breach, func(v checker.Violation) bool { return Shape(v) == f.Shape }); err != nil {
		return found, err
	}
	// Runs end at their first proof, which need not be the plainest.
	proof := found.Violation
	found.Same = func(v checker.Violation) bool { return similar(v, proof) }
	found.Config.Results = scratch
	if err := o.Build(ctx, &found.Config, found.TargetOptions, f.run(t.Example)); err != nil {
		return found, err
	}
	return found, found.Config.Validate()
}

// run is where an example was seen.
func (f *Finding) run(example string) Sighting {
	i := slices.IndexFunc(f.Examples, func(e Example) bool { return e.Name == example })
	if i < 0 {
		return Sighting{}
	}
	return f.Examples[i].Run
}

// repeat replays a finding as it came to pass and, if it does not fail so, as it was
// planned.
func repeat(ctx context.Context, found reproduce.Finding, o WorkOptions) (reproduce.Count, error) {
	executed, err := found.Executed()
	if err != nil {
		return reproduce.Count{}, err
	}
	planned := found.Config.Plan
	var count reproduce.Count
	for _, plan := range []*nemesis.Plan{&executed, planned} {
		cfg := found.Config
		cfg.Plan = plan
		if cfg.Validate() != nil {
			continue
		}
		count, err = reproduce.Trial{
			Config: cfg, Breach: found.Breach, Same: found.Same, Parallel: min(o.Parallel, o.Times),
			Enough: func(c reproduce.Count) bool { return c.Reproduced >= enoughAgain || c.Runs >= o.Times },
		}.Run(ctx)
		if err != nil || count.Reproduced > 0 {
			break
		}
	}
	return count, err
}

// reduce finds the smallest plan of an example and keeps a run of it.
func (s *Store) reduce(ctx context.Context, t Task, found reproduce.Finding, share time.Duration, o WorkOptions, tried *Tried) error {
	for _, m := range t.finding.shrunk {
		done, err := s.shared(ctx, t, found, m, o, tried)
		if done || err != nil {
			return err
		}
	}
	shrunk, err := o.shrink(ctx, found, reproduce.ShrinkOptions{Budget: share, Parallel: o.Parallel, Measure: o.Times})
	tried.count(shrunk.Count, found.Breach)
	if tried.Runs == 0 {
		tried.Runs = shrunk.Runs
	}
	if err != nil {
		return err
	}
	plan := *shrunk.Config.Plan
	return s.keepMinimal(shrunk.Dir, t, Minimal{
		Form: Form(plan), Plan: nemesis.Plan{Steps: plan.Steps}.String(), Of: t.Example,
		Reproduced: shrunk.Count.Reproduced, Runs: shrunk.Count.Runs, Measured: shrunk.Measured,
		Before: shrunk.Before.String(), After: shrunk.After.String(),
	})
}

func (s *Store) keepMinimal(run results.Dir, t Task, m Minimal) error {
	return s.pack(run, s.path(t.finding.folder, minimalDir, digest([]byte(m.Form))[:digits]+"-"+t.Example), minimalFile, m)
}

// shared tells whether the smallest plan of another example breaks the rule in the same
// way in this one's system, often. Then it is this one's smallest plan too: one failure
// can be shrunk to several, and which of them is found is chance.
func (s *Store) shared(ctx context.Context, t Task, found reproduce.Finding, m Minimal, o WorkOptions, tried *Tried) (bool, error) {
	dir, err := results.Open(m.Dir)
	if err != nil {
		return false, nil // it was told as damaged
	}
	other, err := engine.Load(dir)
	if err != nil {
		return false, nil
	}
	cfg := found.Config
	cfg.Plan, cfg.PlanName = other.Config.Plan, engine.ShrunkPlan
	cfg.For, cfg.Nodes, cfg.Clients, cfg.Rate = other.Config.For, other.Config.Nodes, other.Config.Clients, other.Config.Rate
	if cfg.Validate() != nil {
		return false, nil
	}
	var run results.Dir
	count, err := o.trial(ctx, reproduce.Trial{
		Config: cfg, Breach: found.Breach, Same: found.Same, Parallel: o.Parallel,
		Enough: func(c reproduce.Count) bool { return c.Reproduced >= enoughAgain || c.Runs >= o.Times },
		Done: func(a reproduce.Attempt, _ reproduce.Count) {
			if a.Reproduced && run == (results.Dir{}) {
				run = a.Dir
			} else {
				os.RemoveAll(a.Dir.String())
			}
		},
	})
	if run != (results.Dir{}) {
		defer os.RemoveAll(run.String())
	}
	if err != nil || count.Reproduced < min(enoughAgain, o.Times) {
		return false, err
	}
	tried.count(count, found.Breach)
	m.Of, m.Before = t.Example, found.Size().String()
	m.Reproduced, m.Runs, m.Measured = count.Reproduced, count.Runs, true
	return true, s.keepMinimal(run, t, m)
}

func (t *Tried) count(c reproduce.Count, b checker.Breach) {
	t.Reproduced, t.Runs = c.Reproduced, c.Runs
	t.Others = verdict.Printable(strings.ReplaceAll(c.OtherText(), b.String(), b.String()+", in another way"))
}

// String is "repeated: 3 of 4".
func (t Tried) String() string {
	text := fmt.Sprintf("%s: %d of %d", t.What, t.Reproduced, t.Runs)
	if t.Reproduced == 0 && t.What == Repeat {
		text = fmt.Sprintf("not repeated: 0 of %d", t.Runs)
	}
	if t.Others != "" {
		text += "; broken instead: " + t.Others
	}
	if t.Problem != "" {
		text += "; " + t.Problem
	}
	return text
}
