package golden

import (
	"errors"
	"flag"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/capture"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/tap"
)

var update = flag.Bool("update", false, "write the golden files")

// words is a dialect of lines, each of a leader and its term: "n1 7". With keeps, it does
// what a decoder must not: its messages stay in what it was shown.
func words(keeps bool) tap.Dialect {
	return tap.Dialect{Name: "words", Kinds: []tap.Kind{tap.Heartbeat}, Open: func(*tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
		return func(string, string) (tap.Decoder, tap.Decoder) { return line{keeps}, line{keeps} }
	}}
}

type line struct{ keeps bool }

func (l line) Next(b []byte, m *tap.Message) (int, string, error) {
	text, _, ok := strings.Cut(string(b), "\n")
	if !ok {
		return 0, "", nil
	}
	name, term, ok := strings.Cut(text, " ")
	if !ok || len(term) != 1 || name == "" {
		return 0, "", errors.New("no line of it")
	}
	if l.keeps {
		name = unsafe.String(&b[0], len(name))
	}
	m.Kind, m.From, m.Term = tap.Heartbeat, name, uint64(term[0]-'0')
	return len(text) + 1, "", nil
}

const kept = "testdata/words.pcapng"

func TestCheck(t *testing.T) {
	if *update {
		w, err := capture.Create(kept, capture.Options{Nodes: []string{"n1", "n2"}, About: "a leader, then another"})
		require.NoError(t, err)
		a := w.Open(fabric.Link{From: "n1", To: "n2"})
		a.Sent(true, []byte("n1 7\nn"))
		a.Sent(false, []byte("n2 8\n"))
		a.Sent(true, []byte("1 7\n"))
		a.Closed()
		require.NoError(t, w.Close())
	}
	Check(t, words(false), kept, *update)
	Cuts(t, words(false), kept)
	require.Equal(t, []Stream{{Conn: Streams(t, kept)[0].Conn, Forward: []byte("n1 7\nn1 7\n"), Backward: []byte("n2 8\n")}}, Streams(t, kept))
}

// A decoder that keeps what it is shown says something else once that is gone.
func TestForgetful(t *testing.T) {
	all := pieces(t, filepath.FromSlash(kept), nil)
	right, _ := decode(t, words(false), all, nil)
	same, _ := decode(t, forgetful(words(false)), all, nil)
	require.Equal(t, right, same)
	wrong, _ := decode(t, forgetful(words(true)), all, nil)
	require.NotEqual(t, right, wrong)
}

func FuzzWords(f *testing.F) { Fuzz(f, words(false), kept) }

func BenchmarkWords(b *testing.B) { Benchmark(b, words(false), kept) }
