// Package machine changes what the machine is to the members of a run: their wall clocks, their
// shares of its processors and memory, whether they run, and whether anybody can dial them.
// Each member is changed by itself, and nothing of the machine's own is.
package machine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/machine/cgroup"
	"github.com/usurper/usurper/harness/machine/deaf"
	"github.com/usurper/usurper/harness/machine/vdso"
)

// What may be done to a member, by the words of plans.
const (
	FaultClock  = "clock"
	FaultSlow   = "slow"
	FaultStarve = "starve"
	FaultFreeze = "freeze"
	FaultDeaf   = "deaf"
)

// Faults lists them.
func Faults() []string {
	return []string{FaultClock, FaultSlow, FaultStarve, FaultFreeze, FaultDeaf}
}

// Available tells why a fault cannot be had on this machine, nil if it can. It tries what it
// would take, which leaves nothing behind.
func Available(fault string) error {
	controllers := map[string]cgroup.Controller{FaultSlow: cgroup.CPU, FaultStarve: cgroup.Memory, FaultFreeze: cgroup.Freezer}
	switch c, ok := controllers[fault]; {
	case ok:
		return cgroup.Open("trial", nil).Available(c)
	case fault == FaultClock:
		return vdso.Available()
	case fault == FaultDeaf:
		return deaf.Available()
	}
	return fmt.Errorf("no machine knows a fault %q", fault)
}

// Constraint is one thing that the machine does to a member. Exactly one of its parts is set.
type Constraint struct {
	Clock  *Clock  // its wall clock is another
	CPU    float64 // percent of one processor that it may use, above 0
	Memory int64   // bytes that it may use
	Share  float64 // the same, as percent of those that it has in use, and that cannot be freed, when it begins
	Freeze bool    // it stands still, without a signal
}

// Clock is how a wall clock differs from the true one.
type Clock struct {
	Offset time.Duration // from the start on; of a strobe, how far it is ahead and behind by turns
	Drift  float64       // parts per million, added to what has passed since the start
	Every  time.Duration // of a strobe, how often it jumps; 0 for no strobe
}

// Options say whose machine it is.
type Options struct {
	// Name is the run's alone; control groups have it in theirs.
	Name string
	// Promises, if not nil, are kept if this program cannot undo itself what it did.
	Promises cgroup.Promises
	// Processes lists the living processes of a member, those that it started among them. It may
	// be called at any time, from any goroutine.
	Processes func(member string) []int
	// Spoilt, if not nil, is told what was done to a member that no fault says: nothing follows
	// from what it does then. It may be called from any goroutine.
	Spoilt func(member string, why error)
}

// Machine is what a run can do to its members. Its methods may be called concurrently.
type Machine struct {
	o    Options
	root *cgroup.Root

	mu      sync.Mutex
	members map[string]*member
}

// member is what is in force at one.
type member struct {
	name string
	m    *Machine

	mu    sync.Mutex
	group *cgroup.Group // nil as long as nobody needs it
	force []*Constrained
}

// New makes a run's Machine. It changes nothing yet.
func New(o Options) *Machine {
	return &Machine{o: o, root: cgroup.Open(o.Name, o.Promises), members: make(map[string]*member)}
}

func (m *Machine) member(name string) *member {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.members[name] == nil {
		m.members[name] = &member{name: name, m: m}
	}
	return m.members[name]
}

// Started is to be called as soon as a process of a member was started: it enters the
// member's control groups, so that all of its memory is counted, and whatever is in force at the member is at
// this process too.
func (m *Machine) Started(name string, pid int) error {
	b := m.member(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.enterLocked(pid); err != nil {
		return err
	}
	var failed error
	for _, c := range b.force {
		failed = errors.Join(failed, c.again(pid))
	}
	return failed
}

// Constrain puts a constraint in force at a member, whether it is up or not, until
// it is removed. Of two of a kind the later one counts.
func (m *Machine) Constrain(ctx context.Context, name string, c Constraint) (*Constrained, error) {
	b := m.member(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	h := &Constrained{b: b, c: c, start: time.Now()}
	if err := h.begin(ctx); err != nil {
		return nil, fmt.Errorf("%s of %s: %w", c.kind(), name, err)
	}
	return h, nil
}

// Deafen closes the listening sockets of a member for good: only a restart opens them again.
// The evidence is how many were closed, and at how many of their addresses dials are
// refused. All is zero if somebody accepts yet, as when the member has opened them again.
// A member may end of it, as etcd does: whoever calls this has excused that before.
func (m *Machine) Deafen(ctx context.Context, name string) (map[string]int64, error) {
	closed, err := deaf.Deafen(ctx, m.o.Processes(name)...)
	if err != nil {
		return nil, err
	}
	if len(closed.Accepts) > 0 {
		return map[string]int64{"listeners-closed": 0, "still-accept": 0}, nil
	}
	return map[string]int64{"listeners-closed": int64(closed.Listeners), "dials-refused": int64(closed.Refused)}, nil
}

// OutOfMemory tells how many processes of a member the kernel has killed, so far, because it
// wanted more memory than it may use. That such a one ended is no crash of it.
func (m *Machine) OutOfMemory(name string) int64 {
	b := m.member(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.countsLocked().OOMKills
}

// Close removes what is in force yet, and the control groups.
func (m *Machine) Close() error {
	m.mu.Lock()
	var all []*Constrained
	for _, b := range m.members {
		b.mu.Lock()
		all = append(all, b.force...)
		b.mu.Unlock()
	}
	m.mu.Unlock()
	var failed error
	for _, c := range all {
		_, err := c.Remove(context.Background())
		failed = errors.Join(failed, err)
	}
	return errors.Join(failed, m.root.Close())
}

// kind is the word of plans for it.
func (c Constraint) kind() string {
	switch {
	case c.Clock != nil:
		return FaultClock
	case c.CPU > 0:
		return FaultSlow
	case c.Memory > 0, c.Share > 0:
		return FaultStarve
	case c.Freeze:
		return FaultFreeze
	}
	return ""
}

func (m *Machine) spoil(member string, why error) {
	if m.o.Spoilt != nil {
		m.o.Spoilt(member, fmt.Errorf("the harness itself has damaged %s: %w", member, why))
	}
}

// enterLocked puts processes, and what they start meanwhile, into the member's groups.
func (b *member) enterLocked(pids ...int) error {
	if b.group == nil {
		g, err := b.m.root.Group(b.name)
		if err != nil {
			return err
		}
		b.group = g
	}
	return b.group.Enter(pids...)
}

func (b *member) countsLocked() cgroup.Counts {
	if b.group == nil {
		return cgroup.Counts{}
	}
	counts, _ := b.group.Counts() // what cannot be read counts as nothing
	return counts
}

// lastLocked is the one of a kind that counts, nil for none.
func (b *member) lastLocked(kind string) *Constrained {
	for _, c := range slices.Backward(b.force) {
		if c.c.kind() == kind {
			return c
		}
	}
	return nil
}
