package cli

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/reproduce"
	"github.com/usurper/usurper/harness/results"
)

func keepCommand() *cobra.Command {
	var name, corpus string
	cmd := &cobra.Command{
		Use:   "keep RUN",
		Short: "Make a run a regression test",
		Long: `Keep adds a run to the corpus: its plan, its configuration, its history,
compressed, its message schedule if that is short, and the verdict to expect. From then on go test ./checker judges the
history again, and go test ./harness -run Corpus replays the plan if it was
measured to break its rule at least eight times in ten (usurper shrink measures).`,
		Example: `  usurper keep results/latest
  usurper keep results/latest --name two-votes-after-restart`,
		Args: oneRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := results.Open(args[0])
			if err != nil {
				return err
			}
			kept, expected, err := reproduce.Keep(dir, corpus, name)
			if err != nil {
				return err
			}
			what := string(expected.Verdict)
			if expected.Verdict == checker.Invalid {
				what += " by " + expected.Breach.String()
			}
			fmt.Fprintf(cmd.OutOrStdout(), "kept as %s: %s\n  %s\n", kept, what, expected.Shows)
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "its name there (default: the bug, or what it shows)")
	cmd.Flags().StringVar(&corpus, "corpus", filepath.Join("results", "corpus"), "the directory of kept runs")
	return cmd
}
