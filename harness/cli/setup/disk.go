package setup

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/machine"
)

// addDisk adds the flags of what the members' data lies on, and of the machine.
func addDisk(fs *pflag.FlagSet, cfg *engine.Config) {
	fs.StringVar((*string)(&cfg.Disk), "disk", "", "what members' data lies on: "+strings.Join(DiskNames(), ", ")+" (default plain; see docs/power.md)")
	fs.StringVar((*string)(&cfg.DiskEngine), "disk-engine", "", "what takes the power from it: shutdown, or block: a device in user space, of which some of what was not flushed may be kept")
	fs.StringSliceVar(&cfg.DiskFaults, "disk-faults", nil, "faults that no system need bear, which a random plan may have only so, a list: "+strings.Join(engine.DiskFaults(), ", "))
	fs.StringSliceVar(&cfg.MachineFaults, "machine-faults", nil, "what the machine may do to single members in a random plan, a list: "+strings.Join(machine.Faults(), ", ")+", all that are available here, or none (default none, with a --disk of a member's own about every eighth act)")
}

// DiskNames lists the values of --disk.
func DiskNames() (names []string) {
	for _, k := range disk.Kinds() {
		names = append(names, string(k))
	}
	return names
}
