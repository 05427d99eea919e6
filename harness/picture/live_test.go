package picture_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/picture"
)

// A run that is looked at while it goes on looks in the end as one that is drawn at once,
// and what was seen on the way stays what it was.
func TestLive(t *testing.T) {
	for _, name := range []string{"clean-churn", "stale-log-vote", "stale-read"} {
		path := filepath.Join("..", "..", "results", "corpus", name, "history.jsonl.gz")
		h, err := history.Open(path)
		require.NoError(t, err)
		defer h.Close()
		live := picture.NewLive(picture.Source{Title: name})
		text := func(p picture.Picture) string {
			b, err := json.Marshal(p)
			require.NoError(t, err)
			return string(b)
		}
		var seen []picture.Picture
		var looked []string
		n := 0
		for e, err := range h.Events() {
			require.NoError(t, err)
			live.Event(e)
			if n++; n%97 == 0 {
				p := live.Picture()
				seen, looked = append(seen, p), append(looked, text(p))
			}
		}
		require.NotEmpty(t, seen)
		for i := range seen {
			require.Equal(t, looked[i], text(seen[i]), "%s: look %d", name, i)
		}
		again, err := history.Open(path)
		require.NoError(t, err)
		defer again.Close()
		whole, err := picture.Make(picture.Source{Title: name, Batches: again.Batches()})
		require.NoError(t, err)
		require.JSONEq(t, text(whole), text(live.Picture()), name)
		require.Equal(t, text(live.Picture()), text(live.Picture()))
	}
}
