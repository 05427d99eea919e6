package nemesis

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// GenerateOptions shapes a random plan.
type GenerateOptions struct {
	Nodes    []string      // the members
	Duration time.Duration // how long faults may go on; the last 15 % stay quiet
	// Election is the election timeout T, by which everything is measured. 0
	// means 150 ms.
	Election time.Duration
	// Classes are the classes of messages that the network tells apart. Without
	// any, the plan has no fault that needs to.
	Classes []string
	// Bound are those of Classes whose messages may be neither lost nor doubled nor
	// overtaken: where others' would be, connections are lost or late.
	Bound []string
	// Events are those of [Triggers] that are ever seen; nil means all.
	Events []string
	// Operator lets administrators take part: they defragment, compact, move the
	// lead, change members.
	Operator bool
	// Clients says that clients are behind the proxy layer, so that there are faults
	// between them and members.
	Clients bool
	// Keeps are what disks may keep at a power failure, of the Keep constants: without any,
	// the plan has no power failures. With some, all lose power twice at least if there is
	// time, and power failures take the place of some of its kills.
	Keeps []string
	// Storage names those of slow-sync, full, fail-sync, fail-write, short-write, lost-write
	// and bit-rot that the plan may have. Files are the classes of files that are told apart,
	// by all of them or, if disks fail Below their file systems, by bit-rot alone.
	Storage []string
	Files   []string
	Below   bool
	// Machine names those of clock, slow, starve, freeze and deaf that the plan may have, and
	// Beside those that it has now and then, though nobody named them.
	Machine, Beside []string
	// Named are those of Storage and Machine that somebody asked for: the plan has each of them,
	// early, if it is not too short for that.
	Named []string
	// Density divides the pauses between faults. 0 means 1.
	Density float64
	// Themes are the names of those [Themes] that the plan is about; those that
	// CheckThemes refuses are left out. None: one to three are drawn.
	Themes []string
	// Favour is a theme that takes the place of the first one that is drawn, unless it is
	// drawn anyway, cannot be played, or Themes says what the plan is about. "" is none.
	Favour string
}

// Generate invents a plan: acts of a few steps each, two thirds of them of its themes,
// the others of all kinds, every now and then before the cluster has got over the last
// one. The plan depends on seed and options alone.
//
// The cluster is meant to make progress: acts that overlap take away a
// minority together, no partition lasts, and there are quiet stretches. Every
// step that is not marked optional fires, and bites on a live cluster whose leader
// sends heartbeats; while it has none, a step that names one may find nobody, which
// nobody's plan is blamed for.
func Generate(seed uint64, o GenerateOptions) Plan {
	if o.Election <= 0 {
		o.Election = 150 * time.Millisecond
	}
	if o.Density <= 0 {
		o.Density = 1
	}
	g := &generator{GenerateOptions: o, random: rand.New(source(seed, "plan")), media: rand.New(source(seed, "media")), share: powerShare}
	g.limit = o.Duration * 85 / 100
	g.Themes = slices.DeleteFunc(slices.Clone(o.Themes), func(name string) bool {
		t, ok := themed(name)
		return !ok || !g.plays(t)
	})
	if len(g.Themes) == 0 {
		g.Themes = g.favour(g.drawThemes(seed))
	}
	g.compose()
	g.excuseForMedia()
	return Plan{Steps: ordered(g.steps), Generated: true, Themes: g.Themes}
}

// ordered returns the steps in the order of their times, but that those which go on
// with whom the one before them hit stay behind it.
func ordered(steps []Step) []Step {
	var chains [][]Step
	for _, s := range steps {
		if last := len(chains) - 1; links(s.Fault) && last >= 0 {
			chains[last] = append(chains[last], s)
			continue
		}
		chains = append(chains, []Step{s})
	}
	slices.SortStableFunc(chains, func(a, b []Step) int {
		return cmp.Compare(max(a[0].At, a[0].Trigger.From), max(b[0].At, b[0].Trigger.From))
	})
	return slices.Concat(chains...)
}

// generator writes one plan.
type generator struct {
	GenerateOptions
	random *rand.Rand
	media  *rand.Rand // for what comes in the place of something else, so that the rest stays
	share  float64    // of kills that are power failures, while there are any
	limit  time.Duration
	steps  []Step
	slot   time.Duration // what is reserved for each act that is due
	due    int           // how many of them are still to come
	weak   []string      // who may lose what was synced, see frail

	// The act that is being written: its start, its end so far, and whether the
	// one before it is still going on.
	start, end time.Duration
	overlaps   bool
}

// compose deals acts until several in a row are too long for the time left. It begins
// with what every system must bear. Of the acts after that two of three are of a theme,
// each theme for a stretch of the plan after the other; of the rest, the undercurrent,
// two of three are essential.
func (g *generator) compose() {
	d := decks{themes: make([]deck, len(g.Themes))}
	var last, lastButOne window
	quiet := 8 + g.random.IntN(4)
	for misses, n := 0, 0; misses < 8; n++ {
		a, ok := g.next(&d, n)
		if !ok {
			return
		}
		g.place(a, last, lastButOne)
		if quiet--; quiet <= 0 && !a.due {
			quiet = 8 + g.random.IntN(4)
			g.start, g.overlaps = g.round(max(last.end, lastButOne.end)+g.span(6, 9)), false
		}
		before := len(g.steps)
		if !g.write(a) {
			misses++
			continue
		}
		if g.overlaps {
			g.excuse(g.steps[:before])
		}
		lastButOne, last = last, window{start: g.start, end: g.end, out: g.out(a)}
	}
}

// stretch is how many acts, a third of them not its own, a theme has at a time.
const stretch = 3

// decks are what acts are dealt from.
type decks struct {
	overture                      deck // what is left of it
	opened                        bool
	essentials, extras, operators deck
	themes                        []deck // one for each of the plan's
	media, beside                 deck
	changes                       int // of the theme
}

// next deals the n-th act. Where a theme takes over, it brings its weather.
func (g *generator) next(d *decks, n int) (act, bool) {
	g.share = powerShare
	if a, ok := g.open(d); ok {
		return a, true
	}
	if n%flickerEvery == 2 && g.tears() {
		return act{members: 1, out: everybody, write: flicker}, true
	}
	if n%5 == 3 && len(g.Storage)+len(g.Machine) > 0 {
		if a, ok := g.deal(&d.media, mediumActs); ok {
			return a, true
		}
	}
	if n%besideEvery == 6 && len(g.Beside) > 0 {
		if a, ok := g.deal(&d.beside, g.besideActs); ok {
			return a, true
		}
	}
	if g.Operator && n%4 == 1 {
		return g.deal(&d.operators, maintenance)
	}
	if n%3 != 2 && len(g.Themes) > 0 {
		turn := n / stretch % len(g.Themes)
		t, _ := themed(g.Themes[turn])
		if n/stretch >= d.changes {
			d.changes = n/stretch + 1
			g.weather(t)
		}
		if a, ok := g.deal(&d.themes[turn], t.acts); ok {
			if t.power {
				g.share = powerThemeShare
			}
			return a, true
		}
	}
	if n%9 == 8 {
		return g.deal(&d.extras, extraActs)
	}
	return g.deal(&d.essentials, essentialActs)
}

// window is the time of an act, and how many members it takes away at most.
type window struct {
	start, end time.Duration
	out        int
}

// firstFault is when the first fault comes at the latest, however long elections take.
const firstFault = 300 * time.Millisecond

// place chooses when the next act begins: some time after the last one, or, if
// both together leave a majority, now and then in the midst of it.
func (g *generator) place(a act, last, lastButOne window) {
	gap := time.Duration(float64(g.span(0.3, 1.2)) / g.Density)
	inside := last.start + g.round(time.Duration(g.random.Float64()*float64(last.end-last.start)))
	together := g.random.Float64() < 0.75 && last.out+g.out(a) <= (len(g.Nodes)-1)/2
	if last.end == 0 { // the cluster leads and serves already
		gap = min(gap/2, firstFault)
	}
	if a.due {
		gap = min(gap, g.slot/4)
	}
	g.start, g.overlaps = g.round(max(last.end, lastButOne.end)+gap), false
	if together && inside > lastButOne.end && last.end > 0 {
		g.start, g.overlaps = inside, true
	}
}

// write writes an act, or nothing if it would go on for too long. What is due is shortened
// until there is room.
func (g *generator) write(a act) bool {
	before, timeout := len(g.steps), g.Election
	defer func() { g.Election = timeout }()
	if a.due {
		g.due--
	}
	for {
		g.end = g.start
		a.write(g)
		if g.end <= g.limit-time.Duration(g.due)*g.slot {
			return true
		}
		g.steps = g.steps[:before]
		if g.Election /= 2; !a.due || g.Election < time.Millisecond {
			return false
		}
	}
}

// excuse lets those steps find no traffic that begin while the act just written
// may have stopped it.
func (g *generator) excuse(steps []Step) {
	for i := range steps {
		if s := &steps[i]; OnTraffic(s.Fault) && s.At >= g.start && s.At < g.end {
			s.Optional = true
		}
	}
}

func (g *generator) out(a act) int {
	switch a.out {
	case minority:
		return (len(g.Nodes) - 1) / 2
	case everybody:
		return len(g.Nodes)
	}
	return a.out
}

// deck is a stack of acts, shuffled anew when it is used up.
type deck []act

func (g *generator) deal(d *deck, all func() []act) (act, bool) {
	if len(*d) == 0 {
		*d = g.shuffled(all())
	}
	if len(*d) == 0 {
		return act{}, false
	}
	a := (*d)[0]
	*d = (*d)[1:]
	return a, true
}

// shuffled returns the acts that are possible here, in any order.
func (g *generator) shuffled(acts []act) deck {
	d := deck(slices.DeleteFunc(acts, func(a act) bool { return !g.possible(a) }))
	g.random.Shuffle(len(d), func(i, j int) { d[i], d[j] = d[j], d[i] })
	return d
}

func (g *generator) has(class string) bool { return slices.Contains(g.Classes, class) }

// sees tells whether such an event is ever seen.
func (g *generator) sees(event string) bool {
	return g.Events == nil || slices.Contains(g.Events, event)
}

func (g *generator) possible(a act) bool {
	for _, class := range a.classes {
		if !slices.Contains(g.Classes, class) {
			return false
		}
	}
	return len(g.Nodes) >= a.members && (g.Clients || !a.clients) && g.can(a.needs)
}

// process adds a step that attacks processes, offset into the act. These always
// bite.
func (g *generator) process(offset, length time.Duration, f Fault) {
	g.add(Step{At: g.start + offset, For: length, Fault: f})
}

// again adds a step that attacks processes again and again for as long as length.
func (g *generator) again(every, length time.Duration, f Fault) {
	g.add(Step{At: g.start, Repeat: Repeat{Every: every, Jitter: every / 2, Until: g.start + length}, Fault: f})
}

// recover leaves the cluster time, after the last step of an act, to come up and elect.
func (g *generator) recover() {
	g.end += time.Duration(float64(g.span(2, 4)) / g.Density)
}

// network adds a step that attacks traffic which flows as long as there is a
// leader or an election, unless another act is in the way. Two members may have no
// connection at an instant, while one of them waits to dial the other again.
func (g *generator) network(offset, length time.Duration, f Fault) {
	alone := f.Span() == Instant && len(g.Nodes) < 3
	g.add(Step{At: g.start + offset, For: length, Fault: f, Optional: g.overlaps || alone})
}

// rare adds a step that attacks traffic which may not come by.
func (g *generator) rare(offset, length time.Duration, f Fault) {
	g.add(Step{At: g.start + offset, For: length, Fault: f, Optional: true})
}

// on adds a triggered step that waits from the start of the act for as long as
// wait. Its event may not come.
func (g *generator) on(t Trigger, wait, length time.Duration, f Fault) {
	if !g.sees(t.On) {
		return
	}
	t.From, t.Until = g.start, g.start+wait
	g.add(Step{Trigger: t, For: length, Fault: f, Optional: true})
}

func (g *generator) add(s Step) {
	s = g.empower(g.substitute(s))
	g.steps = append(g.steps, s)
	length := s.For
	if s.Fault.Span() == Instant {
		length = g.Election
		if r, ok := s.Fault.(RollingRestart); ok {
			length = r.Every * time.Duration(len(g.Nodes))
		}
	}
	g.end = max(g.end, max(s.At, s.Repeat.Until)+length, s.Trigger.Until+s.Trigger.After+length)
}

// span draws a time between low and high election timeouts.
func (g *generator) span(low, high float64) time.Duration {
	return g.round(time.Duration((low + g.random.Float64()*(high-low)) * float64(g.Election)))
}

// round keeps plans readable.
func (g *generator) round(d time.Duration) time.Duration {
	return max(d.Round(10*time.Millisecond), 10*time.Millisecond)
}

// percent draws one of a few readable percentages.
func (g *generator) percent(low, high int) float64 {
	return float64(5 * (low/5 + g.random.IntN((high-low)/5+1)))
}

// pick draws one of some faults.
func (g *generator) pick(faults ...Fault) Fault { return faults[g.random.IntN(len(faults))] }
