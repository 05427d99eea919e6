package morning

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/night/entry"
)

// Doubt is a reason for which a night's silence proves nothing.
type Doubt struct {
	// About is what the doubt is about: control, cell, fault, plan, shard, or night;
	// Name says which, where there are several: of controls that were not tried for one
	// reason all, with ", " between them.
	About string `json:"about"`
	Name  string `json:"name,omitempty"`
	Text  string `json:"text"` // one printable line
}

// The things that a doubt may be about.
const (
	aboutControl = "control"
	aboutCell    = "cell"
	aboutFault   = "fault"
	aboutPlan    = "plan"
	aboutShard   = "shard"
	aboutNight   = "night"
)

// doubts lists them: whether it came to its end, whether it can see, and what it saw.
func (t *Tally) doubts(n *Night, controls []Control, cells []Cell) []Doubt {
	all := append(t.short(n.Parts), t.unseeing(controls)...)
	all = append(all, t.vacuous(cells)...)
	if !n.Shard {
		for _, m := range missing(n.Parts) {
			all = append(all, Doubt{aboutShard, "", m})
		}
	}
	var said []string
	for _, p := range n.Parts {
		for _, d := range p.Doubts {
			if !slices.Contains(said, d) {
				said = append(said, d)
				all = append(all, Doubt{aboutNight, "", d})
			}
		}
	}
	return all
}

// unseeing doubts what checkers would have seen whose controls are not red. Those that
// were not tried for one reason are one doubt.
func (t *Tally) unseeing(controls []Control) []Doubt {
	var all []Doubt
	type group struct{ names, checkers []string }
	var whys []string
	untriedFor := make(map[string]*group)
	for _, c := range controls {
		if len(t.judged) > 0 && !t.judged[c.Checker] {
			continue // it had nothing to judge in any run, whatever it sees; the page tells that
		}
		switch c.State {
		case green:
			all = append(all, Doubt{aboutControl, c.Name, fmt.Sprintf(
				"control %s stayed green, tried %s: whether %s would have seen anything is not known", c.Name, count.Times(c.Tries), c.Checker)})
		case untried:
			why := "not tried"
			if c.Tries > 0 {
				why = "tried " + count.Times(c.Tries) + " in vain"
			}
			why += " (" + cmp.Or(c.Untried, "its turn did not come") + ")"
			g := untriedFor[why]
			if g == nil {
				g = &group{}
				untriedFor[why] = g
				whys = append(whys, why)
			}
			g.names = append(g.names, c.Name)
			if !slices.Contains(g.checkers, c.Checker) {
				g.checkers = append(g.checkers, c.Checker)
			}
		}
	}
	for _, why := range whys {
		g := untriedFor[why]
		word := "control %s was %s"
		if len(g.names) > 1 {
			word = "controls %s were %s"
		}
		names := strings.Join(g.names, ", ")
		all = append(all, Doubt{aboutControl, names, fmt.Sprintf(word+": whether %s would have seen anything is not known", names, why, strings.Join(g.checkers, ", "))})
	}
	return all
}

// Of so many steps of a kind in force, or planned, none biting is no chance: in 76 runs of
// random plans 72 % of those in force bit of the kind that did least (duplicate), and 48 %
// of those planned (restart), so that one night of a hundred would have none.
const (
	firedInVain   = 5
	plannedInVain = 7
)

// needs says what a kind of fault takes to bite, "" for a kind that is not known.
func needs(kind string) string {
	switch kind {
	case "delay", "throttle", "drop", "duplicate", "reorder", "hold", "cut", "partition", "isolate":
		return "; it takes messages of its class on those links meanwhile: more operations, longer steps"
	case "reset", "refuse":
		return "; it takes connections on those links that are open, or dialled meanwhile: longer steps, or kills beside it"
	case "kill", "pause", "restart", "restart-storm", "rolling-restart":
		return "; it takes members that run, and are not paused or killed already: fewer faults at a time (density)"
	case "defragment", "compact", "snapshot-save", "move-leader", "remove", "replace":
		return "; it takes members that answer, and a majority: fewer faults at a time (density)"
	case "failpoint":
		return "; it takes members that are built with failpoints, and come to that one"
	}
	return ""
}

// vacuous doubts what never happened: cells that did not run or were never answered,
// kinds of fault that never bit.
func (t *Tally) vacuous(cells []Cell) []Doubt {
	var all []Doubt
	for _, c := range cells {
		switch {
		case c.Runs.All == 0:
			all = append(all, Doubt{aboutCell, c.Name, fmt.Sprintf("cell %s was never run", c.Name)})
		case c.Runs.Valid+c.Runs.Invalid == 0:
			all = append(all, Doubt{aboutCell, c.Name, fmt.Sprintf("cell %s came to no verdict: of %s %d unknown, %d broken", c.Name, count.Many(c.Runs.All, "run"), c.Runs.Unknown, c.Runs.Broken)})
		case c.answered == 0:
			all = append(all, Doubt{aboutCell, c.Name, fmt.Sprintf("cell %s: no operation succeeded in %s with a verdict", c.Name, count.Many(c.Runs.Valid+c.Runs.Invalid, "run"))})
		}
	}
	if t.unread > 0 {
		all = append(all, Doubt{aboutNight, "", fmt.Sprintf("what %s covered cannot be read", count.Many(t.unread, "run"))})
	}
	for _, f := range t.kinds() {
		switch {
		case t.bitten[f.Kind] || f.Fired < firedInVain && f.Planned < plannedInVain:
		case f.Fired == 0:
			all = append(all, Doubt{aboutFault, f.Kind, fmt.Sprintf("fault %s never came into force, though planned %s: whom or what it waits for was never there", f.Kind, count.Times(f.Planned))})
		case f.Bit > 0:
			all = append(all, Doubt{aboutFault, f.Kind, fmt.Sprintf("fault %s bit only in runs that came to no verdict", f.Kind)})
		default:
			all = append(all, Doubt{aboutFault, f.Kind, fmt.Sprintf("fault %s never bit: in force %s, and no evidence of it%s", f.Kind, count.Times(f.Fired), needs(f.Kind))})
		}
	}
	return all
}

// byChance is how many runs of a cell are no chance.
const byChance = 3

// hidden doubts a night that no finding fails, and its cells of several runs, if no run
// was valid or it ended for its invalid runs: whatever else is broken hides behind what
// is known.
func (t *Tally) hidden(parts []entry.Facts, cells []Cell) []Doubt {
	var all []Doubt
	for _, p := range parts {
		if p.Failures > 0 && t.runs.Invalid >= p.Failures && (p.Runs == 0 || t.made[p.Night] < p.Runs) {
			all = append(all, Doubt{aboutPlan, p.Night, fmt.Sprintf("%s ended after %s, of known findings alone", partName(p, parts), count.Many(t.runs.Invalid, "invalid run"))})
		}
	}
	if t.runs.Invalid > 0 && t.runs.Valid == 0 {
		return append(all, Doubt{aboutNight, "", "no run was valid: what known findings hide is not known"})
	}
	for _, c := range cells {
		if c.Runs.Invalid >= byChance && c.Runs.Valid == 0 {
			all = append(all, Doubt{aboutCell, c.Name, fmt.Sprintf("cell %s: none of %s was valid: what known findings hide is not known", c.Name, count.Many(c.Runs.All, "run"))})
		}
	}
	return all
}

// short doubts nights that did not do what they were asked for.
func (t *Tally) short(parts []entry.Facts) []Doubt {
	var all []Doubt
	asked, enough := make(map[string]int), make(map[string]bool)
	var nights []string
	for _, p := range parts {
		if !slices.Contains(nights, p.Night) {
			nights = append(nights, p.Night)
		}
		asked[p.Night] += p.Runs
		if p.Failures > 0 && t.runs.Invalid >= p.Failures {
			enough[p.Night] = true
		}
		switch {
		case p.Stopped != "":
			all = append(all, Doubt{aboutPlan, p.Night, fmt.Sprintf("%s ended before its plan did: %s", partName(p, parts), p.Stopped)})
		case p.Ended.IsZero():
			all = append(all, Doubt{aboutPlan, p.Night, fmt.Sprintf("%s has not ended: it goes on, or was killed", partName(p, parts))})
		}
	}
	for _, n := range nights {
		if made := t.made[n]; made < asked[n] && !enough[n] {
			all = append(all, Doubt{aboutPlan, n, fmt.Sprintf("%s made %d of the %s that were asked for", nightName(n, nights), made, count.Many(asked[n], "run"))})
		}
	}
	return all
}

func nightName(night string, all []string) string {
	if len(all) == 1 {
		return "the night"
	}
	return "night " + night
}

// partName is "the night", "shard 2 of 4", or either with the night's name.
func partName(p entry.Facts, all []entry.Facts) string {
	several := slices.ContainsFunc(all, func(o entry.Facts) bool { return o.Night != p.Night })
	switch {
	case p.Shards > 1 && several:
		return fmt.Sprintf("shard %d of %d of night %s", p.Shard, p.Shards, p.Night)
	case p.Shards > 1:
		return fmt.Sprintf("shard %d of %d", p.Shard, p.Shards)
	case several:
		return "night " + p.Night
	}
	return "the night"
}

// missing tells which shards of the nights are not among the parts.
func missing(parts []entry.Facts) []string {
	var lines []string
	have, of := make(map[string]map[int]bool), make(map[string]int)
	var nights []string
	for _, p := range parts {
		if have[p.Night] == nil {
			have[p.Night] = make(map[int]bool)
			nights = append(nights, p.Night)
		}
		have[p.Night][p.Shard] = true
		of[p.Night] = max(of[p.Night], p.Shards)
	}
	for _, n := range nights {
		var lack []string
		for i := 1; i <= of[n]; i++ {
			if !have[n][i] {
				lack = append(lack, fmt.Sprint(i))
			}
		}
		if len(lack) > 0 {
			lines = append(lines, fmt.Sprintf("%s lacks of its %s: %s", nightName(n, nights), count.Many(of[n], "shard"), strings.Join(lack, ", ")))
		}
	}
	return lines
}
