package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness"
	"github.com/usurper/usurper/harness/results"
)

func checkCommand() *cobra.Command {
	var foreign foreignFlags
	cmd := &cobra.Command{
		Use:   "check RUN",
		Short: "Judge a saved run again",
		Long: `Check reads the history of a run directory and judges it as run does. RUN is a
run directory, its history.jsonl, or a results directory, of which the latest run
is taken. Nothing is written.

With --format jepsen it judges a history of Jepsen's by what the clients saw:
history.edn, or lines of a log (INFO jepsen.util - 0 :invoke :cas [1 2]), either of
them also compressed by gzip.`,
		Example: `  usurper check results/latest
  usurper check --format jepsen store/latest/history.edn
  usurper check --format jepsen --model cas-register --init 0 jepsen.log`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("name the run to check, and one only: for example usurper check results/latest")
			}
			if foreign.format != formatUsurper {
				return foreign.checkForeign(cmd, args[0])
			}
			if err := foreign.native(cmd.Flags()); err != nil {
				return err
			}
			dir, err := results.Open(args[0])
			if err != nil {
				return err
			}
			largePages(dir.History())
			report, err := harness.CheckFile(dir.History())
			if err != nil {
				return err
			}
			fmt.Fprint(cmd.OutOrStdout(), report.String())
			return exitWith(report.Verdict)
		},
	}
	foreign.add(cmd.Flags())
	return cmd
}
