package night

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/night/entry"
)

// machine is a model of one: what a run is excused for depends on how many go on beside
// it for as long as they do.
type machine struct {
	share func(at time.Duration, width int) float64 // of excused time
	rng   *rand.Rand
	now   time.Duration
	under []*modelRun
}

type modelRun struct {
	began, left, excused time.Duration
}

// outcomes are what became of a night on it.
type outcomes struct {
	widths  map[int]time.Duration // how long each number of runs went on
	runs    int
	unknown int // that were excused for nearly all of their time
	turns   int // from more to fewer, and back
}

// night makes runs of about 20 s until the end, as many side by side as g says.
func (m *machine) night(g *gauge, end time.Duration) outcomes {
	const step = 250 * time.Millisecond
	epoch := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	o := outcomes{widths: make(map[int]time.Duration)}
	last, up := g.width, true
	for ; m.now < end; m.now += step {
		for len(m.under) < g.width {
			m.under = append(m.under, &modelRun{began: m.now, left: 18*time.Second + time.Duration(m.rng.Int64N(int64(5*time.Second)))})
		}
		share := m.share(m.now, len(m.under))
		o.widths[len(m.under)] += step
		var going []*modelRun
		for _, r := range m.under {
			if m.rng.Float64() < share { // stalls come by chance
				r.excused += step
			}
			if r.left -= step; r.left > 0 {
				going = append(going, r)
				continue
			}
			e := entry.Entry{Class: entry.Valid, Started: epoch.Add(r.began), Elapsed: m.now + step - r.began, Excused: r.excused}
			if float64(e.Excused) > 0.8*float64(e.Elapsed) {
				e.Class = entry.Unknown
				o.unknown++
			}
			o.runs++
			g.take(&e, false)
			if g.width != last {
				if (g.width > last) != up {
					up = !up
					o.turns++
				}
				last = g.width
			}
		}
		m.under = going
	}
	return o
}

// mean is how many runs went on side by side on average.
func (o outcomes) mean() float64 {
	var sum, all time.Duration
	for w, d := range o.widths {
		sum, all = sum+time.Duration(w)*d, all+d
	}
	return float64(sum) / float64(all)
}

// beyond is the share of time with more than so many.
func (o outcomes) beyond(most int) float64 {
	var sum, all time.Duration
	for w, d := range o.widths {
		if all += d; w > most {
			sum += d
		}
	}
	return float64(sum) / float64(all)
}

// slope is a machine that bears about so many: stalls come slowly from two thirds of
// that on.
func slope(bears float64) func(time.Duration, int) float64 {
	return func(_ time.Duration, width int) float64 {
		return min(0.95, max(0.02, 0.25+0.75*(float64(width)/bears-1)))
	}
}

// cliff is one that bears so many and not one more.
func cliff(bears int) func(time.Duration, int) float64 {
	return func(_ time.Duration, width int) float64 {
		if width > bears {
			return 0.85
		}
		return 0.05
	}
}

// changing is one that bears now so many, now others.
func changing(at time.Duration, width int) float64 {
	if at > 20*time.Minute && at < 40*time.Minute {
		return cliff(5)(at, width)
	}
	return slope(12)(at, width)
}

// A machine gets about as many runs as it bears, for most of the time not more, and what
// it costs to find out is few runs that are unknown; one that bears none gets one at a time.
func TestGauge(t *testing.T) {
	for _, tc := range []struct {
		name           string
		share          func(time.Duration, int) float64
		least, most    float64 // runs side by side on average
		bears          int
		beyond, unsure float64 // shares: of time beyond what it bears, of unknown runs
	}{
		{"slope of 4", slope(4), 3, 5, 5, 0.1, 0.01},
		{"slope of 12", slope(12), 10, 15, 15, 0.1, 0.01},
		{"slope of 20", slope(20), 17, 23, 24, 0.1, 0.01},
		{"cliff at 3", cliff(3), 2.6, 3.2, 3, 0.1, 0.05},
		{"cliff at 12", cliff(12), 10, 12.2, 12, 0.06, 0.015},
		{"without end", slope(1000), 26, 32, 32, 0, 0},
		{"none", cliff(0), 1, 1.1, 1, 0.02, 1},
		{"changing", changing, 7, 13, 15, 0.05, 0.035},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for seed := range uint64(10) {
				m := &machine{share: tc.share, rng: rand.New(rand.NewPCG(seed, 2))}
				o := m.night(newGauge(2), time.Hour)
				t.Logf("mean %.1f, beyond %.3f, %d of %d unknown, %d turns", o.mean(), o.beyond(tc.bears), o.unknown, o.runs, o.turns)
				require.GreaterOrEqual(t, o.mean(), tc.least)
				require.LessOrEqual(t, o.mean(), tc.most)
				require.LessOrEqual(t, o.beyond(tc.bears), tc.beyond)
				require.LessOrEqual(t, float64(o.unknown), tc.unsure*float64(o.runs))
				require.LessOrEqual(t, o.turns, 16, "it swings")
			}
		})
	}
}
