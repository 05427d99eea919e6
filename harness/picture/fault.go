package picture

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
)

const (
	maxBands = 1500
	maxCuts  = 20_000
)

// What became of faults, as bands say it.
const (
	Bit        = "bit"
	NoBite     = "did not bite"
	Skipped    = "skipped"
	NoTarget   = "no target"
	NotFired   = "not fired"
	NotStarted = "not started"
	NotHealed  = "not healed"
)

// faults follows the steps of the plan.
type faults struct {
	bands []band
	open  map[int]int // by step: index of its band
	more  int         // beyond those that are drawn
}

type band struct {
	Band
	resolved string
}

func (f *faults) take(e *history.Event) {
	fault := e.Fault
	at, known := f.open[fault.Step]
	if fault.What == history.FaultInject || !known {
		if len(f.bands) >= maxBands {
			f.more++
			return
		}
		at = len(f.bands)
		f.bands = append(f.bands, bandOf(e))
	}
	if fault.What == history.FaultInject {
		if f.open == nil {
			f.open = make(map[int]int)
		}
		f.open[fault.Step] = at
		return
	}
	delete(f.open, fault.Step)
	f.bands[at].ends(e)
}

// bandOf begins a band: one that an inject begins has no end yet.
func bandOf(e *history.Event) band {
	fault := e.Fault
	text := cmp.Or(fault.Resolved, fault.Text)
	b := band{resolved: strings.Clone(fault.Resolved), Band: Band{
		Span: Span{e.At, e.At}, Step: fault.Step, Seq: e.Seq, Text: brief(text, aLine), Kind: kindOf(text),
		Members: []string{}, Outcome: NotHealed, Open: fault.What == history.FaultInject,
	}}
	for _, n := range fault.Nodes {
		b.Members = append(b.Members, brief(n, aWord))
	}
	return b
}

func (b *band) ends(e *history.Event) {
	fault := e.Fault
	b.To, b.Open = max(e.At, b.From), false
	switch fault.What {
	case history.FaultHeal:
		b.Outcome = NoBite
		if fault.Bit {
			b.Outcome = Bit
		}
	case history.FaultSkipped:
		b.Outcome = Skipped
	case history.FaultNoTarget:
		b.Outcome = NoTarget
	case history.FaultNotFired:
		b.Outcome = NotFired
	case history.FaultNotStarted:
		b.Outcome = NotStarted
	default:
		b.Outcome = brief(string(fault.What), aWord)
	}
	said := counts(fault.Evidence, slices.Sorted(maps.Keys(fault.Evidence)))
	if fault.Reason != "" {
		said = strings.TrimPrefix(said+"; "+fault.Reason, "; ")
	}
	b.Evidence = brief(said, aLine)
}

// finish returns the bands, and what they did to links.
func (f *faults) finish(m *maker) ([]Band, []Cut) {
	bands, cuts := []Band{}, []Cut{}
	var members []string
	for _, l := range m.lanes {
		members = append(members, l.name)
	}
	more := 0
	for i := range f.bands {
		b := &f.bands[i]
		if b.Open {
			b.To = m.end
		}
		bands = append(bands, b.Band)
		if b.Outcome == Skipped && b.From == b.To {
			continue
		}
		links := b.cuts(members)
		if len(cuts)+len(links) > maxCuts {
			more++
			continue
		}
		cuts = append(cuts, links...)
	}
	if f.more > 0 {
		m.lack(count.Many(f.more, "event") + " of faults beyond the first 1500 are not drawn")
	}
	if more > 0 {
		m.lack("the links of " + count.Many(more, "fault") + " are not drawn: there are too many")
	}
	return bands, cuts
}

// cuts returns what the fault did to links: nothing if it never was in force.
func (b *band) cuts(members []string) []Cut {
	switch b.Outcome {
	case NoTarget, NotFired, NotStarted:
		return nil
	}
	step, err := nemesis.ParseStep(b.resolved)
	if err != nil {
		return nil
	}
	kind := b.Kind
	if len(nemesis.Cuts(step.Fault, members)) > 0 {
		kind = "cut"
	}
	var out []Cut
	for _, l := range nemesis.Links(step.Fault, members) {
		out = append(out, Cut{Span: b.Span, From: l[0], To: l[1], Kind: kind, Step: b.Step})
	}
	return out
}

// kindOf returns the word that a step's fault begins with.
func kindOf(text string) string {
	if step, err := nemesis.ParseStep(text); err == nil {
		word, _, _ := strings.Cut(step.Fault.String(), " ")
		return word
	}
	words := strings.Fields(text) // of another version
	for len(words) > 1 && (words[0] == "maybe" || words[0] == "at" || words[0] == "for") {
		words = words[1:]
		if _, err := time.ParseDuration(words[0]); err == nil && len(words) > 1 {
			words = words[1:]
		}
	}
	if len(words) == 0 {
		return ""
	}
	return brief(words[0], aWord)
}
