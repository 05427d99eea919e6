package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/picture/terminal"
	"github.com/usurper/usurper/harness/text"
)

func showCommand() *cobra.Command {
	var o terminal.Options
	var color string
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Draw a run in the terminal",
		Long: `Show draws who led when and in which term, which faults were in force, how many
operations were answered and how fast, and where the proof of the first violation
lies, all on one axis, as wide as the terminal. RUN is a run directory or its history,
or a results directory, of which the latest run is taken; one that has no verdict.json,
or an older one than its history, is judged. Nothing is written.

With --from and --to it draws a part of the run, and tells of the elections in it who
stood, who voted for whom, who won, and which messages were held or lost.

With --key it also draws the operations on a key, around the first violation of each
rule, for only those are kept one by one.

The exit status is that of check.`,
		Example: `  usurper show results/latest
  usurper show results/latest --from 4s --to 6s
  usurper show results/latest --key r0-17 --ascii --width 120`,
		Args: oneRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if !cmd.Flags().Changed("width") {
				o.Width = screen.Width(out)
			} else if o.Width < terminal.Narrowest || o.Width > widest {
				return fmt.Errorf("--width %d: use a number from %d to %d", o.Width, terminal.Narrowest, widest)
			}
			var err error
			if o.Color, err = colored(color, screen.IsTerminal(out)); err != nil {
				return err
			}
			dir, err := openRun(args[0])
			if err != nil {
				return err
			}
			j := judgedBefore(dir)
			p, _, err := j.draw() // the picture says what it does not show
			if err != nil {
				return fmt.Errorf("show: %w", err)
			}
			if err := terminal.Write(out, p, o); err != nil {
				return fmt.Errorf("show %s: %w", dir, err)
			}
			return screen.ExitWith(j.report.Verdict)
		},
	}
	fs := cmd.Flags()
	fs.DurationVar(&o.From, "from", 0, "draw from here on, such as 4.2s since the start of the run")
	fs.DurationVar(&o.To, "to", 0, "draw up to here (default: the end)")
	fs.StringVar(&o.Key, "key", "", "draw the operations on this key, too")
	fs.IntVar(&o.Width, "width", 0, "columns (default: those of the terminal, or 120)")
	fs.BoolVar(&o.ASCII, "ascii", false, "nothing beyond ASCII")
	fs.StringVar(&color, "color", "auto", "auto: on a terminal; always; never")
	cmd.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// widest is how wide a picture may be asked for.
const widest = 1000

// colored tells what a value of --color means.
func colored(value string, isTerminal bool) (bool, error) {
	switch value {
	case "auto":
		return isTerminal, nil
	case "always":
		return true, nil
	case "never":
		return false, nil
	}
	return false, fmt.Errorf("--color %q: use auto, always or never%s", text.Shorten(value, text.Token), text.DidYouMean(value, []string{"auto", "always", "never"}))
}
