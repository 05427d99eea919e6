package draw

import (
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/usurper/usurper/nemesis"
)

// fault is a kind of fault, with how to draw one.
type fault struct {
	name string // its first word
	draw func(*rapid.T) nemesis.Fault
}

// faults lists all kinds, the plainest first. Those that partition or have
// traffic of messages stand there more than once: they have the most to vary.
func (d drawer) faults(triggered bool) []fault {
	who := func(t *rapid.T) nemesis.Target { return d.members(t, triggered) }
	link := func(action string) fault {
		return fault{action, func(t *rapid.T) nemesis.Fault { return d.traffic(t, action, triggered) }}
	}
	operation := func(name string) fault {
		return fault{name, func(t *rapid.T) nemesis.Fault { return nemesis.Operation{Name: name, Who: who(t)} }}
	}
	return []fault{
		{"kill", func(t *rapid.T) nemesis.Fault { return nemesis.Kill{Who: who(t)} }},
		{"pause", func(t *rapid.T) nemesis.Fault { return nemesis.Pause{Who: who(t)} }},
		{"restart", func(t *rapid.T) nemesis.Fault { return nemesis.Restart{Who: who(t)} }},
		{"isolate", func(t *rapid.T) nemesis.Fault { return nemesis.Isolate{Who: who(t)} }},
		link("cut"), link("drop"), link("delay"), link("hold"), link("duplicate"), link("reorder"),
		{"partition", func(t *rapid.T) nemesis.Fault { return d.partition(t, triggered) }},
		{"partition", func(t *rapid.T) nemesis.Fault { return d.shape(t) }},
		link("refuse"), link("reset"), link("throttle"),
		{"kill", func(t *rapid.T) nemesis.Fault {
			return d.staggered(t, func(who nemesis.Target) nemesis.Fault { return nemesis.Kill{Who: who} }, triggered)
		}},
		{"pause", func(t *rapid.T) nemesis.Fault {
			return d.staggered(t, func(who nemesis.Target) nemesis.Fault { return nemesis.Pause{Who: who} }, triggered)
		}},
		{"restart-storm", func(t *rapid.T) nemesis.Fault {
			return nemesis.RestartStorm{Who: who(t), Every: d.positive(t, "every")}
		}},
		{"rolling-restart", func(t *rapid.T) nemesis.Fault {
			return nemesis.RollingRestart{Who: maybe(t, who), Every: d.positive(t, "every")}
		}},
		operation(nemesis.OpDefragment), operation(nemesis.OpCompact), operation(nemesis.OpSnapshot),
		{nemesis.OpMoveLeader, func(t *rapid.T) nemesis.Fault { return nemesis.MoveLeader{To: "follower"} }},
		{"remove", func(t *rapid.T) nemesis.Fault { return nemesis.Remove{Who: who(t)} }},
		{"replace", func(t *rapid.T) nemesis.Fault { return nemesis.Replace{Who: who(t)} }},
		{"power-failure", func(t *rapid.T) nemesis.Fault { return d.power(t, triggered) }},
		d.meddling("slow-sync", triggered), d.meddling("fail-sync", triggered), d.meddling("fail-write", triggered),
		d.meddling("full", triggered), d.meddling("short-write", triggered), d.meddling("lost-write", triggered),
		{"bit-rot", func(t *rapid.T) nemesis.Fault {
			rot := nemesis.FileRot{How: rapid.SampledFrom([]string{"", "flip", "truncate", "zero"}).Draw(t, "how"), Files: d.files(t)}
			rot.Seed = rapid.Uint64Range(0, 100).Draw(t, "seed")
			return nemesis.BitRot{Who: who(t), FileRot: rot}
		}},
		d.constrained("clock", triggered), d.constrained("slow", triggered), d.constrained("starve", triggered), d.constrained("freeze", triggered),
		{"deaf", func(t *rapid.T) nemesis.Fault { return nemesis.Deaf{Who: who(t)} }},
		{"failpoint", func(t *rapid.T) nemesis.Fault {
			name := rapid.StringMatching(`[a-zA-Z_][a-zA-Z0-9_]{0,5}(/[a-zA-Z.-]{1,5})?`).Draw(t, "failpoint")
			sleep := time.Duration(rapid.IntRange(0, 50).Draw(t, "sleep")) * time.Millisecond
			return nemesis.Failpoint{Name: name, Sleep: sleep, Who: who(t)}
		}},
	}
}

// staggered draws a fault whose members come back one by one, now and then at times of
// which each is known.
func (d drawer) staggered(t *rapid.T, of func(nemesis.Target) nemesis.Fault, triggered bool) nemesis.Fault {
	if !rare(t, "known times") {
		return nemesis.Staggered{Of: of(d.members(t, triggered))}
	}
	who := d.some(t)
	f := nemesis.Staggered{Of: of(who)}
	for range strings.Fields(string(who)) {
		f.Back = append(f.Back, d.positive(t, "back"))
	}
	return f
}

func (d drawer) fault(t *rapid.T, triggered bool) nemesis.Fault {
	kinds := slices.DeleteFunc(d.faults(triggered), func(f fault) bool { return d.Omit(f.name) })
	n := rapid.IntRange(0, len(kinds)-1).Draw(t, "fault")
	return kinds[n].draw(t)
}

func (d drawer) traffic(t *rapid.T, action string, triggered bool) nemesis.Fault {
	f := nemesis.Traffic{Action: action, From: d.end(t, triggered), To: d.end(t, triggered), Both: rare(t, "both")}
	switch action {
	case "delay":
		f.Delay = d.positive(t, "delay")
		if rare(t, "jittered") {
			f.Jitter = d.Unit * time.Duration(rapid.IntRange(1, int(f.Delay/d.Unit)).Draw(t, "jitter"))
		}
	case "throttle":
		f.Rate = rapid.Int64Range(1, 1<<40).Draw(t, "rate")
		return f
	case "cut", "refuse", "reset":
		return f
	}
	if d.clients(f.From) || d.clients(f.To) {
		return f // nothing there is decoded
	}
	if rapid.Bool().Draw(t, "classed") {
		f.Class = rapid.SampledFrom(d.Classes).Draw(t, "class")
	}
	if action != "hold" && rare(t, "chancy") {
		f.Percent = float64(rapid.IntRange(1, 199).Draw(t, "half percents")) / 2
	}
	if rare(t, "few") {
		f.First = rapid.IntRange(1, 5).Draw(t, "first")
	}
	return f
}

func (d drawer) partition(t *rapid.T, triggered bool) nemesis.Fault {
	sides := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) nemesis.Target { return d.end(t, triggered) }), 2, 3).Draw(t, "sides")
	return nemesis.Partition{Sides: sides}
}

// shape draws one of the partitions that have a name.
func (d drawer) shape(t *rapid.T) nemesis.Fault {
	switch rapid.IntRange(0, 3).Draw(t, "shape") {
	case 0:
		return nemesis.Halves{}
	case 1:
		return nemesis.Bridge{}
	case 2:
		return nemesis.Bridge{Over: nemesis.Target(rapid.SampledFrom([]string{"leader", "follower", "n1"}).Draw(t, "bridge"))}
	}
	if len(d.names()) < 4 {
		return nemesis.Halves{}
	}
	return nemesis.Ring{Order: maybe(t, func(t *rapid.T) nemesis.Target {
		return join(rapid.Permutation(d.names()).Draw(t, "ring"))
	})}
}

// members draws a target of members alone: mostly one word, else some names.
func (d drawer) members(t *rapid.T, triggered bool) nemesis.Target {
	words := slices.DeleteFunc(nemesis.Words(), func(w nemesis.Word) bool {
		return w.Name == nemesis.Clients || w.Name == "it" && !triggered
	})
	if n := rapid.IntRange(0, len(words)+2).Draw(t, "word"); n < len(words) {
		return nemesis.Target(words[n].Name)
	}
	return d.some(t)
}

// end is members for an end of a link or a side, which may be clients, everybody
// and several words.
func (d drawer) end(t *rapid.T, triggered bool) nemesis.Target {
	switch n := rapid.IntRange(0, 9).Draw(t, "end"); {
	case n < 3:
		return "*"
	case n == 8 && slices.Contains(d.Nodes, nemesis.Clients):
		return nemesis.Clients
	case n == 9:
		return join([]string{string(d.members(t, triggered)), string(d.members(t, triggered))})
	}
	return d.members(t, triggered)
}

// some draws names of members.
func (d drawer) some(t *rapid.T) nemesis.Target {
	return join(rapid.SliceOfNDistinct(rapid.SampledFrom(d.names()), 1, min(3, len(d.names())), rapid.ID).Draw(t, "names"))
}

func (d drawer) names() []string {
	return slices.DeleteFunc(slices.Clone(d.Nodes), func(n string) bool { return n == nemesis.Clients })
}

func (d drawer) clients(target nemesis.Target) bool {
	return slices.Contains(strings.Fields(string(target)), nemesis.Clients)
}

// maybe draws a target or none, which then has a meaning of its own.
func maybe(t *rapid.T, who func(*rapid.T) nemesis.Target) nemesis.Target {
	if rapid.Bool().Draw(t, "named") {
		return who(t)
	}
	return ""
}

func join(words []string) nemesis.Target { return nemesis.Target(strings.Join(words, " ")) }
