package cli

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/largepages"
	"github.com/usurper/usurper/harness/results"
)

func checkCommand() *cobra.Command {
	var foreign foreignFlags
	var budget budgetFlags
	cmd := &cobra.Command{
		Use:   "check RUN",
		Short: "Judge a saved run again",
		Long: `Check reads the history of a run directory and judges it as run does. RUN is a
run directory, its history.jsonl (also compressed by gzip or zstd), or a results directory, of which the latest run
is taken. Nothing is written.

With --format jepsen it judges a history of Jepsen's by what the clients saw:
history.edn, the same in JSON, or lines of a log (INFO jepsen.util - 0 :invoke :cas
[1 2]), each of them also compressed by gzip or zstd. A name with .edn and --model
mean that format too.

What a search for an order of operations may spend has bounds, beyond which the
verdict is unknown and says which bound it was: --steps and --memory of each search,
--search-for of all together.`,
		Example: `  usurper check results/latest
  usurper check --format jepsen store/latest/history.edn
  usurper check --format jepsen --model cas-register --init 0 jepsen.log`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("name the run to check, and one only: for example usurper check results/latest")
			}
			o, err := budget.options()
			if err != nil {
				return err
			}
			if foreign.isForeign(cmd.Flags(), args[0]) {
				return foreign.checkForeign(cmd, args[0], o)
			}
			if err := foreign.native(cmd.Flags()); err != nil {
				return err
			}
			dir, err := results.Open(args[0])
			if info, e := os.Stat(args[0]); errors.Is(err, results.ErrNotARun) && e == nil && !info.IsDir() {
				return fmt.Errorf("%w, or say --format jepsen if something else wrote it, in Jepsen's form", err)
			}
			if err != nil {
				return err
			}
			largepages.Ask(dir.History())
			report, err := engine.CheckWithin(dir.History(), o)
			if err != nil {
				return err
			}
			screen.PrintReport(cmd.OutOrStdout(), &report)
			return screen.ExitWith(report.Verdict)
		},
	}
	foreign.add(cmd.Flags())
	budget.add(cmd.Flags())
	return cmd
}

// budgetFlags say what the searches of checkers may spend.
type budgetFlags struct {
	steps  int64
	memory string
	wall   time.Duration
}

func (b *budgetFlags) add(fs *pflag.FlagSet) {
	fs.Int64Var(&b.steps, "steps", 5_000_000, "judging: steps that one search for an order of operations may take")
	fs.StringVar(&b.memory, "memory", "256MiB", "judging: what one such search may remember")
	fs.DurationVar(&b.wall, "search-for", 2*time.Minute, "judging: the time that all such searches may take together")
}

func (b *budgetFlags) options() (o checker.Options, err error) {
	bytes, err := humanize.ParseBytes(b.memory)
	switch {
	case err != nil || bytes == 0 || bytes > 1<<50:
		return o, fmt.Errorf("--memory %s: use a size such as 512MiB or 2GiB", b.memory)
	case b.steps <= 0:
		return o, fmt.Errorf("--steps %d: use a positive number, such as 50000000", b.steps)
	case b.wall <= 0:
		return o, fmt.Errorf("--search-for %v: use a positive time, such as 10m", b.wall)
	}
	return checker.Options{Steps: b.steps, Wall: b.wall, SearchMemory: int64(bytes)}, nil
}
