package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/nemesis"
)

// A system of the user's own, which no checker knows: queues by name, in the memory
// of one process.

const (
	enqueue history.F = "enqueue"
	dequeue history.F = "dequeue"
)

// serveQueue is the system. Of the kind "fifo" it is right; "lifo" is a stack.
func serveQueue(addr, kind string) error {
	var mu sync.Mutex
	queues := make(map[string][]string)
	return http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		key := r.FormValue("key")
		q := queues[key]
		switch f := history.F(r.FormValue("f")); {
		case f == enqueue:
			queues[key] = append(q, r.FormValue("value"))
		case f == dequeue && len(q) > 0 && kind == "lifo":
			fmt.Fprint(w, q[len(q)-1])
			queues[key] = q[:len(q)-1]
		case f == dequeue && len(q) > 0:
			fmt.Fprint(w, q[0])
			queues[key] = q[1:]
		}
	}))
}

// queueTarget starts it and talks to it.
type queueTarget struct {
	target.Opaque
	kind string
}

func (q queueTarget) Name() string { return "queue" }

func (q queueTarget) Command(m target.Member) (target.Command, error) {
	return target.Command{Path: binary, Args: []string{"queue", m.ClientAddr, q.kind}}, nil
}

func (queueTarget) Status(ctx context.Context, m target.Member) (target.Status, error) {
	_, err := ask(ctx, http.DefaultTransport, m.ClientAddr, nil)
	return target.Status{}, err
}

func (queueTarget) Client(m target.Member) (workload.Client, error) {
	return &queueClient{addr: m.ClientAddr, http: &http.Transport{}}, nil
}

type queueClient struct {
	addr string
	http *http.Transport
}

// Do answers what it was answered; "" is an empty queue.
func (c *queueClient) Do(ctx context.Context, op history.Op) (done history.Op, hint string) {
	answer, err := ask(ctx, c.http, c.addr, url.Values{"f": {string(op.F)}, "key": {op.Key}, "value": {op.Arg}})
	var network *net.OpError
	switch {
	case err == nil:
		op.Type, op.Got, op.Saw = history.OK, answer, op.F == dequeue
	case errors.As(err, &network) && network.Op == "dial":
		op.Type, op.Error = history.Fail, err.Error()
	default:
		op.Type, op.Error = history.Info, err.Error()
	}
	return op, ""
}

func (c *queueClient) Close() error { c.http.CloseIdleConnections(); return nil }

// ask sends one request: net/http sends no POST a second time.
func ask(ctx context.Context, through http.RoundTripper, addr string, form url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/?"+form.Encode(), nil)
	if err != nil {
		return "", err
	}
	resp, err := through.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// queueWorkload is what clients do.
type queueWorkload struct{ keys *workload.Keys }

func newQueueWorkload() workload.Workload {
	return queueWorkload{workload.NewKeys("q", workload.KeyLimits{Unanswered: 4})}
}

func (queueWorkload) Name() string { return "queues" }

func (w queueWorkload) Next(client int, r *rand.Rand) history.Op {
	op := history.Op{F: dequeue, Key: w.keys.Take(client)}
	if r.IntN(3) > 0 {
		op.F, op.Arg = enqueue, w.keys.Value(client)
	}
	return op
}

func (w queueWorkload) Done(_ int, op history.Op) { w.keys.Done(op) }

// Final has each queue tell what it still has at its head.
func (w queueWorkload) Final() []history.Op { return w.keys.Final(dequeue) }

// queueModel is what they may see.
func queueModel() checker.Spec {
	return checker.Model[[]string]{
		Name: "fifo",
		Ops:  []history.F{enqueue, dequeue},
		Init: func(string) []string { return nil },
		Step: func(q []string, op *history.Op) [][]string {
			answered := op.Type == history.OK
			switch {
			case op.F == enqueue:
				return [][]string{slices.Concat(q, []string{op.Arg})}
			case len(q) == 0 && (!answered || op.Got == ""):
				return [][]string{q}
			case len(q) > 0 && (!answered || op.Got == q[0]):
				return [][]string{q[1:]}
			}
			return nil
		},
		Item: func(op *history.Op) (element string, ok bool) {
			if op.F == enqueue {
				return op.Arg, true
			}
			return op.Got, op.Type == history.OK
		},
	}
}

// queueConfig is a short run of one member under a plan.
func queueConfig(t *testing.T, kind, text string) engine.Config {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a process")
	}
	plan, err := nemesis.Parse("test", text)
	require.NoError(t, err)
	cfg := engine.Default()
	cfg.Target, cfg.Nodes, cfg.ProxyClients = queueTarget{kind: kind}, 1, true
	cfg.Plan, cfg.PlanName, cfg.For = &plan, "test", 900*time.Millisecond
	cfg.Rate, cfg.Resend, cfg.Timeout = 150, 0, 150*time.Millisecond
	cfg.Own, cfg.Models = newQueueWorkload, []checker.Spec{queueModel()}
	cfg.Results = filepath.Join(t.TempDir(), "results")
	return cfg
}

// queueRun makes a run, and returns what the model says of it too.
func queueRun(t *testing.T, cfg engine.Config) (engine.Result, checker.Result) {
	t.Helper()
	result, err := engine.Run(t.Context(), cfg)
	require.NoError(t, err)
	mine, ok := result.Report.Result("fifo")
	require.True(t, ok)
	return result, mine
}

// A user's model accepts the system that does as it says, also while clients wait
// in vain, and rejects one that does not, or that forgets.
func TestOwnModel(t *testing.T) {
	t.Parallel()
	const cut = "at 100ms for 300ms cut n1 > clients\nat 500ms for 300ms delay 5ms clients > n1"
	for _, c := range []struct {
		kind, plan string
		want       checker.Verdict
	}{
		{"fifo", cut, checker.Valid},
		{"lifo", cut, checker.Invalid},
		{"fifo", "at 300ms for 100ms kill n1", checker.Invalid},
	} {
		t.Run(c.kind+" "+string(c.want), func(t *testing.T) {
			t.Parallel()
			cfg := queueConfig(t, c.kind, c.plan)
			result, mine := queueRun(t, cfg)
			for cfg.Seed = 2; c.want == checker.Invalid && mine.Verdict == checker.Valid && cfg.Seed <= 5; cfg.Seed++ {
				result, mine = queueRun(t, cfg) // what was in which queue just then is chance
			}
			report := result.Report
			require.Equal(t, c.want, mine.Verdict, report.String())
			require.Positive(t, mine.Stats["ops"])
			// On a busy machine others may have seen too little to say valid.
			require.Equal(t, c.want == checker.Invalid, report.Verdict == checker.Invalid, report.String())
			require.Equal(t, "queues", report.Run.Workload)

			again, err := engine.CheckFile(result.Dir.Path(results.HistoryFile), cfg.Models...)
			require.NoError(t, err)
			require.Equal(t, report.Verdict, again.Verdict, "saved, and judged with the model")
			without, err := engine.CheckFile(result.Dir.Path(results.HistoryFile))
			require.NoError(t, err)
			require.Equal(t, checker.Unknown, without.Verdict, "saved, and judged without")
			require.Contains(t, without.String(), "the run has checkers of its own that judge nothing here: fifo, for ")
			if c.want == checker.Invalid {
				story, err := engine.Explain(result.Dir, &report, "", checker.Width)
				require.NoError(t, err)
				require.Contains(t, story, "fifo: not linearizable\nkey q")
			}
		})
	}
}

// A run that is to fail fast asks the user's model too.
func TestOwnModelFailsFast(t *testing.T) {
	t.Parallel()
	cfg := queueConfig(t, "lifo", "")
	cfg.For, cfg.FailFast = time.Minute, true
	begun := time.Now()
	result, err := engine.Run(t.Context(), cfg)
	require.NoError(t, err)
	require.Equal(t, checker.Invalid, result.Report.Verdict)
	require.Less(t, time.Since(begun), cfg.For)
}

// Names that would be mistaken for others are refused.
func TestOwnNames(t *testing.T) {
	t.Parallel()
	cfg := queueConfig(t, "fifo", "")
	require.NoError(t, cfg.Validate())
	twice := cfg
	twice.Models = []checker.Spec{queueModel(), queueModel()}
	require.ErrorContains(t, twice.Validate(), `a model called "fifo": give each a name of its own`)
	set := cfg
	set.Own = func() workload.Workload { return workload.NewSet() }
	require.ErrorContains(t, set.Validate(), `an own workload called "set": give it a name that is none of mixed`)
}
