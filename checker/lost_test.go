package checker_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/checker/register"
	"github.com/usurper/usurper/checker/set"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// outage has the power fail in a history of clients, or the file of a member that is alone
// rot; reads that begin after it are final.
func outage(h *tape.Tape, at int, rots bool) *tape.Tape {
	fails := tape.New(history.Run{Disk: "ext4"})
	text := "power-failure all"
	if rots {
		fails, text = tape.New(history.Run{Nodes: []string{"n1"}}), "bit-rot n1"
	}
	final := make(map[int]bool)
	for i := range h.Events {
		if i == at {
			fault := history.Fault{Step: 1, What: history.FaultInject, Text: text, Nodes: []string{"n1"}}
			fails.Fault(fault)
			fails.Proc(history.Proc{Node: "n1", What: history.ProcExit, Expected: true})
			fault.What, fault.Evidence = history.FaultHeal, map[string]int64{"bytes-flipped": 1, "bytes-after": 1 << 20}
			fails.Fault(fault)
		}
		if h.Events[i].Op == nil {
			continue
		}
		op := *h.Events[i].Op
		if op.Type == history.Invoke {
			final[op.Process] = i >= at && (op.F == history.FGet || op.F == history.FRead)
		}
		op.Final = final[op.Process]
		fails.Op(op)
	}
	fails.End()
	return fails
}

// What the checker "lost" calls lost the checkers of clients call wrong, too.
func TestLostIsNoSecondOpinion(t *testing.T) {
	t.Parallel()
	found := 0
	for seed := range 20_000 {
		next := tape.Seeded(uint64(seed))
		var h *tape.Tape
		var clients verdict.Checker
		switch seed % 4 {
		case 0, 1:
			h = tape.DrawRegister(next, tape.RegisterShape{Plain: seed%4 == 0, Steps: 8 + next(24), Open: 2 + next(3), Lies: 1 + seed%5})
			clients = verdict.PerKey(register.New(verdict.Options{}))
		default:
			f := []history.F{history.FAdd, history.FAppend}[seed%2]
			h = tape.Growth{F: f, Steps: 8 + next(14), Lies: 1 + seed%5, Few: seed % 3, Copies: seed%7 == 0}.Draw(next)
			clients = verdict.PerKey(set.New())
		}
		h = outage(h, len(h.Events)/3+next(len(h.Events)*2/3+1), seed%3 == 0)
		if r := h.Judge(evidence.NewLost()); r.Verdict == verdict.Invalid {
			found++
			require.Equal(t, verdict.Invalid, h.Judge(clients).Verdict, "seed %d: %s\n%s", seed, r.Summary, texts(h.Events))
		}
	}
	t.Logf("%d of 20,000 histories have lost something", found)
	require.Greater(t, found, 100)
}

// Whatever kind it is of that was acknowledged and is gone after a power failure, who judges
// the kind says so; and not of what may never have been there.
func TestPowerTakesOfEachKind(t *testing.T) {
	all := []string{"n1", "n2", "n3"}
	dark := func(h *tape.Tape) {
		f := history.Fault{Step: 1, What: history.FaultInject, Text: "at 1s power-failure all keep nothing", Nodes: all}
		h.Fault(f)
		f.What, f.Bit = history.FaultHeal, true
		h.Fault(f)
	}
	final := func(op history.Op) history.Op { op.Final = true; return op }
	for name, c := range map[string]struct {
		checker string
		build   func(h *tape.Tape, told history.OpType)
		open    checker.Verdict // if nobody was told
	}{
		"a register": {"linearizable", func(h *tape.Tape, told history.OpType) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(2, told, tape.Put("b"))
			dark(h)
			h.Do(3, history.OK, final(tape.Get("a")))
		}, checker.Valid},
		"a deletion": {"linearizable", func(h *tape.Tape, told history.OpType) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(2, told, tape.Erase())
			dark(h)
			h.Do(3, history.OK, final(tape.Get("a")))
		}, checker.Valid},
		"the first of a chain": {"linearizable", func(h *tape.Tape, told history.OpType) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(2, told, tape.Cas("a", "b"))
			dark(h)
			h.Do(3, history.OK, tape.Cas("a", "c"))
			h.Do(4, history.OK, final(tape.Get("c")))
		}, checker.Valid},
		"a set": {"set", func(h *tape.Tape, told history.OpType) {
			h.Do(1, history.OK, tape.Add("a"))
			h.Do(2, told, tape.Add("b"))
			dark(h)
			h.Do(3, history.OK, tape.Final("a"))
		}, checker.Valid},
		"a list": {"set", func(h *tape.Tape, told history.OpType) {
			h.Do(1, history.OK, tape.Extend("a"))
			h.Do(2, told, tape.Extend("b"))
			dark(h)
			h.Do(3, history.OK, tape.Final("a"))
		}, checker.Valid},
		"a lock": {"lock", func(h *tape.Tape, told history.OpType) {
			h.Do(1, told, tape.Acquire("a", "1"))
			dark(h)
			h.Do(2, history.OK, tape.Acquire("b", "2"))
		}, checker.Valid},
		"a transaction": {"transactions", func(h *tape.Tape, told history.OpType) {
			h.DoTxn(1, history.OK, "append x 1")
			h.DoTxn(2, told, "append x 2, append y 1")
			dark(h)
			h.DoTxn(3, history.OK, "read x 1, read y")
		}, checker.Valid},
		"registers of a transaction": {"linearizable", func(h *tape.Tape, told history.OpType) {
			h.Do(1, history.OK, tape.TxnOf(tape.PutAt("x", "a"), tape.PutAt("y", "a")))
			h.Do(2, told, tape.TxnOf(tape.PutAt("x", "b")))
			dark(h)
			h.Do(3, history.OK, tape.TxnOf(tape.GetAt("x", "a"), tape.GetAt("y", "a")))
		}, checker.Valid},
	} {
		for told, want := range map[history.OpType]checker.Verdict{history.OK: checker.Invalid, history.Info: c.open} {
			h := tape.New(history.Run{Disk: "ext4", Nodes: all})
			c.build(h, told)
			h.End()
			require.Equal(t, want, verdicts(t, h)[c.checker], "%s, %s", name, told)
		}
	}
}
