package nights

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/cli/setup"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/finding"
	"github.com/usurper/usurper/harness/night/morning"
)

type nightlyFlags struct {
	setup.Flags
	file     *night.File // nil without one
	init     bool
	runs     int
	night    time.Duration
	until    string
	failures int
	parallel string
	shard    string
	shards   int
	name     string
	by       string // what says which shard it is, "" if nothing speaks of any
	memory   string
	disk     string
	findings string
	keep     int
	work     bool
	failOn   failOnFlag
}

func nightlyCommand() *cobra.Command {
	f := nightlyFlags{}
	cmd := &cobra.Command{
		Use:   "nightly [FILE]",
		Short: "Run many seeds side by side and sum up",
		Long: `Nightly makes many runs under consecutive seeds, some side by side, each in a
process of its own. It leaves a directory a night below the results directory, in it
summary.md, junit.xml, night.json and metrics.prom, brought up to date after each
run, and the run directories of those that were not valid, three of a kind. The seed
draws how many members a run has, 3, 4, 5
or 7, unless the target, the plan or --nodes says so. Without --seed it is the seed
of the day, which nightly prints.

A file says which configurations take turns, how long the night is and more; --init
writes one to begin with. With a file --for is how long the night is, and the file
says how long a run takes.

A night can be cut into shards, which make its runs together, each once. Which of them
this is says --shard, or the scheduler: of a Kubernetes Indexed Job its variable
JOB_COMPLETION_INDEX with --shards, of a Slurm array SLURM_ARRAY_TASK_ID and what is
beside it. All shards have one --name or one --seed; usurper merge joins them.

A night that was killed or interrupted goes on when the same command is given again
within a day, with the runs that it has not made. A run that comes to no verdict for
the harness's sake (it cannot start, hangs, crashes, takes too much) is broken,
which is neither a pass nor a failure of the system.

The exit status is 1 if there is a finding that is new or regressed, and not muted,
else 2 if a run was broken, too many were unknown, or the night did not show what it
was to show, else 0. Where GITHUB_STEP_SUMMARY names a file, summary.md is appended
to it at the end.`,
		Example: `  usurper nightly --runs 40 --for 20s --parallel 3
  usurper nightly --night 1h
  usurper nightly --until 06:00 --failures 10
  usurper nightly --shard 2/5 --name monday
  usurper nightly --init night.yaml
  usurper nightly night.yaml --for 1h`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.init {
				return initNight(cmd.OutOrStdout(), args)
			}
			if len(args) > 0 {
				var err error
				if f.file, err = night.ReadFile(args[0], cellFlags(), setsFlag(), setup.CheckerNames()); err != nil {
					return err
				}
			}
			return f.run(cmd.Context(), cmd, args)
		},
	}
	f.Add(cmd.Flags())
	fs := cmd.Flags()
	fs.BoolVar(&f.init, "init", false, "write a file of a night to begin with, by the name given or night.yaml, and do nothing else")
	fs.IntVar(&f.runs, "runs", usualRuns, "how many runs (with --night or --until: as many as there is time for)")
	fs.DurationVar(&f.night, "night", 0, "how long the night is; no run begins that would end later")
	fs.StringVar(&f.until, "until", "", "when the night is over, a time of the day such as 06:00")
	fs.IntVar(&f.failures, "failures", 0, "end after so many invalid runs; 0 for never")
	f.addShard(fs)
	f.addBounds(fs)
	fs.IntVar(&f.keep, "keep", 3, "of how many runs of a kind that were not valid to keep the directories; 0 for all")
	fs.BoolVar(&f.work, "work", true, "repeat and shrink what the night finds, within a fifth of its time")
	fs.StringVar(&f.findings, "findings", filepath.Join("results", "findings"), "where what nights find is kept, from night to night; of --results DIR, in its findings")
	f.failOn.add(fs)
	setup.SetDefaults(fs, map[string]string{"for": "20s", "results": filepath.Join("results", "nightly")})
	fs.Lookup("for").Usage = "how long one run attacks; with a file, how long the night is"
	fs.Lookup("seed").Usage = "seed of the first run, each later one has one more; 0: the seed of the day"
	setup.Complete(cmd)
	return cmd
}

// below keeps findings with the results that were asked for, unless it was said where.
func (f *nightlyFlags) below(fs *pflag.FlagSet) {
	if fs.Changed("results") && !fs.Changed("findings") {
		f.findings = filepath.Join(fs.Lookup("results").Value.String(), "findings")
	}
}

// addBounds adds the flags that say what the night may take of the machine.
func (f *nightlyFlags) addBounds(fs *pflag.FlagSet) {
	fs.StringVar(&f.parallel, "parallel", "2", "how many clusters side by side; auto: as many as the machine bears")
	fs.StringVar(&f.memory, "run-memory", "4GiB", "what a run and its members may hold of memory")
	fs.StringVar(&f.disk, "run-disk", "8GiB", "what a run may write to disk")
}

// addShard adds the flags that say which part of which night this is.
func (f *nightlyFlags) addShard(fs *pflag.FlagSet) {
	fs.StringVar(&f.shard, "shard", "", "make this part of the night's runs alone, such as 2/5 (default: what JOB_COMPLETION_INDEX and --shards say, or SLURM_ARRAY_TASK_ID)")
	fs.IntVar(&f.shards, "shards", 0, "of how many shards this is one: the completions of the Kubernetes Job")
	fs.StringVar(&f.name, "name", "", "what the night is called, and drawn its seed by unless there is one; the same for all shards (default: the day)")
}

func (f *nightlyFlags) run(ctx context.Context, cmd *cobra.Command, args []string) error {
	f.below(cmd.Flags())
	show := screen.NewStatus(cmd.ErrOrStderr())
	say, said := show.Busy()
	request, err := f.request(ctx, cmd.Flags(), args, say)
	said()
	if err != nil {
		return err // before anything is written
	}
	process, err := f.process()
	if err != nil {
		return err
	}
	store, err := finding.Open(f.findings)
	if err != nil {
		return err
	}
	failOn, err := f.failOn.value()
	if err != nil {
		return err
	}
	n, err := night.Open(f.Cfg.Results, request, time.Now())
	if err != nil {
		return err
	}
	defer n.Close()
	show.Line("%s", opening(n, f.by))
	told := &nightReport{dir: n.Dir, store: store, failOn: failOn, known: n.Known(), tally: morning.NewTally()}
	watch := watchNight(show, n.Facts(), told)
	err = n.Run(ctx, f.options(n, process, store, show, told, watch))
	watch.end()
	for _, name := range morning.Files() {
		night.Point(f.Cfg.Results, name, filepath.Join("latest", name))
	}
	if err != nil {
		return fmt.Errorf("%w (once that is mended the same command goes on with the night)", err)
	}
	if why := n.Facts().Stopped; why != "" {
		show.Line("%s: the same command goes on with it", why)
	}
	return tellMorning(cmd, told.latest())
}

// options are what the night is carried out with.
func (f *nightlyFlags) options(n *night.Night, process *night.Process, store *finding.Store, show *screen.Status, told *nightReport, watch *nightWatch) night.Options {
	keep := func(e *entry.Entry) {
		if e.Class != entry.Invalid || e.Control != "" || e.Dir == "" {
			return
		}
		if _, err := store.Keep(*e); err != nil {
			show.Line("not kept as an example: %v", err)
		}
	}
	for _, e := range n.Entries() { // a night that was killed may not have come to that
		keep(&e)
	}
	o := night.Options{
		Run: process.Run, Keep: f.keep, Began: watch.began, Report: told.update, Apart: apart,
		Ended: func(e entry.Entry) {
			watch.ended(e)
			keep(&e)
		},
	}
	if !f.work {
		return o
	}
	o.Pending = func() bool {
		report, err := store.Read(n.Plan.Night, time.Now())
		return err == nil && len(report.Next()) > 0
	}
	o.Work = func(ctx context.Context, budget time.Duration) error {
		show.Line("repeating and shrinking what was found, for %s at most", budget.Round(time.Second))
		if err := f.workUp(ctx, n, process, budget); err != nil {
			show.Line("not all of it is repeated: %v: usurper findings work goes on with it", err)
		}
		return nil
	}
	return o
}

// apart is longer than starting a cluster of five keeps a processor busy.
const apart = 150 * time.Millisecond

// workUp repeats and shrinks what was found, in a process of its own.
func (f *nightlyFlags) workUp(ctx context.Context, n *night.Night, process *night.Process, budget time.Duration) error {
	work, err := n.Scratch("findings")
	if err != nil {
		return err
	}
	args := []string{"findings", "work", "--leash", "--findings=" + f.findings, "--night=" + n.Plan.Night, "--scratch=" + work, "--budget=" + budget.String(), "--parallel=" + strconv.Itoa(n.Width())}
	return process.Work(ctx, args, budget+setup.Hangs, work)
}

// opening says which night it is, and by what which part of it.
func opening(n *night.Night, by string) string {
	night := "night " + n.Plan.Night
	if by != "" {
		night += fmt.Sprintf(", shard %d of %d by %s", n.Facts().Shard, n.Facts().Shards, by)
	}
	if n.Resumed {
		return fmt.Sprintf("%s goes on, %s made, seeds from %d: %s", night, count.Many(len(n.Entries()), "run"), n.Plan.Seed, n.Dir)
	}
	return fmt.Sprintf("%s, seeds from %d: %s", night, n.Plan.Seed, n.Dir)
}

// process is how runs are made.
func (f *nightlyFlags) process() (*night.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program of the runs: %w", err)
	}
	if f.keep < 0 {
		return nil, fmt.Errorf("--keep %d: use at least 1, or 0 for all", f.keep)
	}
	p := &night.Process{Argv: []string{self}}
	if p.Memory, err = humanize.ParseBytes(f.memory); err != nil || p.Memory == 0 {
		return nil, fmt.Errorf("--run-memory %s: use a size such as 2GiB", f.memory)
	}
	if p.Disk, err = humanize.ParseBytes(f.disk); err != nil || p.Disk == 0 {
		return nil, fmt.Errorf("--run-disk %s: use a size such as 2GiB", f.disk)
	}
	return p, nil
}

// changed are the flags that were given, as values that set them again.
func changed(fs *pflag.FlagSet) (all []night.Setting) {
	fs.Visit(func(flag *pflag.Flag) {
		value := flag.Value.String()
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			var b strings.Builder
			w := csv.NewWriter(&b) // as pflag reads it
			w.Write(list.GetSlice())
			w.Flush()
			value = strings.TrimSuffix(b.String(), "\n")
		}
		all = append(all, night.Setting{Name: flag.Name, Value: value})
	})
	return all
}

func arguments(settings []night.Setting) (args []string) {
	for _, s := range settings {
		args = append(args, s.String())
	}
	return args
}
