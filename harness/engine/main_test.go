package engine_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/target/reference"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/nemesis"
)

// binary runs the nodes: this test binary itself.
var binary string

// Besides as a node, the test binary runs as a harness that is to be killed, or
// that crashes when its input ends, or on disks of members' own: "harness", "crash" or
// "powered", and the results directory;
// and as a queue of some kind: "queue", its address, and the kind.
func TestMain(m *testing.M) {
	binary = reference.Reenter()
	if len(os.Args) == 3 && (os.Args[1] == "harness" || os.Args[1] == "crash" || os.Args[1] == "powered") {
		os.Exit(child(os.Args[1], os.Args[2]))
	}
	if len(os.Args) == 4 && os.Args[1] == "queue" {
		fmt.Fprintln(os.Stderr, serveQueue(os.Args[2], os.Args[3]))
		os.Exit(1)
	}
	flag.Parse()
	_ = flag.Set("test.parallel", "4") // clusters mostly wait
	status := m.Run()
	if left := processes(isChild); len(left) > 0 && status == 0 {
		fmt.Fprintf(os.Stderr, "processes left by the tests: %q\n", left)
		status = 1
	}
	os.Exit(status)
}

// child is a harness in a process of its own; it does not end by itself.
func child(mode, dir string) int {
	cfg, err := config(dir)
	if err == nil {
		cfg.For = time.Hour
		cfg.Plan, err = plan("at 0s for 1h pause n2\nat 0s for 1h partition n3 | rest")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if mode == "powered" {
		cfg.Disk = disk.Ext4
	}
	if mode == "crash" {
		cfg.Target = wrapped{Target: cfg.Target, client: func(workload.Client) workload.Client {
			io.Copy(io.Discard, os.Stdin) // until the test has seen the faults in force
			panic("a client with a bug")
		}}
	}
	_, err = engine.Run(context.Background(), cfg)
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// config is that of a short, quiet run of three reference nodes.
func config(dir string) (engine.Config, error) {
	cfg := engine.Default()
	cfg.Nodes, cfg.For, cfg.Plan, cfg.PlanName = 3, time.Second, &nemesis.Plan{}, "none"
	cfg.Rate, cfg.Clients = 60, 3
	cfg.Results = dir
	t, err := reference.New(reference.Options{
		Binary: binary, Election: cfg.Election, Heartbeat: cfg.Heartbeat, Seed: cfg.Seed,
	})
	cfg.Target = t
	return cfg, err
}

// steady is the configuration with timers so wide that a busy machine deposes no
// leader.
func steady(t *testing.T, cfg engine.Config) engine.Config {
	t.Helper()
	cfg.Election, cfg.Heartbeat = time.Second, 50*time.Millisecond
	var err error
	cfg.Target, err = reference.New(reference.Options{
		Binary: binary, Election: cfg.Election, Heartbeat: cfg.Heartbeat, Seed: cfg.Seed,
	})
	require.NoError(t, err)
	return cfg
}

func plan(text string) (*nemesis.Plan, error) {
	p, err := nemesis.Parse("test", text)
	return &p, err
}

// carriedOut runs cfg until each step of its plan that has a time had its turn, five times at
// most: on a busy machine the harness itself may sleep until the faults are over. What a test
// counts of a run is counted anew.
func carriedOut(t *testing.T, cfg engine.Config, anew ...func()) engine.Result {
	t.Helper()
	for range 5 {
		for _, f := range anew {
			f()
		}
		result, err := engine.Run(t.Context(), cfg)
		require.NoError(t, err)
		require.NotEqual(t, checker.Invalid, result.Report.Verdict, result.Report.String())
		if !slices.ContainsFunc(read(t, result.Dir), sleptThrough) {
			return result
		}
	}
	require.FailNow(t, "no run had all of its plan carried out")
	return engine.Result{}
}

func sleptThrough(e *history.Event) bool {
	return e.Fault != nil && strings.HasSuffix(e.Fault.Reason, "before it was due")
}

// configFor makes the results directory of a test too.
func configFor(t *testing.T) engine.Config {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a cluster")
	}
	cfg, err := config(filepath.Join(t.TempDir(), "results"))
	require.NoError(t, err)
	return cfg
}

// wrapped is a target of which a test changes one thing.
type wrapped struct {
	target.Target
	command func(target.Member, target.Command) target.Command
	client  func(workload.Client) workload.Client
}

func (w wrapped) Command(m target.Member) (target.Command, error) {
	c, err := w.Target.Command(m)
	if err == nil && w.command != nil {
		c = w.command(m, c)
	}
	return c, err
}

func (w wrapped) Client(m target.Member) (workload.Client, error) {
	c, err := w.Target.Client(m)
	if err == nil && w.client != nil {
		c = w.client(c)
	}
	return c, err
}

// shell makes n1, or every member, a shell script. The data directory is $0, so
// that the process is known for this test's.
func shell(of target.Target, script string, members ...string) target.Target {
	return wrapped{Target: of, command: func(m target.Member, c target.Command) target.Command {
		if len(members) > 0 && !strings.Contains(strings.Join(members, " "), m.Name) {
			return c
		}
		return target.Command{Path: "sh", Args: []string{"-c", script, m.DataDir}}
	}}
}

// processes lists the processes, zombies not counted, that match.
func processes(match func(pid int, cmdline string) bool) []string {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var found []string
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		b, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || len(b) == 0 || pid == os.Getpid() {
			continue
		}
		if line := strings.ReplaceAll(string(b), "\x00", " "); match(pid, line) {
			found = append(found, fmt.Sprintf("%d %s", pid, line))
		}
	}
	return found
}

func isChild(pid int, _ string) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(after)
	return len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid())
}

// requireNoneLeft waits until no process has dir on its command line; a killed
// harness's keeper needs a moment.
func requireNoneLeft(t *testing.T, dir string) {
	t.Helper()
	var left []string
	gone := func() bool {
		left = processes(func(_ int, line string) bool { return strings.Contains(line, dir) })
		return len(left) == 0
	}
	for end := time.Now().Add(time.Minute); !gone(); time.Sleep(5 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "left over: %q", left)
	}
}

// requireError runs cfg, which must fail soon, and leave no process.
func requireError(t *testing.T, cfg engine.Config) error {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Minute, errors.New("the run did not end"))
	defer cancel()
	result, err := engine.Run(ctx, cfg)
	require.NoError(t, context.Cause(ctx))
	require.Error(t, err)
	require.Empty(t, result.Report.Verdict, "no verdict")
	requireNoneLeft(t, cfg.Results)
	return err
}
