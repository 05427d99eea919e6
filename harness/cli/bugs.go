package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/cli/setup"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/target/reference"
)

// clean is the row of the node without a bug.
const clean = "(clean node)"

type bugsFlags struct {
	setup.Flags
	list     bool
	seeds    int
	budget   time.Duration
	parallel int
	cleanRun int
	blind    bool
}

func bugsCommand() *cobra.Command {
	f := bugsFlags{}
	cmd := &cobra.Command{
		Use:   "bugs [NAME...]",
		Short: "Show that every deliberate bug is caught and the clean node is clean",
		Long: `Bugs runs the reference node with each of its deliberate bugs under random plans
until the checker that the catalogue names calls a run invalid, and the clean
node for comparison. A bug that shows only where the number of members is even gets
one member less; one that only a power failure shows gets disks that lose their
power, or is not available where there are none. It ends with 0 if every bug was caught by that checker and no
clean run was judged invalid.`,
		Example: `  usurper bugs
  usurper bugs --list
  usurper bugs double-vote stale-read --seeds 5`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.list {
				return listBugs(cmd.OutOrStdout())
			}
			chosen, err := chooseBugs(args)
			if err != nil {
				return err
			}
			if f.seeds < 1 || f.parallel < 1 || f.cleanRun < 0 {
				return fmt.Errorf("%d seeds, %d side by side, %d clean runs: use at least 1, 1 and 0", f.seeds, f.parallel, f.cleanRun)
			}
			if _, err := f.build(cmd.Context(), reference.Bug{}, f.Cfg.Seed)(0); err != nil {
				return err // before anything is written
			}
			return f.hunt(cmd.Context(), cmd, chosen)
		},
		ValidArgsFunction: cobra.FixedCompletions(setup.BugNames(), cobra.ShellCompDirectiveNoFileComp),
	}
	f.Add(cmd.Flags())
	fs := cmd.Flags()
	for _, hidden := range []string{"bug", "plan", "target"} {
		fs.MarkHidden(hidden)
	}
	fs.BoolVar(&f.list, "list", false, "list the bugs and the checkers that must catch them")
	fs.IntVar(&f.seeds, "seeds", 1, "how often to hunt each bug, each time from another seed")
	fs.DurationVar(&f.budget, "budget", time.Minute, "how long to hunt one bug before giving up")
	fs.IntVar(&f.parallel, "parallel", 2, "how many clusters to run side by side")
	fs.IntVar(&f.cleanRun, "clean", 3, "how many runs of the clean node")
	fs.BoolVar(&f.blind, "blind", false, "hunt each bug again with traces off, by any checker, from the wire and the clients alone")
	setup.SetDefaults(fs, bugDefaults())
	return cmd
}

// bugDefaults are the flags under which bugs show soon.
func bugDefaults() map[string]string {
	return map[string]string{
		"for": "30s", "density": "2", "rate": "400", "resend": "0.2", "snapshot-every": "100", "seed": "1", "timeout": "150ms", "fail-fast": "true",
		"results": filepath.Join("results", "bugs"),
	}
}

func listBugs(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BUG\tCAUGHT BY\tTHE NODE …")
	for _, b := range reference.Bugs() {
		fmt.Fprintf(w, "%s\t%s\t%s\n", b.Name, b.Checker, b.Short)
	}
	return w.Flush()
}

func chooseBugs(names []string) ([]reference.Bug, error) {
	all := reference.Bugs()
	if len(names) == 0 {
		return all, nil
	}
	var chosen []reference.Bug
	for _, name := range names {
		i := slices.IndexFunc(all, func(b reference.Bug) bool { return string(b.Name) == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown bug %q: see usurper bugs --list", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// hunted is one row of the table: what the hunts for one bug gave.
type hunted struct {
	bug   reference.Bug
	hunts []engine.Hunted
	blind []engine.Hunted // with traces off
	away  error           // why it cannot be hunted on this machine
	err   error
}

func (f *bugsFlags) hunt(ctx context.Context, cmd *cobra.Command, bugs []reference.Bug) error {
	rows := make([]hunted, 0, len(bugs)+1)
	for _, b := range bugs {
		rows = append(rows, hunted{bug: b})
	}
	if f.cleanRun > 0 {
		rows = append(rows, hunted{bug: reference.Bug{Name: clean}})
	}
	show := screen.NewStatus(cmd.ErrOrStderr())
	slots := make(chan struct{}, max(1, f.parallel))
	var wg sync.WaitGroup
	for i := range rows {
		slots <- struct{}{}
		if ctx.Err() != nil {
			rows = rows[:i] // those after it were not hunted
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			f.huntOne(ctx, &rows[i])
			show.Line("%s", rows[i].line())
		})
	}
	wg.Wait()
	return f.report(cmd.OutOrStdout(), rows)
}

func (f *bugsFlags) huntOne(ctx context.Context, row *hunted) {
	if row.bug.Name == clean {
		h, err := engine.Hunt(ctx, "", 0, f.build(ctx, reference.Bug{}, f.Cfg.Seed))
		row.hunts, row.err = append(row.hunts, h), err
		for n := 1; n < f.cleanRun && row.err == nil; n++ {
			h, row.err = engine.Hunt(ctx, "", 0, f.build(ctx, reference.Bug{}, f.Cfg.Seed+uint64(n)))
			row.hunts = append(row.hunts, h)
		}
		return
	}
	if row.away = f.on(row.bug).CheckDisk(); row.away != nil {
		return
	}
	for n := range f.seeds {
		seed := f.Cfg.Seed + uint64(n)*1000
		h, err := engine.Hunt(ctx, row.bug.Checker, f.budget, f.build(ctx, row.bug, seed))
		row.hunts = append(row.hunts, h)
		if err == nil && f.blind {
			blind := *f
			blind.Ref.NoTrace = true
			h, err = engine.Hunt(ctx, "", f.budget, blind.build(ctx, row.bug, seed))
			row.blind = append(row.blind, h)
		}
		if err != nil {
			row.err = err
			return
		}
	}
}

// on is the configuration with what a bug needs, unless something else was asked for.
func (f *bugsFlags) on(bug reference.Bug) *engine.Config {
	cfg := f.Cfg
	if bug.Disk != "" && len(cfg.MachineFaults) == 0 {
		cfg.MachineFaults = []string{engine.NoFaults} // it is power that shows it
	}
	if bug.Disk != "" && cfg.Disk == "" {
		cfg.Disk = disk.Kind(bug.Disk)
		if bug.Block {
			cfg.DiskEngine = disk.Block
		}
	}
	return &cfg
}

// build makes the configuration of the n-th run of a hunt.
func (f *bugsFlags) build(ctx context.Context, bug reference.Bug, seed uint64) func(n int) (engine.Config, error) {
	return func(n int) (engine.Config, error) {
		one := f.Flags
		one.Plan = engine.RandomPlan
		one.Ref.Bug = string(bug.Name)
		one.Cfg = *f.on(bug)
		one.Cfg.Nodes = bug.Members(one.Cfg.Nodes)
		one.Cfg.Seed = seed + uint64(n)
		return one.Config(ctx, func(string) {})
	}
}

func (f *bugsFlags) report(out io.Writer, rows []hunted) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BUG\tMUST BE CAUGHT BY\tCAUGHT\tMEDIAN\tWORST\tALSO CAUGHT BY\tTRACES OFF\tLAST RUN")
	missed, away := false, ""
	var errs []error
	for i := range rows {
		r := &rows[i]
		if r.away != nil {
			away += fmt.Sprintf("%s: %v\n", r.bug.Name, r.away)
		} else if r.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.bug.Name, r.err))
		} else if !r.good() {
			missed = true
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.bug.Name, r.bug.Checker, r.outcome(),
			r.median(), r.worst(), others(r.hunts, r.bug.Checker), r.blindly(), r.dir())
	}
	errs = append(errs, w.Flush())
	fmt.Fprint(out, away)
	if missed { // which no error hides: its row has been shown, as has every error
		return screen.ExitWith(checker.Invalid)
	}
	return errors.Join(errs...)
}

func (r *hunted) isClean() bool { return r.bug.Name == clean }

func (r *hunted) caught() int {
	n := 0
	for _, h := range r.hunts {
		if h.Caught && (r.isClean() || h.By(r.bug.Checker)) {
			n++
		}
	}
	return n
}

// good tells whether the row shows what it should.
func (r *hunted) good() bool {
	if r.isClean() {
		return r.caught() == 0 && r.err == nil
	}
	return r.caught() == len(r.hunts) && r.err == nil
}

func (r *hunted) outcome() string {
	if r.away != nil {
		return "not available"
	}
	if !r.isClean() {
		return fmt.Sprintf("%d of %d", r.caught(), len(r.hunts))
	}
	valid := 0
	for _, h := range r.hunts {
		for _, res := range h.Results {
			if res.Report.Verdict == checker.Valid {
				valid++
			}
		}
	}
	return fmt.Sprintf("%d valid, %d invalid, of %d", valid, r.caught(), len(r.hunts))
}

func (r *hunted) times() []time.Duration {
	var all []time.Duration
	for _, h := range r.hunts {
		all = append(all, h.Elapsed.Round(100*time.Millisecond))
	}
	slices.Sort(all)
	return all
}

func (r *hunted) median() string { return pick(r.times(), func(n int) int { return n / 2 }) }
func (r *hunted) worst() string  { return pick(r.times(), func(n int) int { return n - 1 }) }

func pick(times []time.Duration, at func(n int) int) string {
	if len(times) == 0 {
		return "-"
	}
	return times[at(len(times))].String()
}

// others names the checkers that called a run invalid, besides the one named.
func others(hunts []engine.Hunted, but string) string {
	var names []string
	for _, h := range hunts {
		for _, name := range h.Checkers {
			if name != but && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// blindly tells what was found with traces off.
func (r *hunted) blindly() string {
	if len(r.blind) == 0 {
		return "-"
	}
	caught := 0
	for _, h := range r.blind {
		if h.Caught {
			caught++
		}
	}
	text := fmt.Sprintf("%d of %d", caught, len(r.blind))
	if caught > 0 {
		text += " by " + others(r.blind, "")
	}
	return text
}

func (r *hunted) dir() string {
	if len(r.hunts) == 0 {
		return ""
	}
	last := r.hunts[len(r.hunts)-1].Results
	if len(last) == 0 {
		return ""
	}
	return last[len(last)-1].Dir.String()
}

func (r *hunted) line() string {
	if err := cmp.Or(r.away, r.err); err != nil {
		return fmt.Sprintf("%s: %v", r.bug.Name, err)
	}
	return fmt.Sprintf("%s: %s, median %s", r.bug.Name, r.outcome(), r.median())
}
