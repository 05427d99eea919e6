package raft_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/raft"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// Whoever begins again in the process that it has was restarted by nobody, and is not
// said to have been.
func TestWhoBeginsAgainWasNotRestarted(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(h *tape.Tape, restart func())
		of    func() verdict.Checker
		says  string
	}{
		{"a vote", func(h *tape.Tape, again func()) {
			h.Stand("n1", 4)
			h.Grant("n3", "n1", 4)
			again()
		}, func() verdict.Checker { return raft.NewVotes() }, "n3 forgot its vote of term 4 for n1 when it "},
		{"a term", func(h *tape.Tape, again func()) {
			h.Follow("n3", "n1", 4)
			again()
		}, func() verdict.Checker { return raft.NewLogs() }, "n3 was in term 4 and "},
	} {
		for _, same := range []bool{false, true} {
			h := tape.Started()
			c.build(h, func() {
				if same {
					h.Trace("n3", history.Raft{What: history.RaftStart, Term: 3})
					return
				}
				h.Restart("n3", 3, "")
			})
			got := h.Judge(c.of())
			require.Equal(t, verdict.Invalid, got.Verdict, c.name)
			require.Contains(t, got.Violations[0].Text, c.says)
			if same {
				require.Contains(t, got.Violations[0].Text, "began again in the same process")
				require.NotContains(t, got.Violations[0].Text, "restart")
			} else {
				require.Contains(t, got.Violations[0].Text, "restart")
			}
		}
	}
}
