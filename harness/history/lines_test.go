package history_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

// told is what a reader tells of a history, event by event, and how it ends.
func told(r *history.Reader) (out []string) {
	for {
		e, err := r.Next()
		if err != nil {
			return append(out, fmt.Sprint(err, r.Line(), r.Truncated()))
		}
		b, _ := json.Marshal(e)
		out = append(out, string(b))
	}
}

// slowly are ways in which the same bytes may come.
func slowly(b []byte) map[string]io.Reader {
	return map[string]io.Reader{
		"byte by byte":        iotest.OneByteReader(bytes.NewReader(b)),
		"half of what fits":   iotest.HalfReader(bytes.NewReader(b)),
		"the end with data":   iotest.DataErrReader(bytes.NewReader(b)),
		"the end with a byte": iotest.DataErrReader(iotest.OneByteReader(bytes.NewReader(b))),
	}
}

// It does not matter in which pieces a history comes: lines that lie across the
// buffer's end, are longer than it, or lack an end are the same.
func TestPiecesDoNotMatter(t *testing.T) {
	in := lines(2000)
	long := strings.Repeat("a", 300_000)
	in = fmt.Appendf(in, `{"n":2000,"t":9,"op":{"process":1,"type":"ok","f":"get","key":"k","got":"%s","saw":true}}`+"\n", long)
	in = append(in, `{"n":2001,"t":9,"raft":{"src":"tap","node":"n2","seq":1,"what":"ack"}}`+"\n"...)
	for _, cut := range []int{0, 1, 40} {
		in := in[:len(in)-cut]
		want := told(history.NewReader("h", bytes.NewReader(in)))
		for name, r := range slowly(in) {
			require.Equal(t, want, told(history.NewReader("h", r)), "%s, %d missing", name, cut)
		}
	}
}

// Whole lines before an error of the file are read, and nothing after it.
func TestErrorOfTheFile(t *testing.T) {
	in := lines(10)
	broken := errors.New("the disk is gone")
	r := history.NewReader("h", io.MultiReader(bytes.NewReader(in[:len(in)-5]), iotest.ErrReader(broken)))
	for range 9 {
		_, err := r.Next()
		require.NoError(t, err)
	}
	_, err := r.Next()
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "read history h")

	r = history.NewReader("h", idle{})
	_, err = r.Next()
	require.ErrorIs(t, err, io.ErrNoProgress)
}

// idle never has anything to read.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// A batch tells its events apart, and strings outlive it.
func TestBatchByKind(t *testing.T) {
	var kept []string
	var want []string
	for b, err := range history.NewReader("h", bytes.NewReader(lines(3000))).Batches() {
		require.NoError(t, err)
		var ops, rafts, others []*history.Event
		for _, e := range b.Events {
			switch {
			case e.Op != nil:
				ops = append(ops, e)
				kept, want = append(kept, e.Op.Arg), append(want, strings.Clone(e.Op.Arg))
			case e.Raft != nil:
				rafts = append(rafts, e)
			default:
				others = append(others, e)
			}
		}
		same := func(want, got []*history.Event) {
			require.Len(t, got, len(want))
			for i := range want {
				require.Same(t, want[i], got[i])
			}
		}
		same(ops, b.Ops)
		same(rafts, b.Rafts)
		same(others, b.Others)
		b.Release()
	}
	require.Len(t, kept, 1000)
	require.Equal(t, want, kept)
}
