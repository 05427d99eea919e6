// Package setup makes the system under test, and what is done to it, of what the command
// line says or of what a run directory does. Read flags.go, then target.go; saved.go is of
// run directories.
package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/scenario"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/nemesis"
)

// Flags are the flags of commands that run a system.
type Flags struct {
	targetFlags
	Cfg   engine.Config          // as the flags set it, not yet whole: see Config
	Plan  string                 // of --plan
	Given func(flag string) bool // whether the command line sets it
}

// Add adds the flags, with their defaults.
func (f *Flags) Add(fs *pflag.FlagSet) {
	f.Cfg = engine.Default()
	f.Cfg.Seed = 0
	f.Given = fs.Changed
	f.targetFlags.add(fs)
	fs.IntVar(&f.Cfg.Nodes, "nodes", f.Cfg.Nodes, "number of members")
	fs.DurationVar(&f.Cfg.For, "for", f.Cfg.For, "how long to attack (default for a plan file: until it ends)")
	fs.Uint64Var(&f.Cfg.Seed, "seed", 0, "seed of plan and clients; 0 draws one")
	fs.StringVar(&f.Plan, "plan", engine.RandomPlan, `random, kills, failovers, none, a scenario's name (see usurper scenarios), a plan file, or steps with semicolons between, 'at 1s kill n1; at 2s restart n2'`)
	fs.StringSliceVar(&f.Cfg.Themes, "theme", nil, "what a random plan is about, a list (see usurper faults); none: the seed draws")
	fs.StringVar(&f.Cfg.Favour, "favour", "", "a theme that a random plan has in the place of the first that the seed draws, if it can; nights choose it by what earlier ones covered least")
	fs.BoolVar(&f.Cfg.Operator, "operator", false, "let administrators take part in a random plan: defragment, compact, move the lead, replace members (etcd)")
	fs.Float64Var(&f.Cfg.Density, "density", f.Cfg.Density, "divides the pauses between the faults of a random plan")
	fs.StringVar(&f.Cfg.Workload, "workload", f.Cfg.Workload, "what clients do: "+strings.Join(workload.Names(), ", "))
	fs.IntVar(&f.Cfg.ValueSize, "value-size", 0, "bytes of the values that put and cas write; 0 for a few, on disks of members' own up to 4000")
	fs.IntVar(&f.Cfg.Clients, "clients", f.Cfg.Clients, "number of clients")
	fs.BoolVar(&f.Cfg.ProxyClients, "proxy-clients", false, `put clients behind the proxy layer too: plans may cut "clients" off`)
	fs.BoolVar(&f.Cfg.Direct, "direct", false, "leave the proxy layer out, to tell what it costs: no taps, no traffic faults")
	fs.Var((*captureFlag)(&f.Cfg.Capture), "capture", "keep what members send each other in capture.pcapng, for Wireshark and usurper decode; =SIZE bounds it")
	fs.Lookup("capture").NoOptDefVal = usualCapture
	fs.Float64Var(&f.Cfg.Rate, "rate", f.Cfg.Rate, "operations a second in all; 0 for as fast as they go")
	fs.StringVar(&f.Cfg.Arrival, "arrival", f.Cfg.Arrival, "how operations begin: closed: when a client has its last answer; open: at drawn moments, at --rate, answered or not")
	fs.DurationVar(&f.Cfg.Timeout, "timeout", f.Cfg.Timeout, "timeout of one operation; every other client gives up sooner when answers are overdue")
	fs.Float64Var(&f.Cfg.Resend, "resend", f.Cfg.Resend, "share of writes that clients send again on purpose")
	fs.DurationVar(&f.Cfg.Election, "election", f.Cfg.Election, "T: election timers are drawn from [T, 2T)")
	fs.DurationVar(&f.Cfg.Heartbeat, "heartbeat", f.Cfg.Heartbeat, "interval between heartbeats")
	fs.DurationVar(&f.Cfg.Settle, "settle", 0, "how long the system may take to be ready, at the start and once healed (default 40 T, at least 10s, or what its file says)")
	fs.Var(&failFastFlag{&f.Cfg}, "fail-fast", "end the attack as soon as a broken rule is seen: any, or one of this checker")
	fs.Lookup("fail-fast").NoOptDefVal = anyChecker
	addDisk(fs, &f.Cfg)
	fs.StringVar(&f.Cfg.Results, "results", f.Cfg.Results, "where run directories go")
	fs.BoolVar(&f.Cfg.KeepData, "keep-data", false, "keep the members' data also of a valid run")
	fs.BoolVar(&f.Cfg.KeepLogs, "keep-logs", false, "keep the members' logs and traces also of a valid run")
}

// Config turns the flags into a configuration that is valid. progress is told
// what takes time.
func (f *Flags) Config(ctx context.Context, progress func(string)) (engine.Config, error) {
	cfg := f.Cfg
	if cfg.Seed == 0 {
		cfg.Seed = rand.Uint64N(1_000_000) + 1
	}
	if err := cfg.CheckDisk(); err != nil { // which says what a plan may do
		return cfg, err
	}
	if err := f.targetFlags.set(ctx, &cfg, f.Given, progress); err != nil {
		return cfg, err
	}
	if err := f.setPlan(&cfg); err != nil {
		return cfg, err
	}
	return cfg, cfg.Validate()
}

// setPlan finds the plan that --plan means. A scenario brings its own size and
// length unless flags say otherwise.
func (f *Flags) setPlan(cfg *engine.Config) error {
	if !f.Given("plan") {
		return nil // as it suits the target
	}
	cfg.PlanName = f.Plan
	if len(cfg.Themes) > 0 && f.Plan != engine.RandomPlan {
		return fmt.Errorf("--theme is for random plans, not for --plan %s: leave one of them out", f.Plan)
	}
	switch f.Plan {
	case engine.RandomPlan, engine.KillsPlan, engine.FailoversPlan:
		return nil
	case "none":
		cfg.Plan = &nemesis.Plan{}
		return nil
	}
	if s, ok := scenario.Named(f.Plan); ok {
		own := *cfg
		s.Apply(cfg)
		if f.Given("nodes") {
			cfg.Nodes = own.Nodes
		}
		if f.Given("for") {
			cfg.For = own.For
		}
		return nil
	}
	text, err := readPlan(f.Plan)
	if err != nil {
		return err
	}
	plan, err := nemesis.ParseFor(f.Plan, text, cfg.Setting())
	if err != nil {
		return err
	}
	cfg.Plan = &plan
	switch end := max(minFor, plan.End()+time.Second); {
	case f.Given("for"):
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

// readPlan returns the text of the plan at a path. One that begins as a step does is the plan
// itself, with a semicolon between steps.
func readPlan(path string) (string, error) {
	for _, begins := range []string{"at ", "on ", "maybe "} {
		if strings.HasPrefix(path, begins) {
			return strings.ReplaceAll(path, ";", "\n"), nil
		}
	}
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

// SetDefaults gives flags other defaults than their definition did.
func SetDefaults(fs *pflag.FlagSet, values map[string]string) {
	for name, value := range values {
		flag := fs.Lookup(name)
		flag.DefValue = value
		if err := flag.Value.Set(value); err != nil {
			panic(fmt.Sprintf("default %s=%s: %v", name, value, err))
		}
	}
}

// Axes are the values by which a night's runs can be told from another night's.
func (f *Flags) Axes(cfg *engine.Config) map[string]string {
	axes := map[string]string{"target": cfg.Target.Name(), "plan": cfg.PlanName, "workload": cfg.Workload}
	for name, value := range map[string]string{"version": f.version, "binary": f.binary, "bug": f.Ref.Bug, "config": f.system} {
		if value != "" {
			axes[name] = value
		}
	}
	if cfg.Disk != "" {
		axes["disk"] = string(cfg.Disk)
	}
	if f.Given("nodes") {
		axes["nodes"] = strconv.Itoa(cfg.Nodes)
	}
	return axes
}

// DrawsSizes tells whether the seed says how many members a run has, if its target does
// not.
func (f *Flags) DrawsSizes() bool {
	return !f.Given("nodes") && (f.Plan == engine.RandomPlan || f.Plan == engine.KillsPlan)
}

// Hangs is how long after its planned end a run may still be busy before it is
// given up. Everything in a run has a deadline well within it.
const Hangs = 3 * time.Minute

// Bound is when a run of cfg has hung. A healed system is waited for twice, and longer on
// a machine that stalls.
func Bound(cfg *engine.Config) time.Duration {
	return cfg.For + Hangs + 6*max(cfg.Settle, 40*cfg.Election, target.ReadyWithin(cfg.Target))
}
