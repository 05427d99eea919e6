package engine

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/text"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/nemesis"
)

// Config says everything about one run. Start from Default.
type Config struct {
	// Target is the system under test. It is not part of the saved
	// configuration, TargetOptions are.
	Target target.Target `json:"-"`
	// TargetName and TargetOptions describe Target in the run directory, so that
	// a replay can build it again. Run fills in TargetName.
	TargetName    string `json:"target"`
	TargetOptions any    `json:"target_options,omitempty"`

	Nodes int    `json:"nodes"` // members, 1 to 9
	Seed  uint64 `json:"seed"`
	// For is how long the nemesis and the clients work together.
	For time.Duration `json:"for"`
	// Plan is what the nemesis does. Nil: one is made from Seed, kills or failovers if
	// PlanName says so, else a random one.
	Plan     *nemesis.Plan `json:"-"`
	PlanName string        `json:"plan"` // random, kills, failovers, a scenario's name, or a file
	// Schedule is an order of messages to keep to as far as it applies; nil: they
	// come as they come. The target's Protocol must be a fabric.Identifier.
	Schedule fabric.Schedule `json:"-"`
	// Operator lets administrators take part in a generated plan: they defragment,
	// compact, move the lead, change members. The target must be a target.Operator.
	Operator bool `json:"operator,omitempty"`
	// Themes name what a generated plan is about, see [nemesis.Themes]. None: the seed
	// draws one to three.
	Themes []string `json:"themes,omitempty"`
	// Favour is a theme that takes the place of one that the seed draws, see
	// [nemesis.GenerateOptions].
	Favour string `json:"favour,omitempty"`
	// Density divides the pauses between the faults of a generated plan; above 0, up to 100.
	Density float64 `json:"density"`

	Workload string `json:"workload"` // see workload.Names
	// Mixed is the workload of single values that Workload "mixed" has beside sets:
	// register, which is also "", or churn. Suit lets the target say.
	Mixed string `json:"mixed,omitempty"`
	// Own, if not nil, makes a workload of the caller's own for every run, in the
	// place of Workload, which becomes its name. The target's clients must know its
	// operations: what target.Limited says is not asked. A run directory does not
	// hold it, so that only the caller's program can replay the run.
	Own func() workload.Workload `json:"-"`
	// Models judge the run besides checker.All. The history tells of them, so that
	// a later check without them is at best unknown.
	Models []checker.Spec `json:"-"`

	Clients int     `json:"clients"`
	Rate    float64 `json:"rate"` // operations a second in all; 0: as fast as they go
	// Arrival is how operations begin. ArrivalClosed, which is also "": a client begins
	// the next one when it has an answer to the last. ArrivalOpen: they begin at drawn
	// moments, Rate a second on average, answered or not, until four times Clients wait,
	// or with a workload of one's own as many as Clients; what comes then is not tried,
	// and the report says how much that was.
	Arrival string        `json:"arrival,omitempty"`
	Timeout time.Duration `json:"timeout"` // of one operation, at most; see [workload.Options.Hurry]
	Resend  float64       `json:"resend"`  // share of writes sent again on purpose
	// ProxyClients puts the traffic between clients and members behind the fabric
	// too, so that faults may touch it: the word "clients" of plans.
	ProxyClients bool `json:"proxy_clients,omitempty"`
	// Direct lets members dial each other without the fabric in between, to tell
	// what it costs: nothing is tapped, and a plan may not touch the traffic.
	Direct bool `json:"direct,omitempty"`

	// Capture keeps what members send each other in the run directory, as a packet
	// capture of at most so many bytes, 64 KiB or more; 0: not at all. What does not fit
	// is left out, and a note says so.
	Capture int64 `json:"capture,omitempty"`

	// ValueSize is how many bytes the values have that put and cas write, up to 1 MiB; 0 for
	// no more than tells them apart or, with a Disk of members' own and a workload of ours, for
	// half of them up to 4000 bytes.
	ValueSize int `json:"value_size,omitempty"`

	// Election and Heartbeat are the target's own timers: T, of which timers are
	// drawn from [T, 2T), and the interval between heartbeats. Checkers and the
	// plan generator measure in them.
	Election  time.Duration `json:"election"`
	Heartbeat time.Duration `json:"heartbeat"`

	// Settle bounds how long the cluster may take to be ready at the start, and to
	// find a leader and answer the final reads once healed. 0 means 40 election
	// timeouts, at least 10 s, or what the target says (target.Slow). Checkers give a
	// healed cluster so much longer as this is longer than usual.
	Settle time.Duration `json:"settle,omitempty"`

	// FailFast ends the attack as soon as a checker that can tell while the run is
	// under way finds a rule broken.
	FailFast bool `json:"fail_fast,omitempty"`
	// Hold keeps the system running for so long, HoldForever for as long as Run's
	// context lasts, once FailFast or Until has ended the attack and everything is
	// healed. It is then that Holding is called, if it is not nil. 0: not at all.
	Hold    time.Duration `json:"-"`
	Holding func(Held)    `json:"-"`
	// Until ends the attack like FailFast, but only once this rule is broken. The
	// zero Breach is none.
	Until checker.Breach `json:"until,omitzero"`

	// Search is what the searches for an order may spend that judge the run. The zero
	// value is what they have by default.
	Search checker.Options `json:"search,omitzero"`

	// Results is the directory below which the run directory is made.
	Results string `json:"results"`
	// Disk is what the members' data lies on: plain, which is also "", a directory of the
	// machine's own file system; ext4, xfs or btrfs, a file system for each member, which
	// loses its power when the plan says so; or fuse, a directory of whose files single
	// operations fail. What is not available on a machine Validate refuses, with the reason.
	Disk disk.Kind `json:"disk,omitempty"`
	// DiskEngine is what takes the power from ext4, xfs and btrfs: shutdown or block; ""
	// for what is usual.
	DiskEngine disk.Engine `json:"disk_engine,omitempty"`
	// DiskFaults names the faults of [DiskFaults] that a generated plan has though
	// they break what a system must be able to rely on.
	DiskFaults []string `json:"disk_faults,omitempty"`

	// MachineFaults names the faults of machine.Faults that a generated plan has, or
	// "all" for those that are available here, or "none". If it is empty, and Disk is one of
	// a member's own, the plan has some of slow, freeze, clock and deaf, as far as they are
	// available.
	MachineFaults []string `json:"machine_faults,omitempty"`

	// KeepData keeps the members' data directories also of a valid run.
	KeepData bool `json:"keep_data"`
	// KeepLogs keeps the members' logs and traces also of a valid run.
	KeepLogs bool `json:"keep_logs,omitempty"`

	// PlainIfValid leaves no report.html in the directory of a run that is valid: for
	// those who throw such runs away.
	PlainIfValid bool `json:"-"`

	// Command is the command line that asked for the run, for its directory.
	Command []string `json:"command,omitempty"`

	machine map[string]string // why some faults of the machine are not available, once known

	// Progress, if not nil, is called some times a second with how the run
	// stands, from one goroutine.
	Progress func(Progress) `json:"-"`
}

// Default returns the configuration that `usurper run` starts from: five nodes,
// 30 s, a random plan. Target must still be set.
func Default() Config {
	return Config{
		Nodes:     5,
		Seed:      1,
		For:       30 * time.Second,
		PlanName:  RandomPlan,
		Density:   1,
		Workload:  "mixed",
		Clients:   10,
		Rate:      500,
		Arrival:   ArrivalClosed,
		Timeout:   time.Second,
		Resend:    0.05,
		Election:  150 * time.Millisecond,
		Heartbeat: 30 * time.Millisecond,
		Results:   "results",
	}
}

// How operations begin, see Config.Arrival.
const (
	ArrivalClosed = "closed"
	ArrivalOpen   = "open"
)

// Arrivals lists the values of Config.Arrival.
func Arrivals() []string { return []string{ArrivalClosed, ArrivalOpen} }

// crowd is how many clients there are for each of Config.Clients where operations arrive
// by themselves: some are free when most wait.
const crowd = 4

// inFlight is how many operations that arrive by themselves may be open, 0 if none do.
func (c *Config) inFlight() int {
	switch {
	case c.Arrival != ArrivalOpen:
		return 0
	case c.Own != nil: // which may count on so many clients as were asked for
		return c.Clients
	}
	return crowd * c.Clients
}

// RandomPlan is the PlanName of a plan generated from the seed.
const RandomPlan = "random"

// ShrunkPlan is the PlanName of a plan that was shrunk.
const ShrunkPlan = "shrunk"

// minCapture is the least that a capture may be bounded to.
const minCapture = 64 << 10

// maxValue bounds ValueSize: systems refuse longer requests.
const maxValue = 1 << 20

// Validate tells everything that is wrong with the configuration.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Target == nil {
		bad("no target: set Config.Target")
	}
	c.checkValues(bad)
	c.checkDisk(bad)
	c.checkMachine(bad)
	if _, ok := c.Target.(target.Operator); c.Operator && c.Target != nil && !ok {
		bad("an operator in the plan: %s has nothing for one to do; only some targets do, such as etcd", c.Target.Name())
	}
	if c.Plan == nil && c.PlanName != KillsPlan && c.PlanName != FailoversPlan && c.Target != nil && c.Nodes >= 1 && c.Nodes <= 9 {
		if err := c.generating().CheckThemes(); err != nil {
			errs = append(errs, err)
		}
	}
	if c.Schedule != nil && c.Target != nil && !named(c) {
		bad("a message schedule to follow: the frames of %s have no names that are alike in every run; only some targets' have, such as reference's", c.Target.Name())
	}
	if _, err := c.work(); err != nil {
		errs = append(errs, err)
	}
	if err := distinct(c.Models); err != nil {
		errs = append(errs, err)
	}
	if c.Resend > 0 && c.Target != nil && !target.Resends(c.Target) {
		bad("a resend share of %g: %s does not promise to apply a request id once: use 0", c.Resend, c.Target.Name())
	}
	if c.Target != nil {
		checkPorts(target.Ports(c.Target), bad)
		c.checkPeerPorts(bad)
	}
	if c.Plan != nil && c.Nodes >= 1 && c.Nodes <= 9 {
		if err := c.Plan.Validate(c.Setting()); err != nil {
			bad("plan %s: %w", c.PlanName, err)
		}
		c.inTime(bad)
	}
	if c.Capture != 0 && c.Capture < minCapture {
		bad("a capture of %d bytes: use %d or more, or 0 for none", c.Capture, minCapture)
	}
	if c.Direct {
		if err := c.direct(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// checkValues tells what is wrong with a field whatever the system is.
func (c *Config) checkValues(bad func(format string, args ...any)) {
	if c.Nodes < 1 || c.Nodes > 9 {
		bad("%d nodes: use 1 to 9", c.Nodes)
	}
	if c.For <= 0 {
		bad("a run of %s: use a positive duration such as 30s", c.For)
	}
	if !(c.Density > 0 && c.Density <= 100) { // nor NaN
		bad("a density of %g: use a positive number up to 100, 1 as usual", c.Density)
	}
	if c.Clients < 1 || c.Clients > 1000 {
		bad("%d clients: use 1 to 1000", c.Clients)
	}
	if !(c.Rate >= 0 && c.Rate <= 1e6) {
		bad("a rate of %g operations a second: use 0 (no limit) to 1000000", c.Rate)
	}
	if c.Arrival != "" && !slices.Contains(Arrivals(), c.Arrival) {
		bad("arrival %q%s: use %s", c.Arrival, text.DidYouMean(c.Arrival, Arrivals()), strings.Join(Arrivals(), " or "))
	}
	if c.Arrival == ArrivalOpen && c.Rate == 0 {
		bad("open arrival as fast as operations go: they arrive at a rate: use one such as 500")
	}
	if c.Timeout <= 0 {
		bad("an operation timeout of %s: use a positive duration such as 1s", c.Timeout)
	}
	if !(c.Resend >= 0 && c.Resend <= 1) {
		bad("a resend share of %g: use 0 to 1", c.Resend)
	}
	if c.ValueSize < 0 || c.ValueSize > maxValue {
		bad("values of %d bytes: use 0 to %d", c.ValueSize, maxValue)
	}
	if c.Heartbeat <= 0 || c.Election < 2*c.Heartbeat {
		bad("election timeout %s with heartbeats every %s: use an election timeout of at least two heartbeats", c.Election, c.Heartbeat)
	}
	if c.Election > time.Minute {
		bad("an election timeout of %s: use at most 1m", c.Election)
	}
	if c.Hold < 0 || c.Hold > 0 && !c.FailFast && c.Until == (checker.Breach{}) {
		bad("hold for %s: use a positive duration, and end the attack at a broken rule (fail fast)", c.Hold)
	}
	if c.Settle < 0 {
		bad("%s to settle: use a positive duration, or 0 for the default", c.Settle)
	}
	if c.Results == "" {
		bad("no results directory: name one, such as results")
	}
}

// ops returns what the target's clients can do, nil for everything.
func (c *Config) ops() []history.F {
	if c.Target == nil {
		return nil
	}
	return target.Ops(c.Target)
}

// work makes the workload of a run.
func (c *Config) work() (workload.Workload, error) {
	if c.Own == nil {
		w, err := c.named()
		if err == nil && c.Target != nil && target.ReadLast(c.Target) {
			w, err = workload.ReadLast(w)
		}
		return w, err
	}
	w := c.Own()
	if name := w.Name(); name == "" || slices.Contains(workload.Names(), name) {
		return nil, fmt.Errorf("an own workload called %q: give it a name that is none of %s", name, strings.Join(workload.Names(), ", "))
	}
	return w, nil
}

// named makes the workload that Workload names.
func (c *Config) named() (workload.Workload, error) {
	if c.Workload == workload.Default {
		return workload.MixedOf(c.Mixed, c.ops())
	}
	return workload.For(c.Workload, c.ops())
}

// Names lists the members: n1, n2, …
func (c *Config) Names() []string {
	names := make([]string, c.Nodes)
	for i := range names {
		names[i] = fmt.Sprintf("n%d", i+1)
	}
	return names
}

// tapped tells whether the traffic between members is decoded.
func (c *Config) tapped() bool {
	return c.Target.Protocol() != nil && c.Nodes > 1 && !c.Direct // one member has no peers
}

// direct tells what a run without the fabric cannot do.
func (c *Config) direct() error {
	if c.ProxyClients {
		return errors.New("direct, and clients behind the proxy layer: choose one")
	}
	if c.Capture != 0 {
		return errors.New("direct, and a capture: it is the proxy layer that captures: choose one, or capture the loopback interface with tcpdump")
	}
	if c.Plan == nil {
		if c.PlanName == RandomPlan {
			return errors.New("direct: random plans need the proxy layer: use --plan none, kills, or a file without traffic faults")
		}
		return nil
	}
	for i, s := range c.Plan.Steps {
		if nemesis.OnTraffic(s.Fault) {
			return fmt.Errorf("direct: %s of the plan, %q, needs the proxy layer: leave one of them out", s.Name(i+1), s.String())
		}
	}
	return nil
}

// Stream derives a named generator from the run's seed. A new name never shifts
// the others. With real processes a seed fixes the inputs of a run, not how they
// interleave; the plan is saved for that reason.
func Stream(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	io.WriteString(h, name)
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
