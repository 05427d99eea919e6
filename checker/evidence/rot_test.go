package evidence_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// rots damages a file of n1, which is down meanwhile; what else happens meanwhile is done then.
func rots(h *tape.Tape, step int, evidence map[string]int64, meanwhile ...func()) {
	f := history.Fault{Step: step, What: history.FaultInject, Text: "at 1s for 1s bit-rot n1 wal", Nodes: []string{"n1"}}
	h.Fault(f)
	h.Proc(history.Proc{Node: "n1", What: history.ProcExit, Signal: "killed", Expected: true})
	for _, do := range meanwhile {
		do()
	}
	h.Proc(history.Proc{Node: "n1", What: history.ProcStart})
	f.What, f.Bit, f.Evidence, f.Reason = history.FaultHeal, true, evidence, "0.wal: what was damaged"
	h.Fault(f)
}

// The counts of what was damaged, before so many bytes.
func flipped(after int64) map[string]int64 {
	return map[string]int64{"bytes-flipped": 1, "bytes-after": after}
}

func zeroed(after int64) map[string]int64 {
	return map[string]int64{"blocks-zeroed": 1, "bytes-after": after}
}

// lone is a history of a member that is alone.
func lone(do func(h *tape.Tape)) func() *tape.Tape {
	return func() *tape.Tape {
		h := tape.New(history.Run{Nodes: []string{"n1"}})
		do(h)
		h.End()
		return h
	}
}

// added adds values of four letters, one after the other, and returns them.
func added(h *tape.Tape, from, until int) (all []string) {
	for i := from; i < until; i++ {
		all = append(all, fmt.Sprintf("%04d", i))
		h.Do(1, ok, tape.Add(all[len(all)-1]))
	}
	return all
}

// What one member that is alone serves without, though it was on its disk before what is
// there intact, is lost; what looks like a torn end is not.
func TestLostToRot(t *testing.T) {
	// The first 20 of so many values are left.
	cut := func(values int, evidence map[string]int64) func() *tape.Tape {
		return lone(func(h *tape.Tape) {
			all := added(h, 0, values)
			rots(h, 1, evidence)
			h.Do(2, ok, tape.Final(all[:20]...))
		})
	}
	tape.Verdicts(t, newLost, []tape.Row{
		{Name: "all behind a bit that was flipped", Build: cut(200, flipped(4000)), Want: verdict.Invalid, Rule: wasLost},
		{Name: "… which nothing is behind", Build: cut(200, flipped(0)), Want: verdict.Unknown},
		{Name: "… of which all fits into a sector", Build: cut(120, flipped(4000)), Want: verdict.Unknown},
		{Name: "all behind a block of zeros", Build: cut(1000, zeroed(4000)), Want: verdict.Invalid, Rule: wasLost},
		{Name: "… of which all fits into the block", Build: cut(800, zeroed(4000)), Want: verdict.Unknown},
		{Name: "the end is missing", Build: cut(1000, map[string]int64{"bytes-cut": 9000}), Want: verdict.Unknown},
		{Name: "nothing is lost", Build: lone(func(h *tape.Tape) {
			all := added(h, 0, 200)
			rots(h, 1, flipped(4000))
			h.Do(2, ok, tape.Final(all...))
		}), Want: verdict.Valid},
		{Name: "it serves no more", Build: lone(func(h *tape.Tape) {
			added(h, 0, 200)
			rots(h, 1, flipped(4000))
			h.Do(2, history.Info, tape.Final())
		}), Want: verdict.Unchecked},
		{Name: "they were asked for at once", Build: lone(func(h *tape.Tape) {
			for i := range 200 {
				h.Ask(i+1, tape.Add(fmt.Sprintf("%04d", i)))
			}
			for i := range 200 {
				h.Answer(i+1, ok, tape.Add(fmt.Sprintf("%04d", i)))
			}
			rots(h, 1, flipped(4000))
			h.Do(201, ok, tape.Final())
		}), Want: verdict.Unknown},
		{Name: "one is skipped, far from the end", Build: lone(func(h *tape.Tape) {
			all := added(h, 0, 20)
			rots(h, 1, flipped(1<<20))
			h.Do(2, ok, tape.Final(append(all[:4:4], all[5:]...)...))
		}), Want: verdict.Invalid, Rule: wasLost},
		{Name: "one is skipped, near it", Build: lone(func(h *tape.Tape) {
			all := added(h, 0, 20)
			rots(h, 1, flipped(4000))
			h.Do(2, ok, tape.Final(append(all[:4:4], all[5:]...)...))
		}), Want: verdict.Unknown},
		{Name: "the last is lost, and what came after the rot is there", Build: lone(func(h *tape.Tape) {
			all := added(h, 0, 20)
			rots(h, 1, flipped(1<<20))
			h.Do(2, ok, tape.Final(append(all[:19:19], added(h, 20, 30)...)...))
		}), Want: verdict.Unknown},
	})
}

// Beside other faults.
func TestLostToRotAmongOthers(t *testing.T) {
	tape.Verdicts(t, newLost, []tape.Row{
		{Name: "one of three members", Build: tape.On(tape.New(history.Run{}), func(h *tape.Tape) {
			added(h, 0, 200)
			rots(h, 1, flipped(4000))
			h.Do(2, ok, tape.Final())
			h.End()
		}), Want: verdict.Unchecked},
		{Name: "writes that were not made", Build: lone(func(h *tape.Tape) {
			struckBy(h, "lost-write n1 wal", "n1")
			added(h, 0, 200)
			rots(h, 1, flipped(4000))
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Unknown},
		{Name: "the power fails meanwhile", Build: lone(func(h *tape.Tape) {
			added(h, 0, 200)
			rots(h, 1, flipped(4000), func() { outage(h, 2, "n1") })
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Unknown},
		{Name: "the power failed before", Build: lone(func(h *tape.Tape) {
			added(h, 0, 200)
			outage(h, 1, "n1")
			rots(h, 2, flipped(4000))
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Invalid, Rule: wasLost},
		{Name: "the power failed before, and it was gone then", Build: lone(func(h *tape.Tape) {
			added(h, 0, 2)
			outage(h, 1, "n1")
			h.Do(1, ok, tape.Read())
			rots(h, 2, flipped(0))
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Invalid, Rule: wasLost},
		{Name: "the power fails after", Build: lone(func(h *tape.Tape) {
			all := added(h, 0, 2)
			rots(h, 1, flipped(4000))
			added(h, 2, 4)
			outage(h, 2, "n1")
			h.Do(2, ok, tape.Final(all...))
		}), Want: verdict.Unknown},
		{Name: "two, one at the end", Build: lone(func(h *tape.Tape) {
			added(h, 0, 200)
			rots(h, 1, flipped(4000))
			rots(h, 2, flipped(0))
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Unknown},
		{Name: "it has not ended", Build: lone(func(h *tape.Tape) {
			added(h, 0, 200)
			struckBy(h, "bit-rot n1 wal", "n1")
			h.Do(2, ok, tape.Final())
		}), Want: verdict.Unknown},
	})
}

func TestLostToRotIsExplained(t *testing.T) {
	h := lone(func(h *tape.Tape) {
		all := added(h, 0, 200)
		rots(h, 1, flipped(4000))
		h.Do(2, ok, tape.Final(all[:20]...))
	})()
	r := h.Judge(newLost())
	require.Len(t, r.Violations, 1)
	require.Equal(t, map[string]int64{"power-failures": 0, "bit-rots": 1, "acknowledged": 200, "there": 20, "lost": 180, "violations": 180}, r.Stats)
	require.Contains(t, r.Violations[0].Text, "180 acknowledged writes were lost in the bit-rot of n1 at 0.")
	require.Contains(t, r.Violations[0].Text, "cannot be read as the torn end of a file")
	require.Contains(t, r.Violations[0].Text, "Of the disks: 0.wal: what was damaged")
	require.Contains(t, r.Summary, "200 acknowledged writes, 180 lost after bit-rot: ")
}
