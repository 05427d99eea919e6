package picture_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each part of an explanation leads to the event that it speaks of, or to none.
func TestSentences(t *testing.T) {
	for _, row := range []struct{ run, rule, want string }{
		{"stale-log-vote", "the winner lacks a committed entry", `
			n1 won term 3 with its log ending at (2,67), → n1 leads term 3
			without entry 74, →
			which was committed in term 2 → n5 commits up to (2,74)`},
		{"stale-log-vote", "committed entries changed", `
			entry 68 was committed as (2,68) by n5 → n5 commits up to (2,74)
			and as (3,68) by n5 → n5 knows entries up to (3,68) committed`},
		{"commit-old-term", "a leader committed an entry of an earlier term by itself", `
			n4, leader of term 4, committed up to (2,35), → n4 commits up to (2,35)
			which is not of its own term (Raft figure 8) →`},
		{"double-vote", "two votes in one term", `
			n1 voted twice in term 2: →
			for n1 →
			and for n2 → n1 grants its vote in term 2 to n2`},
		{"ack-before-sync", "durable entries were lost", `
			n3 had its log durable up to (1,32) →
			and came back from a restart with it ending at (1,23): → n3 comes up (process 2)
			entry 24 is gone →`},
		{"forget-vote", "a vote was forgotten", `
			n3 forgot its vote of term 1 for n3 →
			when it was restarted → n3 comes up (process 2)`},
		{"forget-sessions", "a value that is there twice", `
			s0-0: →
			"c2-15" was added once → client 8 at n1 is answered: add "c2-15"
			and is there twice, at places 65 and 111 →`},
		{"deposed-panics", "a crash in a node's log", `
			n3 logged: → n3 logged: panic: deposed
			panic: →
			deposed →`},
		{"ack-before-commit", "a value whose write failed", `
			key r0-0: →
			"c0-2" was read by 0.304s, → client 2 at n5 is answered: get r0-0 = "c0-2"
			but its write certainly failed → client 0 at n5 is refused`},
	} {
		p, err := draw(t, filepath.Join("..", "..", "results", "corpus", row.run, "history.jsonl.gz"))
		require.NoError(t, err)
		found := false
		for _, proof := range p.Proofs {
			if proof.Rule != row.rule || found {
				continue
			}
			found = true
			var lines, texts []string
			for i, want := range strings.Split(strings.TrimSpace(row.want), "\n") {
				require.Less(t, i, len(proof.Sentences), "%s: %v", row.run, proof.Sentences)
				s := proof.Sentences[i]
				text, event, _ := strings.Cut(strings.TrimSpace(want), "→")
				said := ""
				if s.Event >= 0 {
					said = proof.Events[s.Event].Text
				}
				lines = append(lines, s.Text)
				texts = append(texts, strings.TrimSpace(text))
				require.Equal(t, strings.TrimSpace(event) != "", s.Event >= 0, "%s: %q is joined to %q", row.run, s.Text, said)
				require.True(t, strings.HasPrefix(said, strings.TrimSpace(event)), "%s: %q is joined to %q", row.run, s.Text, said)
			}
			require.Equal(t, texts, lines, row.run)
			require.Len(t, proof.Sentences, len(lines), row.run)
		}
		require.True(t, found, "%s: no proof of %q in %v", row.run, row.rule, p.Proofs)
	}
}
