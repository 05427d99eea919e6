package page_test

import (
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/picture"
)

// realRun is the picture of a saved history of the reference with the bug double-vote.
func realRun(t *testing.T) *picture.Picture {
	t.Helper()
	path := filepath.Join("..", "testdata", "elections.jsonl.gz")
	h, err := history.Open(path)
	require.NoError(t, err)
	report, err := checker.RunBatches(checker.All(checker.Options{}), h.Batches())
	require.NoError(t, err)
	require.NoError(t, h.Close())
	h, err = history.Open(path)
	require.NoError(t, err)
	defer h.Close()
	p, err := picture.Make(picture.Source{Title: "elections", Report: report, Batches: h.Batches()})
	require.NoError(t, err)
	return &p
}

// The messages of a real run's elections are arrows when asked for, with a key, and in
// what is copied.
func TestMessagesOfARealRun(t *testing.T) {
	p := realRun(t)
	b := open(t, startBrowser(t), write(t, p), size(1280, 1200))
	const drawn = "document.getElementById('lanes').toDataURL()"
	without := js[string](b, drawn)
	assert.NotContains(t, b.text("#legend"), "dropped")
	b.do(chromedp.Click(chromedp.CSS("#messages")))
	b.settle()
	assert.NotEqual(t, without, js[string](b, drawn))
	assert.Contains(t, b.text("#said"), "23 messages of elections shown")
	for _, kind := range []string{"request", "answer that grants", "held on its way", "dropped"} {
		assert.Contains(t, b.text("#legend"), kind)
	}
	b.shoot("messages-real")
	b.accessible("with messages")
	b.do(run("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }"),
		chromedp.Click(chromedp.CSS("#all")), chromedp.Click(chromedp.CSS("#copy")))
	b.until("window.copied", "something is copied")
	text := js[string](b, "window.copied")
	for _, m := range p.Windows[0].Messages {
		assert.Contains(t, text, m.From+" → "+m.To+": "+m.Text)
	}
	assert.Contains(t, text, ": held, delivered after ")
	assert.Contains(t, text, ": dropped\n")
	b.quiet()
}
