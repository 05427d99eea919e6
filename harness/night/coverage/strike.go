package coverage

import (
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// strike is a fault in force.
type strike struct {
	step   int
	kind   string
	hit    []int // whom it is aimed at
	cut    [][2]int
	roles  []Role // of those that it hits, when it began
	phase  Phase
	struck []bool // of the same, whose process has ended or stood still since
	turns  []turn // of a fault that strikes again and again, what it struck

	boxed  int  // the leader that it cuts off from a majority; -1 for none
	writes bool // … while a write was under way there
}

// turn is what a member, and the cluster, were when one of many strikes of a fault came.
type turn struct {
	role  Role
	phase Phase
}

// aim is who stands where in a step that has come to pass: its kind, and its sides.
type aim struct {
	kind  string
	sides [][]int
	links bool // from the first side to the second, both ways if both
	both  bool
	ring  bool
}

// parse reads a step that has come to pass, "maybe at 2s for 1s drop vote n1 > n2 n3",
// as far as whom it names. Words that are no members mean nothing here.
func parse(resolved string, member func(string) (int, bool)) (aim, bool) {
	words := strings.Fields(resolved)
	for _, skip := range []struct {
		word string
		with int
	}{{"maybe", 0}, {"at", 1}, {"for", 1}} {
		if len(words) > skip.with && words[0] == skip.word {
			words = words[1+skip.with:]
		}
	}
	if len(words) == 0 {
		return aim{}, false
	}
	if at := slices.Index(words, "at"); words[0] == "failpoint" && at > 0 {
		words = slices.Delete(slices.Clone(words), 1, at) // its name is nobody's
	}
	a := aim{kind: words[0], sides: make([][]int, 1), ring: len(words) > 1 && words[0] == "partition" && words[1] == "ring"}
	for _, w := range words[1:] {
		switch w {
		case "|", ">", "<>":
			a.sides = append(a.sides, nil)
			a.links = w != "|"
			a.both = w == "<>"
		default:
			if i, ok := member(w); ok {
				side := &a.sides[len(a.sides)-1]
				*side = append(*side, i)
			}
		}
	}
	return a, true
}

// whom returns whom the step hits, sorted: of two ends of links the smaller one, both
// if they are equal; of the sides of a partition all but the largest, or all if there
// are two of that size; else whom it names. Sides of which nobody is a member, such as
// the clients, count as none.
func (a aim) whom() []int {
	sides := slices.DeleteFunc(slices.Clone(a.sides), func(s []int) bool { return len(s) == 0 })
	slices.SortStableFunc(sides, func(x, y []int) int { return len(x) - len(y) })
	switch n := len(sides); {
	case n < 2 || len(sides[n-1]) == len(sides[n-2]):
	default:
		sides = sides[:n-1]
	}
	all := slices.Concat(sides...)
	slices.Sort(all)
	return slices.Compact(all)
}

// cuts returns the directed links that the step cuts altogether.
func (a aim) cuts(members int) [][2]int {
	var out [][2]int
	cut := func(from, to []int) {
		for _, i := range from {
			for _, j := range to {
				if i != j {
					out = append(out, [2]int{i, j})
				}
			}
		}
	}
	switch {
	case a.kind == "isolate":
		for _, i := range a.sides[0] {
			for j := range members {
				cut([]int{i}, []int{j})
				cut([]int{j}, []int{i})
			}
		}
	case a.kind == "cut" && a.links:
		cut(a.sides[0], a.sides[1])
		if a.both {
			cut(a.sides[1], a.sides[0])
		}
	case a.ring:
		return ring(a.sides[0])
	case a.kind == "partition":
		for i, side := range a.sides {
			for j, other := range a.sides {
				if i != j {
					cut(side, other)
				}
			}
		}
	}
	return out
}

// ring returns the links between those of a ring who do not see each other: everybody
// sees the nearest ones that make a majority with it.
func ring(order []int) [][2]int {
	n := len(order)
	var out [][2]int
	for i, a := range order {
		for j, b := range order {
			if min((i-j+n)%n, (j-i+n)%n) > (n/2+1)/2 {
				out = append(out, [2]int{a, b})
			}
		}
	}
	return out
}

const (
	maxOpen  = 256 // faults in force that are followed
	maxKinds = 64  // kinds of faults, and themes, that are told apart
)

// fault takes what the nemesis did.
func (w *watch) fault(f *history.Fault) {
	switch f.What {
	case history.FaultInject:
		w.injected(f)
	case history.FaultHeal:
		w.ended(f, f.Bit)
	case history.FaultSkipped:
		w.ended(f, false)
	}
}

func (w *watch) injected(f *history.Fault) {
	a, ok := parse(f.Resolved, w.lookup)
	if _, known := w.tally.Kinds[a.kind]; !ok || len(w.open) >= maxOpen || !known && len(w.tally.Kinds) >= maxKinds {
		return
	}
	hit := a.whom()
	if len(hit) == 0 || processKind(a.kind) {
		hit = nil
		for _, name := range f.Nodes {
			if i, ok := w.lookup(name); ok {
				hit = append(hit, i)
			}
		}
	}
	s := &strike{
		step: f.Step, kind: strings.Clone(a.kind), hit: hit, cut: a.cuts(len(w.members)),
		phase: w.phase(), struck: make([]bool, len(hit)), boxed: -1,
	}
	for _, i := range hit {
		s.roles = append(s.roles, w.role(i))
	}
	w.open = append(w.open, s)
	w.freeze(s, true)
	w.recut()
	w.box(s)
	k := w.tally.Kinds[s.kind]
	k.Put++
	w.tally.Kinds[s.kind] = k
	w.changes = w.changes || changesMembers(s.kind)
}

// ended takes the end of a fault in force, and counts where it bit.
func (w *watch) ended(f *history.Fault, bit bool) {
	at := slices.IndexFunc(w.open, func(s *strike) bool { return s.step == f.Step })
	if at < 0 {
		return
	}
	s := w.open[at]
	w.open = slices.Delete(w.open, at, at+1)
	w.freeze(s, false)
	w.recut()
	if !bit || !positive(f.Evidence) {
		return
	}
	k := w.tally.Kinds[s.kind]
	k.Bit++
	w.tally.Kinds[s.kind] = k
	w.unboxed(s)
	for _, c := range s.cells(len(w.members)) {
		w.tally.hit(c)
	}
}

func positive(evidence map[string]int64) bool {
	for _, n := range evidence {
		if n > 0 {
			return true
		}
	}
	return false
}

// cells returns where the fault bit. Of faults on processes it is known of each
// member; of others only as a whole.
func (s *strike) cells(members int) []Cell {
	hit := s.roles
	if processKind(s.kind) {
		hit = nil
		for i, role := range s.roles {
			if s.struck[i] {
				hit = append(hit, role)
			}
		}
	}
	if len(hit) == 0 {
		return nil
	}
	c := Cell{Kind: s.kind, Phase: s.phase, Reach: reachOf(len(hit), members)}
	if inTurn(s.kind) {
		var out []Cell
		for _, t := range s.turns {
			out = append(out, Cell{s.kind, t.role, t.phase, c.Reach})
		}
		return out
	}
	distinct := slices.Clone(hit)
	slices.Sort(distinct)
	distinct = slices.Compact(distinct)
	if !processKind(s.kind) && len(distinct) > 1 {
		distinct = []Role{Mixed}
	}
	var out []Cell
	for _, role := range distinct {
		c.Role = role
		out = append(out, c)
	}
	return out
}

// hurt notes that the harness ends a member's process, or makes it stand still: the
// faults in force that do this to it have bitten there, as what it has been up to now.
func (w *watch) hurt(i int, paused bool) {
	for _, s := range w.open {
		at := slices.Index(s.hit, i)
		if at < 0 || !processKind(s.kind) || paused != (s.kind == "pause") {
			continue
		}
		s.struck[at] = true
		if t := (turn{w.role(i), w.phase()}); inTurn(s.kind) && !slices.Contains(s.turns, t) {
			s.turns = append(s.turns, t)
		}
	}
}

// freeze notes that members stand still, or go on: no signal tells of it.
func (w *watch) freeze(s *strike, on bool) {
	if s.kind != "freeze" {
		return
	}
	for at, i := range s.hit {
		if m := &w.members[i]; !m.gone {
			m.paused = on
			s.struck[at] = s.struck[at] || on
		}
	}
	w.dirty = true
}

// recut adds up which links the faults in force cut.
func (w *watch) recut() {
	for i := range w.members {
		w.members[i].deafTo = 0
	}
	w.parted = false
	for _, s := range w.open {
		for _, l := range s.cut {
			w.members[l[1]].deafTo |= 1 << l[0]
			w.parted = true
		}
	}
}
