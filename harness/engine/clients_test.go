package engine_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
)

// healed returns the evidence of each step.
func healed(events []*history.Event) map[int]history.Fault {
	ends := make(map[int]history.Fault)
	for _, e := range events {
		if e.Fault != nil && e.Fault.What == history.FaultHeal {
			ends[e.Fault.Step] = *e.Fault
		}
	}
	return ends
}

// validEvents is the history of a run that is valid. One that a machine which stalls
// left without a verdict, or without a part of its plan, is made again, four times at most.
func validEvents(t *testing.T, cfg engine.Config) []*history.Event {
	t.Helper()
	for tries := 1; ; tries++ {
		result, err := engine.Run(t.Context(), cfg)
		require.NoError(t, err)
		events := read(t, result.Dir)
		stalled := result.Report.Verdict == checker.Unknown || slices.ContainsFunc(events, sleptThrough)
		if !stalled || tries == 5 {
			require.Equal(t, checker.Valid, result.Report.Verdict, result.Report.String())
			return events
		}
		t.Log(result.Report.String())
	}
}

// highestTerm is that of the last leader.
func highestTerm(events []*history.Event) (term uint64) {
	for _, e := range events {
		if e.Raft != nil && e.Raft.What == history.RaftLeader {
			term = max(term, e.Raft.Term)
		}
	}
	return term
}

// What a leader answers while its answers are cut off may have happened, for all
// that clients know; what they ask while their requests are cut off, too. Neither
// is a fault of the system, nor does the harness lose sight of it meanwhile.
func TestCutBetweenClientsAndLeader(t *testing.T) {
	t.Parallel()
	cfg := steady(t, configFor(t))
	var err error
	cfg.ProxyClients = true
	cfg.For, cfg.Timeout = 2*time.Second, 150*time.Millisecond
	cfg.Plan, err = plan("at 100ms for 600ms cut leader > clients\nat 1s for 600ms cut clients > *\nat 1800ms reset * > clients")
	require.NoError(t, err)
	events := validEvents(t, cfg)
	for tries := 1; highestTerm(events) > 1 && tries < 5; tries++ { // a machine that stalls deposes leaders too
		events = validEvents(t, cfg)
	}
	require.EqualValues(t, 1, highestTerm(events), "members hear each other as before")
	ends := healed(events)
	require.Positive(t, ends[1].Evidence["bytes-held"], "answers")
	require.Positive(t, ends[2].Evidence["bytes-held"]+ends[2].Evidence["dials-held"], "requests")
	require.Positive(t, ends[3].Evidence["conns-reset"])
	require.NotContains(t, ends[1].Nodes, "clients")
	step, infos := 0, make(map[int]int)
	for _, e := range events {
		switch {
		case e.Fault != nil && e.Fault.What == history.FaultInject:
			step = e.Fault.Step
		case e.Fault != nil:
			step = 0
		case e.Op != nil && e.Op.Type == history.Info:
			infos[step]++
		}
	}
	require.Positive(t, infos[1], "what is asked and not answered is open")
	require.Positive(t, infos[2])
}

// Clients that see a deposed leader alone must not be told what is no longer
// true, and get on with the new one once they can.
func TestClientsOnTheSideOfTheDeposed(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	var err error
	cfg.ProxyClients = true
	cfg.For, cfg.Timeout = 1500*time.Millisecond, 200*time.Millisecond
	cfg.Plan, err = plan("at 100ms for 700ms partition clients leader | rest\nat 1s for 400ms delay 5ms±5ms clients > *")
	require.NoError(t, err)
	over, answered := false, 0
	for _, e := range validEvents(t, cfg) {
		over = over || e.Fault != nil && e.Fault.Step == 1 && e.Fault.What != history.FaultInject
		if over && e.Op != nil && e.Op.Type == history.OK {
			answered++
		}
	}
	require.Positive(t, answered, "clients get on")
}

// Only clients go through the fabric, and only if asked to: the harness's own
// questions never do.
func TestWhereClientsDial(t *testing.T) {
	t.Parallel()
	for _, proxied := range []bool{false, true} {
		cfg := configFor(t)
		cfg.ProxyClients, cfg.For = proxied, 100*time.Millisecond
		w := &witness{Target: cfg.Target, asked: make(map[string]bool), dialled: make(map[string]bool)}
		cfg.Target = w
		_, err := engine.Run(t.Context(), cfg)
		require.NoError(t, err)
		require.Len(t, w.asked, cfg.Nodes)
		require.Len(t, w.dialled, cfg.Nodes)
		for addr := range w.dialled {
			require.Equal(t, !proxied, w.asked[addr], addr)
		}
	}
}

// witness notes the client addresses with which its target is called.
type witness struct {
	target.Target
	mu             sync.Mutex
	asked, dialled map[string]bool
}

func (w *witness) note(addrs map[string]bool, addr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	addrs[addr] = true
}

func (w *witness) Command(m target.Member) (target.Command, error) {
	w.note(w.asked, m.ClientAddr)
	return w.Target.Command(m)
}

func (w *witness) Client(m target.Member) (workload.Client, error) {
	w.note(w.dialled, m.ClientAddr)
	return w.Target.Client(m)
}

// A plan that needs client links is refused before anything is written.
func TestClientsWithoutLinks(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	var err error
	cfg.Plan, err = plan("at 100ms for 300ms cut leader > clients")
	require.NoError(t, err)
	_, err = engine.Run(t.Context(), cfg)
	require.ErrorContains(t, err, "--proxy-clients")
	require.NoDirExists(t, cfg.Results)
	require.False(t, cfg.Setting().Clients)
}

// late is a client that has no answer for anybody before a moment.
type late struct {
	workload.Client
	from time.Time
}

func (c late) Do(ctx context.Context, op history.Op) (history.Op, string) {
	if time.Now().Before(c.from) {
		op.Type = history.Fail
		return op, ""
	}
	return c.Client.Do(ctx, op)
}

// The plan begins when the first operation has succeeded, however late that is.
func TestFaultsBeginWhenSomebodyIsServed(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	var from time.Time
	var once sync.Once
	cfg.Target = wrapped{Target: cfg.Target, client: func(inner workload.Client) workload.Client {
		once.Do(func() { from = time.Now().Add(2 * time.Second) })
		return late{inner, from}
	}}
	result, err := engine.Run(t.Context(), cfg)
	require.NoError(t, err)
	served, phase := false, ""
	for _, e := range read(t, result.Dir) {
		if e.Run != nil && e.Run.What == history.RunPhase {
			phase = e.Run.Phase
		}
		served = served || phase == history.PhaseReady && e.Op != nil && e.Op.Type == history.OK
	}
	require.True(t, served)
}
