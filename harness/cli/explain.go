package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness"
	"github.com/usurper/usurper/harness/results"
)

func explainCommand() *cobra.Command {
	var by string
	cmd := &cobra.Command{
		Use:   "explain RUN",
		Short: "Tell how a rule came to be broken",
		Long: `Explain tells the story of the first broken rule of a saved run from its history:
who led when, which faults were in force, what broke the rule and which clients
saw it, in at most a screen. The lines with > are the proof. Nothing is written.

The exit status is that of check.`,
		Example: `  usurper explain results/latest
  usurper explain results/latest --checker linearizable`,
		Args: oneRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := results.Open(args[0])
			if err != nil {
				return err
			}
			report, err := harness.CheckFile(dir.History())
			if err != nil {
				return err
			}
			if err := explain(cmd.OutOrStdout(), dir, &report, by); err != nil {
				return err
			}
			return exitWith(report.Verdict)
		},
	}
	cmd.Flags().StringVar(&by, "checker", "", "explain the first rule that this checker found broken (default: the first of all)")
	return cmd
}

func explain(out io.Writer, dir results.Dir, report *checker.Report, by string) error {
	if len(report.Breaches()) == 0 && by == "" {
		_, err := fmt.Fprintf(out, "%s: no rule was broken: there is nothing to explain\n", report.Verdict)
		return err
	}
	text, err := harness.Explain(dir, report, by)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}
