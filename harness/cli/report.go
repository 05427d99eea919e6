package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/picture/page"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/seen"
)

func reportCommand() *cobra.Command {
	var out string
	var budget budgetFlags
	cmd := &cobra.Command{
		Use:   "report RUN",
		Short: "Make the page of a saved run",
		Long: `Report judges a saved run again and makes its page: report.html in the run
directory, and beside it summary.svg, a small picture for a chat, which run makes by
itself. Older ones are replaced; nothing else there changes. The page is one file that
needs no network: open it in a browser.

Of a history that was cut short, or that ends in what cannot be read, it shows what
is before that, and says so. RUN is a run directory or its history, or a results
directory, of which the latest run is taken.

The exit status is that of check.`,
		Example: `  usurper report results/latest
  usurper report results/latest -o seen.html`,
		Args: oneRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := openRun(args[0])
			if err != nil {
				return err
			}
			o, err := budget.options()
			if err != nil {
				return err
			}
			report, judged := engine.CheckWithin(dir.History(), o)
			p, drawn := seen.Picture(dir, report)
			if p.Format == 0 { // there is nothing to draw
				return fmt.Errorf("report: %w", drawn)
			}
			if judged != nil {
				p.Lack("it has no verdict: " + judged.Error())
				drawn = judged // which tells of the same line
			}
			path := out
			if out == "" {
				path = dir.Path(results.PageFile)
				err = seen.Save(dir, &p)
			} else {
				err = newFile(out, func(w io.Writer) error { return page.Write(w, &p) })
			}
			if errors.Is(err, fs.ErrPermission) && out == "" {
				err = fmt.Errorf("%w: --out FILE writes the page elsewhere", err)
			}
			if err != nil {
				return fmt.Errorf("report: %w", err)
			}
			if drawn != nil {
				return fmt.Errorf("report: %s is of what can be read: %w", path, drawn)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", path, report.Verdict)
			return screen.ExitWith(report.Verdict)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "another file to write, which must not exist")
	budget.add(cmd.Flags())
	return cmd
}
