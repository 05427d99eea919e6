package exec_test

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/target/exec"
	"github.com/usurper/usurper/nemesis"
)

const examples = "../../../examples/"

// edited reads an example, makes changes, each of which must find something to
// change, and parses it.
func edited(t *testing.T, example string, changes ...string) *exec.Target {
	t.Helper()
	b, err := os.ReadFile(examples + example)
	require.NoError(t, err)
	text := string(b)
	for i := 0; i < len(changes); i += 2 {
		require.Contains(t, text, changes[i])
		text = strings.ReplaceAll(text, changes[i], changes[i+1])
	}
	tgt, err := exec.Parse(exec.Options{Config: example, Text: text})
	require.NoError(t, err)
	return tgt
}

// slow are changes to the reference node that let it keep its leader on a busy
// machine.
func slow(changes ...string) []string {
	return append(changes, "&election 150ms", "&election 500ms", "&heartbeat 30ms", "&heartbeat 100ms")
}

// configFor is a run of a target under a plan. Runs take turns: each is a load.
func configFor(t *testing.T, tgt *exec.Target, plan string) engine.Config {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a cluster")
	}
	p, err := nemesis.Parse("test", plan)
	require.NoError(t, err)
	cfg := engine.Default()
	cfg.Target, cfg.TargetOptions, cfg.Nodes = tgt, tgt.Options(), tgt.Nodes()
	cfg.Election, cfg.Heartbeat = tgt.Timers()
	cfg.Plan, cfg.PlanName, cfg.For = &p, "test", 2*time.Second
	cfg.Rate, cfg.Clients = 200, 6
	if !tgt.Idempotent() {
		cfg.Resend = 0
	}
	cfg.Results = filepath.Join(t.TempDir(), "results")
	return cfg
}

// clean runs a system that keeps its promises, requires that clients were served
// and that a fault bit, and returns what became of the plan's steps. On a busy
// machine not every fault does.
func clean(t *testing.T, cfg engine.Config) map[history.FaultWhat]int {
	t.Helper()
	result, err := engine.Run(t.Context(), cfg)
	require.NoError(t, err)
	require.NotEqual(t, checker.Invalid, result.Report.Verdict, result.Report.String())
	h, err := history.Open(result.Dir.Path(results.HistoryFile))
	require.NoError(t, err)
	defer h.Close()
	served, bit, steps := 0, 0, make(map[history.FaultWhat]int)
	for e, err := range h.Events() {
		require.NoError(t, err)
		switch {
		case e.Op != nil && e.Op.Type == history.OK:
			served++
		case e.Fault != nil:
			steps[e.Fault.What]++
			if e.Fault.What == history.FaultHeal && e.Fault.Bit {
				bit++
			}
		}
	}
	require.Greater(t, served, 50, result.Report.String())
	require.Positive(t, bit, result.Report.String())
	return steps
}

// The example, started and asked as a stranger's system, with a fault aimed at
// the leader, which only the members can name.
func TestReference(t *testing.T) {
	t.Parallel()
	tgt := edited(t, "reference.yaml", slow()...)
	cfg := configFor(t, tgt, "on leader for 300ms pause it\nat 600ms for 600ms partition n1 | rest\nat 1400ms for 300ms kill n2")
	cfg.For = 5 * time.Second // members are asked who leads, which takes a busy machine a while
	steps := clean(t, cfg)
	require.Zero(t, steps[history.FaultNotFired], "the leader was found")
}

// Members that print when they are ready, and do not tell who leads.
func TestReferenceByLog(t *testing.T) {
	t.Parallel()
	tgt := edited(t, "reference.yaml", slow(
		`  - "{{harness}}"`, "  - sh\n  - -c\n  - 'echo serving as {{.Name}}; exec \"$0\" \"$@\"'\n"+`  - "{{harness}}"`,
		"  http: {path: /v1/status, json: {role: [leader, follower, candidate]}}", "  log: ^serving as n[1-3]$",
		"\nrole:\n  http: {path: /v1/status}\n  role: {json: role}\n  term: {json: term}\n  leader: {json: leader}\n  atomic: true # the node answers between two steps of its Raft\n", "\nrole: none\n",
	)...)
	cfg := configFor(t, tgt, "at 100ms for 600ms partition n1 | rest\nat 1s restart n2")
	cfg.For = 5 * time.Second // it begins before there is a leader, which takes a busy machine a while
	clean(t, cfg)
}

// Members that forget everything when they end win the same terms again: nobody
// sees their traffic or a trace, but they say so themselves.
func TestTermsWonTwice(t *testing.T) {
	t.Parallel()
	tgt := edited(t, "reference.yaml", `"{{.DataDir}}"`, `"{{.DataDir}}/{{.Inc}}"`)
	cfg := configFor(t, tgt, "on leader times 40 after 200ms for 100ms kill all")
	cfg.For = time.Minute // as soon as one is found, it ends
	cfg.Until = checker.Breach{Checker: "claims", Rule: "two members said they lead one term"}
	result, err := engine.Run(t.Context(), cfg)
	require.NoError(t, err)
	got, ok := result.Report.Result("claims")
	require.True(t, ok)
	require.Equal(t, checker.Invalid, got.Verdict, result.Report.String())
	require.Len(t, got.Violations[0].Events, 2)
}

// Members that share one address each: who dials is told by the socket's owner.
func TestReferenceByOneAddress(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the owner of a socket is found on Linux only")
	}
	t.Parallel()
	tgt := edited(t, "reference.yaml", slow("addresses: per-pair", "addresses: one", ".Peers", ".Advertised")...)
	clean(t, configFor(t, tgt, "at 100ms for 600ms partition n1 | rest\nat 1s for 400ms isolate n2"))
}

// What a system cannot do, no run asks of it.
func TestRunsThatTheSystemCannotServe(t *testing.T) {
	cfg := configFor(t, edited(t, "reference.yaml"), "")
	text := cfg.Target.(*exec.Target).Options().Text
	set := strings.Index(text, "      append: {}")
	require.Positive(t, set)
	text = strings.Replace(text[:set], "idempotent: true", "idempotent: false", 1)
	var err error
	cfg.Target, err = exec.Parse(exec.Options{Config: "system.yaml", Text: text})
	require.NoError(t, err)
	err = cfg.Validate()
	require.ErrorContains(t, err, `workload "mixed" needs [add read], which the system lacks: use one of ["register"`)
	require.ErrorContains(t, err, "reference-exec does not promise to apply a request id once")
	cfg.Workload, cfg.Resend = "register", 0
	require.NoError(t, cfg.Validate())
}

// Redis is the positive control: it must be found out.
func TestRedis(t *testing.T) {
	if _, err := osexec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: apt-get install redis-server")
	}
	tgt, err := exec.Load(examples + "redis.yaml")
	require.NoError(t, err)
	for _, c := range []struct{ name, workload, plan string }{
		{"old reads at cut-off replicas", "register", "at 100ms for 1s partition n1 | rest"},
		{"lost writes of a killed primary", "append", "at 500ms for 300ms kill n1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := configFor(t, tgt, c.plan)
			cfg.Workload = c.workload
			result, err := engine.Run(t.Context(), cfg)
			require.NoError(t, err)
			require.Equal(t, checker.Invalid, result.Report.Verdict, result.Report.String())
		})
	}
}
