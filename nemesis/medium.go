package nemesis

import (
	"slices"
	"time"
)

// The share of kills that are power failures, where there are any: of a plan, and of the
// theme that is about them.
const (
	powerShare      = 0.4
	powerThemeShare = 0.8
)

// can tells whether the disk or the machine can do a fault, by its first word, and whether
// the plan may have it.
func (g *generator) can(fault string) bool {
	switch fault {
	case "":
		return true
	case "power-failure":
		return len(g.Keeps) > 0
	}
	return slices.Contains(g.Storage, fault) || slices.Contains(g.Machine, fault)
}

// keep draws what disks keep: two of three times a part, where they can.
func (g *generator) keep() Keep {
	from := g.Keeps
	if g.tears() {
		if g.media.IntN(3) > 0 || len(from) == 1 {
			return g.seeded(KeepSome)
		}
		from = slices.DeleteFunc(slices.Clone(from), func(keep string) bool { return keep == KeepSome })
	}
	return g.seeded(from[g.media.IntN(len(from))])
}

// tears tells whether disks keep a part of what was under way.
func (g *generator) tears() bool { return slices.Contains(g.Keeps, KeepSome) }

// seeded draws what of it, where only some is kept.
func (g *generator) seeded(keep string) Keep {
	k := Keep{What: keep}
	if k.What == KeepSome {
		k.Seed = 1 + g.media.Uint64N(maxSeed)
	}
	return k
}

// outage is a power failure.
func (g *generator) outage(who Target) Fault {
	return g.quieten(PowerFailure{Who: who, Keep: g.keep()})
}

// quieten lets every other power failure come when clients have their answers. Where some of
// what is under way is kept there has to be something.
func (g *generator) quieten(f PowerFailure) PowerFailure {
	f.Quiet = f.Keep.What != KeepSome && g.media.IntN(2) == 0
	return f
}

// empower lets some of the kills be power failures, where there are any.
func (g *generator) empower(s Step) Step {
	if len(g.Keeps) == 0 || g.media.Float64() >= g.share {
		return s
	}
	switch f := s.Fault.(type) {
	case Kill:
		s.Fault = g.outage(f.Who)
	case Restart:
		s.Fault = g.outage(f.Who)
		s.For = g.round(time.Duration((0.2 + 0.8*g.media.Float64()) * float64(g.Election)))
	case Staggered:
		if kill, ok := f.Of.(Kill); ok {
			s.Fault = Staggered{Of: g.outage(kill.Who)}
		}
	}
	return s
}

// recovery is how long, in election timeouts, members may need after a fault of the disk or
// the machine until they are heard again.
const recovery = 5

// excuseForMedia lets steps find no traffic that may come while a fault of the disk or the
// machine has stopped it: it may last longer than the kill in whose place it is.
func (g *generator) excuseForMedia() {
	for _, s := range g.steps {
		if !OnPower(s.Fault) && !OnMachine(s.Fault) && !OnFiles(s.Fault) {
			continue
		}
		from := max(s.At, s.Trigger.From)
		until := max(s.At, s.Repeat.Until, s.Trigger.Until+s.Trigger.After) + s.For + recovery*g.Election
		for i := range g.steps {
			if t := &g.steps[i]; OnTraffic(t.Fault) && t.At < until && t.At+t.For >= from {
				t.Optional = true
			}
		}
	}
}

// outageActs are those of power alone, of the theme that is about it.
func outageActs() []act {
	return []act{
		{members: 1, out: everybody, needs: "power-failure", write: promisesInTheDark},
		{members: 3, out: everybody, needs: "power-failure", write: darkAfterDark},
		{members: 3, out: everybody, needs: "power-failure", write: darkVoters},
		{members: 3, out: everybody, needs: "power-failure", write: darkInElection},
		{members: 1, out: everybody, needs: "power-failure", write: darkAtSnapshot},
	}
}

// promisesInTheDark takes the power away as soon as somebody was told that his write is
// done: it is on disks, or lost.
func promisesInTheDark(g *generator) {
	who := []Target{"all", "all", "majority", "leader", "one"}[g.random.IntN(5)]
	length := g.span(0.3, 1.5)
	f := g.outage(who)
	if g.random.IntN(3) == 0 {
		length, f = g.span(2, 4), Staggered{Of: g.outage("all")}
	}
	if g.sees(Acknowledged) {
		g.on(Trigger{On: Acknowledged, From: g.start}, g.span(1, 2), length, f)
	} else {
		g.process(g.span(0, 1), length, f)
	}
	g.recover()
}

// darks is how often all lose their power in what a plan begins with, and dueDarks how often
// in any plan, however long elections take.
const (
	darks    = 4
	dueDarks = 2
)

// darken puts power failures of all, if there are any, between the acts of the overture: the
// first and every other one keeps the least, those between the most. One more is of who
// stands or votes: what a member promised then is not in what clients read.
func (g *generator) darken(d *decks) {
	if len(g.Keeps) == 0 {
		return
	}
	for i := range darks {
		keep := g.Keeps[i%2*(len(g.Keeps)-1)]
		write := func(g *generator) { g.dark(i, keep) }
		g.begin(d, i, act{members: 1, out: everybody, due: i < dueDarks, write: write})
	}
	for i, write := range []func(*generator){darkVoters, darkInElection} {
		if len(g.Nodes) >= 3 && g.sees("vote-granted") {
			g.begin(d, 1+i, act{members: 3, out: everybody, write: write})
		}
	}
}

// oblige puts between them what somebody asked for by name, by itself, or, of disks that lose no power,
// one fault that they have; and reserves the time for all that is due.
func (g *generator) oblige(d *decks) {
	names := g.Named
	ofDisk := func(name string) bool { return slices.Contains(g.Storage, name) }
	if len(g.Keeps) == 0 && len(g.Storage) > 0 && !slices.ContainsFunc(names, ofDisk) {
		names = append(slices.Clone(names), g.Storage[g.media.IntN(len(g.Storage))])
	}
	due := slices.DeleteFunc(mediumActs(), func(a act) bool { return !slices.Contains(names, a.needs) })
	for i, a := range g.shuffled(due) {
		a.out, a.due = everybody, true
		g.begin(d, i, a)
	}
	for _, a := range d.overture {
		if a.due {
			g.due++
		}
	}
	if g.due > 0 {
		g.slot = min(g.limit*3/10, g.limit*9/10/time.Duration(g.due))
	}
}

// dark takes the power from all: the first time in any case, later as soon as clients have
// been told that something is done, while more of it is under way. Those that are not due come
// where a log gives way to a snapshot, and files are made and deleted.
func (g *generator) dark(i int, keep string) {
	f := g.quieten(PowerFailure{Who: "all", Keep: g.seeded(keep)})
	if i >= dueDarks && g.sees("snapshot") && !g.tears() {
		t := Trigger{On: "snapshot"}
		if g.media.IntN(2) == 0 {
			t.After = g.round(time.Duration(g.media.IntN(30)) * time.Millisecond)
		}
		g.on(t, g.span(8, 10), g.span(0.3, 1), f)
	} else if i > 0 && g.sees(Acknowledged) {
		t := Trigger{On: Acknowledged, After: g.round(time.Duration(g.media.IntN(200)) * time.Millisecond)}
		g.on(t, g.span(3, 4), g.span(0.3, 1), f)
	} else {
		g.process(g.span(0.5, 1), g.span(0.3, 1), f)
	}
	g.recover()
}

// flickerEvery is of how many acts one is a flicker, where disks keep a part, and flickers
// how often the power goes in it.
const (
	flickerEvery = 4
	flickers     = 3
)

// flicker takes the power from all or most of them again and again, in the midst of what
// they write, with as much time between as they need to serve again: of one failure in
// a few what is left is what somebody misreads.
func flicker(g *generator) {
	begin := g.start
	for range flickers {
		f := PowerFailure{Who: []Target{"all", "all", "majority"}[g.media.IntN(3)], Keep: g.seeded(KeepSome)}
		if g.sees(Acknowledged) {
			t := Trigger{On: Acknowledged, After: g.round(time.Duration(g.media.Float64() * float64(g.Election)))}
			g.on(t, g.span(2, 3), g.span(0.3, 0.8), f)
		} else {
			g.process(g.span(0.5, 2), g.span(0.3, 0.8), f)
		}
		g.recover()
		g.start = g.end
	}
	g.start = begin
}

// darkAfterDark takes the power away twice: from a few, then from the rest; or from all,
// and again when they have just come back.
func darkAfterDark(g *generator) {
	if g.random.IntN(2) == 0 {
		g.process(0, g.span(2, 3), g.outage("minority"))
		g.process(g.span(0.5, 1.5), g.span(0.5, 1.5), g.outage("all")) // who is down already loses what was not synced
	} else {
		first := g.span(0.3, 1)
		g.process(0, first, g.outage("all"))
		g.process(first+g.span(0.3, 2.5), g.span(0.3, 1), g.outage("all"))
	}
	g.recover()
}

// darkAtSnapshot takes the power away where logs give way to snapshots.
func darkAtSnapshot(g *generator) {
	t := Trigger{On: []string{"snapshot", "install", "truncate"}[g.random.IntN(3)]}
	if g.random.IntN(2) == 0 {
		t.After = g.round(time.Duration(g.random.IntN(20)) * time.Millisecond)
	}
	g.on(t, g.span(6, 9), g.span(0.3, 1.5), g.outage([]Target{"it", "it", "all"}[g.random.IntN(3)]))
	g.process(g.span(2, 4), g.span(0.3, 1), g.outage("all"))
	g.recover()
}

// mediumActs are of disks that are slow and full, and of machines.
func mediumActs() []act {
	return append([]act{
		{members: 1, out: 1, needs: "slow-sync", write: slowDisk},
		{members: 1, out: minority, needs: "full", write: fullDisk},
		{members: 1, out: minority, needs: "bit-rot", write: rotten},
		{members: 1, out: minority, needs: "fail-sync", write: meddleWith("fail-sync")},
		{members: 1, out: minority, needs: "fail-write", write: meddleWith("fail-write")},
		{members: 1, out: minority, needs: "lost-write", write: meddleWith("lost-write")},
		{members: 1, out: minority, needs: "short-write", write: meddleWith("short-write")},
	}, machineActs()...)
}

func machineActs() []act {
	return []act{
		{members: 1, out: 1, needs: "slow", write: slowMachine},
		{members: 1, out: 1, needs: "starve", write: starve},
		{members: 1, out: minority, needs: "freeze", write: frozen},
		{members: 1, out: 0, needs: "clock", write: wrongClock},
		{members: 1, out: 1, needs: "deaf", write: deafen},
	}
}

// besideEvery is of how many acts one is of the machine, where it has such beside others.
const besideEvery = 8

// besideActs are of machines, as far as the plan has them beside others.
func (g *generator) besideActs() []act {
	acts := slices.DeleteFunc(machineActs(), func(a act) bool { return !slices.Contains(g.Beside, a.needs) })
	for i := range acts {
		acts[i].needs = ""
	}
	return acts
}

// someFiles draws a class of files, or all of them.
func (g *generator) someFiles() string {
	if n := g.random.IntN(len(g.Files) + 1); n < len(g.Files) {
		return g.Files[n]
	}
	return ""
}

// failing draws which files a fault of the disk is of.
func (g *generator) failing() string {
	if files := g.someFiles(); !g.Below {
		return files
	}
	return ""
}

// slowDisk lets syncs take as long as elections do: half of the time until the member is
// killed, with a few under way.
func slowDisk(g *generator) {
	mean, length := g.span(0.1, 1), g.span(4, 8)
	who := []Target{"leader", "one", "all", "majority"}[g.random.IntN(4)]
	g.rare(0, length, FileFault{Action: "slow-sync", Who: who, Delay: mean, Jitter: g.round(mean / 2), Files: g.failing()})
	if len(g.Keeps) > 0 || g.random.IntN(2) == 0 {
		g.rare(length/2, g.span(1, 2), g.inMidst())
		g.recover()
	}
}

// inMidst takes a leader away in the midst of syncs, which what it has promised does not
// wait for; or, with the power, all.
func (g *generator) inMidst() Fault {
	if len(g.Keeps) == 0 {
		return Kill{"leader"}
	}
	return PowerFailure{Who: []Target{"leader", "all"}[g.media.IntN(2)], Keep: g.keep()}
}

// fullDisk leaves no space: half of the time for so long that those who take space seldom,
// in files made beforehand, need some. Who went on regardless is killed then, so that he has
// to read what there was space for.
func fullDisk(g *generator) {
	who := []Target{"leader", "one", "minority"}[g.random.IntN(3)]
	if len(g.Nodes) < 3 {
		who = "one"
	}
	length := g.span(3, 6)
	if g.random.IntN(2) == 0 {
		length = g.span(15, 40)
	}
	g.rare(0, length, FileFault{Action: "full", Who: who})
	g.rare(length-g.span(0.2, 1), g.span(0.5, 2), Kill{Same})
	g.recover()
}

func slowMachine(g *generator) {
	who := []Target{"leader", "one", "all"}[g.random.IntN(3)]
	g.rare(0, g.span(5, 9), Constrained{who, Constraint{CPU: g.percent(5, 30)}})
}

func starve(g *generator) {
	g.rare(0, g.span(5, 9), Constrained{"one", Constraint{Share: float64(100 + 5*g.random.IntN(5))}})
	g.recover()
}

func frozen(g *generator) {
	who := []Target{"leader", "one", "minority"}[g.random.IntN(3)]
	if len(g.Nodes) < 3 {
		who = "one"
	}
	length := g.span(2, 5)
	g.rare(0, length, Constrained{who, Constraint{Freeze: true}})
	if who == "leader" && g.media.IntN(3) > 0 { // it goes on, and nobody tells it that it was replaced
		g.rare(0, length+g.span(1, 2), Isolate{Same})
	}
}

// wrongClock gives members another time: that of others, or one that goes to and fro.
func wrongClock(g *generator) {
	if len(g.Nodes) >= 3 && g.random.IntN(4) == 0 {
		turnedBack(g) // not under another clock: two do not go together
		return
	}
	var c Clock
	switch g.random.IntN(4) {
	case 0:
		c.Offset = []time.Duration{time.Minute, time.Hour, 24 * time.Hour}[g.random.IntN(3)]
	case 1:
		c.Offset = -[]time.Duration{5 * time.Second, time.Minute, time.Hour}[g.random.IntN(3)]
	case 2:
		c.Drift = []float64{-100_000, -500, 500, 100_000}[g.random.IntN(4)]
	default:
		c.Offset, c.Every = time.Duration(1+g.random.IntN(10))*time.Second, max(g.span(0.5, 2), 50*time.Millisecond)
	}
	least, who := g.span(5, 9), []Target{"leader", "one", "all"}[g.random.IntN(3)]
	g.rare(0, max(least, min(g.span(20, 60), g.limit-g.start)), Constrained{who, Constraint{Clock: &c}})
	g.end = g.start + least // it takes nobody away: other acts go on under it
	begin := g.start
	g.start += g.span(1, 2)
	switch next := g.random.IntN(3); {
	case next == 0:
		g.rare(g.Election, g.span(1, 2), Kill{"leader"})
	case next == 1 && len(g.Nodes) >= 3 && g.has("heartbeat-response"): // by its clock a leader may lead still
		oldAnswers(g)
	}
	g.start = begin
}

func deafen(g *generator) {
	g.rare(0, g.span(3, 6), Deaf{[]Target{"leader", "one"}[g.random.IntN(2)]})
	g.recover()
}
