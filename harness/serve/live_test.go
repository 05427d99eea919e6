package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/picture"
)

// watch reads server-sent events until the test, or the stream, ends.
func (s *site) watch(path string) <-chan string {
	ctx, cancel := context.WithCancel(context.Background())
	s.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", s.at+path, nil)
	require.NoError(s.t, err)
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	require.NoError(s.t, err)
	require.Equal(s.t, "text/event-stream", answer.Header.Get("Content-Type"))
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		defer answer.Body.Close()
		for in := bufio.NewScanner(answer.Body); in.Scan(); {
			if in.Text() != "" {
				lines <- in.Text()
			}
		}
	}()
	return lines
}

// next is the next line that is no beat.
func (s *site) next(lines <-chan string) string {
	s.t.Helper()
	patience := time.After(time.Minute) // beats renew nothing
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return "closed"
			}
			if !strings.HasPrefix(line, ":") {
				return line
			}
		case <-patience:
			require.FailNow(s.t, "no event came")
		}
	}
}

// grow appends to a history.
func grow(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// A run under way is drawn as it grows, by a history that is read once.
func TestLive(t *testing.T) {
	dir := t.TempDir()
	defer held(t, dir, "one")()
	path := filepath.Join(dir, "one", "history.jsonl")
	s := up(t, dir, Options{})
	require.Contains(t, s.ok("/"), "under way")
	require.Contains(t, s.ok("/run/one"), "/events/one")
	lines := s.watch("/events/one")
	require.Equal(t, "data: 3", s.next(lines))
	end := func() time.Duration {
		var p picture.Picture
		require.NoError(t, json.Unmarshal([]byte(s.ok("/picture/one")), &p))
		require.Equal(t, "one", p.Title)
		return p.End
	}
	require.Equal(t, 2*time.Millisecond, end())

	half := `{"n":3,"t":5000000,"proc":{"node":"n1","what":"start",`
	grow(t, path, half) // of a line
	require.Equal(t, 2*time.Millisecond, end())
	grow(t, path, `"inc":1,"pid":1}}`+"\n")
	require.Equal(t, "data: 4", s.next(lines))
	require.Equal(t, 5*time.Millisecond, end())
	second := s.watch("/events/one") // the same reading serves all
	require.Equal(t, "data: 4", s.next(second))
	require.Len(t, s.s.live.runs, 1)

	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, `{"n":%d,"t":%d,"proc":{"node":"n1","what":"signal","signal":"stopped","inc":1,"pid":1}}`+"\n", 4+i, 6_000_000+i)
	}
	grow(t, path, b.String())
	for line := ""; line != "data: 5004"; line = s.next(lines) {
	}
	grow(t, path, `{"n":5004,"t":9000000,"run":{"what":"end"}}`+"\n")
	put(t, dir, "one/verdict.json", `{"verdict":"valid","run":{"length":1,"events":1,"ended":true},"results":[]}`)
	for line := ""; line != "event: end"; line = s.next(lines) {
	}
	require.Equal(t, "data: 5005", s.next(lines))
	require.Equal(t, "closed", s.next(lines))
	require.Equal(t, 9*time.Millisecond, end())
	ended := s.watch("/events/one")
	require.Equal(t, "event: end", s.next(ended))
}

// A line that is no event ends the view, and the picture says so.
func TestLiveTorn(t *testing.T) {
	dir := t.TempDir()
	defer held(t, dir, "one")()
	s := up(t, dir, Options{})
	lines := s.watch("/events/one")
	require.Equal(t, "data: 3", s.next(lines))
	grow(t, filepath.Join(dir, "one", "history.jsonl"), "<script>\n")
	for line := ""; line != "event: end"; line = s.next(lines) {
	}
}

// The end of the server ends what goes on and on.
func TestEndOfStreams(t *testing.T) {
	dir := t.TempDir()
	defer held(t, dir, "one")()
	s, err := New(dir, Options{Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	at := &site{t, s, http.DefaultClient, strings.TrimSuffix(s.URL(), "/")}
	lines := at.watch("/events/one")
	require.Equal(t, "data: 3", at.next(lines))
	cancel()
	require.Equal(t, "closed", at.next(lines))
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		require.FailNow(t, "it goes on")
	}
	require.Empty(t, s.live.runs)
}

// Pictures are told of within bounds, the rarer the more they cost; and each is made once.
func TestPace(t *testing.T) {
	require.Equal(t, soonest, pace(0))
	require.Equal(t, 400*time.Millisecond, pace(4*time.Millisecond))
	require.Equal(t, latest, pace(time.Minute))

	dir := t.TempDir()
	defer held(t, dir, "one")()
	s := up(t, dir, Options{})
	require.Equal(t, "data: 3", s.next(s.watch("/events/one")))
	l, err := s.s.live.follow("one")
	require.NoError(t, err)
	first, err := l.picture()
	require.NoError(t, err)
	again, err := l.picture()
	require.NoError(t, err)
	require.Same(t, &first[0], &again[0])
}
