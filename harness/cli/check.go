package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness"
	"github.com/usurper/usurper/harness/results"
)

func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check RUN",
		Short: "Judge a saved run again",
		Long: `Check reads the history of a run directory and judges it as run does. RUN is a
run directory, its history.jsonl, or a results directory, of which the latest run
is taken. Nothing is written.`,
		Example: `  usurper check results/latest`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("name the run to check, and one only: for example usurper check results/latest")
			}
			dir, err := results.Open(args[0])
			if err != nil {
				return err
			}
			report, err := harness.CheckFile(dir.Path(results.HistoryFile))
			if err != nil {
				return err
			}
			fmt.Fprint(cmd.OutOrStdout(), report.String())
			return exitWith(report.Verdict)
		},
	}
}
