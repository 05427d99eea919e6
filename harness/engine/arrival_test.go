package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/engine"
)

// Operations that arrive by themselves go on while nobody answers, as far as they may,
// and the history says how many were not tried.
func TestOpenArrival(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	var err error
	cfg.Plan, err = plan("at 200ms for 800ms pause all")
	require.NoError(t, err)
	cfg.Arrival, cfg.Clients, cfg.Rate = engine.ArrivalOpen, 2, 1000
	result := carriedOut(t, cfg)
	untried, open, most := uint64(0), 0, 0
	for _, e := range read(t, result.Dir) {
		switch {
		case e.Run != nil:
			untried += e.Run.Untried
		case e.Op != nil && e.Op.Type == "invoke":
			open++
		case e.Op != nil:
			open--
		}
		most = max(most, open)
	}
	require.Positive(t, untried)
	require.Greater(t, most, 2+5, "more than there are clients in a closed loop, visitors among them")

	saved, err := engine.Load(result.Dir)
	require.NoError(t, err)
	require.Equal(t, engine.ArrivalOpen, saved.Config.Arrival)
}

func TestArrivalRefused(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	require.Equal(t, engine.ArrivalClosed, engine.Default().Arrival)
	cfg.Arrival = "opne"
	require.ErrorContains(t, cfg.Validate(), `arrival "opne" (did you mean open?): use closed or open`)
	cfg.Arrival = "now and then"
	require.ErrorContains(t, cfg.Validate(), `arrival "now and then": use closed or open`)
	cfg.Arrival, cfg.Rate = engine.ArrivalOpen, 0
	require.ErrorContains(t, cfg.Validate(), "they arrive at a rate")
}
