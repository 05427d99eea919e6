// Package cli is the usurper command, one file a subcommand.
//
// Output rules: what a command was asked for goes to stdout, everything about
// how it is going to stderr. Errors start with "usurper: ", in lower case and
// without a full stop, and say what to do. The exit status is 0 for a valid
// verdict, 1 for an invalid one, 2 for unknown and for every failure that left
// no verdict, or one that could not be said.
//
// Read cli.go first, then run.go, the largest of the commands. target.go makes
// the system under test of flags, saved.go of a run directory.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/text"
)

// Exit statuses.
const (
	exitValid   = 0
	exitInvalid = 1
	exitUnknown = 2
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
	out := &output{Writer: o.Stdout}
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(o.Stderr)
	err := root.ExecuteContext(ctx)
	status := exitUnknown
	var v verdictError
	switch {
	case err == nil:
		status = exitValid
	case errors.As(err, &v):
		status, err = v.status(), nil
	}
	if unsaid := out.failed(); unsaid != nil {
		if !errors.Is(err, unsaid) {
			err = errors.Join(err, unsaid)
		}
		if status != exitInvalid { // which is never masked
			status = exitUnknown
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
  usurper shrink results/latest        reduce a failed run to the faults that it needs
  usurper bugs                         show that every deliberate bug is caught`,
		Version:       versions(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddCommand(runCommand(), checkCommand(), exportCommand(), explainCommand(), replayCommand(), shrinkCommand(), keepCommand(), nightlyCommand(), morningCommand(), mergeCommand(), coverageCommand(), paceCommand(), findingsCommand(), compareCommand(), bugsCommand(), faultsCommand(), scenariosCommand(), versionCommand())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w: see %s --help", text.Brief(err, text.Token), cmd.CommandPath())
	})
	if o.Node != nil {
		root.AddCommand(o.Node)
	}
	return root
}

// verdictError carries a verdict other than valid to the exit status. Its
// report has been printed already.
type verdictError struct{ verdict checker.Verdict }

func (e verdictError) Error() string { return "the verdict is " + string(e.verdict) }

func (e verdictError) status() int {
	switch e.verdict {
	case checker.Valid:
		return exitValid
	case checker.Invalid:
		return exitInvalid
	default:
		return exitUnknown
	}
}

// exitWith returns the error that makes the process end with v's status.
func exitWith(v checker.Verdict) error {
	if v == checker.Valid {
		return nil
	}
	return verdictError{v}
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument such as %q: see %s --help", cmd.CommandPath(), text.Shorten(args[0], text.Token), cmd.CommandPath())
	}
	return nil
}

// setDefaults gives flags other defaults than their definition did.
func setDefaults(fs *pflag.FlagSet, values map[string]string) {
	for name, value := range values {
		flag := fs.Lookup(name)
		flag.DefValue = value
		if err := flag.Value.Set(value); err != nil {
			panic(fmt.Sprintf("default %s=%s: %v", name, value, err))
		}
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the versions of the program and of its history format",
		Example: "  usurper version",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), versions())
			return err
		},
	}
}

// versions says which program this is, and what histories it writes.
func versions() string {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	return fmt.Sprintf("usurper %s, history format %d, %s %s/%s", version, history.Format, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
