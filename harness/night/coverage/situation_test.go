package coverage_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/night/coverage"
)

// led is a traced run of three in which n1 leads term 1, and faults have begun.
func led() *tape.Tape {
	h := tape.Traced("n1", "n2", "n3")
	for _, n := range h.Nodes {
		h.Proc(history.Proc{Node: n, What: history.ProcStart, Inc: 1})
	}
	h.Start()
	h.Elect("n1", 1, "n2", "n3")
	h.Follow("n2", "n1", 1)
	h.Follow("n3", "n1", 1)
	h.Phase(history.PhaseReady)
	h.Phase(history.PhaseFaults)
	return h
}

// put appends entries of a term on some, the leader first.
func put(h *tape.Tape, term uint64, count int, leader string, others ...string) {
	for _, n := range append([]string{leader}, others...) {
		h.Put(n, leader, term, term, count)
	}
}

func inject(h *tape.Tape, step int, resolved string, nodes ...string) {
	h.Fault(history.Fault{Step: step, What: history.FaultInject, Resolved: resolved, Nodes: nodes})
}

func heal(h *tape.Tape, step int, bit bool) {
	f := history.Fault{Step: step, What: history.FaultHeal, Bit: bit}
	if bit {
		f.Evidence = map[string]int64{"bytes-held": 5}
	}
	h.Fault(f)
}

func exit(h *tape.Tape, node string, inc uint64) {
	h.Proc(history.Proc{Node: node, What: history.ProcExit, Inc: inc, Signal: "killed", Expected: true})
}

func start(h *tape.Tape, node string, inc uint64) {
	h.Proc(history.Proc{Node: node, What: history.ProcStart, Inc: inc})
}

func ask(h *tape.Tape, process int, op history.Op) {
	op.Process, op.Type = process, history.Invoke
	h.Op(op)
}

func answer(h *tape.Tape, process int, how history.OpType, op history.Op) {
	op.Process, op.Type = process, how
	h.Op(op)
}

// depose lets n2 lead term 2, of which n1 hears nothing.
func depose(h *tape.Tape) {
	h.Elect("n2", 2, "n3")
	h.Follow("n3", "n2", 2)
}

// behind puts five entries on n1 and n2 and commits them; n3 lacks them for longer than
// an election timeout. The leader has them in its snapshot up to upTo.
func behind(h *tape.Tape, upTo uint64) {
	put(h, 1, 5, "n1", "n2")
	h.Commit("n1", 1, 5, true)
	h.Trace("n1", history.Raft{What: history.RaftSnapshot, Term: 1, Index: upTo, EntryTerm: 1})
	for range 12 {
		h.Wait(tape.ElectionTimeout / 8)
		h.Trace("n1", history.Raft{What: history.RaftApply, Term: 1, Index: 5})
	}
}

var (
	write = history.Op{F: history.FPut, Key: "k", Arg: "a", Node: "n1"}
	read  = history.Op{F: history.FGet, Key: "k", Node: "n1"}
)

func got(value string) history.Op {
	return history.Op{F: history.FGet, Key: "k", Got: value, Saw: true, Node: "n1"}
}

// Each situation has a history that shows it, and the nearest that does not.
func TestSituations(t *testing.T) {
	for name, s := range situations() {
		t.Run(name, func(t *testing.T) {
			for what, do := range map[string]func(*tape.Tape){"shows": s.shows, "does not": s.not} {
				h := led()
				do(h)
				h.End()
				tally, err := coverage.Of(h.All(), "7")
				require.NoError(t, err)
				want := coverage.Seen{Could: 1}
				if what == "shows" {
					want = coverage.Seen{Could: 1, Runs: 1, First: "7"}
				}
				require.Equal(t, want, tally.Situations[name], what)
			}
		})
	}
	for _, s := range coverage.Situations() {
		require.Contains(t, situations(), s.Name)
		require.NotEmpty(t, s.Short)
	}
	require.Len(t, situations(), len(coverage.Situations()))
}

type shown struct{ shows, not func(*tape.Tape) }

func situations() map[string]shown {
	all := electionSituations()
	for name, s := range logSituations() {
		all[name] = s
	}
	for name, s := range processSituations() {
		all[name] = s
	}
	return all
}

func electionSituations() map[string]shown {
	stale := func(candidate string) func(*tape.Tape) {
		return func(h *tape.Tape) {
			put(h, 1, 2, "n1", "n2")
			h.Stand(candidate, 2)
			why := history.ReasonStaleLog
			if candidate == "n2" {
				why = history.ReasonNotAVoter
			}
			h.Refuse("n1", candidate, 2, why)
		}
	}
	return map[string]shown{
		coverage.TwoCandidates: {
			func(h *tape.Tape) { h.Stand("n2", 2); h.Stand("n3", 2) },
			func(h *tape.Tape) { h.Stand("n2", 2); h.Stand("n3", 3) },
		},
		coverage.WonAfterSplit: {
			func(h *tape.Tape) { h.Stand("n2", 2); h.Stand("n3", 2); h.Elect("n2", 3, "n3") },
			func(h *tape.Tape) { // told late, but one of the two had won
				h.Stand("n2", 2)
				h.Stand("n3", 2)
				h.Elect("n2", 3, "n3")
				h.Tap("n3", history.Raft{What: history.RaftLeader, Term: 2})
			},
		},
		coverage.RestartInVote: {
			func(h *tape.Tape) { h.Stand("n2", 2); h.Grant("n3", "n2", 2); exit(h, "n3", 1); start(h, "n3", 2) },
			func(h *tape.Tape) { h.Elect("n2", 2, "n3"); exit(h, "n3", 1); start(h, "n3", 2) },
		},
		coverage.StaleRefused: {stale("n3"), stale("n2")},
		coverage.SecondRefused: {
			func(h *tape.Tape) { h.Stand("n2", 2); h.Stand("n3", 2); h.Refuse("n2", "n3", 2, history.ReasonVoted) },
			func(h *tape.Tape) {
				h.Stand("n2", 2)
				h.Stand("n3", 2)
				h.Refuse("n2", "n3", 2, history.ReasonStaleTerm)
			},
		},
		coverage.DeposedAnswers: {
			func(h *tape.Tape) { depose(h); ask(h, 1, read); answer(h, 1, history.OK, got("a")) },
			func(h *tape.Tape) { ask(h, 1, read); depose(h); answer(h, 1, history.OK, got("a")) },
		},
		coverage.LeaderCutOff: {
			func(h *tape.Tape) {
				inject(h, 1, "at 1s for 1s partition n1 | n2 n3", "n1", "n2", "n3")
				ask(h, 1, write)
				heal(h, 1, true)
			},
			func(h *tape.Tape) { // a follower
				inject(h, 1, "at 1s for 1s partition n2 | n1 n3", "n1", "n2", "n3")
				ask(h, 1, write)
				heal(h, 1, true)
			},
		},
		coverage.ChangeLeaderless: {
			func(h *tape.Tape) { inject(h, 1, "at 1s for 1s remove n2", "n2"); h.Stand("n3", 2) },
			func(h *tape.Tape) { inject(h, 1, "at 1s for 1s remove n2", "n2"); heal(h, 1, true); h.Stand("n3", 2) },
		},
	}
}

func logSituations() map[string]shown {
	return map[string]shown{
		coverage.Overwritten: {
			func(h *tape.Tape) { put(h, 1, 2, "n1", "n3"); h.Truncate("n3", "n2", 2, 2) },
			func(h *tape.Tape) { put(h, 1, 2, "n1", "n3") },
		},
		coverage.KilledUncommitted: {
			func(h *tape.Tape) { put(h, 1, 2, "n1", "n2"); h.Commit("n1", 1, 1, true); exit(h, "n1", 1) },
			func(h *tape.Tape) { // what it knew is told once it is gone
				put(h, 1, 2, "n1", "n2")
				exit(h, "n1", 1)
				h.Commit("n1", 1, 2, true)
				start(h, "n1", 2)
			},
		},
		coverage.Inherited: {
			func(h *tape.Tape) { put(h, 1, 2, "n1", "n2"); h.Elect("n2", 2, "n3") },
			func(h *tape.Tape) { // told late, but it was committed
				put(h, 1, 2, "n1", "n2")
				h.Elect("n2", 2, "n3")
				h.Commit("n1", 1, 2, true)
			},
		},
		coverage.NeedsSnapshot: {
			func(h *tape.Tape) { behind(h, 5) },
			func(h *tape.Tape) { put(h, 1, 1, "n1", "n2", "n3"); behind(h, 1) },
		},
		coverage.DownInSnapshot: {
			func(h *tape.Tape) { behind(h, 5); exit(h, "n3", 1) },
			func(h *tape.Tape) { behind(h, 5); exit(h, "n2", 1) },
		},
		coverage.UnknownTook: {
			func(h *tape.Tape) {
				ask(h, 1, write)
				answer(h, 1, history.Info, write)
				ask(h, 2, read)
				answer(h, 2, history.OK, got("a"))
			},
			func(h *tape.Tape) {
				ask(h, 1, write)
				answer(h, 1, history.Info, write)
				ask(h, 2, read)
				answer(h, 2, history.OK, got("b"))
			},
		},
	}
}

func processSituations() map[string]shown {
	stop := func(h *tape.Tape) {
		h.Proc(history.Proc{Node: "n1", What: history.ProcSignal, Inc: 1, Signal: "stopped (signal)"})
	}
	goOn := func(h *tape.Tape) {
		h.Proc(history.Proc{Node: "n1", What: history.ProcSignal, Inc: 1, Signal: "continued"})
	}
	return map[string]shown{
		coverage.AllDown: {
			func(h *tape.Tape) { exit(h, "n1", 1); exit(h, "n2", 1); exit(h, "n3", 1) },
			func(h *tape.Tape) {
				exit(h, "n1", 1)
				exit(h, "n2", 1)
				h.Phase(history.PhaseStop)
				exit(h, "n3", 1)
			},
		},
		coverage.QuorumLost: {
			func(h *tape.Tape) { exit(h, "n2", 1); stop(h); ask(h, 1, write) },
			func(h *tape.Tape) { exit(h, "n2", 1); stop(h); goOn(h); ask(h, 1, write) },
		},
		coverage.DeposedResumes: {
			func(h *tape.Tape) { stop(h); depose(h); goOn(h) },
			func(h *tape.Tape) { stop(h); goOn(h); depose(h) },
		},
	}
}

// What no history tells of is no situation that did not come up.
func TestBlindness(t *testing.T) {
	h := tape.New(history.Run{})
	h.Phase(history.PhaseReady)
	ask(h, 1, write)
	answer(h, 1, history.OK, write)
	h.Wait(time.Second)
	h.End()
	tally, err := coverage.Of(h.All(), "a")
	require.NoError(t, err)
	r := tally.Report(coverage.States{})
	require.Empty(t, r.Seen)
	require.Len(t, r.Missing, 1)
	require.Equal(t, coverage.UnknownTook, r.Missing[0].Name)
	require.Len(t, r.Blind, len(coverage.Situations())-1)
}
