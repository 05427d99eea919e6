package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/reproduce"
	"github.com/usurper/usurper/harness/results"
	layout "github.com/usurper/usurper/harness/text"
)

func explainCommand() *cobra.Command {
	var by, html, key string
	var cause causeFlags
	var budget budgetFlags
	cmd := &cobra.Command{
		Use:   "explain RUN",
		Short: "Tell how a rule came to be broken",
		Long: `Explain tells the story of the first broken rule of a saved run from its history:
who led when, which faults were in force, what broke the rule and which clients
saw it, in at most a screen. The lines with > are the proof. Nothing is written.

With --html it writes a page instead, on which porcupine shows the operations on
one key that have no order, those that prove it and the hundred nearest to them.
Only what the checker linearizable finds broken can be shown so.

With --slice it tells what can have led to it instead: from the proof backwards along
messages, operations and the starts of processes, the nearest events and what joins
them, as text or, with --mermaid, as a diagram in Mermaid's language.

The exit status is that of check.`,
		Example: `  usurper explain results/latest
  usurper explain results/latest --checker linearizable
  usurper explain results/latest --html order.html --key r0-17
  usurper explain results/latest --slice --mermaid > slice.mmd`,
		Args: oneRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneWay(cmd.Flags()); err != nil {
				return err
			}
			j, err := judge(args[0], &budget)
			if err := cmp.Or(err, j.problem); err != nil {
				return err
			}
			dir, report := j.dir, &j.report
			if about, ok := reproduce.About(dir, report); ok && by == "" {
				by = about.Checker
			}
			if html != "" {
				if err := explainHTML(cmd, dir, report, html, key); err != nil {
					return err
				}
				return screen.ExitWith(report.Verdict)
			}
			out := cmd.OutOrStdout()
			tell := explain
			if cause.slice || cause.mermaid {
				tell = cause.explain
			}
			if err := tell(out, dir, report, by, screen.Width(out)); err != nil {
				return err
			}
			return screen.ExitWith(report.Verdict)
		},
	}
	cmd.Flags().StringVar(&by, "checker", "", "explain the first rule that this checker found broken (default: that of the rule which the run was shrunk or kept for, else the first of all)")
	cmd.Flags().StringVar(&html, "html", "", "the page to write, which must not exist")
	cmd.Flags().StringVar(&key, "key", "", "the key that the page is about (default: that of the first violation)")
	budget.add(cmd.Flags())
	cause.add(cmd.Flags())
	return cmd
}

// oneWay refuses flags that ask for a page and for something else.
func oneWay(fs *pflag.FlagSet) error {
	for _, other := range []string{"checker", "slice", "mermaid"} {
		if fs.Changed("html") && fs.Changed(other) {
			return fmt.Errorf("--html and --%s: say one of them: the page is about what the checker linearizable found, and --key chooses", other)
		}
	}
	if fs.Changed("key") && !fs.Changed("html") {
		return errors.New("--key is for a page: say --html FILE too")
	}
	return nil
}

// explainHTML writes the page, whole or not at all, and says what it shows.
func explainHTML(cmd *cobra.Command, dir results.Dir, report *checker.Report, path, key string) error {
	var page checker.Page
	err := newFile(path, func(w io.Writer) (err error) {
		page, err = engine.ExplainHTML(w, dir, report, key)
		return err
	})
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", path, page)
	return nil
}

func explain(out io.Writer, dir results.Dir, report *checker.Report, by string, width int) error {
	if len(report.Breaches()) == 0 && by == "" {
		fmt.Fprint(out, unexplained(report, width))
		return nil
	}
	text, err := engine.Explain(dir, report, by, width)
	if err != nil {
		return err
	}
	fmt.Fprint(out, text) // Main tells of an error, beside the verdict
	return nil
}

// unexplained says that no rule was broken, and which were not checked.
func unexplained(report *checker.Report, width int) string {
	text := fmt.Sprintf("%s: no rule was broken: there is nothing to explain\n", report.Verdict)
	if idle := report.Unchecked(); idle != "" {
		text += layout.Wrap(idle, width, 9) + "\n"
	}
	return text
}
