package picture

import (
	"slices"

	"github.com/usurper/usurper/nemesis"
)

// Strain is a stretch in which a fault of its machine or of its files is in force at a
// member that goes on with it: slow, starve, clock, deaf, slow-sync, full and the like. Who stands
// still, or is down, has a Stay that says so.
type Strain struct {
	Span
	Kind string `json:"kind"` // the fault's word
	Step int    `json:"step"`
}

// strains tells whether a fault is one, as far as anybody knows that it did anything.
func (b *band) strains() bool {
	if b.Outcome != Bit && b.Outcome != NotHealed {
		return false
	}
	step, err := nemesis.ParseStep(b.resolved)
	if err != nil {
		return false
	}
	switch f := step.Fault.(type) {
	case nemesis.Constrained:
		return !f.Freeze
	case nemesis.Deaf, nemesis.FileFault:
		return true
	}
	return false
}

// strain notes the bands that are strains in the lanes of whom they touched.
func strain(lanes []Lane, bands []band) {
	for i := range bands {
		b := &bands[i]
		if !b.strains() {
			continue
		}
		for k := range lanes {
			if slices.Contains(b.Members, lanes[k].Member) {
				lanes[k].Strains = append(lanes[k].Strains, Strain{Span: b.Span, Kind: b.Kind, Step: b.Step})
			}
		}
	}
}

// Strained are the stretches of a lane's strains, in order, those that touch as one.
func (l *Lane) Strained() []Span {
	spans := make([]Span, len(l.Strains))
	for i, s := range l.Strains {
		spans[i] = s.Span
	}
	return merged(spans)
}
