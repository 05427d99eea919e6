package picture_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/picture"
)

// The arrows are those of the lines: of a run of the reference with the bug double-vote
// whose votes were dropped and held, all of it in one window.
func TestMessagesOfARealRun(t *testing.T) {
	path := filepath.Join("testdata", "elections.jsonl.gz")
	p, err := draw(t, path)
	require.NoError(t, err)
	require.Len(t, p.Windows, 1)
	want := messagesOf(t, path, p.Windows[0].Span)
	kinds := make(map[string]int)
	require.Len(t, p.Windows[0].Messages, len(want))
	for _, m := range p.Windows[0].Messages {
		w := want[m.Seq]
		require.NotNil(t, w, "line %d", m.Seq)
		assert.Equal(t, *w, asLine(m))
		kinds[m.Class+" "+m.Fate]++
		if m.Delivered >= 0 {
			kinds["came"]++
		}
	}
	assert.Equal(t, map[string]int{"vote delivered": 7, "vote held": 2, "vote dropped": 5, "vote-response delivered": 7, "vote-response held": 2, "came": 18}, kinds)
	assert.Contains(t, p.Proofs[0].Rule, "two votes in one term")
}

// told is what lines say of one message.
type told struct {
	From, To, Class, Fate string
	Term                  uint64
	Sent, Delivered       int64
	Granted               bool
}

func asLine(m picture.Message) told {
	return told{m.From, m.To, m.Class, m.Fate, m.Term, int64(m.Sent), int64(m.Delivered), m.Granted}
}

// messagesOf reads those of a window from the lines, by the number of the line that
// says that one was sent.
func messagesOf(t *testing.T, path string, w picture.Span) map[uint64]*told {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	bySeq, byID := make(map[uint64]*told), make(map[int64]*told)
	in := bufio.NewScanner(z)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var l line
		require.NoError(t, json.Unmarshal(in.Bytes(), &l))
		r, ok := payload(l, "raft")
		if !ok || word(r, "what") != "message" {
			continue
		}
		m := byID[number(r, "id")]
		switch word(r, "stage") {
		case "sent":
			granted, _ := r["granted"].(bool)
			m = &told{word(r, "node"), word(r, "peer"), word(r, "class"), "in flight", uint64(number(r, "term")), at(l), -1, granted}
			bySeq[uint64(number(l, "n"))], byID[number(r, "id")] = m, m
		case "held":
			m.Fate = "held"
		case "dropped":
			m.Fate = "dropped"
		case "delivered":
			m.Delivered = at(l)
			if m.Fate != "held" {
				m.Fate = "delivered"
			}
		}
	}
	require.NoError(t, in.Err())
	for seq, m := range bySeq {
		if m.Sent >= int64(w.To) {
			delete(bySeq, seq)
		}
	}
	return bySeq
}
