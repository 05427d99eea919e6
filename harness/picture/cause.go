package picture

import (
	"slices"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/slice"
)

// MaxCauses is of how many violations a picture tells what can have led to them.
const MaxCauses = 10

// Causes are what can have led to a violation, as far as the history shows it.
type Causes struct {
	Proof int `json:"proof"` // index in Proofs
	// Events are nearest first: those of the proof, then those that led to them at once.
	Events  []Cause  `json:"events"`
	Joins   []Join   `json:"joins"`
	Left    string   `json:"left"`    // what is left out and why, a sentence
	Unknown []string `json:"unknown"` // what the history does not tell, a sentence each
}

// Cause is an event of a causal slice.
type Cause struct {
	Point
	Distance int `json:"distance"` // in joins from the proof, 0 for one of its events
}

// Join says that one event came before another, and how that is known.
type Join struct {
	From int    `json:"src"` // index in Events
	To   int    `json:"dst"`
	How  string `json:"how"` // a remark on the earlier of the two
}

// Explain adds to Causes a slice of the run, made for the violation v of the checker by.
// One that Proofs do not have is left out.
func (p *Picture) Explain(s *slice.Slice, by string, v *checker.Violation) {
	c := Causes{Events: []Cause{}, Joins: []Join{}, Left: s.Left(), Unknown: s.Unknown}
	c.Proof = slices.IndexFunc(p.Proofs, func(q Proof) bool {
		n := len(q.Events)
		return q.Checker == brief(by, aLine) && q.Rule == brief(v.Rule, aLine) && n > 0 && q.Events[n-1].Seq == v.Proven()
	})
	if c.Proof < 0 {
		return
	}
	at := make(map[uint64]int, len(s.Events))
	for i := range s.Events {
		at[s.Events[i].Seq] = i
		c.Events = append(c.Events, Cause{pointOf(&s.Events[i].Event, p.Lanes), s.Events[i].Distance})
	}
	for _, e := range s.Edges {
		c.Joins = append(c.Joins, Join{at[e.From], at[e.To], e.How.String()})
	}
	p.Causes = append(p.Causes, c)
}
