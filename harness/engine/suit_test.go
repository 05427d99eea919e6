package engine_test

import (
	"testing"

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
