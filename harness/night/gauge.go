package night

import (
	"time"

	"github.com/usurper/usurper/harness/night/entry"
)

// gauge finds out how many runs a machine bears side by side: more after each round of
// runs that were hardly excused for its stalls, by a quarter until it was too many once
// and then one at a time, fewer after a round that was. A stall hides nothing that is not
// judged by time, and makes nothing invalid; but a run that is excused for most of its
// time says little about how long elections take, and at some point is unknown.
//
// Runs that began at another width tell of that one, too. After some were taken away they
// are worse than what is to be judged, and would have more taken away for the same
// trouble: they do not count. After some were added they are better: they are evidence
// that it is too many, which should be known soon, and none that there is room for more.
type gauge struct {
	width, most int
	tooWide     int       // the last width that was, 0 if none was
	rest, since int       // how many rounds that one is not tried again, and how many it was not
	from        time.Time // since when runs begin at this width
	fewer       bool      // which is less than the one before
	late, fresh round     // of the last runs, and of those that began at this width
}

// round is what became of some runs.
type round struct {
	runs, poor       int // poor are those that are unknown or broken, which is not to come of width
	excused, elapsed time.Duration
}

func (r *round) add(e *entry.Entry) {
	r.runs++
	r.elapsed += e.Elapsed
	r.excused += e.Excused
	if e.Class == entry.Unknown || e.Class == entry.Broken {
		r.poor++
	}
}

// share is that of the excused time.
func (r *round) share() float64 {
	if r.elapsed <= 0 {
		return 0
	}
	return float64(r.excused) / float64(r.elapsed)
}

const (
	// calmEnough is the share of excused time below which there is room for one more run,
	// tooRestless that above which there are too many.
	calmEnough, tooRestless = 0.25, 0.5
	// perCPU bounds how many runs go on side by side for each processor.
	perCPU = 16
	// restFor is how many rounds a width that was too wide is not tried again, and twice
	// as many each time that it still is, longest at most: another machine would do, or a
	// neighbour who has gone home.
	restFor, longest = 10, 80
)

// newGauge begins with a run for each processor.
func newGauge(cpus int) *gauge {
	return &gauge{width: max(1, cpus), most: max(1, min(perCPU*cpus, maxParallel)), rest: restFor}
}

// take learns from a run that has ended. scarce says that memory runs out.
// Tries of controls do not count: they end at once, where one stall is most of a run, or are
// unknown for reasons of their own.
func (g *gauge) take(e *entry.Entry, scarce bool) {
	if e.Control != "" {
		return
	}
	began := !e.Started.Before(g.from)
	if began {
		g.fresh.add(e)
	}
	if began || !g.fewer {
		g.late.add(e)
	}
	width := g.width
	switch {
	case scarce && (began || !g.fewer) || g.late.runs >= g.soon() && g.tooMany():
		g.fell()
	case g.fresh.runs >= g.width:
		g.since++
		if g.fresh.share() < calmEnough && g.fresh.poor == 0 {
			g.rise()
		}
		g.fresh = round{}
	}
	if g.late.runs >= g.soon() {
		g.late = round{}
	}
	if g.width != width {
		g.from, g.fewer = e.Started.Add(e.Elapsed), g.width < width
		g.late, g.fresh = round{}, round{}
	}
}

// soon is of how many runs it is known that these are too many.
func (g *gauge) soon() int { return min(g.width, max(3, g.width/2)) }

func (g *gauge) tooMany() bool {
	share := g.late.share()
	return share > tooRestless || g.late.poor > 0 && share > calmEnough
}

// fell takes a quarter away.
func (g *gauge) fell() {
	if g.width == g.tooWide {
		g.rest = min(2*g.rest, longest)
	} else {
		g.rest = restFor
	}
	g.tooWide, g.since = g.width, 0
	g.width = max(1, g.width-max(1, g.width/4))
}

// rise adds one, or a quarter as long as it was never too many.
func (g *gauge) rise() {
	switch {
	case g.tooWide == 0:
		g.width = min(g.width+max(1, g.width/4), g.most)
	case g.width+1 < g.tooWide || g.since >= g.rest:
		g.width = min(g.width+1, g.most)
	}
}
