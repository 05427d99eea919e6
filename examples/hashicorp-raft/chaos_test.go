package main

import (
	"flag"
	"fmt"
	"log"
	"os"
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

// config is a run of three members, with flags if any, under a plan.
func config(t *testing.T, plan string, flags ...string) harness.Config {
	t.Helper()
	p, err := nemesis.Parse("plan", plan)
	if err != nil {
		t.Fatal(err)
	}
	cfg := harness.Default()
	cfg.Nodes, cfg.Election, cfg.Heartbeat = 3, 200*time.Millisecond, 20*time.Millisecond
	cfg.Target = store{election: cfg.Election, flags: flags}
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
`),
		System: func(bug string, cfg *harness.Config) error {
			own := store{election: cfg.Election}
			switch bug {
			case "":
			case "stale-read", "lose-tail":
				own.flags = []string{"--" + bug}
			default:
				return fmt.Errorf("-chaos.target=%s: use stale-read or lose-tail, or leave it out", bug)
			}
			cfg.Target = own
			return nil
		},
	})
}

// The harness can tell: reads at a member that is cut off are old.
func TestStaleReads(t *testing.T) {
	caught(t, "at 300ms for 1500ms isolate follower", "--stale-read")
}

// What a majority had only in memory is gone when all are killed.
func TestLostTail(t *testing.T) { caught(t, "at 1s for 300ms kill all", "--lose-tail") }

// caught is a plan that must be found invalid in one of a few runs: what clients ask
// just then is chance, and a machine that stalls may leave a run without a verdict.
func caught(t *testing.T, plan, bug string) {
	t.Helper()
	cfg := config(t, plan, bug)
	cfg.Results = t.TempDir()
	for cfg.Seed = 1; ; cfg.Seed++ {
		result, err := harness.Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if result.Report.Verdict == checker.Invalid {
			return
		}
		if t.Log(result.Report.String()); cfg.Seed == 5 {
			t.Fatal("it was never caught")
		}
	}
}

// The plan of scripts/shrink-go is one for this store.
func TestMixedPlan(t *testing.T) {
	if _, err := harness.LoadPlan("mixed.txt", config(t, "")); err != nil {
		t.Fatal(err)
	}
}
