package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness/history"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the versions of the program and of its history format",
		Example: "  usurper version",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			version := "(devel)"
			if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
				version = info.Main.Version
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "usurper %s, history format %d, %s %s/%s\n",
				version, history.Format, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
