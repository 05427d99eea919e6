package morning

import (
	"time"

	"github.com/usurper/usurper/harness/night/finding"
)

// Filed are the findings of a store.
func Filed(all []finding.Finding) []Finding {
	list := make([]Finding, len(all))
	for i := range all {
		list[i] = filed(&all[i])
	}
	return list
}

func filed(f *finding.Finding) Finding {
	v := Finding{
		ID: f.ID, Status: Status(f.Status), Target: f.Target, Checker: f.Checker, Rule: f.Rule, Shape: f.Shape,
		Text: f.Text, Label: f.Label,
		K: f.Rate.K, N: f.Rate.N, Low: f.Low, High: f.High,
		First: seenIn(f.First), Last: seenIn(f.Last), State: f.Again(), Commands: f.Commands(),
		Possibly: f.Alike, Several: f.Several, Muted: f.Muted,
	}
	if len(f.Examples) > 0 {
		v.Example = f.Examples[0].Dir
	}
	if len(f.Minimal) > 0 {
		v.Minimal = f.Minimal[0].Plan
	}
	if f.Mute != nil {
		v.Until, _ = time.Parse(time.DateOnly, f.Mute.Until) // a store holds no other
	}
	return v
}

func seenIn(s finding.Sighting) Seen { return Seen{s.Time.UTC(), s.System, s.Harness} }
