package audit

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// watched lets three members, as they are after change, be compared amid a run
// until enough has been recorded, and returns that.
func watched(t *testing.T, change func(s shelves), enough func(history.State) bool) []history.Event {
	s, events := threeAlike()
	change(s)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	o := Options{Target: s, Pause: time.Millisecond, Record: func(e history.Event) {
		require.True(t, e.State.Amid)
		require.NotZero(t, e.State.Round)
		e.Seq = uint64(len(events))
		events = append(events, e)
		if enough(*e.State) {
			cancel()
		}
	}}
	for _, n := range []string{"n1", "n2", "n3"} {
		o.Members = append(o.Members, target.Member{Name: n})
	}
	Watch(ctx, o)
	require.ErrorIs(t, ctx.Err(), context.Canceled, "what was awaited never came")
	return events
}

func TestWatchShowsWhoDiffers(t *testing.T) {
	events := watched(t, func(s shelves) {
		s["n1"].err = errors.New("away")
		s["n2"].positions[0].Revision = 47
		s["n3"].digest.Hash = 2
		s["n3"].entries[1].Value = "z"
	}, func(s history.State) bool { return s.What == history.StateDiffer })
	result := judged(events)
	require.Equal(t, checker.Invalid, result.Verdict)
	require.Contains(t, result.Summary, "n2 n3 disagree: at revision 47, key b holds ")
}

func TestWatchAccusesNobody(t *testing.T) {
	for name, change := range map[string]func(s shelves){
		"all alike":              func(shelves) {},
		"one is late":            func(s shelves) { s["n2"].positions[0] = target.Position{Revision: 20, Applied: 30} },
		"one is away":            func(s shelves) { s["n2"].err = errors.New("away") },
		"only digests differ":    func(s shelves) { s["n2"].digest.Hash = 2 },
		"one forgot less":        func(s shelves) { s["n2"].digest = target.Digest{Hash: 2, Compacted: 5} },
		"nobody else is there":   func(s shelves) { s["n2"].err, s["n3"].err = errors.New("away"), errors.New("away") },
		"one is gone in between": func(s shelves) { s["n3"].pageErr = errors.New("gone"); s["n3"].digest.Hash = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := watched(t, change, func(s history.State) bool { return s.Round == 4 })
			require.NotEqual(t, checker.Invalid, judged(events).Verdict)
			for _, e := range events {
				require.False(t, e.State != nil && e.State.What == history.StateDiffer)
			}
		})
	}
}
