package checker_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/lock"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/txn"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// stub is a checker that says what it is told, or panics.
type stub struct {
	verdict verdict.Verdict
	event   func()
	finish  func()
}

func (s *stub) Name() string { return "stub" }

func (s *stub) Event(*history.Event) {
	if s.event != nil {
		s.event()
	}
}

func (s *stub) Finish() verdict.Result {
	if s.finish != nil {
		s.finish()
	}
	return verdict.Result{Checker: "stub", Verdict: s.verdict}
}

func boom() { panic("boom") }

func TestRunTakesTheWorstVerdict(t *testing.T) {
	is := func(v verdict.Verdict) verdict.Checker { return &stub{verdict: v} }
	for _, row := range []struct {
		name string
		cs   []verdict.Checker
		want verdict.Verdict
	}{
		{"all valid", []verdict.Checker{is(verdict.Valid), is(verdict.Valid)}, verdict.Valid},
		{"one unknown", []verdict.Checker{is(verdict.Unknown), is(verdict.Valid)}, verdict.Unknown},
		{"invalid is not masked", []verdict.Checker{is(verdict.Invalid), is(verdict.Unknown)}, verdict.Invalid},
		{"no checker", nil, verdict.Unknown},
		{"a crash", []verdict.Checker{&stub{verdict: verdict.Valid, event: boom}}, verdict.Unknown},
		{"a crash at the end", []verdict.Checker{&stub{verdict: verdict.Valid, finish: boom}}, verdict.Unknown},
		{"a crash does not mask", []verdict.Checker{&stub{event: boom}, is(verdict.Invalid)}, verdict.Invalid},
	} {
		t.Run(row.name, func(t *testing.T) {
			report, err := checker.Run(row.cs, tape.Traced().All())
			require.NoError(t, err)
			require.Equal(t, row.want, report.Verdict)
		})
	}
}

func TestRunKeepsThePanicAndGoesOn(t *testing.T) {
	seen := 0
	after := &stub{verdict: verdict.Valid, event: func() { seen++ }}
	h := tape.Traced()
	h.Start()
	report, err := checker.Run([]verdict.Checker{&stub{event: boom}, after}, h.All())
	require.NoError(t, err)
	require.Equal(t, len(h.Events), seen)
	require.Contains(t, report.Results[0].Summary, "boom")
	require.Contains(t, report.Results[0].Unknowns[0], "report_test.go", "the stack says where")
}

func TestRunReportsWhatItReadBeforeAnError(t *testing.T) {
	broken := errors.New("history.jsonl:7: not JSON")
	h := tape.Traced()
	h.Lead("n1", 1)
	h.Lead("n2", 1)
	events := func(yield func(*history.Event, error) bool) {
		for e := range h.All() {
			if !yield(e, nil) {
				return
			}
		}
		yield(nil, broken)
	}
	report, err := checker.Run(checker.All(verdict.Options{}), iter.Seq2[*history.Event, error](events))
	require.ErrorIs(t, err, broken)
	require.Equal(t, verdict.Invalid, report.Verdict)
	require.Contains(t, report.Failed(), "election")
	require.Contains(t, report.String(), "history.jsonl:7")
}

// Events are reused by their reader, so nothing of them may be kept.
func TestCheckersKeepNothingOfTheirEvents(t *testing.T) {
	h := violating()
	r := checker.NewRunner(checker.All(verdict.Options{}))
	for i := range h.Events {
		e := h.Events[i]
		if e.Raft != nil {
			raft := *e.Raft
			e.Raft = &raft
		}
		if e.Op != nil {
			op := *e.Op
			op.List = append([]string(nil), op.List...)
			e.Op = &op
		}
		r.Event(&e)
		if e.Raft != nil {
			*e.Raft = history.Raft{Node: "gone"}
		}
		if e.Op != nil {
			clear(e.Op.List)
			*e.Op = history.Op{Key: "gone"}
		}
	}
	report := r.Finish()
	require.Equal(t, verdict.Invalid, report.Verdict)
	require.NotContains(t, report.String(), "gone")
}

// violating is a history with violations of several kinds.
func violating() *tape.Tape {
	h := tape.New(history.Run{Target: "reference", Workload: "mixed", Seed: 7, Traced: true})
	h.Start()
	h.Elect("n1", 7, "n3")
	h.Put("n1", "n1", 7, 7, 2)
	h.Commit("n1", 7, 2, true)
	h.Grant("n3", "n2", 7)
	h.Stand("n2", 8)
	h.Grant("n3", "n2", 8)
	h.Lead("n2", 8)
	h.Do(1, history.OK, tape.Put("a"))
	h.Do(1, history.OK, tape.Put("b"))
	h.Do(2, history.OK, tape.Get("a"))
	h.Do(1, history.OK, tape.Add("v1"))
	h.Do(2, history.OK, tape.Final("v2"))
	h.Proc(history.Proc{Node: "n2", What: history.ProcExit, Code: 2, Text: "panic: boom\ngoroutine 1"})
	h.End()
	return h
}

func TestReport(t *testing.T) {
	report, err := checker.Run(checker.All(verdict.Options{}), violating().All())
	require.NoError(t, err)
	golden(t, "report.txt", report.String())

	encoded, err := json.Marshal(report)
	require.NoError(t, err)
	var back checker.Report
	require.NoError(t, json.Unmarshal(encoded, &back))
	require.Equal(t, report, back)

	votes, ok := report.Result("votes")
	require.True(t, ok)
	require.Equal(t, verdict.Invalid, votes.Verdict)
}

func TestReportOfACleanRun(t *testing.T) {
	h := tape.WholeRun().Build()
	report, err := checker.Run(checker.All(verdict.Options{}), h.All())
	require.NoError(t, err)
	require.Empty(t, report.Failed())
	golden(t, "clean.txt", report.String())
}

func TestDescribe(t *testing.T) {
	raft := func(r history.Raft) history.Event {
		r.Source, r.Node = history.Trace, "n1"
		return history.Event{Raft: &r}
	}
	p := tape.Pos(6, 120)
	events := []history.Event{
		{},
		{Run: &history.Run{What: history.RunBegin, Target: "reference", Nodes: []string{"n1", "n2"}}},
		{Run: &history.Run{What: history.RunPhase, Phase: history.PhaseHealed}},
		{Run: &history.Run{What: history.RunStall, Stall: 120 * time.Millisecond}},
		{Run: &history.Run{What: history.RunNote, Text: "no final read"}},
		{Run: &history.Run{What: history.RunLog, Node: "n2", Text: "panic: boom"}},
		{Run: &history.Run{What: history.RunUntap, Text: "n1 > n2: bad frame"}},
		{Run: &history.Run{What: history.RunEnd}},
		{Fault: &history.Fault{Step: 3, What: history.FaultInject, Text: "pause one", Resolved: "pause n2"}},
		{Fault: &history.Fault{Step: 3, What: history.FaultHeal, Resolved: "pause n2", Bit: true, Evidence: map[string]int64{"stopped": 1, "held": 4}}},
		{Fault: &history.Fault{Step: 3, What: history.FaultHeal, Resolved: "cut n1 > n2"}},
		{Fault: &history.Fault{Step: 3, What: history.FaultSkipped, Text: "pause n2", Reason: "not running"}},
		{Fault: &history.Fault{Step: 3, What: history.FaultNotFired, Text: "on leader kill one"}},
		{Fault: &history.Fault{Step: 3, What: history.FaultNoTarget, Text: "kill leader"}},
		{Proc: &history.Proc{Node: "n2", What: history.ProcStart, Inc: 2, Pid: 99}},
		{Proc: &history.Proc{Node: "n2", What: history.ProcReady}},
		{Proc: &history.Proc{Node: "n2", What: history.ProcSignal, Signal: "SIGSTOP"}},
		{Proc: &history.Proc{Node: "n2", What: history.ProcExit, Signal: "SIGKILL", Expected: true}},
		{Proc: &history.Proc{Node: "n2", What: history.ProcExit, Code: 1, Text: "disk full"}},
		{Claim: &history.Claim{Node: "n2", Inc: 2, Role: "leader", Term: 7, Leader: "n2", Atomic: true}},
		{Claim: &history.Claim{Node: "n2", Role: "follower", Leader: "n1"}},
		{Claim: &history.Claim{Node: "n2", Inc: 2}},
		{Op: &history.Op{Process: 4, Type: history.Invoke, F: history.FPut, Key: "x", Arg: "5", Node: "n3"}},
		{Op: &history.Op{Process: 4, Type: history.OK, F: history.FGet, Key: "x", Got: "5"}},
		{Op: &history.Op{Process: 4, Type: history.OK, F: history.FGet, Key: "x", Saw: true}},
		{Op: &history.Op{Process: 4, Type: history.Fail, F: history.FCas, Key: "x", Old: "5", Arg: "6", Got: "7", Saw: true}},
		{Op: &history.Op{Process: 4, Type: history.Info, F: history.FAppend, Key: "l", Arg: "v", Error: "timeout"}},
		{Op: &history.Op{Process: 4, Type: history.OK, F: history.FRead, Key: "l", List: []string{"v", "w"}, Final: true}},
		{Op: &history.Op{Process: 4, Type: history.OK, F: history.FDelete, Key: "x"}},
		raft(history.Raft{What: history.RaftStart, Inc: 2, Term: 7, Vote: "n3", Last: p}),
		raft(history.Raft{What: history.RaftStart, Inc: 1}),
		raft(history.Raft{What: history.RaftFollower, Term: 7, Peer: "n2"}),
		raft(history.Raft{What: history.RaftFollower, Term: 7}),
		raft(history.Raft{What: history.RaftCandidate, Term: 7, Last: p, Known: true, Heard: 310 * time.Millisecond}),
		raft(history.Raft{What: history.RaftVote, Term: 7, PeerTerm: 7, Peer: "n2", Granted: true, Last: p, PeerLast: p}),
		raft(history.Raft{What: history.RaftVote, Term: 7, PeerTerm: 7, Peer: "n1", Granted: true, Last: p, PeerLast: p}),
		raft(history.Raft{What: history.RaftVote, Term: 8, PeerTerm: 7, Peer: "n2", Reason: history.ReasonStaleTerm, Last: p}),
		raft(history.Raft{What: history.RaftPreVote, Term: 7, PeerTerm: 8, Peer: "n2", Granted: true, Last: p, PeerLast: p}),
		raft(history.Raft{What: history.RaftLeader, Term: 7, Last: p}),
		raft(history.Raft{What: history.RaftAppend, Term: 7, Peer: "n2", From: 121, To: 130, EntryTerm: 7}),
		raft(history.Raft{What: history.RaftAppend, Term: 7, Peer: "n1", From: 121, To: 121, EntryTerm: 7}),
		raft(history.Raft{What: history.RaftTruncate, Term: 7, Peer: "n2", Index: 121}),
		raft(history.Raft{What: history.RaftAck, Term: 7, Peer: "n2", Index: 121}),
		raft(history.Raft{What: history.RaftCommit, Term: 7, Index: 121, EntryTerm: 7, Lead: true}),
		raft(history.Raft{What: history.RaftCommit, Term: 7, Index: 121, EntryTerm: 6}),
		raft(history.Raft{What: history.RaftApply, Term: 7, Index: 121, Digest: 0xbeef}),
		raft(history.Raft{What: history.RaftSnapshot, Term: 7, Index: 121, EntryTerm: 7, Digest: 0xbeef}),
		raft(history.Raft{What: history.RaftInstall, Term: 7, Peer: "n2", Index: 121, EntryTerm: 7, Digest: 0xbeef}),
		raft(history.Raft{What: history.RaftConfig, Index: 9, Voters: []string{"n1", "n2"}, Outgoing: []string{"n1"}}),
		raft(history.Raft{What: history.RaftEnd}),
		{Raft: &history.Raft{Source: history.Tap, Stage: history.Delivered, Node: "n3", What: history.RaftVote, Term: 7, Peer: "n1", Granted: true}},
	}
	var text string
	for i := range events {
		text += verdict.Describe(&events[i]) + "\n"
	}
	golden(t, "describe.txt", text)
}

func TestTransactionsExplain(t *testing.T) {
	var b strings.Builder
	for _, h := range []*tape.Tape{
		tape.Together("append x 1, append y 1", "append x 2, append y 2", "read x 1 2, read y 2 1")(),
		tape.InTurn("!append x 1", "read x 1")(),
		tape.Together("append x 1, append x 2", "read x 1")(),
		tape.Together("append x 1, read y 1", "append y 1, read x 1")(),
		tape.Together("append x 1, append y 1", "read x 1, read y", "read y 1")(),
		tape.Together("read x, append y 1", "read y, append x 1")(),
		tape.InTurn("append x 1", "append x 2", "read x 2 1")(),
		tape.InTurn("append x 1", "read x", "read x 1")(),
		tape.InTurn("append x 1", "read x")(),
		tape.Together("append x 1, read x", "append x 2")(),
		tape.Together("append x 1", "read x 1, append x 2", "read x 1, append x 3", "read x 1 2 3")(),
		tape.Together("append x 1", "append x 2", "read x 1 2", "read x 2 1")(),
		tape.Together("append x 1", "read x 1 7")(),
		tape.InTurn("?append x 1, append y 1", "read y 1", "read x")(),
	} {
		got := h.Judge(txn.New())
		require.Equal(t, verdict.Invalid, got.Verdict)
		for _, v := range got.Violations {
			b.WriteString(v.Text + "\n")
			for i := range v.Events {
				b.WriteString("    " + verdict.Describe(&v.Events[i]) + "\n")
			}
		}
	}
	golden(t, "transactions.txt", b.String())
}

// Who judged nothing says so by his verdict, and not only in words; a report in which
// nobody judged anything is not valid.
func TestUnchecked(t *testing.T) {
	h := tape.New(history.Run{Workload: "none"})
	h.End()
	report, err := checker.Run(checker.All(checker.Options{}), h.All())
	require.NoError(t, err)
	idle := 0
	for _, r := range report.Results {
		said := strings.Contains(r.Summary, "not checked") || strings.Contains(r.Summary, "nothing to check")
		require.Equal(t, said, r.Verdict == checker.Unchecked, "%+v", r)
		if said {
			idle++
			require.NotContains(t, report.String(), "valid    "+r.Checker)
		}
	}
	require.Greater(t, idle, 8)
	require.Contains(t, report.String(), "–        election")
	require.Contains(t, report.String(), "lock (no lock was asked for)")
	require.Equal(t, 1, strings.Count(report.String(), "not checked\n\n"))

	locks := func() []checker.Checker { return []checker.Checker{lock.New()} }
	report, err = checker.Run(locks(), h.All())
	require.NoError(t, err)
	require.Equal(t, checker.Unknown, report.Verdict)
	require.Contains(t, report.Problem, "no checker had anything to judge")
	h.Do(1, history.OK, tape.Put("a"))
	report, err = checker.RunBatches(locks(), history.NewReader("h", bytes.NewReader(h.AsFile())).Batches())
	require.NoError(t, err)
	require.Equal(t, checker.Unknown, report.Verdict)
}
