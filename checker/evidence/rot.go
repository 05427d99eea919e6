package evidence

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
)

// bitRot is the word of plans for files that go bad at rest.
const bitRot = "bit-rot"

// What goes bad as a whole, of which nobody can say what was in it: the sector of a bit that
// was flipped, a block that was zeroed.
const (
	rotSector = 512
	rotBlock  = 4096
)

// longTail is more than anything that is written at once is long.
const longTail = 64 << 10

// torn says why what is lost of a member that is alone may be no fault of it: what bit-rot
// damaged may look like the torn end of a file; "" if it cannot have been that.
func (c *Lost) torn(f *failure) string {
	for i := range f.lost {
		rots := 0
		for _, g := range f.lost[i].may {
			if !g.rot {
				continue
			}
			rots++
			if why := c.looksTorn(g); why != "" {
				return why
			}
		}
		if before := c.rottenBefore(f.lost[i].until); rots == 0 && before != nil {
			return fmt.Sprintf("bit-rot at %s may have taken them", verdict.Seconds(before.cut.At))
		}
	}
	return ""
}

// rottenBefore is a bit-rot before an event; nil for none.
func (c *Lost) rottenBefore(event uint64) *failure {
	i := slices.IndexFunc(c.failures, func(g *failure) bool { return g.rot && g.cut.Seq < event })
	if i < 0 {
		return nil
	}
	return c.failures[i]
}

// looksTorn says why what a bit-rot damaged may look like the torn end of a file; "" if it
// cannot. What is torn had not been synced, and nothing that was asked for later is after it.
// So it is not torn if something lies behind it that was asked for after something else had
// been acknowledged that is lost, too, and does not fit into what is damaged.
func (c *Lost) looksTorn(g *failure) string {
	at := verdict.Seconds(g.cut.At)
	if g.heal.Fault == nil {
		return fmt.Sprintf("the bit-rot at %s never ended", at)
	}
	said := g.heal.Fault.Evidence
	unit := rotSector
	if said["blocks-zeroed"] > 0 {
		unit = rotBlock
	}
	after := said["bytes-after"]
	for _, f := range c.failures {
		if !f.rot && f.inject.Seq < g.heal.Seq && (f.heal.Fault == nil || f.heal.Seq > g.inject.Seq) {
			return fmt.Sprintf("the power failed during the bit-rot at %s", at)
		}
	}
	if said["bytes-flipped"]+said["blocks-zeroed"] == 0 || after == 0 {
		return fmt.Sprintf("what bit-rot damaged at %s may look like the torn end of a file: %s", at, g.heal.Fault.Reason)
	}
	size, skipped := c.behind(g)
	if size > unit || skipped && after >= longTail {
		return ""
	}
	return fmt.Sprintf("too little is gone to tell that from the torn end of a file: %s one after the other, of more than %d, in the bit-rot at %s (%s)",
		count.Many(size, "byte"), unit, at, g.heal.Fault.Reason)
}

// behind tells how many bytes of values were acknowledged, before something else was asked
// for, and went with it in a bit-rot; and whether something that was asked for after one of
// them, of the same key, is there.
func (c *Lost) behind(g *failure) (size int, skipped bool) {
	var all []lostWrite
	var last uint64
	first := make(map[*keptKey]uint64) // when the first that is gone of a key had been acknowledged
	for _, f := range c.failures {
		for _, l := range f.lost {
			if !slices.Contains(l.may, g) {
				continue
			}
			all = append(all, l)
			last = max(last, l.w.invoke.Seq)
			if done := first[l.key]; done == 0 || l.w.done.Seq < done {
				first[l.key] = l.w.done.Seq
			}
		}
	}
	for _, l := range all {
		if l.w.done.Seq < last {
			size += len(c.values.Get(l.w.value)) + 1
		}
	}
	for k, done := range first {
		skipped = skipped || slices.ContainsFunc(k.writes, func(w keptWrite) bool {
			return w.fate == present && w.invoke.Seq > done && w.done.Seq < g.cut.Seq
		})
	}
	return size, skipped
}
