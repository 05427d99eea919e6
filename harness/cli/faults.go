package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness/scenario"
	"github.com/usurper/usurper/nemesis"
)

func faultsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "faults",
		Short: "List the faults that a plan can use, and the themes of random plans",
		Example: `  usurper faults
  usurper faults | grep partition`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "FAULT\tWHAT IT DOES\tEXAMPLE")
			for _, f := range nemesis.Catalog() {
				fmt.Fprintf(w, "%s\t%s\t%s\n", f.Name, f.Short, f.Example)
			}
			fmt.Fprintln(w, "\nTHEME\tWHAT A RANDOM PLAN IS ABOUT")
			for _, t := range nemesis.Themes() {
				fmt.Fprintf(w, "%s\t%s\n", t.Name, t.Short)
			}
			return w.Flush()
		},
	}
}

func themeNames() []string {
	var names []string
	for _, t := range nemesis.Themes() {
		names = append(names, t.Name)
	}
	return names
}

func scenariosCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "scenarios [NAME]",
		Short:   "List the named scenarios, or print the plan of one",
		Example: "  usurper scenarios\n  usurper scenarios stale-candidate\n  usurper run --plan stale-candidate",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				s, ok := scenario.Named(args[0])
				if !ok {
					return fmt.Errorf("unknown scenario %q: use one of %s", args[0], strings.Join(scenario.Names(), ", "))
				}
				fmt.Fprint(cmd.OutOrStdout(), s.Text)
				return nil
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "SCENARIO\tNODES\tFOR\tWHAT IT SHOWS")
			for _, s := range scenario.All() {
				fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", s.Name, s.Nodes, s.For, s.Short)
			}
			return w.Flush()
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return scenario.Names(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	return cmd
}
