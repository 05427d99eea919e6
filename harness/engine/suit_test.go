package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/target/reference"
)

// setter is a target whose clients can add to sets and read them, and no more.
type setter struct{ queueTarget }

func (setter) Ops() []history.F {
	return []history.F{history.FAdd, history.FRead, history.FGet, history.FPut}
}

// adder has no registers at all.
type adder struct{ queueTarget }

func (adder) Ops() []history.F { return []history.F{history.FAdd, history.FRead} }

// dear is a target that is to be read finally only.
type dear struct{ setter }

func (dear) ReadLast() bool { return true }

// Where reads are dear clients make none until the end, and what cannot do without is
// refused.
func TestReadLast(t *testing.T) {
	t.Parallel()
	cfg := engine.Default()
	cfg.Target = dear{}
	cfg.Suit()
	require.NoError(t, cfg.Validate())
	cfg.Workload = "puts"
	require.ErrorContains(t, cfg.Validate(), `workload "puts" has to read all the time, and the system is to be read finally: use one of mixed, register, set, append`)
}

// What a test leaves as it was follows what the target can do; what it sets stays, and is
// refused if the target cannot do it.
func TestSuit(t *testing.T) {
	t.Parallel()
	suited := func(of target.Target, change func(*engine.Config)) engine.Config {
		cfg := engine.Default()
		cfg.Target = of
		change(&cfg)
		cfg.Suit()
		return cfg
	}
	usual := func(*engine.Config) {}

	opaque := suited(queueTarget{}, usual)
	require.NoError(t, opaque.Validate())
	require.Equal(t, "register", opaque.Workload)
	require.Zero(t, opaque.Resend)

	more := suited(setter{}, usual)
	require.NoError(t, more.Validate())
	require.Equal(t, "mixed", more.Workload)

	node, err := reference.New(reference.Options{Binary: binary})
	require.NoError(t, err)
	everything := suited(node, usual)
	require.Equal(t, engine.Default().Workload, everything.Workload)
	require.Equal(t, engine.Default().Resend, everything.Resend)

	sets := suited(adder{}, usual)
	require.NoError(t, sets.Validate())
	require.Equal(t, "set", sets.Workload)

	asked := suited(queueTarget{}, func(cfg *engine.Config) { cfg.Workload, cfg.Resend = "set", 0.2 })
	err = asked.Validate()
	require.ErrorContains(t, err, `workload "set" needs [add read], which the system lacks: use one of ["register" "puts"]`)
	require.ErrorContains(t, err, "a resend share of 0.2")
}

// habitual is a target that knows what finds most in its system.
type habitual struct{ target.Target }

func (habitual) Usual(size int) target.Habits {
	h := target.Habits{Mixed: "churn", Election: 300 * time.Millisecond, Heartbeat: 20 * time.Millisecond}
	if size == 1 {
		h.Workload, h.ValueSize, h.Clients, h.Rate, h.Plan = "puts", 4096, 20, 1000, engine.KillsPlan
	}
	return h
}

// What nobody chose is as the target's users have it, and what somebody did stays.
func TestSuitToHabits(t *testing.T) {
	t.Parallel()
	node, err := reference.New(reference.Options{Binary: binary})
	require.NoError(t, err)
	suited := func(change func(*engine.Config), given ...string) engine.Config {
		cfg := engine.Default()
		cfg.Target = habitual{node}
		change(&cfg)
		cfg.SuitUnless(func(flag string) bool { return slices.Contains(given, flag) })
		again := cfg
		again.Suit()
		if len(given) == 0 {
			require.Equal(t, cfg, again, "what is suited is suited")
		}
		return cfg
	}
	alone := func(cfg *engine.Config) { cfg.Nodes = 1 }

	several := suited(func(*engine.Config) {})
	require.NoError(t, several.Validate())
	require.Equal(t, "mixed", several.Workload)
	require.Equal(t, "churn", several.Mixed)
	require.Equal(t, engine.RandomPlan, several.PlanName)
	require.Equal(t, 300*time.Millisecond, several.Election)
	require.Equal(t, 10, several.Clients)

	one := suited(alone)
	require.NoError(t, one.Validate())
	require.Equal(t, "puts", one.Workload)
	require.Equal(t, []any{4096, 20, 1000.0, engine.KillsPlan}, []any{one.ValueSize, one.Clients, one.Rate, one.PlanName})
	require.Equal(t, engine.Kills(one), one.Drawn())

	chosen := suited(func(cfg *engine.Config) {
		cfg.Nodes, cfg.ValueSize, cfg.Clients, cfg.Rate, cfg.PlanName = 1, 100, 3, 50, engine.FailoversPlan
		cfg.Election, cfg.Mixed = time.Second, "register"
	})
	require.Equal(t, []any{100, 3, 50.0, engine.FailoversPlan}, []any{chosen.ValueSize, chosen.Clients, chosen.Rate, chosen.PlanName})
	require.Equal(t, time.Second, chosen.Election)
	require.Equal(t, "register", chosen.Mixed)

	other := suited(func(cfg *engine.Config) { cfg.Nodes, cfg.Workload = 1, "register" })
	require.Equal(t, "register", other.Workload)
	require.Equal(t, []any{0, 10, 500.0, engine.KillsPlan}, []any{other.ValueSize, other.Clients, other.Rate, other.PlanName}, "sizes belong to the workload")

	flags := suited(alone, "workload", "clients", "plan", "election")
	require.Equal(t, "mixed", flags.Workload)
	require.Equal(t, engine.RandomPlan, flags.PlanName)
	require.Equal(t, engine.Default().Election, flags.Election)

	themes := suited(func(cfg *engine.Config) { cfg.Nodes, cfg.Themes = 1, []string{"power-loss"} })
	require.Equal(t, engine.RandomPlan, themes.PlanName, "themes are of random plans")

	wrong := suited(func(cfg *engine.Config) { cfg.Mixed = "sets" })
	require.ErrorContains(t, wrong.Validate(), `mixed of "sets"`)
}
