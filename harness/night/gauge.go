package night

import (
	"time"

	"github.com/usurper/usurper/harness/night/entry"
)

// gauge finds out how many runs a machine bears side by side: one more after each round
// of runs that were hardly excused for its stalls, fewer after a round that was. A stall
// hides nothing that is not judged by time, and makes nothing invalid; but a run that is
// excused for most of its time says little about how long elections take, and at some
// point is unknown.
type gauge struct {
	width, most int
	tooWide     int // the last width that was, 0 if none was
	since       int // rounds since then
	round       round
}

// round is what became of the runs since the width was last looked at.
type round struct {
	runs, poor       int // poor are those that are unknown or broken, which is not to come of width
	excused, elapsed time.Duration
}

const (
	// calmEnough is the share of excused time below which there is room for one more run,
	// tooRestless that above which there are too many.
	calmEnough, tooRestless = 0.25, 0.5
	// perCPU bounds how many runs go on side by side for each processor.
	perCPU = 16
	// restFor is how many rounds a width that was too wide is not tried again.
	restFor = 10
)

// newGauge begins with a run for each processor.
func newGauge(cpus int) *gauge {
	return &gauge{width: max(1, cpus), most: max(1, min(perCPU*cpus, maxParallel))}
}

// take learns from a run that has ended. scarce says that memory runs out.
func (g *gauge) take(e *entry.Entry, scarce bool) {
	g.round.runs++
	g.round.elapsed += e.Elapsed
	g.round.excused += e.Excused
	if e.Class == entry.Unknown || e.Class == entry.Broken {
		g.round.poor++
	}
	if g.round.runs < g.width { // those that began before are not of this width
		return
	}
	r := g.round
	g.round = round{}
	g.since++
	share := 0.0
	if r.elapsed > 0 {
		share = float64(r.excused) / float64(r.elapsed)
	}
	switch {
	case scarce || share > tooRestless || r.poor > 0 && share > calmEnough:
		g.tooWide, g.since = g.width, 0
		g.width = max(1, g.width-max(1, g.width/4))
	case share < calmEnough && r.poor == 0 && (g.width+1 < g.tooWide || g.tooWide == 0 || g.since >= restFor):
		g.width = min(g.width+1, g.most)
	}
}
