package kv_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/kv"
)

func TestCommandRoundTrip(t *testing.T) {
	for _, c := range []kv.Command{
		{Op: kv.OpDelete},
		{Op: kv.OpPut, Key: "k", Arg: "v"},
		{Op: kv.OpCas, Key: "k", Arg: "new", Old: "old", Client: "c1", Seq: 1 << 60},
		{Op: kv.OpAppend, Key: strings.Repeat("k", 300), Arg: "\x00\xff"},
	} {
		b := c.AppendTo([]byte("before"))[len("before"):]
		got, err := kv.Decode(b)
		require.NoError(t, err)
		require.Equal(t, c, got)
		for i := range b {
			_, err := kv.Decode(b[:i])
			require.ErrorIs(t, err, kv.ErrCommand, "cut at %d of %d", i, len(b))
		}
		_, err = kv.Decode(append(b, 0))
		require.ErrorIs(t, err, kv.ErrCommand, "a byte too many")
	}
	_, err := kv.Decode([]byte{99, 0, 0, 0, 0, 0})
	require.ErrorIs(t, err, kv.ErrCommand, "an unknown operation")
}

func FuzzDecode(f *testing.F) {
	c := kv.Command{Op: kv.OpCas, Key: "k", Arg: "new", Old: "old", Client: "c1", Seq: 7}
	f.Add(c.AppendTo(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := kv.Decode(b)
		if err != nil {
			return
		}
		again, err := kv.Decode(c.AppendTo(nil))
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}
