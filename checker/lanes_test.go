package checker_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// The checkers side by side say what they say one after the other, every time.
func TestRunBatchesSaysWhatRunSays(t *testing.T) {
	h := tape.Traced()
	h.Start()
	h.Lead("n1", 1)
	h.Lead("n2", 1)
	for _, e := range tape.DrawRegister(tape.Seeded(4), tape.RegisterShape{Steps: 2000, Open: 4, Lies: 1, Plain: true}).Events[1:] {
		h.Add(e)
	}
	h.Do(1, history.OK, tape.Add("a"))
	h.Do(2, history.OK, tape.Final("b"))
	h.End()
	file := h.AsFile()
	for _, in := range [][]byte{file, append(bytes.Clone(file), "oops\n"...)} {
		want, wantErr := checker.Run(checker.All(verdict.Options{}), history.NewReader("h", bytes.NewReader(in)).Events())
		require.Equal(t, verdict.Invalid, want.Verdict)
		for range 5 {
			got, err := checker.RunBatches(checker.All(verdict.Options{}), history.NewReader("h", bytes.NewReader(in)).Batches())
			require.Equal(t, wantErr == nil, err == nil)
			require.Equal(t, want.String(), got.String())
			require.Equal(t, want, got)
		}
	}
}

func TestRunBatchesKeepsThePanicAndGoesOn(t *testing.T) {
	seen := 0
	h := tape.Traced()
	h.Start()
	report, err := checker.RunBatches([]verdict.Checker{
		&stub{event: boom}, &stub{verdict: verdict.Valid, event: func() { seen++ }},
	}, history.NewReader("h", bytes.NewReader(h.AsFile())).Batches())
	require.NoError(t, err)
	require.Equal(t, len(h.Events), seen)
	require.Equal(t, verdict.Unknown, report.Verdict)
	require.Contains(t, report.Results[0].Summary, "boom")
}

// What a checker says that it does not look at makes no difference to it.
func TestKinds(t *testing.T) {
	t.Parallel()
	kindOf := func(e *history.Event) verdict.Kinds {
		switch {
		case e.Op != nil:
			return verdict.Ops
		case e.Raft != nil:
			return verdict.Rafts
		}
		return verdict.Others
	}
	files, err := filepath.Glob("../results/corpus/*/history.jsonl.gz")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		h, err := history.Open(file)
		require.NoError(t, err)
		whole := append(checker.All(checker.Options{}), checker.Clients(checker.Options{})...)
		part := append(checker.All(checker.Options{}), checker.Clients(checker.Options{})...)
		for e, err := range h.Events() {
			require.NoError(t, err)
			for i, c := range part {
				if whole[i].Event(e); verdict.KindsOf(c)&kindOf(e) != 0 {
					c.Event(e)
				}
			}
		}
		require.NoError(t, h.Close())
		for i := range part {
			require.Equal(t, whole[i].Finish(), part[i].Finish(), "%s: %s", file, part[i].Name())
		}
	}
}
