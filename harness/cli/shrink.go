package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/cli/setup"
	"github.com/usurper/usurper/harness/reproduce"
	"github.com/usurper/usurper/harness/results"
)

type shrinkFlags struct {
	setup.Saved
	o       reproduce.ShrinkOptions
	results string
}

func shrinkCommand() *cobra.Command {
	var f shrinkFlags
	cmd := &cobra.Command{
		Use:   "shrink RUN",
		Short: "Reduce a failed run to the few faults that it needs",
		Long: `Shrink looks for the smallest run that still breaks the same rule: it leaves out
faults, shortens what is left, takes away members, clients and load. Each
candidate is judged by several runs: four of four accept it, two of two that did
not fail reject it, a mixture goes on (a sequential test of a rate of 80 % or
more against one of 40 % or less, wrong at most one time in ten).

It leaves a run directory of the shrunk run: its plan, how often it fails, and
what was taken away. Interrupted, or out of its budget, it keeps the best so far.
The exit status is 1, that of the run, if the failure came again, else 2.`,
		Example: `  usurper shrink results/latest
  usurper shrink results/latest --budget 3m`,
		Args: oneRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.o.Budget <= 0 || f.o.Parallel < 1 || f.o.Measure < 1 {
				return fmt.Errorf("a budget of %s, %d side by side, %d to measure: use more than 0 of each", f.o.Budget, f.o.Parallel, f.o.Measure)
			}
			return f.run(cmd.Context(), cmd, args[0])
		},
	}
	f.Add(cmd)
	fs := cmd.Flags()
	fs.DurationVar(&f.o.Budget, "budget", 10*time.Minute, "how long to look and measure")
	fs.IntVar(&f.o.Parallel, "parallel", 2, "how many clusters side by side")
	fs.IntVar(&f.o.Measure, "measure", 20, "how many fresh runs tell the rate of the result")
	fs.StringVar(&f.results, "results", "results", "where the run directory goes")
	return cmd
}

func (f *shrinkFlags) run(ctx context.Context, cmd *cobra.Command, path string) error {
	show := screen.NewStatus(cmd.ErrOrStderr())
	say, said := show.Busy()
	found, err := f.Load(ctx, path, say)
	said()
	if err != nil {
		return err
	}
	found.Config.Results = f.results
	show.Line("%s\nfrom %s", found.Breach, found.Size())
	f.o.Progress = func(s reproduce.Step) { show.Line("%s", s) }
	shrunk, err := reproduce.Shrink(ctx, found, f.o)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%srun directory: %s\n\n  usurper explain %[3]s\n  usurper keep %[3]s\n", shrunk, shrunk.Dir, results.Quote(shrunk.Dir.String()))
	return screen.ExitWith(checker.Invalid)
}
