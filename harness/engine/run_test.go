package engine_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/target"
)

// read returns the whole history of a run.
func read(t *testing.T, dir results.Dir) []*history.Event {
	t.Helper()
	h, err := history.Open(dir.Path(results.HistoryFile))
	require.NoError(t, err)
	defer h.Close()
	var events []*history.Event
	for e, err := range h.Events() {
		require.NoError(t, err)
		events = append(events, e)
	}
	require.False(t, h.Truncated())
	return events
}

// A run leaves nothing behind but its directory: no goroutine, process, port or
// file. It is not parallel, so that what it counts is its own.
func TestRunLeavesNothingBehind(t *testing.T) {
	cfg := configFor(t)
	temp, here := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Chdir(here)
	var mu sync.Mutex
	var addrs []string
	cfg.Target = wrapped{Target: cfg.Target, command: func(m target.Member, c target.Command) target.Command {
		mu.Lock()
		defer mu.Unlock()
		addrs = append(addrs, m.PeerAddr, m.ClientAddr)
		for _, peer := range m.Peers {
			addrs = append(addrs, peer)
		}
		return c
	}}
	var err error
	cfg.Plan, err = plan("at 100ms for 300ms partition n1 | rest\nat 200ms for 200ms pause n2\nat 500ms for 200ms kill n3")
	require.NoError(t, err)
	before := runtime.NumGoroutine()
	result, err := engine.Run(t.Context(), cfg)
	require.NoError(t, err)
	require.False(t, result.Interrupted)
	require.NotEqual(t, checker.Invalid, result.Report.Verdict, result.Report.String())

	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, // Eventually has one itself
		time.Minute, 5*time.Millisecond, "goroutines are left")
	requireNoneLeft(t, cfg.Results)
	require.Empty(t, processes(isChild), "not the keeper either")
	host, _, err := net.SplitHostPort(addrs[0])
	require.NoError(t, err)
	subnet := host[:strings.LastIndexByte(host, '.')]
	for _, addr := range append(addrs, subnet+".254:9254") {
		l, err := net.Listen("tcp", addr)
		require.NoError(t, err, "%s is free again", addr)
		l.Close()
	}
	os.Remove(result.Dir.Path(results.LeftOutFile)) // of a valid run
	for dir, want := range map[string][]string{
		temp: nil, here: nil,
		cfg.Results:         {filepath.Base(result.Dir.String()), "latest"},
		result.Dir.String(): {"config.json", "history.jsonl", "nodes", "plan-executed.txt", "plan.txt", "report.html", "report.txt", "schedule.txt", "summary.svg", "verdict.json"},
	} {
		var names []string
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		require.Equal(t, want, names, dir)
	}
}

// The order of a history: begin, the phases, end; each operation ends once, and
// a process that does not know how its operation ended never acts again.
func TestHistoryIsWellFormed(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	var err error
	cfg.Plan, err = plan("at 100ms for 300ms isolate one\nat 500ms for 300ms pause one")
	require.NoError(t, err)
	cfg.Timeout = 100 * time.Millisecond // so that some operations end unknown
	result := carriedOut(t, cfg)
	events := read(t, result.Dir)

	first, last := events[0], events[len(events)-1]
	require.Equal(t, history.RunBegin, first.Run.What)
	require.Equal(t, cfg.Names(), first.Run.Nodes)
	require.Equal(t, 2, first.Run.Steps)
	require.Equal(t, history.RunEnd, last.Run.What)

	var phases []string
	open, retired := make(map[int]bool), make(map[int]bool)
	injected, ended := make(map[int]int), make(map[int]int)
	for _, e := range events {
		switch {
		case e.Run != nil && e.Run.What == history.RunPhase:
			phases = append(phases, e.Run.Phase)
		case e.Fault != nil && e.Fault.What == history.FaultInject:
			injected[e.Fault.Step]++
		case e.Fault != nil:
			ended[e.Fault.Step]++
		case e.Op != nil:
			p := e.Op.Process
			require.False(t, retired[p], "process %d acts after an unknown outcome: event %d", p, e.Seq)
			require.Equal(t, e.Op.Type != history.Invoke, open[p], "process %d, event %d", p, e.Seq)
			open[p] = e.Op.Type == history.Invoke
			retired[p] = e.Op.Type == history.Info
		}
	}
	require.Equal(t, []string{"ready", "faults", "healed", "final", "stop"}, phases)
	require.Equal(t, map[int]int{1: 1, 2: 1}, injected)
	require.Equal(t, map[int]int{1: 1, 2: 1}, ended)
	for p, is := range open {
		require.False(t, is, "the operation of process %d never ends", p)
	}

	report, err := engine.CheckFile(result.Dir.Path(results.HistoryFile))
	require.NoError(t, err)
	require.Equal(t, result.Report.String(), report.String(), "a check repeats the verdict")
	requireMessages(t, events)
}

// Of the messages of elections the history tells what the tap says of votes, all of
// one or nothing, and no more than its share.
func requireMessages(t *testing.T, events []*history.Event) {
	t.Helper()
	type vote struct {
		from, to string
		term     uint64
		stage    history.Stage
	}
	stages := make(map[uint64][]history.Stage)
	messages, votes, told := make(map[vote]int), make(map[vote]int), 0
	for _, e := range events {
		r := e.Raft
		switch {
		case r == nil:
		case r.What == history.RaftMessage:
			told++
			stages[r.ID] = append(stages[r.ID], r.Stage)
			if r.Class == "vote-response" && r.Stage != history.HeldBack {
				messages[vote{r.Node, r.Peer, r.Term, r.Stage}]++
			}
		case r.What == history.RaftVote && r.Source == history.Tap:
			votes[vote{r.Node, r.Peer, r.Term, r.Stage}]++
		}
	}
	said := events[len(events)-2].Run
	require.NotNil(t, said)
	require.Equal(t, history.RunMessages, said.What)
	require.EqualValues(t, len(stages), said.Messages)
	require.NotEmpty(t, stages, "nobody was elected")
	require.LessOrEqual(t, told, max(256, len(events)*3/100))
	for id, of := range stages {
		require.Equal(t, history.Sent, of[0], "message %d: %v", id, of)
	}
	if said.Left == 0 {
		require.Equal(t, votes, messages)
	}
}

// A run that is cut short heals, reaps and judges what there is.
func TestCancelledRun(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	cfg.For = time.Hour
	var err error
	cfg.Plan, err = plan("at 0s for 1h partition n1 | rest\nat 0s for 1h pause n2\nat 30m kill n3")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg.Progress = func(p engine.Progress) {
		if len(p.Faults) == 2 {
			cancel()
		}
	}
	result, err := engine.Run(ctx, cfg)
	require.NoError(t, err)
	require.True(t, result.Interrupted)
	require.Equal(t, checker.Unknown, result.Report.Verdict, result.Report.String())
	require.Contains(t, result.Report.String(), "it was interrupted before its plan had ended")
	requireNoneLeft(t, cfg.Results)
	ends := make(map[int]history.FaultWhat)
	for _, e := range read(t, result.Dir) {
		if e.Fault != nil {
			ends[e.Fault.Step] = e.Fault.What
		}
		require.False(t, e.Proc != nil && e.Proc.What == history.ProcExit && !e.Proc.Expected)
	}
	require.Equal(t, map[int]history.FaultWhat{
		1: history.FaultHeal, 2: history.FaultHeal, 3: history.FaultNotStarted,
	}, ends)
	require.Contains(t, result.Report.String(), "interrupted, 1 of 3 steps of the plan not started")
}

// Two runs in one process, of the same seed and below the same directory, have
// nothing to do with each other.
func TestRunsSideBySide(t *testing.T) {
	t.Parallel()
	quiet := configFor(t)
	stormy := quiet
	var err error
	stormy.Plan, err = plan("at 100ms restart all\nat 600ms for 300ms partition n1 | n2 | n3")
	require.NoError(t, err)
	var wg sync.WaitGroup
	var got [2]engine.Result
	var errs [2]error
	stormy.For *= 3 // enough for its plan on a busy machine
	for i, cfg := range []engine.Config{quiet, stormy} {
		wg.Go(func() { got[i], errs[i] = engine.Run(t.Context(), cfg) })
	}
	wg.Wait()
	require.NotEqual(t, got[0].Dir, got[1].Dir)
	starts := [2]int{}
	for i := range got {
		require.NoError(t, errs[i])
		require.NotEqual(t, checker.Invalid, got[i].Report.Verdict, got[i].Report.String())
		for _, e := range read(t, got[i].Dir) {
			if e.Proc != nil && e.Proc.What == history.ProcStart {
				starts[i]++
			}
			require.False(t, i == 0 && e.Fault != nil, "no fault of the other run")
		}
	}
	require.Equal(t, [2]int{3, 6}, starts)
}
