package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/cli/setup"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/reproduce"
	"github.com/usurper/usurper/harness/results"
)

type replayFlags struct {
	setup.Saved
	times, parallel int
	roles, anchor   bool
	schedule        bool
	untilFound, all bool
	results         string
}

func replayCommand() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay RUN",
		Short: "Carry out the plan of a failed run again, and count how often it fails so",
		Long: `Replay starts fresh processes with the configuration of a saved run that broke a
rule, carries out its plan again, as often as --times says, and counts how often
the same checker finds the same rule broken. Whatever else is broken is counted
apart. It ends before --times once it is clear whether the rule is broken more
often than every second time; --all makes all runs, for the rate itself.

The plan is carried out as it came to pass: on the members that its words meant
then, at the times at which its triggers fired. --roles takes it as it was
written instead. --anchor tries it in two forms, as written and with each time
replaced by a trigger on the raft event that came before the fault, and says
which one does better.

--schedule also keeps to the order in which messages came in the saved run
(schedule.txt), as far as it applies: the proxy layer lets a frame wait until
those before it have been sent and delivered, two election timeouts at most. It
tells of each run how far it followed, and where it left the schedule.

The runs that broke a rule are kept below --results. One that reproduced the
breach, of the form of the plan that does better, is named at the end and is the
"latest" there: to shrink it, or to keep it. The exit status is 1 if one
did, 0 if none did, 2 if no run could be made.`,
		Example: `  usurper replay results/latest
  usurper replay results/latest --roles --times 40 --all
  usurper replay results/latest --schedule --times 40 --all
  usurper replay results/latest --until-found --times 500`,
		Args: oneRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.times < 1 || f.parallel < 1 {
				return fmt.Errorf("%d times, %d side by side: use at least 1 of each", f.times, f.parallel)
			}
			if f.anchor && f.roles {
				return errors.New("--anchor starts from the plan as written: leave out --roles")
			}
			if f.schedule && (f.anchor || f.roles) {
				return errors.New("--schedule names the members that the run was about: leave out --anchor and --roles")
			}
			return f.run(cmd.Context(), cmd, args[0])
		},
	}
	f.Add(cmd)
	fs := cmd.Flags()
	fs.IntVar(&f.times, "times", 10, "how many runs at most")
	fs.IntVar(&f.parallel, "parallel", 2, "how many clusters side by side")
	fs.BoolVar(&f.roles, "roles", false, "carry out the plan as written: find out anew whom its words mean")
	fs.BoolVar(&f.anchor, "anchor", false, "also try the plan with triggers for times, and say which does better")
	fs.BoolVar(&f.schedule, "schedule", false, "also let messages come in the order of the saved run, as far as it applies")
	fs.BoolVar(&f.untilFound, "until-found", false, "stop at the first run that breaks the rule")
	fs.BoolVar(&f.all, "all", false, "make all runs, also when it is clear how often the rule is broken")
	fs.StringVar(&f.results, "results", filepath.Join("results", "replay"), "where the runs that broke a rule go")
	return cmd
}

func (f *replayFlags) run(ctx context.Context, cmd *cobra.Command, path string) error {
	show := screen.NewStatus(cmd.ErrOrStderr())
	say, said := show.Busy()
	found, err := f.Load(ctx, path, say)
	said()
	if err != nil {
		return err
	}
	found.Config.Results = f.results
	if !f.roles && !f.anchor {
		plan, err := found.Executed()
		if err != nil {
			return err
		}
		found.Config.Plan = &plan
	}
	if f.schedule {
		if found.Config.Schedule, err = engine.ReadSchedule(found.Dir); err != nil {
			return err
		}
	}
	if err := found.Config.Validate(); err != nil {
		return err
	}
	how := "as they came to pass"
	switch {
	case f.roles || f.anchor:
		how = "as planned"
	case len(found.Config.Plan.Steps) == 1:
		how = "as it came to pass"
	}
	show.Line("%s, seed %d, %s %s: %s", count.Many(found.Config.Nodes, found.Config.TargetName+" node"),
		found.Config.Seed, count.Many(len(found.Config.Plan.Steps), "fault"), how, found.Breach)
	all, err := f.trial(ctx, show, found)
	if f.anchor && err == nil {
		all, err = f.anchored(ctx, cmd, found, all)
	}
	count, out := all.Count, cmd.OutOrStdout()
	fmt.Fprint(out, count.Summary(found.Breach))
	if count.Reproduced > 0 {
		all.first.MakeLatest()
		fmt.Fprintf(out, "kept: %s\n", all.first)
	}
	switch {
	case count.Reproduced > 0 || len(count.Others) > 0:
		return screen.ExitWith(checker.Invalid)
	case err != nil:
		return err
	}
	return nil
}

// repeated is what the runs of one form of a plan gave.
type repeated struct {
	reproduce.Count
	first results.Dir // the first run that reproduced the breach, if one did
}

// trial repeats the run of the finding and tells of each time.
func (f *replayFlags) trial(ctx context.Context, show *screen.Status, found reproduce.Finding) (all repeated, err error) {
	enough := reproduce.Answered(f.times)
	switch {
	case f.untilFound:
		enough = func(c reproduce.Count) bool { return reproduce.Found(c) || c.Runs >= f.times }
	case f.all:
		enough = reproduce.All(f.times)
	}
	all.Count, err = reproduce.Trial{
		Config:   found.Config,
		Breach:   found.Breach,
		Same:     found.Same,
		Parallel: min(f.parallel, f.times),
		Enough:   enough,
		Done: func(a reproduce.Attempt, c reproduce.Count) {
			what := a.Outcome()
			if a.Reproduced && c.Reproduced == 1 {
				all.first = a.Dir
			}
			if a.Report.Verdict == checker.Invalid {
				what += " (" + a.Dir.String() + ")"
			} else {
				os.RemoveAll(a.Dir.String())
			}
			if a.Followed != nil {
				what += "; " + a.Followed.String()
			}
			show.Line("%3d  %5.1fs  %d so far  %s", c.Runs, a.Elapsed.Seconds(), c.Reproduced, what)
		},
	}.Run(ctx)
	return all, err
}

// anchored tries the plan with triggers for times too, and returns what the form
// gave that does better.
func (f *replayFlags) anchored(ctx context.Context, cmd *cobra.Command, found reproduce.Finding, timed repeated) (repeated, error) {
	show := screen.NewStatus(cmd.ErrOrStderr())
	plan, rewritten, err := reproduce.Anchor(found)
	if err != nil {
		return timed, err
	}
	if rewritten == 0 {
		show.Line("no fault began soon after a raft event that could trigger it")
		return timed, nil
	}
	show.Line("again with triggers for %s:\n%s", count.Many(rewritten, "time"), plan)
	found.Config.Plan = &plan
	if err := found.Config.Validate(); err != nil {
		return timed, err
	}
	triggered, err := f.trial(ctx, show, found)
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "with times     %s\nwith triggers  %s\n", timed.Count, triggered.Count)
	if triggered.Rate() <= timed.Rate() {
		fmt.Fprintln(out, "times do as well: the plan stays as it is")
		return timed, err
	}
	fmt.Fprintf(out, "triggers do better:\n%s", plan)
	return triggered, err
}
