// Package nights is the subcommands of usurper that are about nights: many runs, what
// they found and what they covered. It has one file a subcommand; nightly.go is the
// largest, nightcells.go makes a night of its flags and its file, nightwatch.go shows how
// it stands. What a night is, harness/night says.
package nights

import "github.com/spf13/cobra"

// Commands returns the subcommands.
func Commands() []*cobra.Command {
	return []*cobra.Command{nightlyCommand(), morningCommand(), mergeCommand(), coverageCommand(), findingsCommand(), compareCommand()}
}
