package evidence_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func newNodeLogs() verdict.Checker { return evidence.NewNodeLogs() }

func TestNodeLogs(t *testing.T) {
	with := func(e history.Event) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.New(history.Run{})
			h.Add(e)
			return h
		}
	}
	exit := history.Proc{Node: "n1", What: history.ProcExit, Code: 2, Text: "panic: boom"}
	expected := exit
	expected.Expected = true
	tape.Verdicts(t, newNodeLogs, []tape.Row{
		{Name: "a panic", Build: with(history.Event{Run: &history.Run{What: history.RunLog, Node: "n1", Text: "panic: boom"}}),
			Want: verdict.Invalid, Rule: "a crash in a node's log"},
		{Name: "a note", Build: with(history.Event{Run: &history.Run{What: history.RunNote, Node: "n1", Text: "panic: no"}}), Want: verdict.Valid},
		{Name: "an exit nobody caused", Build: with(history.Event{Proc: &exit}), Want: verdict.Invalid, Rule: "a node died by itself"},
		{Name: "a kill", Build: with(history.Event{Proc: &expected}), Want: verdict.Valid},
	})
}

// A member may end whose files fail it, or were taken from it; not once it runs again on
// a disk that kept what was synced.
func TestNodeLogsOnDisksThatFail(t *testing.T) {
	const died = "a node died by itself"
	start := func(h *tape.Tape, n string) { h.Proc(history.Proc{Node: n, What: history.ProcStart}) }
	dies := func(h *tape.Tape, n string) { h.Proc(history.Proc{Node: n, What: history.ProcExit, Code: 1}) }
	heals := func(h *tape.Tape, fault string, nodes ...string) {
		h.Fault(history.Fault{Step: 9, What: history.FaultHeal, Text: "at 1s " + fault, Nodes: nodes, Bit: true})
	}
	onFiles := func(script func(*tape.Tape)) func() *tape.Tape {
		return tape.On(tape.New(history.Run{Disk: "fuse"}), func(h *tape.Tape) {
			script(h)
			h.End()
		})
	}
	retries := func(h *tape.Tape, nodes ...string) {
		h.Fault(history.Fault{Step: 9, What: history.FaultHeal, Text: "at 1s fail-sync n1 wal", Nodes: nodes, Bit: true, Evidence: map[string]int64{"syncs-retried": 3}})
	}
	tape.Verdicts(t, newNodeLogs, []tape.Row{
		{Name: "while its syncs fail", Build: dark(func(h *tape.Tape) {
			struckBy(h, "fail-sync n1 wal", "n1")
			dies(h, "n1")
		}), Want: verdict.Valid},
		{Name: "another one", Build: dark(func(h *tape.Tape) {
			struckBy(h, "fail-sync n1 wal", "n1")
			dies(h, "n2")
		}), Want: verdict.Invalid, Rule: died},
		{Name: "after its disk was full", Build: dark(func(h *tape.Tape) {
			struckBy(h, "full n1", "n1")
			heals(h, "full n1", "n1")
			dies(h, "n1")
		}), Want: verdict.Valid},
		{Name: "again, with room", Build: dark(func(h *tape.Tape) {
			struckBy(h, "full n1", "n1")
			dies(h, "n1")
			heals(h, "full n1", "n1")
			start(h, "n1")
			dies(h, "n1")
		}), Want: verdict.Invalid, Rule: died},
		{Name: "beside a fault that had no effect", Build: dark(func(h *tape.Tape) {
			f := history.Fault{Step: 9, What: history.FaultInject, Text: "at 1s lost-write n1", Nodes: []string{"n1"}}
			h.Fault(f)
			f.What = history.FaultHeal
			h.Fault(f)
			dies(h, "n1")
		}), Want: verdict.Invalid, Rule: died},
		{Name: "… and after one that had", Build: dark(func(h *tape.Tape) {
			struckBy(h, "lost-write n1", "n1")
			heals(h, "lost-write n1", "n1")
			f := history.Fault{Step: 10, What: history.FaultInject, Text: "at 1s lost-write n1", Nodes: []string{"n1"}}
			h.Fault(f)
			f.What = history.FaultHeal
			h.Fault(f)
			dies(h, "n1")
		}), Want: verdict.Valid},
		{Name: "just after its memory came back", Build: dark(func(h *tape.Tape) {
			struckBy(h, "starve n1 100%", "n1")
			heals(h, "starve n1 100%", "n1")
			dies(h, "n1")
		}), Want: verdict.Valid},
		{Name: "long after that", Build: dark(func(h *tape.Tape) {
			struckBy(h, "starve n1 100%", "n1")
			heals(h, "starve n1 100%", "n1")
			h.Wait(5 * time.Second)
			dies(h, "n1")
		}), Want: verdict.Invalid, Rule: died},
		{Name: "again, still without room", Build: dark(func(h *tape.Tape) {
			struckBy(h, "full n1", "n1")
			dies(h, "n1")
			start(h, "n1")
			dies(h, "n1")
		}), Want: verdict.Valid},
		{Name: "at each start, for a bit is another", Build: dark(func(h *tape.Tape) {
			struckBy(h, "bit-rot n1 wal", "n1")
			heals(h, "bit-rot n1 wal", "n1")
			start(h, "n1")
			dies(h, "n1")
		}), Want: verdict.Valid},
		{Name: "long after a write failed below its file system, which says so once", Build: dark(func(h *tape.Tape) {
			struckBy(h, "fail-write n1", "n1")
			heals(h, "fail-write n1", "n1")
			start(h, "n1")
			dies(h, "n1")
		}), Want: verdict.Valid},
		{Name: "… of a file, which says so at once", Build: tape.On(tape.New(history.Run{Disk: "fuse"}), func(h *tape.Tape) {
			struckBy(h, "fail-write n1", "n1")
			heals(h, "fail-write n1", "n1")
			start(h, "n1")
			dies(h, "n1")
			h.End()
		}), Want: verdict.Invalid, Rule: died},
		{Name: "at a start after a sync failed, of which it was told", Build: onFiles(func(h *tape.Tape) {
			struckBy(h, "fail-sync n1 wal", "n1")
			heals(h, "fail-sync n1 wal", "n1")
			start(h, "n1")
			dies(h, "n1")
		}), Want: verdict.Valid},
		{Name: "… and after which it went on with the same file", Build: onFiles(func(h *tape.Tape) {
			struckBy(h, "fail-sync n1 wal", "n1")
			start(h, "n1")
			dies(h, "n1")
			retries(h, "n1")
			start(h, "n1")
			dies(h, "n1")
		}), Want: verdict.Invalid, Rule: died},
		{Name: "… while they still fail", Build: onFiles(func(h *tape.Tape) {
			struckBy(h, "fail-sync n1 wal", "n1")
			start(h, "n1")
			dies(h, "n1")
			retries(h, "n1")
		}), Want: verdict.Valid},
		{Name: "… and lost a bit, too", Build: onFiles(func(h *tape.Tape) {
			struckBy(h, "bit-rot n1 wal", "n1")
			struckBy(h, "fail-sync n1 wal", "n1")
			retries(h, "n1")
			start(h, "n1")
			dies(h, "n1")
		}), Want: verdict.Valid},
		{Name: "… and of two members it is not known which", Build: onFiles(func(h *tape.Tape) {
			struckBy(h, "fail-sync n1 n2 wal", "n1", "n2")
			retries(h, "n1", "n2")
			start(h, "n1")
			dies(h, "n1")
		}), Want: verdict.Valid},
		{Name: "a crash without power", Build: dark(func(h *tape.Tape) {
			struckBy(h, "power-failure n1 keep names", "n1")
			h.Run(history.Run{What: history.RunLog, Node: "n1", Text: "panic: write wal: input/output error"})
			dies(h, "n1")
		}), Want: verdict.Valid},
		{Name: "at its start after a power failure", Build: dark(func(h *tape.Tape) {
			struckBy(h, "power-failure n1 keep names", "n1")
			start(h, "n1")
			dies(h, "n1")
			heals(h, "power-failure n1 keep names", "n1")
		}), Want: verdict.Invalid, Rule: died},
	})
	h := dark(func(h *tape.Tape) {
		struckBy(h, "fail-sync n1 wal", "n1")
		dies(h, "n1")
	})()
	r := h.Judge(newNodeLogs())
	require.Equal(t, "n1 ended with code 1, as it may after fail-sync", r.Told)
	require.Equal(t, "0 processes, none crashed but where it may", r.Summary)
}
