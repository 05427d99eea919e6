package evidence

import (
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// moments are what members told amid the run, of which only the last round counts.
type moments struct {
	round    int
	told     map[digestPoint]uint64
	shown    map[string]history.Event // keys read one by one, by member
	agreed   bool                     // in this round
	compared int64                    // rounds in which members told the same digest
}

// digestPoint is where digests can be compared.
type digestPoint struct{ revision, compacted uint64 }

// amid judges what a member told amid the run: at one revision there is one state,
// whoever was late, and whoever did not tell. A digest alone accuses nobody.
func (c *Divergence) amid(e *history.Event) {
	s := e.State
	if s.Round != c.round || c.told == nil {
		c.moments = moments{
			round: s.Round, compared: c.compared,
			told: make(map[digestPoint]uint64), shown: make(map[string]history.Event),
		}
	}
	switch {
	case s.Error != "":
	case s.What == history.StateHash:
		at := digestPoint{s.Revision, s.Compacted}
		h, other := c.told[at]
		c.told[at] = s.Hash
		if other && h == s.Hash && !c.agreed {
			c.agreed, c.compared = true, c.compared+1
		}
	case s.What == history.StateData:
		c.shown[s.Node] = verdict.Keep(e)
	case s.What == history.StateDiffer && s.Revision > 0 && !c.Violated():
		kept := verdict.Keep(e)
		c.differAt(kept.State, c.shown, []history.Event{kept})
	}
}
