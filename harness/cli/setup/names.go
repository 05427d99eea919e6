package setup

import (
	"github.com/spf13/cobra"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/machine"
	"github.com/usurper/usurper/harness/scenario"
	"github.com/usurper/usurper/harness/target/reference"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/nemesis"
)

// targetNames lists the values of --target.
func targetNames() []string {
	return []string{"reference", "etcd", "nats", "ovsdb", "zookeeper", "exec"}
}

// BugNames lists the deliberate bugs of the reference node, the values of --bug.
func BugNames() []string {
	var names []string
	for _, b := range reference.Bugs() {
		names = append(names, string(b.Name))
	}
	return names
}

func themeNames() []string {
	var names []string
	for _, t := range nemesis.Themes() {
		names = append(names, t.Name)
	}
	return names
}

// CheckerNames lists all checkers.
func CheckerNames() (names []string) {
	for _, c := range checker.All(checker.Options{}) {
		names = append(names, c.Name())
	}
	return names
}

// Complete lets shells complete the values of the flags that [Flags.Add] adds.
func Complete(cmd *cobra.Command) {
	for flag, values := range map[string][]string{
		"bug":      BugNames(),
		"workload": workload.Names(),
		"arrival":  engine.Arrivals(),
		"target":   targetNames(),
		"theme":    themeNames(),
		"disk":     DiskNames(),

		"disk-engine": {string(disk.Shutdown), string(disk.Block)},
		"disk-faults": engine.DiskFaults(),

		"machine-faults": append(machine.Faults(), engine.AllFaults, engine.NoFaults),
	} {
		cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	plans := append([]string{engine.RandomPlan, engine.KillsPlan, engine.FailoversPlan, "none"}, scenario.Names()...)
	cmd.RegisterFlagCompletionFunc("plan", cobra.FixedCompletions(plans, cobra.ShellCompDirectiveDefault))
}
