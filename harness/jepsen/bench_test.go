package jepsen_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/jepsen"
)

// BenchmarkRead reads operations, each an invocation and a completion, as EDN.
func BenchmarkRead(b *testing.B) {
	var text bytes.Buffer
	for i := range b.N {
		for j, kind := range []string{"invoke", "ok"} {
			fmt.Fprintf(&text, "{:type :%s, :f :write, :value %d, :process %d, :time %d, :index %d}\n", kind, i, i%10, 10_000*i+j, 2*i+j)
		}
	}
	b.SetBytes(int64(text.Len() / b.N))
	b.ReportAllocs()
	b.ResetTimer()
	h, err := jepsen.New("history.edn", &text, jepsen.Options{})
	require.NoError(b, err)
	for _, err := range h.Events() {
		require.NoError(b, err)
	}
	require.EqualValues(b, b.N, h.Facts().Ops)
}
