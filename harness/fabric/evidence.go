package fabric

import "sync/atomic"

// Evidence is what a rule did to the traffic: named counts, all zero when it
// never bit. A rule reports only the names that its action can raise.
type Evidence map[string]int64

// The names of evidence.
const (
	BytesHeld        = "bytes-held"        // cut: bytes that waited in the fabric
	DialsHeld        = "dials-held"        // cut: dials that waited
	ClosesHeld       = "closes-held"       // cut: FIN and RST that waited
	ChunksDelayed    = "chunks-delayed"    // delay: frames, chunks and closes given a delay
	DialsDelayed     = "dials-delayed"     // delay
	BytesThrottled   = "bytes-throttled"   // throttle: bytes that had to wait for the budget
	ConnsReset       = "conns-reset"       // reset, refuse: connections closed with RST
	DialsRefused     = "dials-refused"     // refuse
	FramesDropped    = "frames-dropped"    // drop
	FramesDuplicated = "frames-duplicated" // duplicate
	FramesReordered  = "frames-reordered"  // reorder: frames set aside to be overtaken
	FramesHeld       = "frames-held"       // hold
)

// tally collects the evidence of one rule.
type tally struct {
	names  []string
	counts []atomic.Int64
}

func newTally(a Action) *tally {
	var names []string
	switch a {
	case Cut:
		names = []string{BytesHeld, DialsHeld, ClosesHeld}
	case Delay:
		names = []string{ChunksDelayed, DialsDelayed}
	case Throttle:
		names = []string{BytesThrottled}
	case Reset:
		names = []string{ConnsReset}
	case Refuse:
		names = []string{ConnsReset, DialsRefused}
	case Drop:
		names = []string{FramesDropped}
	case Duplicate:
		names = []string{FramesDuplicated}
	case Reorder:
		names = []string{FramesReordered}
	case Hold:
		names = []string{FramesHeld}
	}
	return &tally{names: names, counts: make([]atomic.Int64, len(names))}
}

func (t *tally) add(name string, n int64) {
	for i, s := range t.names {
		if s == name {
			t.counts[i].Add(n)
			return
		}
	}
}

func (t *tally) evidence() Evidence {
	e := make(Evidence, len(t.names))
	for i, s := range t.names {
		e[s] = t.counts[i].Load()
	}
	return e
}
