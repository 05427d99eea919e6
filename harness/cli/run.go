package cli

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/cli/nights"
	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/cli/setup"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/results"
)

func runCommand() *cobra.Command {
	var f setup.Flags
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
  usurper run --target ovsdb --capture
  usurper run --target exec --config examples/redis.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if leave != "" {
				night.Leash(cmd.InOrStdin(), os.Exit)
				runtime.GOMAXPROCS(1) // others run beside it: more threads would only wake each other
			}
			show := screen.NewStatus(cmd.ErrOrStderr())
			say, said := show.Busy()
			cfg, err := f.Config(cmd.Context(), say)
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
					show.Done()
					printHeld(cmd.OutOrStdout(), h)
				}
			}
			if leave != "" {
				return runForANight(cmd.Context(), cmd, cfg, leave)
			}
			return run(cmd.Context(), cmd, cfg)
		},
	}
	f.Add(cmd.Flags())
	budget.add(cmd.Flags())
	cmd.Flags().StringVar(&leave, "entry", "", "of nightly: leave in this file what became of the run, and end when the input does")
	cmd.Flags().MarkHidden("entry")
	cmd.Flags().Var(&hold, "hold", "as --fail-fast, and leave the healed system running for so long, or until an interrupt, for a debugger")
	cmd.Flags().Lookup("hold").NoOptDefVal = holdForever
	setup.Complete(cmd)
	return cmd
}

// about says what a plan that is yet to be drawn will be about.
func about(cfg engine.Config) string {
	if themes := cfg.Drawn().Themes; len(themes) > 0 {
		return ": " + strings.Join(themes, ", ")
	}
	return ""
}

// onDisk says what members' data lies on, if not on the machine's own.
func onDisk(cfg engine.Config) string {
	if cfg.Disk == "" || cfg.Disk == disk.Plain {
		return ""
	}
	return " on " + string(cfg.Disk)
}

func run(ctx context.Context, cmd *cobra.Command, cfg engine.Config) error {
	show := screen.NewStatus(cmd.ErrOrStderr())
	cfg.Progress = show.Update
	show.Line("%s%s, seed %d, %s of plan %s%s", count.Many(cfg.Nodes, cfg.Target.Name()+" node"), onDisk(cfg), cfg.Seed, cfg.For, cfg.PlanName, about(cfg))
	result, err := engine.Run(ctx, cfg)
	show.Done()
	for _, left := range result.Left {
		show.Line("left behind: %s", left)
	}
	verdict := result.Report.Verdict
	if verdict == "" {
		return err
	}
	out := cmd.OutOrStdout()
	screen.PrintReport(out, &result.Report)
	fmt.Fprintf(out, "run directory: %s\n", result.Dir)
	if verdict == checker.Invalid {
		fmt.Fprintf(out, "again:         usurper replay %[1]s\nsmaller:       usurper shrink %[1]s\nthe story:     usurper explain %[1]s\n", results.Quote(result.Dir.String()))
		fmt.Fprintf(out, "the page:      %s\n", result.Dir.Path(results.PageFile))
	}
	if err != nil && verdict != checker.Invalid {
		return err
	}
	if err != nil { // an invalid run stays one, whatever else went wrong
		show.Line("usurper: %v", err)
	}
	return screen.ExitWith(verdict)
}

// runForANight makes a run that nobody looks at, and leaves what became of it in a file.
func runForANight(ctx context.Context, cmd *cobra.Command, cfg engine.Config, leave string) error {
	show := screen.NewStatus(cmd.ErrOrStderr())
	progress := nights.ProgressFile(leave, cfg.For)
	cfg.Progress = func(p engine.Progress) {
		show.Update(p)
		progress(p)
	}
	cfg.PlainIfValid = true // it is not kept
	result, err := engine.Run(ctx, cfg)
	show.Done()
	for _, left := range result.Left {
		show.Line("left behind: %s", left)
	}
	return night.Leave(leave, night.Told(cfg, result, err))
}
