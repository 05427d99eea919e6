package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/scenario"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/nemesis"
)

// runFlags are the flags of commands that run a system.
type runFlags struct {
	targetFlags
	cfg   engine.Config
	plan  string
	given func(flag string) bool // whether the command line sets it
}

func (f *runFlags) add(fs *pflag.FlagSet) {
	f.cfg = engine.Default()
	f.cfg.Seed = 0
	f.given = fs.Changed
	f.targetFlags.add(fs)
	fs.IntVar(&f.cfg.Nodes, "nodes", f.cfg.Nodes, "number of members")
	fs.DurationVar(&f.cfg.For, "for", f.cfg.For, "how long to attack (default for a plan file: until it ends)")
	fs.Uint64Var(&f.cfg.Seed, "seed", 0, "seed of plan and clients; 0 draws one")
	fs.StringVar(&f.plan, "plan", engine.RandomPlan, `random, kills, failovers, none, a scenario's name (see usurper scenarios), or a plan file`)
	fs.StringSliceVar(&f.cfg.Themes, "theme", nil, "what a random plan is about, a list (see usurper faults); none: the seed draws")
	fs.StringVar(&f.cfg.Favour, "favour", "", "a theme that a random plan has in the place of the first that the seed draws, if it can; nights choose it by what earlier ones covered least")
	fs.BoolVar(&f.cfg.Operator, "operator", false, "let administrators take part in a random plan: defragment, compact, move the lead, replace members (etcd)")
	fs.Float64Var(&f.cfg.Density, "density", f.cfg.Density, "divides the pauses between the faults of a random plan")
	fs.StringVar(&f.cfg.Workload, "workload", f.cfg.Workload, "what clients do: "+strings.Join(workload.Names(), ", "))
	fs.IntVar(&f.cfg.ValueSize, "value-size", 0, "bytes of the values that put and cas write; 0 for a few")
	fs.IntVar(&f.cfg.Clients, "clients", f.cfg.Clients, "number of clients")
	fs.BoolVar(&f.cfg.ProxyClients, "proxy-clients", false, `put clients behind the proxy layer too: plans may cut "clients" off`)
	fs.BoolVar(&f.cfg.Direct, "direct", false, "leave the proxy layer out, to tell what it costs: no taps, no traffic faults")
	fs.Float64Var(&f.cfg.Rate, "rate", f.cfg.Rate, "operations a second in all; 0 for as fast as they go")
	fs.StringVar(&f.cfg.Arrival, "arrival", f.cfg.Arrival, "how operations begin: closed: when a client has its last answer; open: at drawn moments, at --rate, answered or not")
	fs.DurationVar(&f.cfg.Timeout, "timeout", f.cfg.Timeout, "timeout of one operation; every other client gives up sooner when answers are overdue")
	fs.Float64Var(&f.cfg.Resend, "resend", f.cfg.Resend, "share of writes that clients send again on purpose")
	fs.DurationVar(&f.cfg.Election, "election", f.cfg.Election, "T: election timers are drawn from [T, 2T)")
	fs.DurationVar(&f.cfg.Heartbeat, "heartbeat", f.cfg.Heartbeat, "interval between heartbeats")
	fs.DurationVar(&f.cfg.Settle, "settle", 0, "how long the system may take to be ready, at the start and once healed (default 40 T, at least 10s, or what its file says)")
	fs.Var(&failFastFlag{&f.cfg}, "fail-fast", "end the attack as soon as a broken rule is seen: any, or one of this checker")
	fs.Lookup("fail-fast").NoOptDefVal = anyChecker
	fs.StringVar(&f.cfg.Results, "results", f.cfg.Results, "where run directories go")
	fs.BoolVar(&f.cfg.KeepData, "keep-data", false, "keep the members' data also of a valid run")
	fs.BoolVar(&f.cfg.KeepLogs, "keep-logs", false, "keep the members' logs and traces also of a valid run")
}

// config turns the flags into a configuration that is valid. progress is told
// what takes time.
func (f *runFlags) config(ctx context.Context, progress func(string)) (engine.Config, error) {
	cfg := f.cfg
	if cfg.Seed == 0 {
		cfg.Seed = rand.Uint64N(1_000_000) + 1
	}
	if err := f.targetFlags.set(ctx, &cfg, f.given, progress); err != nil {
		return cfg, err
	}
	if err := f.setPlan(&cfg); err != nil {
		return cfg, err
	}
	return cfg, cfg.Validate()
}

// setPlan finds the plan that --plan means. A scenario brings its own size and
// length unless flags say otherwise.
func (f *runFlags) setPlan(cfg *engine.Config) error {
	if !f.given("plan") {
		return nil // as it suits the target
	}
	cfg.PlanName = f.plan
	if len(cfg.Themes) > 0 && f.plan != engine.RandomPlan {
		return fmt.Errorf("--theme is for random plans, not for --plan %s: leave one of them out", f.plan)
	}
	switch f.plan {
	case engine.RandomPlan, engine.KillsPlan, engine.FailoversPlan:
		return nil
	case "none":
		cfg.Plan = &nemesis.Plan{}
		return nil
	}
	if s, ok := scenario.Named(f.plan); ok {
		own := *cfg
		s.Apply(cfg)
		if f.given("nodes") {
			cfg.Nodes = own.Nodes
		}
		if f.given("for") {
			cfg.For = own.For
		}
		return nil
	}
	text, err := readPlan(f.plan)
	if err != nil {
		return err
	}
	plan, err := nemesis.ParseFor(f.plan, text, cfg.Setting())
	if err != nil {
		return err
	}
	cfg.Plan = &plan
	switch end := max(minFor, plan.End()+time.Second); {
	case f.given("for"):
	case plan.Endless():
		cfg.For = max(cfg.For, end)
	default:
		cfg.For = end
	}
	return nil
}

// minFor is how long a plan of one's own runs at least, unless --for says so.
const minFor = 3 * time.Second

// maxPlan bounds a plan file: whatever is longer is not one.
const maxPlan = 1 << 20

func readPlan(path string) (string, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("no plan %q: use random, kills, failovers, none, one of %s, or the path of a plan file", path, strings.Join(scenario.Names(), ", "))
	}
	if err != nil {
		return "", fmt.Errorf("read plan: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxPlan+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read plan: %w", err)
	case len(text) > maxPlan || !utf8.Valid(text):
		return "", fmt.Errorf("read plan: %s is no text of at most %d KiB: name a plan file", path, maxPlan>>10)
	}
	return string(text), nil
}

func runCommand() *cobra.Command {
	var f runFlags
	var hold holdFlag
	var budget budgetFlags
	var leave string // where a night wants to be told of the run
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run a system, attack it, and judge what happened",
		Long: `Run starts real processes, puts all traffic between them through the proxy
layer, lets clients work while a plan of faults is carried out, and judges the
history. It leaves a run directory with everything in it.

The exit status is 0 for valid, 1 for invalid, 2 for unknown or a failure. A run
that is interrupted is judged by what was done, and never valid.`,
		Example: `  usurper run
  usurper run --nodes 3 --for 10s --seed 7
  usurper run --plan stale-candidate
  usurper run --plan my-plan.txt --bug double-vote
  usurper run --bug stale-log-vote --hold
  usurper run --target etcd --version v3.6.16 --for 60s
  usurper run --target exec --config examples/redis.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if leave != "" {
				night.Leash(cmd.InOrStdin(), os.Exit)
				runtime.GOMAXPROCS(1) // others run beside it: more threads would only wake each other
			}
			show := newStatus(cmd.ErrOrStderr())
			say, said := show.busy()
			cfg, err := f.config(cmd.Context(), say)
			said()
			if err != nil {
				return err
			}
			if cfg.Search, err = budget.options(); err != nil {
				return err
			}
			cfg.Command = os.Args
			if hold != 0 {
				cfg.FailFast, cfg.Hold = true, time.Duration(hold)
				cfg.Holding = func(h engine.Held) {
					show.done()
					printHeld(cmd.OutOrStdout(), h)
				}
			}
			if leave != "" {
				return runForANight(cmd.Context(), cmd, cfg, leave)
			}
			return run(cmd.Context(), cmd, cfg)
		},
	}
	f.add(cmd.Flags())
	budget.add(cmd.Flags())
	cmd.Flags().StringVar(&leave, "entry", "", "of nightly: leave in this file what became of the run, and end when the input does")
	cmd.Flags().MarkHidden("entry")
	cmd.Flags().Var(&hold, "hold", "as --fail-fast, and leave the healed system running for so long, or until an interrupt, for a debugger")
	cmd.Flags().Lookup("hold").NoOptDefVal = holdForever
	complete(cmd)
	return cmd
}

// complete lets shells complete the values of the flags that runFlags adds.
func complete(cmd *cobra.Command) {
	for flag, values := range map[string][]string{
		"bug":      bugNames(),
		"workload": workload.Names(),
		"arrival":  engine.Arrivals(),
		"target":   targetNames(),
		"theme":    themeNames(),
	} {
		cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	plans := append([]string{engine.RandomPlan, engine.KillsPlan, engine.FailoversPlan, "none"}, scenario.Names()...)
	cmd.RegisterFlagCompletionFunc("plan", cobra.FixedCompletions(plans, cobra.ShellCompDirectiveDefault))
}

// about says what a plan that is yet to be drawn will be about.
func about(cfg engine.Config) string {
	if themes := cfg.Drawn().Themes; len(themes) > 0 {
		return ": " + strings.Join(themes, ", ")
	}
	return ""
}

func run(ctx context.Context, cmd *cobra.Command, cfg engine.Config) error {
	show := newStatus(cmd.ErrOrStderr())
	cfg.Progress = show.update
	show.line("%d %s nodes, seed %d, %s of plan %s%s", cfg.Nodes, cfg.Target.Name(), cfg.Seed, cfg.For, cfg.PlanName, about(cfg))
	result, err := engine.Run(ctx, cfg)
	show.done()
	for _, left := range result.Left {
		show.line("left behind: %s", left)
	}
	verdict := result.Report.Verdict
	if verdict == "" {
		return err
	}
	out := cmd.OutOrStdout()
	printReport(out, &result.Report)
	fmt.Fprintf(out, "run directory: %s\n", result.Dir)
	if verdict == checker.Invalid {
		fmt.Fprintf(out, "again:         usurper replay %[1]s\nsmaller:       usurper shrink %[1]s\nthe story:     usurper explain %[1]s\n", results.Quote(result.Dir.String()))
	}
	if err != nil && verdict != checker.Invalid {
		return err
	}
	if err != nil { // an invalid run stays one, whatever else went wrong
		show.line("usurper: %v", err)
	}
	return exitWith(verdict)
}

// runForANight makes a run that nobody looks at, and leaves what became of it in a file.
func runForANight(ctx context.Context, cmd *cobra.Command, cfg engine.Config, leave string) error {
	show := newStatus(cmd.ErrOrStderr())
	progress := progressFile(leave, cfg.For)
	cfg.Progress = func(p engine.Progress) {
		show.update(p)
		progress(p)
	}
	result, err := engine.Run(ctx, cfg)
	show.done()
	for _, left := range result.Left {
		show.line("left behind: %s", left)
	}
	return night.Leave(leave, night.Told(cfg, result, err))
}
