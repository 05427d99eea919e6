package perfetto

import (
	"bytes"
	"errors"
	"flag"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/usurper/usurper/harness/history"
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.seed": "1", "rapid.nofailfile": "true", "rapid.checks": "100"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func each(events []history.Event) iter.Seq2[*history.Event, error] {
	return func(yield func(*history.Event, error) bool) {
		for i := range events {
			if !yield(&events[i], nil) {
				return
			}
		}
	}
}

// at numbers events, each a millisecond after the one before.
func at(events ...history.Event) []history.Event {
	for i := range events {
		events[i].Seq, events[i].At = uint64(i), time.Duration(i)*time.Millisecond
	}
	return events
}

func export(t require.TestingT, events []history.Event, proofs ...Proof) shown {
	var out, again bytes.Buffer
	_, err := Export(&out, each(events), proofs)
	require.NoError(t, err)
	_, err = Export(&again, each(events), proofs)
	require.NoError(t, err)
	require.Equal(t, out.Bytes(), again.Bytes())
	return read(t, out.Bytes())
}

func begin() history.Event {
	return history.Event{Run: &history.Run{What: history.RunBegin, Format: 1, Traced: true, Tapped: true, Nodes: []string{"n1", "n2"}}}
}

func op(process int, kind history.OpType, key string) history.Event {
	return history.Event{Op: &history.Op{Process: process, Type: kind, F: history.FPut, Key: key, Arg: "v", Node: "n1"}}
}

func trace(node string, what history.RaftWhat, r history.Raft) history.Event {
	r.Source, r.Node, r.What = history.Trace, node, what
	return history.Event{Raft: &r}
}

func passes(id uint64, stage history.Stage) history.Event {
	return history.Event{Raft: &history.Raft{
		Source: history.Fabric, What: history.RaftMessage, Stage: stage, Node: "n1", Peer: "n2", Term: 2, ID: id, Class: "vote",
	}}
}

const ms = uint64(time.Millisecond)

func TestClientsHaveTracksOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := export(t, at(begin(),
		op(0, history.Invoke, "a"), op(1, history.Invoke, "b"), op(1, history.OK, "b"), op(0, history.Info, "a"),
		op(2, history.Invoke, "c"), // takes the place of 0, whose number is gone
		op(1, history.Invoke, "d"), op(7, history.OK, "never asked"),
	))
	one, two := s.on("clients/client 1"), s.on("clients/client 2")
	require.Len(t, one, 2)
	require.Equal(t, []any{"put a", ms, 4 * ms, "info"}, []any{one[0].name, one[0].from, one[0].to, one[0].args["outcome"]})
	require.Equal(t, []any{"put c", 5 * ms, 7 * ms, "no answer"}, []any{one[1].name, one[1].from, one[1].to, one[1].args["outcome"]})
	require.Len(t, two, 2)
	require.Equal(t, "put b", two[0].name)
	require.Equal(t, "ok", two[0].args["outcome"])
}

func TestFaultsOverlap(t *testing.T) {
	t.Parallel()
	fault := func(step int, what history.FaultWhat) history.Event {
		return history.Event{Fault: &history.Fault{Step: step, What: what, Text: "at 1s pause one", Resolved: "at 1s pause n1", Bit: step == 1}}
	}
	s := export(t, at(begin(),
		fault(1, history.FaultInject), fault(2, history.FaultInject), fault(1, history.FaultHeal), fault(3, history.FaultInject),
		fault(4, history.FaultNotFired), begin(),
	))
	one, two := s.on("faults/fault 1"), s.on("faults/fault 2")
	require.Len(t, one, 2)
	require.Equal(t, "yes", one[0].args["bit"])
	require.Equal(t, "not healed", one[1].args["outcome"])
	require.Len(t, two, 1)
	require.Equal(t, []uint64{2 * ms, 6 * ms}, []uint64{two[0].from, two[0].to})
}

// A fault that bit says by what, and who is frozen stands still.
func TestEvidenceAndFreezes(t *testing.T) {
	t.Parallel()
	freeze := history.Fault{Step: 1, What: history.FaultInject, Text: "at 1s for 1s freeze one", Resolved: "at 1s for 1s freeze n1", Nodes: []string{"n1"}}
	heal := freeze
	heal.What, heal.Bit, heal.Evidence = history.FaultHeal, true, map[string]int64{"frozen-ms": 1003}
	s := export(t, at(begin(),
		history.Event{Proc: &history.Proc{Node: "n1", What: history.ProcStart, Inc: 1}}, // 1ms
		history.Event{Fault: &freeze}, // 2ms
		history.Event{Fault: &heal},   // 3ms
		begin(),
	))
	require.Equal(t, "1003", s.on("faults/fault 1")[0].args["frozen-ms"])
	life := s.on("n1/process")
	require.Len(t, life, 2)
	require.Equal(t, []any{"frozen", 2 * ms, 3 * ms, 1}, []any{life[0].name, life[0].from, life[0].to, life[0].depth})
}

func TestMembersAreProcesses(t *testing.T) {
	t.Parallel()
	proc := func(what history.ProcWhat, inc uint64, signal string) history.Event {
		return history.Event{Proc: &history.Proc{Node: "n1", What: what, Inc: inc, Signal: signal}}
	}
	s := export(t, at(begin(),
		proc(history.ProcStart, 1, ""), // 1ms
		trace("n1", history.RaftStart, history.Raft{Inc: 1, Term: 1}),
		trace("n1", history.RaftCandidate, history.Raft{Inc: 1, Term: 2}),
		trace("n1", history.RaftLeader, history.Raft{Inc: 1, Term: 2}),
		proc(history.ProcSignal, 1, "stopped (signal)"), // 5ms
		proc(history.ProcExit, 1, "killed"),             // 6ms, while it stands still
		trace("n1", history.RaftFollower, history.Raft{Inc: 1, Term: 3}),
		proc(history.ProcStart, 2, ""), // 8ms
		trace("n1", history.RaftCommit, history.Raft{Inc: 2, Term: 3, Index: 7}),
	))
	require.Contains(t, s.tracks[2].text("track_name")+s.tracks[1].text("track_name"), "n1")
	var roles []string
	for _, r := range s.on("n1/role") {
		roles = append(roles, r.name)
	}
	require.Equal(t, []string{"follower, term 1", "candidate, term 2", "leader, term 2"}, roles, "what comes late from one that is dead is no role")
	life := s.on("n1/process")
	require.Len(t, life, 3)
	require.Equal(t, []any{"paused", 5 * ms, 6 * ms, 1}, []any{life[0].name, life[0].from, life[0].to, life[0].depth})
	require.Equal(t, []any{"process 1", ms, 6 * ms}, []any{life[1].name, life[1].from, life[1].to})
	require.Equal(t, []any{"process 2", 8 * ms, 9 * ms}, []any{life[2].name, life[2].from, life[2].to})
	require.Len(t, s.on("n1/term"), 2)
	require.Contains(t, s.points, point{"n1/commit index", "", 9 * ms, 7, true})
}

func TestMessagesFlow(t *testing.T) {
	t.Parallel()
	s := export(t, at(begin(),
		passes(1, history.Sent), passes(2, history.Sent), passes(1, history.HeldBack), passes(1, history.Delivered), passes(2, history.Dropped), history.Event{Run: &history.Run{What: history.RunEnd}}))
	require.Equal(t, []string{
		"n1 asks n2 for its vote, term 2 [message 1, sent]", "n1 asks n2 for its vote, term 2 [message 1, held]",
		"n1 asks n2 for its vote, term 2 [message 1, delivered]",
	}, s.flows[1])
	require.True(t, s.ended[1])
	require.False(t, s.ended[2])
	require.Equal(t, "n2/messages of elections", s.points[len(s.points)-3].track)
}

func TestProofs(t *testing.T) {
	t.Parallel()
	events := at(begin(), op(0, history.Invoke, "a"), op(0, history.OK, "a"), op(0, history.Invoke, "a"))
	s := export(t, events, Proof{Checker: "linearizable", Rule: "stale read", Text: "it was", Events: []uint64{1, 3}},
		Proof{Checker: "votes", Rule: "cut short", Events: []uint64{2, 99}})
	proof := s.on("broken rules/linearizable: stale read")
	require.Len(t, proof, 1)
	require.Equal(t, []any{ms, 3 * ms, "it was"}, []any{proof[0].from, proof[0].to, proof[0].args["explanation"]})
	require.Len(t, s.flows[proofFlow|1], 2)
	require.Len(t, s.on("broken rules/votes: cut short"), 1)
}

func TestStallsAreNoNegativeTime(t *testing.T) {
	t.Parallel()
	stall := func(d time.Duration) history.Event {
		return history.Event{Run: &history.Run{What: history.RunStall, Stall: d}}
	}
	s := export(t, at(begin(), stall(time.Hour), stall(time.Hour), stall(-time.Hour)))
	for _, x := range s.on("run/stalls of the harness") {
		require.LessOrEqual(t, x.from, x.to)
	}
	require.Len(t, s.on("run/stalls of the harness"), 3)
}

func TestHostileStringsAreBounded(t *testing.T) {
	t.Parallel()
	evil := strings.Repeat("\x1b]0;x\xff</script>\u202e\n", 100_000)
	s := export(t, at(begin(),
		history.Event{Op: &history.Op{Type: history.Invoke, F: history.F(evil), Key: evil, Arg: evil, Node: evil}},
		history.Event{Run: &history.Run{What: history.RunLog, Node: evil, Text: evil}},
		history.Event{Proc: &history.Proc{Node: evil, What: history.ProcWhat(evil), Text: evil}},
		trace(evil, history.RaftVote, history.Raft{Peer: evil, Reason: history.Reason(evil)}),
	), Proof{Checker: evil, Rule: evil, Text: evil, Events: []uint64{1}})
	require.LessOrEqual(t, s.longest, longest)
	for _, d := range s.tracks {
		require.LessOrEqual(t, len(d.text("track_name")), longest)
	}
}

func TestExportSaysWhatFailed(t *testing.T) {
	t.Parallel()
	_, err := Export(full{}, each(at(begin())), nil)
	require.ErrorContains(t, err, "write the trace")
}

// What another Raft than the main one decides changes no member's role, and what is
// nobody's has no tracks.
func TestGroupsAreApart(t *testing.T) {
	t.Parallel()
	leads := func(node, group string) history.Event {
		return trace(node, history.RaftLeader, history.Raft{Term: 9, Group: group})
	}
	s := export(t, at(begin(), leads("n1", "another"), leads("", ""), leads("n2", "")))
	require.Empty(t, s.on("n1/role"))
	require.Len(t, s.on("n2/role"), 1)
	require.Empty(t, s.on("/role"))
}

// Of a history that cannot be read to its end the trace is whole up to there.
func TestExportOfWhatCanBeRead(t *testing.T) {
	t.Parallel()
	torn := errors.New("line 3 is none")
	events := at(begin(), trace("n1", history.RaftLeader, history.Raft{Term: 2}), op(1, history.Invoke, "k"))
	var out bytes.Buffer
	done, err := Export(&out, func(yield func(*history.Event, error) bool) {
		for i := range events {
			if !yield(&events[i], nil) {
				return
			}
		}
		yield(nil, torn)
	}, nil)
	require.NoError(t, err)
	require.ErrorIs(t, done.Unread, torn)
	require.Equal(t, 3, done.Events)
	s := read(t, out.Bytes())
	require.Len(t, s.on("n1/role"), 1)
	last := s.points[len(s.points)-1]
	require.Equal(t, "run/notes: the history cannot be read any further", last.track+": "+last.name)

	for _, ended := range []bool{true, false} {
		if ended {
			events = at(append(events, history.Event{Run: &history.Run{What: history.RunEnd}})...)
		}
		out.Reset()
		_, err = Export(&out, each(events), nil)
		require.NoError(t, err)
		require.Equal(t, !ended, strings.Contains(out.String(), "the history has no end"))
		events = events[:3]
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// Whatever the history, the trace is one.
func TestDrawnHistoriesAreTraces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(t, "events")
		events := []history.Event{begin()}
		names := rapid.SampledFrom([]string{"n1", "n2", "n3", ""})
		for range n {
			var e history.Event
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				e = op(rapid.IntRange(-1, 4).Draw(t, "process"), rapid.SampledFrom([]history.OpType{history.Invoke, history.OK, history.Fail, history.Info}).Draw(t, "type"), "k")
			case 1:
				e.Fault = &history.Fault{Step: rapid.IntRange(0, 3).Draw(t, "step"), What: rapid.SampledFrom([]history.FaultWhat{history.FaultInject, history.FaultHeal, history.FaultSkipped}).Draw(t, "what")}
			case 2:
				e.Proc = &history.Proc{Node: names.Draw(t, "node"), Inc: rapid.Uint64().Draw(t, "inc"), What: rapid.SampledFrom([]history.ProcWhat{history.ProcStart, history.ProcSignal, history.ProcExit}).Draw(t, "what"), Signal: rapid.SampledFrom([]string{"stopped (signal)", "continued"}).Draw(t, "signal")}
			case 3:
				r := rapid.Make[history.Raft]().Draw(t, "raft")
				r.Node, r.Source = names.Draw(t, "node"), rapid.SampledFrom([]history.Source{history.Trace, history.Tap, history.Harness}).Draw(t, "source")
				r.What = rapid.SampledFrom([]history.RaftWhat{history.RaftStart, history.RaftFollower, history.RaftCandidate, history.RaftLeader, history.RaftVote, history.RaftCommit, history.RaftAppend, history.RaftInstall}).Draw(t, "what")
				e.Raft = &r
			case 4:
				r := rapid.Make[history.Run]().Draw(t, "run")
				r.What = rapid.SampledFrom([]history.RunWhat{history.RunPhase, history.RunStall, history.RunNote, history.RunEnd}).Draw(t, "what")
				e.Run = &r
			case 5:
				e.Claim = &history.Claim{Node: names.Draw(t, "node"), Role: "leader", Term: rapid.Uint64().Draw(t, "term")}
			}
			events = append(events, e)
		}
		export(t, at(events...), Proof{Rule: "r", Events: []uint64{uint64(n / 2), uint64(n)}})
	})
}

// The kept runs, whole.
func TestCorpusIsTraces(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"stale-log-vote", "clean-mixed", "stale-read"} {
		h, err := history.Open(filepath.Join("../../results/corpus", name, "history.jsonl.gz"))
		require.NoError(t, err)
		defer h.Close()
		var out bytes.Buffer
		done, err := Export(&out, h.Events(), nil)
		require.NoError(t, err)
		s := read(t, out.Bytes())
		require.Positive(t, done.Events)
		require.NotEmpty(t, s.on("clients/client 1"))
		require.NotEmpty(t, s.on("n1/role"))
		t.Logf("%s: %d events, %d packets, %d bytes, %d tracks", name, done.Events, done.Packets, out.Len(), done.Tracks)
	}
}
