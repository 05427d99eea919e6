package capture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/capture"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/tap"
)

// toy is a dialect of frames of a kind, a term and whether it is a refusal. A dialler may
// begin with a line that says where it listens.
func toy() tap.Dialect {
	return tap.Dialect{
		Name: "toy", Kinds: toyKinds(), Classes: []string{"hello", "other"},
		Hello: func(first []byte) (string, bool, error) {
			line, _, whole := strings.Cut(string(first), "\n")
			addr, ok := strings.CutPrefix(line, "I am ")
			switch {
			case !whole && (ok || strings.HasPrefix("I am ", line)):
				return "", true, nil
			case !ok:
				return "", false, errors.New("no hello")
			}
			return addr, false, nil
		},
		Open: func(c *tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
			return func(string, string) (tap.Decoder, tap.Decoder) { return toyDecoder{c}, toyDecoder{c} }
		},
	}
}

func toyKinds() []tap.Kind { return []tap.Kind{tap.Vote, tap.VoteResponse, tap.Heartbeat} }

type toyDecoder struct{ cluster *tap.Cluster }

func (d toyDecoder) Next(b []byte, m *tap.Message) (int, string, error) {
	switch {
	case b[0] == 'I':
		return bytes.IndexByte(b, '\n') + 1, "hello", nil
	case b[0] == 0xff:
		return 0, "", errors.New("not the toy's")
	case len(b) < 6:
		return 0, "", nil
	case int(b[0]) >= len(toyKinds()):
		d.cluster.Strange("a frame of a type of its own")
		return 6, "other", nil
	}
	m.Kind, m.Term, m.Reject = toyKinds()[b[0]], uint64(binary.BigEndian.Uint32(b[1:])), b[5] == 1
	return 6, "", nil
}

func frame(kind byte, term uint32, reject bool) []byte {
	b := append([]byte{kind}, binary.BigEndian.AppendUint32(nil, term)...)
	if reject {
		return append(b, 1)
	}
	return append(b, 0)
}

// decoded is what Decode says, a line for each item.
func decoded(t *testing.T, file []byte, members ...capture.Member) (string, capture.Decoded) {
	t.Helper()
	var lines []string
	done, err := capture.Decode(bytes.NewReader(file), toy(), members, func(i capture.Item) error {
		lines = append(lines, i.String())
		return nil
	})
	require.NoError(t, err)
	return strings.Join(lines, "\n"), done
}

func TestDecode(t *testing.T) {
	path, _ := written(t, capture.Options{About: "about"}, func(w *capture.Writer) {
		a := w.Open(fabric.Link{From: "n1", To: "n2"})
		b := w.Open(fabric.Link{From: "n1", To: "n3"})
		a.Sent(true, frame(0, 7, false)[:4])
		b.Sent(true, frame(0, 7, false))
		a.Sent(true, frame(0, 7, false)[4:])
		a.Sent(false, append(frame(1, 7, false), 9, 9, 9, 9, 9, 9))
		w.Say("fault 1: kill n3")
		b.Sent(false, []byte{1, 0})
		b.Closed()
		a.Sent(true, append(frame(2, 7, false), 0xff, 1, 2, 3))
		a.Sent(true, []byte("lost"))
		a.Sent(false, []byte("lost too"))
		a.Closed()
	})
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	text, done := decoded(t, b)
	require.Equal(t, `# about
n1 > n3 vote: term 7
→ n1 candidate in term 7
n1 > n2 vote: term 7
n2 > n1 vote-response: term 7, granted
→ n2 grants n1 a vote in term 7
n2 > n1 other
# fault 1: kill n3
n1 > n2 heartbeat: term 7
→ n1 leader in term 7
n1 > n2 cannot be decoded from its byte 12 on: not the toy's (ff010203)`, text)
	require.Equal(t, map[string]uint64{"a frame of a type of its own": 1}, done.Strange)
	require.Len(t, done.Conns, 2)
	require.EqualValues(t, 4+4+8, done.Undecoded())
	require.EqualValues(t, 2, done.Conns[1].Rest+done.Conns[0].Rest, "its end was cut short by the death of n3")
}

// With byte after byte, and with every byte missing at its end, a capture says the same as
// far as it goes.
func TestDecodingOfPieces(t *testing.T) {
	for _, size := range []int{1, 2, 5, 6, 100} {
		var lines []string
		d := capture.NewDecoding(toy(), nil, func(i capture.Item) error {
			lines = append(lines, i.String())
			return nil
		})
		conn := &capture.Conn{Number: 1, Dialler: "n1", Accepter: "n2"}
		for b := append(frame(0, 3, false), frame(2, 3, false)...); len(b) > 0; {
			n := min(size, len(b))
			require.NoError(t, d.Piece(capture.Piece{Conn: conn, Forward: true, Bytes: b[:n]}))
			b = b[n:]
		}
		done, err := d.End()
		require.NoError(t, err)
		require.Zero(t, done.Undecoded())
		require.Equal(t, []string{"n1 > n2 vote: term 3", "→ n1 candidate in term 3", "n1 > n2 heartbeat: term 3", "→ n1 leader in term 3"}, lines)
	}
}

func TestWhoeverTakesItemsMayEndIt(t *testing.T) {
	path, _ := written(t, capture.Options{About: "about"}, func(*capture.Writer) {})
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	enough := errors.New("enough")
	_, err = capture.Decode(bytes.NewReader(b), toy(), nil, func(capture.Item) error { return enough })
	require.ErrorIs(t, err, enough)
}
