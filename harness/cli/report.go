package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness/cli/screen"
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
			j, err := judge(args[0], &budget)
			if err != nil {
				return err
			}
			p, unread, err := j.draw()
			if err != nil {
				return fmt.Errorf("report: %w", err)
			}
			path := out
			if out == "" {
				path = j.dir.Path(results.PageFile)
				err = seen.Save(j.dir, p)
			} else {
				err = newFile(out, func(w io.Writer) error { return page.Write(w, p) })
			}
			if errors.Is(err, fs.ErrPermission) && out == "" {
				err = fmt.Errorf("%w: --out FILE writes the page elsewhere", err)
			}
			if err != nil {
				return fmt.Errorf("report: %w", err)
			}
			if unread != nil {
				return fmt.Errorf("report: %s is of what can be read: %w", path, unread)
			}
			if j.problem != nil {
				return fmt.Errorf("report: %s shows no verdict: %w", path, j.problem)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", path, j.report.Verdict)
			return screen.ExitWith(j.report.Verdict)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "another file to write, which must not exist")
	budget.add(cmd.Flags())
	return cmd
}
