package picture

import (
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// Live draws a run while it goes on: it takes events as they come, and can be looked at
// between any two.
type Live struct {
	m *maker
	s Source
}

// NewLive begins a picture. Of the source it uses all but the events; Length says how wide
// the columns are of what clients do.
func NewLive(s Source) *Live { return &Live{newMaker(&s), s} }

// Event takes the next event, which is valid only during the call.
func (l *Live) Event(e *history.Event) { l.m.event(e) }

// Picture returns the picture of the events so far, which later ones do not change.
func (l *Live) Picture() Picture {
	m := *l.m
	m.p.Missing = slices.Clone(m.p.Missing)
	m.p.Stalls = slices.Clone(m.p.Stalls)
	m.faults.bands = slices.Clone(m.faults.bands)
	m.lanes = make([]*lane, len(l.m.lanes))
	for i, from := range l.m.lanes {
		own := *from
		for t := range own.told {
			own.told[t].stays = slices.Clone(own.told[t].stays)
		}
		m.lanes[i] = &own
	}
	m.windows = make([]*window, len(l.m.windows))
	for i, from := range l.m.windows {
		own := *from
		own.ops, own.Operations, own.Messages = slices.Clone(own.ops), slices.Clone(own.Operations), slices.Clone(own.Messages)
		m.windows[i] = &own
	}
	c := &m.clients
	c.windows = m.windows
	c.took = slices.Clone(c.took)
	for _, counts := range []*[]int{&c.c.OK, &c.c.Fail, &c.c.Info} {
		*counts = slices.Clone(*counts)
	}
	for _, times := range []*[]int64{&c.c.P50, &c.c.P95, &c.c.Max, &c.c.Least} {
		*times = slices.Clone(*times)
	}
	return m.finish(&l.s)
}
