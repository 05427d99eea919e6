package engine

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/nemesis"
)

// Setting is what is known of the run before it starts, as far as plans are
// concerned: who takes part, and what the target and the fabric can do. Without a
// Target it is who takes part alone.
func (c *Config) Setting() nemesis.Setting {
	s := nemesis.Setting{Nodes: c.Names(), Clients: c.ProxyClients}
	if c.Target != nil {
		s.System = c.offer()
	}
	return s
}

// offer is what the target and the fabric before it let plans do.
func (c *Config) offer() *nemesis.Offer {
	o := &nemesis.Offer{System: c.Target.Name(), Failpoint: target.Failpoint(c.Target)}
	_, o.Operator = c.Target.(target.Operator)
	_, o.Membership = c.Target.(target.Membership)
	if p := c.Target.Protocol(); p != nil && !c.Direct {
		o.Classes = p.Classes()
		for _, class := range o.Classes {
			if p.Lossy(class) {
				o.Lossy = append(o.Lossy, class)
			}
		}
	}
	if c.asked() { // and nobody tells of more than that somebody leads
		if o.Leads = target.TellsRoles(c.Target); o.Leads {
			o.Events = nemesis.EventsOf(history.RaftLeader)
		}
	} else {
		o.Leads, o.Events = true, nemesis.EventsOf(target.Shown(c.Target)...)
	}
	o.Events = append(o.Events, nemesis.Acknowledged)
	o.Unable, o.Keeps = c.unable(), c.keeps()
	_, o.Below = disk.Troubles(c.kind(), c.DiskEngine)
	if f, ok := c.Target.(target.Filed); ok {
		o.Files = slices.Sorted(maps.Keys(f.DataFiles()))
	}
	if target.Asserts(c.Target) {
		o.Events = append(o.Events, nemesis.Asserted)
	}
	return o
}

// Suit lets the target decide what was left as Default has it: the workload, what it
// writes, how many clients do it and how fast, the attack, the timers (target.Usual);
// clients whose target cannot do all of the mixed workload get and put instead
// (register), or do what they can, and nothing is sent a second time on purpose where
// that may take effect twice. What was set otherwise stays, for Validate to refuse. A
// run that was saved has been suited.
func (c *Config) Suit() { c.SuitUnless(func(string) bool { return false }) }

// SuitUnless is Suit, where given tells what was chosen even if it is as Default has it,
// by the names of the flags of `usurper run`: workload, value-size, clients, rate,
// resend, plan, election, heartbeat.
func (c *Config) SuitUnless(given func(flag string) bool) {
	usual, habits := Default(), target.HabitsOf(c.Target, c.Nodes)
	if c.Mixed == "" {
		c.Mixed = habits.Mixed
	}
	adopt(&c.Election, usual.Election, habits.Election, given("election"))
	adopt(&c.Heartbeat, usual.Heartbeat, habits.Heartbeat, given("heartbeat"))
	adopt(&c.Workload, usual.Workload, habits.Workload, given("workload"))
	if c.Workload == habits.Workload {
		adopt(&c.ValueSize, usual.ValueSize, habits.ValueSize, given("value-size"))
		adopt(&c.Clients, usual.Clients, habits.Clients, given("clients"))
		adopt(&c.Rate, usual.Rate, habits.Rate, given("rate"))
	}
	if c.Plan == nil && len(c.Themes) == 0 && !c.Operator && c.Schedule == nil {
		adopt(&c.PlanName, usual.PlanName, habits.Plan, given("plan"))
	}
	if _, err := workload.For(c.Workload, c.ops()); err != nil && c.Workload == usual.Workload && !given("workload") {
		c.Workload = cmp.Or(workload.Fitting(c.ops()), "register")
	}
	if c.Resend == usual.Resend && !given("resend") && !target.Resends(c.Target) {
		c.Resend = 0
	}
}

// adopt sets what nobody chose to what the target has in its place, if anything.
func adopt[T comparable](field *T, usual, own T, given bool) {
	var none T
	if *field == usual && own != none && !given {
		*field = own
	}
}

// Drawn returns the plan of a run: Plan, or the one that is made in its place.
func (c *Config) Drawn() nemesis.Plan {
	switch {
	case c.Plan != nil:
		return *c.Plan
	case c.PlanName == KillsPlan:
		return Kills(*c)
	case c.PlanName == FailoversPlan:
		return Failovers(*c)
	}
	return c.RandomPlan()
}

// asked tells whether members are asked who leads, since neither traces nor taps
// tell.
func (c *Config) asked() bool { return !c.Target.Traced() && !c.tapped() }

// inTime tells which steps of a plan that a person wrote come after the end of the
// faults.
func (c *Config) inTime(bad func(format string, args ...any)) {
	if c.Plan.Generated {
		return
	}
	for i, s := range c.Plan.Steps {
		if at := max(s.At, s.Trigger.From); at >= c.For {
			where := fmt.Sprintf("plan %s: %s", c.PlanName, s.Name(i+1))
			if s.Line > 0 {
				where = fmt.Sprintf("%s:%d", c.PlanName, s.Line)
			}
			bad("%s: %s is not before the end of the faults, which last %s: let the run last longer (--for)", where, at, c.For)
		}
	}
}

// RandomPlan is the plan that a run of c generates if it has none. c is valid.
func (c *Config) RandomPlan() nemesis.Plan {
	plan := nemesis.Generate(c.Seed, c.generating())
	if c.Target != nil && !c.offer().Leads {
		return leaderless(plan, c.Names(), Stream(c.Seed, "leaderless"))
	}
	return plan
}

// generating shapes a random plan for the run.
func (c *Config) generating() nemesis.GenerateOptions {
	var classes, bound []string
	if p := c.Target.Protocol(); p != nil {
		classes = p.Classes()
		bound = slices.DeleteFunc(slices.Clone(classes), p.Lossy)
	}
	offer := c.offer()
	return nemesis.GenerateOptions{
		Nodes:    c.Names(),
		Duration: c.For,
		Election: c.Election,
		Classes:  classes,
		Bound:    bound,
		Events:   append([]string{}, offer.Events...), // none is not all
		Keeps:    offer.Keeps,
		Storage:  c.storage(),
		Files:    offer.Files,
		Below:    offer.Below,
		Density:  c.Density,
		Operator: c.Operator,
		Clients:  c.ProxyClients,
		Themes:   c.Themes,
		Favour:   c.Favour,

		Machine: c.machineFaults(),
		Beside:  c.machineBeside(),
		Named:   slices.Concat(c.DiskFaults, c.machineFaults()),
	}
}

// roleWord finds the words of a step that mean somebody by his role.
var roleWord = regexp.MustCompile(`(^|[ ,])(leader|followers|follower)($|[ ,])`)

// leaderless is a generated plan for a system of which nobody tells who leads: it would
// find nobody to strike. A member that is drawn stands for the leader of a step, and
// others for its followers. As nobody need send heartbeats, what strikes traffic may
// find none.
func leaderless(plan nemesis.Plan, names []string, random *rand.Rand) nemesis.Plan {
	lines := strings.Split(plan.String(), "\n")
	for i, line := range lines {
		step, comment, _ := strings.Cut(line, "#")
		stands := strings.NewReplacer("leader", names[random.IntN(len(names))], "followers", "rest", "follower", "one")
		for range 2 { // words share the blank between them
			step = roleWord.ReplaceAllStringFunc(step, stands.Replace)
		}
		if lines[i] = step; comment != "" {
			lines[i] = step + "#" + comment
		}
	}
	made, err := nemesis.Parse("plan", strings.Join(lines, "\n"))
	if err != nil {
		return plan // some fault means nothing without the word
	}
	made.Generated, made.Themes = plan.Generated, plan.Themes
	for i := range made.Steps { // it may be between two that say nothing to each other
		made.Steps[i].Optional = made.Steps[i].Optional || nemesis.OnTraffic(made.Steps[i].Fault)
	}
	return made
}
