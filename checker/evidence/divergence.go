package evidence

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Divergence checks that all members hold the same data, as they tell of
// themselves once everything is healed, and now and then before:
//
//   - At one revision there is one state. Members whose digests, keys or values
//     differ at the same revision have diverged, whenever each was asked.
//   - A log has one meaning. Members that have applied the same entries and stay
//     at different revisions have diverged, even where what they share agrees.
//
// Digests depend on how far the past was forgotten: they are compared between
// members that have forgotten as much, and a difference counts only once a key
// shows it. A revision and the index that was applied are not read at one instant:
// a difference between them counts once it has lasted for lastingRounds and
// lastingTime in which nothing moved. Members that never came to rest, or did not
// tell, make the verdict unknown. Amid the run only the first rule is asked, of the
// members that told their keys at one revision, and nothing is unknown: who is late or
// away is no worse for it (moments.go). A member that ended by itself, as it may where its files
// fail, is left out, which is told.
//
// Who was robbed of what he had synced cannot be held to all of that: what follows from it is
// unknown ([Disks.Differing]).
//
// That acknowledged writes are there is not its business: where members hold the
// same, final reads, which "linearizable" and "set" judge, show it for all.
type Divergence struct {
	verdict.Findings
	nodes  []string
	rounds []*round
	hashes map[string]history.Event // by member
	data   map[string]history.Event
	differ []history.Event
	silent []history.Event // members that did not tell
	asked  bool
	ends   ends
	disks  Disks
	away   []string // those left out, and why
	moments
}

// round is what the members told when all were asked for their position.
type round struct {
	number int
	at     time.Duration
	told   map[string]history.Event
}

// How long members must stay as they are before different revisions count.
const (
	lastingRounds = 5
	lastingTime   = time.Second
)

// NewDivergence returns the checker "divergence".
func NewDivergence() *Divergence {
	return &Divergence{hashes: make(map[string]history.Event), data: make(map[string]history.Event), ends: newEnds()}
}

// Name returns "divergence".
func (*Divergence) Name() string { return "divergence" }

// Early returns AsEventsCome: what members show amid the run is judged at once.
func (*Divergence) Early() verdict.Early { return verdict.AsEventsCome }

// Kinds returns Others.
func (*Divergence) Kinds() verdict.Kinds { return verdict.Others }

// Event takes the next event.
func (c *Divergence) Event(e *history.Event) {
	s := e.State
	c.disks.Event(e)
	switch {
	case s == nil:
		if e.Run != nil && e.Run.What == history.RunBegin {
			c.nodes = slices.Clone(e.Run.Nodes)
		}
		if !c.asked { // from then on they are stopped
			c.ends.event(e)
		}
		return
	case s.Amid:
		c.amid(e)
		return
	}
	c.asked = true
	if s.What == history.StatePosition {
		c.position(e)
		return
	}
	switch {
	case s.Error != "":
		c.silent = append(c.silent, verdict.Keep(e))
	case s.What == history.StateHash:
		c.hashes[s.Node] = verdict.Keep(e)
	case s.What == history.StateData:
		c.data[s.Node] = verdict.Keep(e)
	case s.What == history.StateDiffer:
		c.differ = append(c.differ, verdict.Keep(e))
	}
}

func (c *Divergence) position(e *history.Event) {
	var last *round
	if n := len(c.rounds); n > 0 {
		last = c.rounds[n-1]
	}
	if last == nil || last.number != e.State.Round {
		last = &round{number: e.State.Round, at: e.At, told: make(map[string]history.Event)}
		c.rounds = append(c.rounds, last)
	}
	if e.State.Error == "" {
		last.told[e.State.Node] = verdict.Keep(e)
	}
}

// Finish gives the verdict.
func (c *Divergence) Finish() verdict.Result {
	c.Count("rounds", int64(len(c.rounds)))
	c.Count("members", int64(len(c.hashes)))
	if c.compared > 0 {
		c.Count("comparisons amid the run", c.compared)
	}
	switch {
	case c.Violated(): // amid the run
		return c.Result(c.Name(), "")
	case !c.asked:
		return c.Unchecked(c.Name(), "no member was asked for its data")
	}
	c.leaveOut()
	if c.keys(); !c.Violated() {
		c.revisions()
	}
	if c.Violated() {
		return c.result("")
	}
	for _, e := range c.silent {
		if slices.Contains(c.nodes, e.State.Node) {
			c.Unknown("%s did not tell its %s: %s", e.State.Node, e.State.What, e.State.Error)
		}
	}
	if len(c.nodes) > 0 {
		c.restless()
	}
	switch {
	case len(c.nodes) < 2 && len(c.away) > 0:
		return c.Unchecked(c.Name(), "fewer than two members are left", c.away...)
	case len(c.nodes) < 2:
		return c.Unchecked(c.Name(), "there is one member")
	}
	return c.result(c.agreement())
}

// leaveOut goes on without the members that ended by themselves, as they may.
func (c *Divergence) leaveOut() {
	c.nodes = slices.DeleteFunc(c.nodes, func(n string) bool {
		how, why, ok := c.ends.excused(n)
		if ok {
			c.away = append(c.away, fmt.Sprintf("%s is left out: it %s, as it may after %s", n, how, why))
		}
		return ok
	})
}

func (c *Divergence) result(summary string) verdict.Result {
	r := c.Result(c.Name(), summary)
	r.Told = strings.Join(c.away, "; ")
	return r
}

// keys finds members that hold something else than the others at one revision.
func (c *Divergence) keys() {
	var first *history.State
	var evidence []history.Event
	for _, e := range c.differ {
		s := e.State
		if s.Revision == 0 || first != nil && s.Revision != first.Revision {
			continue // each was read at a revision of its own
		}
		if first == nil {
			first = s
		}
		evidence = append(evidence, e)
	}
	if first != nil {
		c.differAt(first, c.data, evidence)
	}
}

// differAt finds that members hold something else at the key of s, given what each
// showed at that revision.
func (c *Divergence) differAt(s *history.State, data map[string]history.Event, evidence []history.Event) {
	if len(s.Held) == 0 {
		return
	}
	for _, t := range data {
		if t.State.Revision == s.Revision {
			evidence = append(evidence, t)
		}
	}
	by := groups(s.Held, digestOf(s, data))
	if !majority(by) { // each has diverged from the others, but not here
		by = groups(s.Held, atKey)
	}
	c.differs("members hold different data", by, fmt.Sprintf("at revision %d, %s", s.Revision, verdict.HeldText(s)), evidence)
}

// differs notes that members differ, of which the groups hold the same, unless faults that
// came before the last of the evidence may have done that.
func (c *Divergence) differs(rule string, by [][]string, how string, evidence []history.Event) {
	text, last := blame(by)+": "+how, uint64(0)
	for i := range evidence {
		last = max(last, evidence[i].Seq)
	}
	if why := c.disks.Differing(odd(by), last); why != "" {
		c.Unknown("%s; but %s", text, why)
		return
	}
	c.Violate(rule, text, evidence...)
}

// digestOf returns what tells a member's data apart from another's: a digest of
// all of it, or else what it holds at the key.
func digestOf(s *history.State, data map[string]history.Event) func(history.Held) string {
	return func(h history.Held) string {
		if d, ok := data[h.Node]; ok && d.State.Revision == s.Revision {
			return fmt.Sprint(d.State.Hash)
		}
		return atKey(h)
	}
}

func atKey(h history.Held) string { return fmt.Sprint(h.Missing, h.Revision, h.Rest, h.Value) }

// revisions finds members that stay at different revisions having applied the
// same entries.
func (c *Divergence) revisions() {
	still := c.still()
	if len(still) == 0 {
		return
	}
	first, last := still[0], still[len(still)-1]
	position := func(n string) *history.State { return last.told[n].State }
	var held []history.Held
	for _, n := range slices.Sorted(maps.Keys(last.told)) {
		if position(n).Applied != position(c.nodes[0]).Applied {
			return
		}
		held = append(held, history.Held{Node: n, Revision: position(n).Revision})
	}
	by := groups(held, func(h history.Held) string { return fmt.Sprint(h.Revision) })
	if len(by) == 1 {
		return
	}
	if len(still) < lastingRounds || last.at-first.at < lastingTime {
		c.Unknown("members are at different revisions, but were not seen to stay there: %s", positions(held))
		return
	}
	evidence := slices.Collect(maps.Values(first.told))
	evidence = slices.AppendSeq(evidence, maps.Values(last.told))
	for _, e := range c.differ {
		if e.State.Revision == 0 {
			evidence = append(evidence, e)
		}
	}
	c.differs("members at different revisions of one log", by, fmt.Sprintf("having applied entries up to %d, and for %s, %s",
		position(c.nodes[0]).Applied, verdict.Seconds(last.at-first.at), positions(held)), evidence)
}

// still returns the last rounds in which every member told, and all the same.
func (c *Divergence) still() []*round {
	n := len(c.rounds)
	for i := n - 1; i >= 0; i-- {
		if len(c.rounds[i].told) < max(len(c.nodes), 1) || !same(c.rounds[i], c.rounds[n-1]) {
			return c.rounds[i+1:]
		}
	}
	return c.rounds
}

func same(a, b *round) bool {
	return maps.EqualFunc(a.told, b.told, func(x, y history.Event) bool {
		return x.State.Revision == y.State.Revision && x.State.Applied == y.State.Applied
	})
}

// restless says why nothing can be said where digests are missing or tell too
// little.
func (c *Divergence) restless() {
	for _, n := range c.nodes {
		if len(c.hashes) == 0 {
			c.Unknown("the members never came to rest at one revision: %s", c.lastPositions())
			return
		}
		if _, ok := c.hashes[n]; !ok {
			c.Unknown("%s did not tell a digest of its data", n)
		}
	}
	if c.agree(c.hashes, true) || c.Undecided() {
		return
	}
	comparable := c.agree(c.hashes, false)
	switch {
	case len(c.data) < len(c.nodes) || !c.agree(c.data, true):
		c.Unknown("the digests of the members' data differ, and no key was found that does: %s", c.digests())
	case !comparable:
		c.Unknown("the digests of the members' data differ, but read key by key the data is the same: %s", c.digests())
	}
}

// agree tells whether what the members told is the same. It compares only
// members that have forgotten as much of the past, if whole is false.
func (c *Divergence) agree(told map[string]history.Event, whole bool) bool {
	hashes := make(map[digestPoint]uint64)
	for _, e := range told {
		p := digestPoint{e.State.Revision, e.State.Compacted}
		if h, ok := hashes[p]; ok && h != e.State.Hash {
			return false
		}
		hashes[p] = e.State.Hash
	}
	return !whole || len(hashes) <= 1
}

// agreement says what was found to be the same.
func (c *Divergence) agreement() string {
	for _, told := range []map[string]history.Event{c.data, c.hashes} {
		for _, e := range told {
			text := fmt.Sprintf("%s hold the same data at revision %d", count.Many(len(told), "member"), e.State.Revision)
			if e.State.What == history.StateData {
				text += fmt.Sprintf(", %s read one by one", count.Many(e.State.Keys, "key"))
			}
			if c.compared > 0 {
				text += fmt.Sprintf(", and did when compared %s before", count.Many(c.compared, "time"))
			}
			return text
		}
	}
	return ""
}

func (c *Divergence) lastPositions() string {
	if len(c.rounds) == 0 {
		return "none told its position"
	}
	told := c.rounds[len(c.rounds)-1].told
	var parts []string
	for _, n := range c.nodes {
		if e, ok := told[n]; ok {
			parts = append(parts, fmt.Sprintf("%s at %d having applied %d", n, e.State.Revision, e.State.Applied))
		} else {
			parts = append(parts, n+" did not answer")
		}
	}
	return strings.Join(parts, ", ")
}

func (c *Divergence) digests() string {
	var parts []string
	for _, n := range slices.Sorted(maps.Keys(c.hashes)) {
		s := c.hashes[n].State
		parts = append(parts, fmt.Sprintf("%s %08x at %d since %d", n, s.Hash, s.Revision, s.Compacted))
	}
	return strings.Join(parts, ", ")
}

func positions(held []history.Held) string {
	var parts []string
	for _, h := range held {
		parts = append(parts, fmt.Sprintf("%s is at revision %d", h.Node, h.Revision))
	}
	return strings.Join(parts, ", ")
}
