package picture_test

import (
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/slice"
)

// A picture has the slice of a run as it is, by places in its list.
func TestExplain(t *testing.T) {
	t.Parallel()
	const path = "../../results/corpus/stale-log-vote/history.jsonl.gz"
	read := func() iter.Seq2[*history.Event, error] { return history.Read(path) }
	report, err := checker.Run(checker.All(checker.Options{}), read())
	require.NoError(t, err)
	broken := report.Breaches()[0]
	v, _ := report.Violation(broken)
	s, err := slice.Make(read, v.Events, 30)
	require.NoError(t, err)
	h, err := history.Open(path)
	require.NoError(t, err)
	defer h.Close()
	p, err := picture.Make(picture.Source{Report: report, Batches: h.Batches()})
	require.NoError(t, err)
	require.Empty(t, p.Causes)
	p.Explain(&s, broken.Checker, &v)

	require.Len(t, p.Causes, 1)
	c := p.Causes[0]
	require.Equal(t, v.Proven(), p.Proofs[c.Proof].Events[len(v.Events)-1].Seq)
	require.Len(t, c.Events, 30)
	require.Len(t, c.Joins, len(s.Edges))
	for i, j := range c.Joins {
		require.Equal(t, s.Edges[i].From, c.Events[j.From].Seq)
		require.Equal(t, s.Edges[i].To, c.Events[j.To].Seq)
		require.NotEmpty(t, j.How)
	}
	for i, e := range c.Events {
		require.Equal(t, e.Distance == 0, s.Events[i].Proof)
		require.NotEmpty(t, e.Text)
	}
	require.Equal(t, s.Left(), c.Left)
	require.NotEmpty(t, c.Unknown)
}
