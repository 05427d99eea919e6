package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/scenario"
	"github.com/usurper/usurper/nemesis"
)

func faultsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "faults",
		Short: "List what a plan can use: faults, words for members, triggers, and the themes of random plans",
		Example: `  usurper faults
  usurper faults | grep partition`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var faults, words, triggers, themes [][]string
			for _, f := range nemesis.Catalog() {
				faults = append(faults, []string{f.Name, f.Short}, []string{"", "  " + f.Example})
				if needs := engine.Needs(f.Name); needs != "" {
					faults = append(faults, []string{"", "  " + needs})
				}
			}
			for _, w := range nemesis.Words() {
				words = append(words, []string{w.Name, w.Help})
			}
			for _, t := range nemesis.Triggers() {
				triggers = append(triggers, []string{t.Name, t.Help})
			}
			for _, t := range nemesis.Themes() {
				themes = append(themes, []string{t.Name, t.Short})
			}
			out := cmd.OutOrStdout()
			return cmp.Or( // the first that failed
				list(out, "FAULT\tWHAT IT DOES, AND AN EXAMPLE", faults),
				list(out, "\nWORD\tWHOM IT MEANS, IN THE PLACE OF NAMES", words),
				list(out, "\nEVENT\tWHAT HAPPENS WHEN \"on EVENT\" STRIKES, IN THE PLACE OF \"at TIME\"", triggers),
				list(out, "\nTHEME\tWHAT A RANDOM PLAN IS ABOUT", themes))
		},
	}
}

// list prints rows in columns of their own, below a heading.
func list(out io.Writer, heading string, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, heading)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
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
