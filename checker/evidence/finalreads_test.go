package evidence_test

import (
	"testing"
	"time"

	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// lossy is a run of a store without traces that serves again after healing, and
// then goes on with its final reads.
type lossy struct {
	before  func(h *tape.Tape) // beside what was written
	final   func(h *tape.Tape) // once a second, while the final reads last
	seconds int                // how long that is
	silent  bool               // members do not say that they are ready
}

func (l lossy) build() *tape.Tape {
	h := tape.New(history.Run{})
	for _, n := range h.Nodes {
		h.Proc(history.Proc{Node: n, What: history.ProcStart, Inc: 1})
	}
	h.Phase(history.PhaseReady)
	h.Do(1, history.OK, at("n1", tape.Put("a")))
	h.Do(1, history.OK, at("n1", tape.Get("a")))
	if l.before != nil {
		l.before(h)
	}
	h.Phase(history.PhaseHealed)
	h.Do(1, history.OK, at("n1", other(tape.Put("b"))))
	h.Do(1, history.OK, at("n1", other(tape.Get("b"))))
	ready := func() {
		for _, n := range h.Nodes {
			if !l.silent {
				h.Claim(n, "", 0, false)
			}
		}
	}
	ready()
	h.Phase(history.PhaseFinal)
	for range l.seconds {
		l.final(h)
		h.Wait(time.Second)
	}
	l.final(h)
	ready()
	h.Phase(history.PhaseStop)
	h.End()
	return h
}

func at(node string, op history.Op) history.Op { op.Node = node; return op }

// other is the operation on another key.
func other(op history.Op) history.Op { op.Key = "other"; return op }

// finally answers a final read.
func finally(h *tape.Tape, outcome history.OpType, op history.Op) {
	op.Final = true
	h.Do(1<<30, outcome, op)
}

func TestFinalReads(t *testing.T) {
	lost := func(h *tape.Tape) { finally(h, history.Fail, at("n1", tape.Get("a"))) }
	hung := func(h *tape.Tape) { finally(h, history.Info, at("n1", tape.Get("a"))) }
	some := func(h *tape.Tape) {
		finally(h, history.OK, at("n1", other(tape.Get("b"))))
		lost(h)
	}
	const rule = "does not serve what was written"
	row := func(name string, l lossy, want verdict.Verdict, rule string) tape.Row {
		return tape.Row{Name: name, Build: l.build, Want: want, Rule: rule}
	}
	tape.Verdicts(t, func() verdict.Checker { return evidence.NewAvailability() }, []tape.Row{
		row("everything is gone, told as failures", lossy{final: lost, seconds: 10}, verdict.Invalid, rule),
		row("nobody answers, though all say that they are ready", lossy{final: hung, seconds: 10}, verdict.Invalid, rule),
		row("one key is gone", lossy{final: some, seconds: 10}, verdict.Invalid, rule),

		row("not asked for long", lossy{final: lost, seconds: 6}, verdict.Unknown, ""),
		row("everything is served", lossy{final: func(h *tape.Tape) {
			finally(h, history.OK, at("n1", tape.Get("a")))
		}, seconds: 10}, verdict.Valid, ""),
		row("nobody says that he is ready", lossy{final: lost, seconds: 10, silent: true}, verdict.Unknown, ""),
		row("a client that can read no set", lossy{
			before: func(h *tape.Tape) {
				h.Do(1, history.OK, history.Op{F: history.FAdd, Key: "s", Arg: "v"})
				h.Do(1, history.Fail, history.Op{F: history.FRead, Key: "s"})
			},
			final:   func(h *tape.Tape) { finally(h, history.Fail, history.Op{F: history.FRead, Key: "s"}) },
			seconds: 10,
		}, verdict.Unknown, ""),
		row("what was deleted is not found", lossy{
			before: func(h *tape.Tape) { h.Do(1, history.OK, history.Op{F: history.FDelete, Key: tape.Get("a").Key}) },
			final:  lost, seconds: 10,
		}, verdict.Unknown, ""),
		row("what may have been deleted is not found, while others are served", lossy{
			before: func(h *tape.Tape) { h.Do(1, history.Info, history.Op{F: history.FDelete, Key: tape.Get("a").Key}) },
			final:  some, seconds: 10,
		}, verdict.Unknown, ""),
		row("what was never written is not found", lossy{
			final: func(h *tape.Tape) {
				op := tape.Get("a")
				op.Key = "never"
				finally(h, history.Fail, at("n1", op))
			}, seconds: 10,
		}, verdict.Unknown, ""),
		row("a member that refuses all, and another that serves", lossy{final: func(h *tape.Tape) {
			finally(h, history.OK, at("n2", other(tape.Get("b"))))
			lost(h)
		}, seconds: 10}, verdict.Unknown, ""),
		row("one key hangs", lossy{final: func(h *tape.Tape) {
			finally(h, history.OK, at("n1", other(tape.Get("b"))))
			hung(h)
		}, seconds: 10}, verdict.Unknown, ""),
		row("a stalled machine", lossy{final: func(h *tape.Tape) {
			h.Run(history.Run{What: history.RunStall, Stall: tape.ElectionTimeout})
			lost(h)
		}, seconds: 10}, verdict.Unknown, ""),
		row("a minority left", lossy{final: func(h *tape.Tape) {
			h.Proc(history.Proc{Node: "n1", What: history.ProcExit})
			h.Proc(history.Proc{Node: "n2", What: history.ProcExit})
			lost(h)
		}, seconds: 10}, verdict.Unknown, ""),
	})
}

// A system in which nothing ever worked as the client has it is not accused.
func TestAvailabilityOfAWrongClient(t *testing.T) {
	h := tape.New(history.Run{})
	for _, n := range h.Nodes {
		h.Proc(history.Proc{Node: n, What: history.ProcStart, Inc: 1})
	}
	h.Phase(history.PhaseReady)
	h.Do(1, history.Fail, tape.Put("a"))
	h.Phase(history.PhaseHealed)
	for range 60 {
		h.Do(1, history.Fail, tape.Put("a"))
		h.Wait(time.Second)
	}
	h.Phase(history.PhaseStop)
	h.End()
	got := h.Judge(evidence.NewAvailability())
	if got.Verdict != verdict.Unknown {
		t.Fatalf("%+v", got)
	}
}
