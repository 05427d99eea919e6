// Package cli is the usurper command, one file a subcommand.
//
// Output rules: what a command was asked for goes to stdout, everything about
// how it is going to stderr. Errors start with "usurper: ", in lower case and
// without a full stop, and say what to do. The exit status is 0 for a valid
// verdict, 1 for an invalid one, 2 for unknown and for every failure that left
// no verdict, or one that could not be said.
//
// Read cli.go first, then run.go, the largest of the commands. Those about nights are
// in nights; setup makes the system under test of flags or of a run directory, screen
// says things.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness/cli/nights"
	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/cli/setup"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/text"
)

// Options connect the command to its process.
type Options struct {
	Stdout, Stderr io.Writer
	// Node is the command that runs one member of the reference system; nil
	// leaves it out.
	Node *cobra.Command
}

// Main runs the usurper command with the given arguments and returns the exit
// status. The first interrupt ends the work under way in good order, as does the
// terminal's end; a second one ends the process.
func Main(ctx context.Context, args []string, o Options) int {
	ctx, stop := engine.UntilInterrupt(ctx)
	defer stop()

	root := command(o)
	out := &screen.Output{Writer: o.Stdout}
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(o.Stderr)
	err := root.ExecuteContext(ctx)
	status := screen.ExitUnknown
	var v screen.VerdictError
	switch {
	case err == nil:
		status = screen.ExitValid
	case errors.As(err, &v):
		status, err = v.Status(), nil
	}
	if unsaid := out.Failed(); unsaid != nil {
		if !errors.Is(err, unsaid) {
			err = errors.Join(err, unsaid)
		}
		if status != screen.ExitInvalid { // which is never masked
			status = screen.ExitUnknown
		}
	}
	if err != nil {
		fmt.Fprintf(o.Stderr, "usurper: %s\n", strings.TrimSpace(text.Brief(err, 4*text.Token).Error()))
	}
	return status
}

func command(o Options) *cobra.Command {
	root := &cobra.Command{
		Use:   "usurper",
		Short: "Prove that leader-based distributed systems keep their promises",
		Long: `usurper runs real node processes behind a proxy layer that drops, delays and
partitions their traffic, and proves from the recorded history that no term had
two leaders, that no candidate with a stale log ever won, and that clients saw
one linearizable store.`,
		Example: `  usurper run                          attack five reference nodes for 30 s
  usurper run --bug stale-log-vote     the same with a node that breaks a rule
  usurper run --plan stale-candidate   one named scenario
  usurper check results/latest         judge a saved run again
  usurper report results/latest        make its page
  usurper shrink results/latest        reduce a failed run to the faults that it needs
  usurper bugs                         show that every deliberate bug is caught`,
		Version:       setup.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddCommand(runCommand(), checkCommand(), exportCommand(), decodeCommand(), explainCommand(), reportCommand(), showCommand(), serveCommand(), replayCommand(), shrinkCommand(), keepCommand(), paceCommand(), bugsCommand(), faultsCommand(), scenariosCommand(), versionCommand())
	root.AddCommand(nights.Commands()...)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w: see %s --help", badFlag(cmd, err), cmd.CommandPath())
	})
	if o.Node != nil {
		root.AddCommand(o.Node)
	}
	return root
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument such as %q: see %s --help", cmd.CommandPath(), text.Shorten(args[0], text.Token), cmd.CommandPath())
	}
	return nil
}

// oneRun wants exactly one argument, a run.
func oneRun(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name the run to %s, and one only: for example usurper %s results/latest", cmd.Name(), cmd.Name())
	}
	return nil
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the versions of the program and of its history format",
		Example: "  usurper version",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), setup.Version())
			return err
		},
	}
}
