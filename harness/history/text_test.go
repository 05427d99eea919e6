package history_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/usurper/usurper/harness/history"
)

// written is the operation as it was recorded, and as it is read.
func written(t require.TestingT, op history.Op) (line []byte, read history.Op) {
	var out closer
	rec := history.NewRecorder(&out)
	rec.Record(begin())
	rec.Record(history.Event{Op: &op})
	require.NoError(t, rec.Close())
	r := history.NewReader("h", bytes.NewReader(out.Bytes()))
	_, err := r.Next()
	require.NoError(t, err)
	e, err := r.Next()
	require.NoError(t, err)
	return bytes.Split(out.Bytes(), []byte("\n"))[1], *e.Op
}

// Values keep all of their bytes, wherever they are in an operation.
func TestValuesKeepTheirBytes(t *testing.T) {
	t.Parallel()
	value := rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOf(rapid.SampledFrom([]byte{'a', '"', '\\', 'x', 'u', 0, 0xff, 0xfe, 0xed, 0xa0, 0x80, 0xef, 0xbf, 0xbd})).Draw(t, "value"))
	})
	seen := map[string]string{}
	rapid.Check(t, func(t *rapid.T) {
		v := value.Draw(t, "v")
		op := history.Op{
			Type: history.OK, F: history.FTxn, Key: v, Arg: v, Old: v, Got: v, List: []string{"plain", v},
			Txn: []history.Micro{{F: history.FRead, Key: v, Arg: v, Got: v, List: []string{v, "plain"}, Saw: true}},
		}
		asked := op
		line, read := written(t, op)
		require.Equal(t, asked, op, "it is not the recorder's to change")
		require.Equal(t, op, read)
		require.True(t, json.Valid(line))
		if other, ok := seen[string(line)]; ok {
			require.Equal(t, other, v)
		}
		seen[string(line)] = v
	})
}

// A line of which a value may have been any of several is no event.
func TestValuesThatAreMergedAreRefused(t *testing.T) {
	t.Parallel()
	const head = `{"n":0,"t":0,"run":{"what":"begin","format":1}}` + "\n"
	for _, row := range []struct{ value, says string }{
		{"\xff", "no UTF-8"},
		{"a\xed\xa0\x80", "no UTF-8"},
		{`\ud800`, `\ud800, which is half`},
		{`\uDC00\ud800`, `\uDC00, which is half`},
		{`\\\ud800\\udc00`, `\ud800, which is half`},
		{`\ud83d\ude00`, ""},
		{`\\ud800`, ""},
		{`\ufffd`, ""},
		{"\ufffd\\ud83d\\ude00", ""},
	} {
		for _, op := range []string{`"key":"%s"`, `"arg":"%s"`, `"old":"%s"`, `"got":"%s"`, `"list":["a","%s"]`, `"txn":[{"f":"get","key":"%s"}]`,
			`"txn":[{"f":"read","key":"k","list":["%s"]}]`} {
			line := fmt.Sprintf(`{"n":1,"t":1,"op":{"process":0,"type":"ok","f":"get",`+op+`}}`+"\n", row.value)
			r := history.NewReader("h", bytes.NewReader([]byte(head+line)))
			_, err := r.Next()
			require.NoError(t, err)
			if _, err = r.Next(); row.says == "" {
				require.NoError(t, err, line)
				continue
			}
			require.ErrorContains(t, err, row.says, line)
			require.ErrorContains(t, err, "h:2: ")
		}
		r := history.NewReader("h", bytes.NewReader([]byte(head+`{"n":1,"t":1,"op":{"process":0,"type":"fail","f":"get","key":"k","error":"`+row.value+`"}}`+"\n")))
		for range 2 {
			_, err := r.Next()
			require.NoError(t, err, "nobody compares errors: %q", row.value)
		}
	}
}
