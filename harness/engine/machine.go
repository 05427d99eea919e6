package engine

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/machine"
	"github.com/usurper/usurper/harness/text"
	"github.com/usurper/usurper/nemesis"
)

// lacks tells of faults of the machine why there are none here. To find out takes some
// milliseconds, and is done once.
func (c *Config) lacks() map[string]string {
	if c.machine == nil {
		c.machine = make(map[string]string)
		for _, fault := range machine.Faults() {
			if err := machine.Available(fault); err != nil {
				c.machine[fault] = "not available here: " + err.Error()
			}
		}
	}
	return c.machine
}

// In Config.MachineFaults AllFaults stands for all that are available here, and NoFaults,
// alone, for none.
const (
	AllFaults = "all"
	NoFaults  = "none"
)

// machineFaults are those that a generated plan may have, as they are named.
func (c *Config) machineFaults() []string {
	switch {
	case slices.Contains(c.MachineFaults, NoFaults):
		return nil
	case slices.Contains(c.MachineFaults, AllFaults):
		return c.available(machine.Faults())
	}
	return c.MachineFaults
}

// machineBeside are those that a generated plan has now and then, though none is named,
// where members have disks of their own: whoever may do that to a machine may do these too.
// Memory is not among them: what too little of it does to a system is its size's fault.
func (c *Config) machineBeside() []string {
	if len(c.MachineFaults) > 0 || c.ownDisk() == "" {
		return nil
	}
	return c.available([]string{machine.FaultSlow, machine.FaultFreeze, machine.FaultClock, machine.FaultDeaf})
}

// available are those of some faults that this machine has.
func (c *Config) available(faults []string) []string {
	return slices.DeleteFunc(faults, func(fault string) bool { return c.lacks()[fault] != "" })
}

// checkMachine tells what a generated plan cannot have.
func (c *Config) checkMachine(bad func(format string, args ...any)) {
	for _, name := range c.MachineFaults {
		names := append(machine.Faults(), AllFaults, NoFaults)
		if name == NoFaults && len(c.MachineFaults) > 1 {
			bad("faults of the machine %s: %s goes with no other: leave it out", strings.Join(c.MachineFaults, ", "), NoFaults)
		} else if !slices.Contains(names, name) {
			bad("a fault of the machine %q%s: use some of %s", name, text.DidYouMean(name, names), strings.Join(names, ", "))
		} else if why := c.lacks()[name]; why != "" {
			bad("the fault %s of the machine: %s", name, why)
		}
	}
}

// openMachine makes what changes the machine for single members, if the plan does so.
func (r *run) openMachine() error {
	if !slices.ContainsFunc(r.plan.Steps, func(s nemesis.Step) bool { return nemesis.OnMachine(s.Fault) }) {
		return nil
	}
	promises, err := r.guarded()
	if err != nil {
		return err
	}
	r.machine = machine.New(machine.Options{
		Name:      fmt.Sprintf("%s-%x", filepath.Base(r.dir.String()), rand.Uint32()),
		Promises:  promises,
		Processes: func(member string) []int { return r.cluster.Processes()[member] },
		Spoilt: func(member string, why error) {
			r.rec.Record(history.Event{Run: &history.Run{What: history.RunSpoilt, Node: member, Text: why.Error()}})
			r.spoil(why)
		},
	})
	return nil
}

// started has a new process of a member be under what is in force there.
func (r *run) started(name string, pid int) {
	if r.machine == nil {
		return
	}
	if err := r.machine.Started(name, pid); err != nil {
		r.note(name, "not all that the machine is to do to it is done to its new process: "+err.Error())
	}
}
