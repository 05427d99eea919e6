package checker_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// asFile is the tape as the lines of a history.
func (t *tape) asFile() []byte {
	var out bytes.Buffer
	for i := range t.events {
		line, _ := json.Marshal(&t.events[i]) // events are plain data
		out.Write(append(line, '\n'))
	}
	return out.Bytes()
}

// The checkers side by side say what they say one after the other, every time.
func TestRunBatchesSaysWhatRunSays(t *testing.T) {
	h := traced()
	h.start()
	h.lead("n1", 1)
	h.lead("n2", 1)
	for _, e := range draw(seeded(4), shape{steps: 2000, open: 4, lies: 1, plain: true}).events[1:] {
		h.add(e)
	}
	h.do(1, history.OK, add("a"))
	h.do(2, history.OK, final("b"))
	h.end()
	file := h.asFile()
	for _, in := range [][]byte{file, append(bytes.Clone(file), "oops\n"...)} {
		want, wantErr := checker.Run(checker.All(checker.Options{}), history.NewReader("h", bytes.NewReader(in)).Events())
		require.Equal(t, checker.Invalid, want.Verdict)
		for range 5 {
			got, err := checker.RunBatches(checker.All(checker.Options{}), history.NewReader("h", bytes.NewReader(in)).Batches())
			require.Equal(t, wantErr == nil, err == nil)
			require.Equal(t, want.String(), got.String())
			require.Equal(t, want, got)
		}
	}
}

func TestRunBatchesKeepsThePanicAndGoesOn(t *testing.T) {
	seen := 0
	h := traced()
	h.start()
	report, err := checker.RunBatches([]checker.Checker{
		&stub{event: boom}, &stub{verdict: checker.Valid, event: func() { seen++ }},
	}, history.NewReader("h", bytes.NewReader(h.asFile())).Batches())
	require.NoError(t, err)
	require.Equal(t, len(h.events), seen)
	require.Equal(t, checker.Unknown, report.Verdict)
	require.Contains(t, report.Results[0].Summary, "boom")
}
