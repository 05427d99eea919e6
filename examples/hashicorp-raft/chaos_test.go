package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness"
	"github.com/usurper/usurper/nemesis"
)

// A whole night of it, and a failure of a store with a bug, made small:
//
//	go test . -run TestChaos -chaos.plan=random -chaos.for=8h -chaos.seed=7 -timeout 0
//	go test . -run TestChaos -chaos.plan=mixed.txt -chaos.target=lose-tail -chaos.results=runs
//	go test . -run TestChaos -chaos.target=lose-tail -chaos.results=runs -chaos.shrink=runs/latest -chaos.budget=3m -v
var _ = harness.Flags(flag.CommandLine)

// TestMain makes the test binary a member if it is called as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "store" {
		log.Fatal(run(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// config is a run of three members, with a bug if any, under a plan.
func config(t *testing.T, plan, bug string) harness.Config {
	t.Helper()
	p, err := nemesis.Parse("plan", plan)
	if err != nil {
		t.Fatal(err)
	}
	cfg := harness.Default()
	cfg.Nodes, cfg.Election, cfg.Heartbeat = 3, 200*time.Millisecond, 20*time.Millisecond
	cfg.Target = newStore(cfg.Election, bug)
	cfg.Rate = 300
	cfg.Suit()
	cfg.Plan, cfg.PlanName, cfg.For = &p, t.Name(), p.End()+500*time.Millisecond
	cfg.ProxyClients = true
	return cfg
}

// The store keeps its promises while its leaders are killed, stopped and cut off.
func TestChaos(t *testing.T) {
	harness.Test(t, harness.TestConfig{
		SkipUnknown: true, // a machine that stalls proves nothing
		Config: config(t, `
at 500ms  for 1s     kill leader
at 2s     for 1s     partition clients leader | rest
at 3500ms for 500ms  cut leader > clients
at 4500ms for 1s     pause leader
`, ""),
		System: func(bug string, cfg *harness.Config) error {
			if bug != "" && !slices.Contains(bugs(), bug) {
				return fmt.Errorf("-chaos.target=%s: use one of %s, or leave it out", bug, strings.Join(bugs(), ", "))
			}
			cfg.Target = newStore(cfg.Election, bug)
			return nil
		},
	})
}

// A cluster that grows from one member while it is attacked: who wins has a majority of those
// who vote by then, as the entries of the log on the wire say.
func TestGrown(t *testing.T) {
	cfg := config(t, `
at 500ms  for 500ms  kill leader
at 1500ms for 1s     isolate leader
at 3s     for 500ms  kill leader
`, "")
	cfg.Nodes, cfg.Results = 5, t.TempDir()
	cfg.Target = store{Opaque: newStore(0, "").Opaque, election: cfg.Election, grow: true}
	result, err := harness.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range result.Report.Results {
		if r.Checker != "votes" {
			continue
		}
		t.Logf("%s; not judged: %v", r.Summary, r.Unjudged)
		if r.Verdict == checker.Invalid || len(r.Unjudged) > 0 {
			t.Error(result.Report.String())
		}
	}
}

// The harness can tell: each bug is caught by whom its promise is kept for.
func TestBugs(t *testing.T) {
	for _, bug := range bugs() {
		plan, by := lesson(t, bug)
		t.Run(bug, func(t *testing.T) {
			if !*allBugs && bug != forgetTerm && bug != staleRead {
				t.Skip("slow: ask for it with -all-bugs")
			}
			caught(t, config(t, plan, bug), by)
		})
	}
}

var allBugs = flag.Bool("all-bugs", false, "try all bugs of the store, each under five seeds")

// lesson returns the plan of lessons.txt under which a bug shows, and the checker that
// has to see it.
func lesson(t *testing.T, bug string) (plan, checker string) {
	t.Helper()
	all, err := os.ReadFile("lessons.txt")
	if err != nil {
		t.Fatal(err)
	}
	for plan := range strings.SplitSeq(string(all), "\n\n") {
		if head, _, _ := strings.Cut(plan, "\n"); strings.HasPrefix(head, "# "+bug+": ") {
			return plan, strings.TrimPrefix(head, "# "+bug+": ")
		}
	}
	t.Fatalf("lessons.txt has no plan for %s", bug)
	return "", ""
}

// caught makes runs that the checker must find invalid: one of a few, since what clients
// ask just then is chance, and a machine that stalls may leave a run without a verdict;
// with -all-bugs each of five.
func caught(t *testing.T, cfg harness.Config, by string) {
	cfg.Results, cfg.Until = t.TempDir(), checker.Breach{Checker: by}
	for cfg.Seed = 1; cfg.Seed <= 5; cfg.Seed++ {
		began := time.Now()
		result, err := harness.Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(result.Report.Results, func(r checker.Result) bool {
			return r.Checker == by && r.Verdict == checker.Invalid
		})
		t.Logf("seed %d: %s after %s", cfg.Seed, result.Report.Verdict, time.Since(began).Round(time.Second/10))
		switch {
		case found && !*allBugs:
			return
		case !found && *allBugs:
			t.Error(result.Report.String())
		}
	}
	if !*allBugs {
		t.Fatalf("%s never caught it", by)
	}
}

// The plan of scripts/shrink-go is one for this store.
func TestMixedPlan(t *testing.T) {
	if _, err := harness.LoadPlan("mixed.txt", config(t, "", "")); err != nil {
		t.Fatal(err)
	}
}
