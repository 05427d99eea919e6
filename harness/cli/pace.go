package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/cli/setup"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/pace"
)

type paceFlags struct {
	setup.Flags
	pairs int
	o     pace.Options
	json  bool
}

func paceCommand() *cobra.Command {
	f := paceFlags{}
	cmd := &cobra.Command{
		Use:   "pace [flags] -- [FLAGS OF THE OTHER]",
		Short: "Tell whether a system elects and recovers slower than another",
		Long: `Pace makes pairs of runs on this machine, one of the system that the flags choose
and one of what it is measured against, under the same plan and seed, in turn. The
other has the same flags, but for those behind "--", which choose a system: a
binary, a version, a bug, timers. With none it is the same, which shows what chance
does.

It compares how long it takes from the loss of a leader to the next one, candidacies
and terms a fault, the time from healing to the first success, and how long clients
go without one. "Slow" is what the medians show to be --times as much and an exact
test of the pairs (signed ranks, over all measures) finds by chance at most in a
share --alpha of such comparisons.

That is a finding, never a verdict. The exit status is that of the runs: 1 if any
was invalid, else 2 if any was unknown or failed, else 0. Those that were not valid
leave their directories.`,
		Example: `  usurper pace --binary ./new -- --binary ./old
  usurper pace --target etcd --version v3.6.16 -- --version v3.5.21
  usurper pace --target exec --config new.yaml -- --config old.yaml
  usurper pace --pairs 20 --json -- --election 300ms`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); at != 0 {
				return fmt.Errorf("say what to measure against behind --, or nothing there for the same: for example %s --binary ./new -- --binary ./old", cmd.CommandPath())
			}
			if !(f.o.Times >= 1) || !(f.o.Alpha > 0 && f.o.Alpha < 1) {
				return fmt.Errorf("%g times, a share of %g: use at least 1, and more than 0 but less than 1", f.o.Times, f.o.Alpha)
			}
			if least := f.o.Least(); f.pairs < least || f.pairs > maxPairs {
				return fmt.Errorf("%d pairs: use %d, which is the least that can prove anything at --alpha %g, to %d", f.pairs, least, f.o.Alpha, maxPairs)
			}
			other, err := f.other(cmd, args)
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), cmd, other, args)
		},
	}
	f.Add(cmd.Flags())
	fs := cmd.Flags()
	fs.IntVar(&f.pairs, "pairs", 10, "how many pairs of runs")
	fs.Float64Var(&f.o.Times, "times", 1.5, "how many times as much is slow")
	fs.Float64Var(&f.o.Alpha, "alpha", 0.01, "how often two that are alike may be called slow by chance")
	fs.BoolVar(&f.json, "json", false, "print JSON, with the figures of every run")
	setup.SetDefaults(fs, paceDefaults())
	setup.Complete(cmd)
	return cmd
}

// maxPairs bounds the pairs, and with them the exact test.
const maxPairs = 200

func paceDefaults() map[string]string {
	return map[string]string{"plan": engine.FailoversPlan, "for": "20s", "results": filepath.Join("results", "pace")}
}

// other returns the flags of what is measured against: those of cmd, and over them the
// ones behind --.
func (f *paceFlags) other(cmd *cobra.Command, args []string) (*setup.Flags, error) {
	var o setup.Flags
	fs := pflag.NewFlagSet(cmd.Name(), pflag.ContinueOnError)
	fs.Usage = func() {}
	o.Add(fs)
	setup.SetDefaults(fs, paceDefaults())
	var err error
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if same := fs.Lookup(flag.Name); same != nil && err == nil {
			err = copyFlag(fs, same, flag)
		}
	})
	if err != nil {
		return nil, err
	}
	said := make(map[string]bool)
	err = fs.ParseAll(args, func(flag *pflag.Flag, value string) error {
		if !choosesSystem(flag.Name) {
			return fmt.Errorf("--%s is the same for both: give it before --", flag.Name)
		}
		said[flag.Name] = true
		return fs.Set(flag.Name, value)
	})
	if err != nil {
		return nil, fmt.Errorf("behind --: %w", err)
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("behind --: flags only, not %q", fs.Arg(0))
	}
	for flag, instead := range map[string]string{"binary": "version", "version": "binary"} {
		if said[flag] && !said[instead] {
			left := fs.Lookup(instead)
			left.Changed = false
			if err := left.Value.Set(""); err != nil {
				return nil, err
			}
		}
	}
	return &o, nil
}

// choosesSystem tells whether a flag is about the system, not about what is done to it.
func choosesSystem(flag string) bool {
	_, own := setup.OwnFlags()[flag]
	return own || flag == "target" || flag == "binary" || flag == "election" || flag == "heartbeat"
}

// copyFlag gives a flag of fs the value of another one.
func copyFlag(fs *pflag.FlagSet, to, from *pflag.Flag) error {
	list, ok := from.Value.(pflag.SliceValue)
	if !ok {
		return fs.Set(to.Name, from.Value.String())
	}
	to.Changed = true
	return to.Value.(pflag.SliceValue).Replace(list.GetSlice())
}

// pairing is two configurations that differ in their system alone.
type pairing struct{ run, against engine.Config }

// pairing makes those for a seed. The plan is made for the yardstick, and for both.
func (f *paceFlags) pairing(ctx context.Context, other *setup.Flags, seed uint64, say func(string)) (p pairing, err error) {
	mine, its := f.Flags, *other
	mine.Cfg.Seed, its.Cfg.Seed = seed, seed
	if p.run, err = mine.Config(ctx, say); err != nil {
		return p, err
	}
	if p.against, err = its.Config(ctx, say); err != nil {
		return p, fmt.Errorf("the other: %w", err)
	}
	if p.run.Nodes != p.against.Nodes || p.run.Workload != p.against.Workload || p.run.Mixed != p.against.Mixed {
		return p, fmt.Errorf("%s with workload %s against %d with %s: say which with --nodes and --workload",
			count.Many(p.run.Nodes, "node"), p.run.Workload, p.against.Nodes, p.against.Workload)
	}
	if p.against.Plan == nil {
		plan := p.against.Drawn()
		p.against.Plan = &plan
	}
	p.run.Plan, p.run.PlanName, p.run.For = p.against.Plan, p.against.PlanName, p.against.For
	return p, p.run.Validate()
}

// paced is a pair of runs.
type paced struct {
	Seed    uint64       `json:"seed"`
	Run     pace.Figures `json:"run"`
	Against pace.Figures `json:"against"`
	verdict [2]attempt
}

func (f *paceFlags) run(ctx context.Context, cmd *cobra.Command, other *setup.Flags, args []string) error {
	show := screen.NewStatus(cmd.ErrOrStderr())
	if f.Cfg.Seed == 0 {
		f.Cfg.Seed = rand.Uint64N(1_000_000) + 1
	}
	say, said := show.Busy()
	first, err := f.pairing(ctx, other, f.Cfg.Seed, say)
	said()
	if err != nil {
		return err // before anything is written
	}
	against := strings.Join(args, " ")
	if against == "" {
		against = "itself"
	}
	head := fmt.Sprintf("%s of %s, plan %s, seeds from %d: %s against %s",
		count.Many(f.pairs, "pair"), first.run.For, first.run.PlanName, f.Cfg.Seed, first.run.Target.Name(), against)
	show.Line("%s, about %s", head, (time.Duration(2*f.pairs) * (first.run.For + 2*time.Second)).Round(time.Minute))
	var done []paced
	for i := 0; i < f.pairs && ctx.Err() == nil; i++ {
		p, err := f.pairing(ctx, other, f.Cfg.Seed+uint64(i), func(string) {})
		if err != nil {
			return err
		}
		done = append(done, p.make(ctx, i, show))
	}
	return f.tell(cmd, head, done)
}

// make makes both runs. Pairs take turns in whose is first, so that a machine that
// grows slower is nobody's.
func (p pairing) make(ctx context.Context, turn int, show *screen.Status) paced {
	d := paced{Seed: p.run.Seed}
	sides := [2]struct {
		name string
		cfg  engine.Config
	}{{"this", p.run}, {"other", p.against}}
	for i := range sides {
		side := (i + turn) % 2
		n := &d.verdict[side]
		n.seed = p.run.Seed
		n.make(ctx, sides[side].cfg)
		show.Line("%-5s  %s", sides[side].name, n.line())
	}
	d.Run, d.Against = pace.Of(d.verdict[0].result.Report), pace.Of(d.verdict[1].result.Report)
	return d
}

// tell prints what came out. That something is slow is no error.
func (f *paceFlags) tell(cmd *cobra.Command, head string, done []paced) error {
	var pairs []pace.Pair
	worst := checker.Valid
	verdicts := make([]map[checker.Verdict]int, 2)
	for side := range verdicts {
		verdicts[side] = make(map[checker.Verdict]int)
	}
	for i := range done {
		pairs = append(pairs, pace.Pair{Run: done[i].Run, Against: done[i].Against})
		for side := range verdicts {
			v := done[i].verdict[side].verdict()
			verdicts[side][v]++
			worst = checker.Worse(worst, v)
		}
	}
	if len(done) < f.pairs {
		worst = checker.Worse(worst, checker.Unknown)
	}
	c := pace.Compare(pairs, f.o)
	out := cmd.OutOrStdout()
	if f.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(struct {
			What string `json:"what"`
			pace.Comparison
			Slow []string `json:"slow"`
			Runs []paced  `json:"runs"`
		}{head, c, append([]string{}, c.Slow()...), done}); err != nil {
			return err
		}
		return screen.ExitWith(worst)
	}
	fmt.Fprintf(out, "%s\n\n%s", head, c)
	for side, name := range []string{"this", "the other"} {
		v := verdicts[side]
		fmt.Fprintf(out, "runs of %s: %d valid, %d invalid, %d unknown or failed\n", name, v[checker.Valid], v[checker.Invalid], v[checker.Unknown])
	}
	return screen.ExitWith(worst)
}

// attempt is one of many runs.
type attempt struct {
	seed    uint64
	elapsed time.Duration
	result  engine.Result
	err     error
}

func (n *attempt) verdict() checker.Verdict {
	verdict := n.result.Report.Verdict // there may be one also after an error
	if n.err != nil {
		return checker.Worse(verdict, checker.Unknown)
	}
	return verdict
}

// make makes the run, and leaves a directory unless it was valid. A run that outstays
// every deadline is given up rather than allowed to keep the others from ending.
func (n *attempt) make(ctx context.Context, cfg engine.Config) {
	begun := time.Now()
	type outcome struct {
		result engine.Result
		err    error
	}
	ended := make(chan outcome, 1)
	go func() {
		result, err := engine.Run(ctx, cfg)
		ended <- outcome{result, err}
	}()
	select {
	case o := <-ended:
		n.result, n.err = o.result, o.err
	case <-time.After(setup.Bound(&cfg)):
		n.err = errors.New("the run hangs: given up")
	}
	n.elapsed = time.Since(begun)
	if n.verdict() == checker.Valid {
		os.RemoveAll(n.result.Dir.String())
	}
}

func (n *attempt) line() string {
	if n.err != nil {
		return fmt.Sprintf("seed %d: failed: %s", n.seed, n.why())
	}
	text := fmt.Sprintf("seed %d: %s in %.1fs", n.seed, n.verdict(), n.elapsed.Seconds())
	if n.verdict() != checker.Valid {
		text += ": " + n.why() + " (" + n.result.Dir.String() + ")"
	}
	return text
}

// why sums up what was not valid, in a line of printable characters.
func (n *attempt) why() string {
	if n.err != nil {
		return verdict.Printable(n.err.Error())
	}
	var parts []string
	for _, r := range n.result.Report.Results {
		if r.Verdict == n.verdict() {
			parts = append(parts, r.Checker+": "+r.Summary)
		}
	}
	return verdict.Printable(strings.Join(parts, "; "))
}
