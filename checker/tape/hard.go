package tape

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// Hard is a history that is easily judged wrong, with the verdict that reasoning by
// hand gives it.
type Hard struct {
	Name  string
	Want  verdict.Verdict
	Build func(h *Tape)
}

// Require lets a checker judge the history, and again with all times equal, which
// must not matter. It returns the history for a second opinion.
func (r Hard) Require(t *testing.T, construct func() verdict.Checker) *Tape {
	t.Helper()
	h := New(history.Run{})
	r.Build(h)
	got := h.Judge(construct())
	require.Equal(t, r.Want, got.Verdict, "%s: %+v", r.Name, got)
	for i := range h.Events {
		h.Events[i].At = 0
	}
	require.Equal(t, r.Want, h.Judge(construct()).Verdict, "%s, without times", r.Name)
	return h
}
