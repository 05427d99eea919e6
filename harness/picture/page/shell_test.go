package page_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/picture/page"
)

// running is a server with a run under way.
type running struct {
	mu   sync.Mutex
	now  *picture.Picture
	news chan string
}

func (r *running) show(p *picture.Picture, event string) {
	r.mu.Lock()
	r.now = p
	r.mu.Unlock()
	r.news <- event
}

func (r *running) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	switch q.URL.Path {
	case "/":
		policy, err := page.Policy()
		if err == nil {
			w.Header().Set("Content-Security-Policy", policy)
			err = page.Shell(w, "a <run>", page.Feed{Picture: "/picture.json", Events: "/events?a&b", Home: "/runs"})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	case "/picture.json":
		r.mu.Lock()
		defer r.mu.Unlock()
		_ = json.NewEncoder(w).Encode(r.now)
	case "/events":
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		for {
			select {
			case <-q.Context().Done():
				return
			case event := <-r.news:
				fmt.Fprintf(w, "event: %s\ndata: 1\n\n", event)
				_ = http.NewResponseController(w).Flush()
			}
		}
	}
}

// until5s is a run that is under way: nobody has judged it.
func until5s() *picture.Picture {
	p := valid()
	p.Report.Verdict, p.Report.Results, p.End = "", nil, 5*time.Second
	return p
}

// The page of a run under way follows it, under the strict policy, and stays where its
// reader is.
func TestShell(t *testing.T) {
	r := &running{now: until5s(), news: make(chan string)}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	b := open(t, startBrowser(t), server.URL)
	assert.Contains(t, b.text("#verdict"), "RUNNING")
	b.until("!document.getElementById('live').hidden", "it says that the run is under way")
	assert.Equal(t, "/runs", js[string](b, "document.querySelector('.headline a').getAttribute('href')"))
	_, to := b.span()
	assert.InDelta(t, 5, to, 0.01)

	longer := until5s()
	longer.End = 7 * time.Second
	r.show(longer, "message")
	b.until("document.getElementById('range').textContent.includes('of 7.0 s')", "it follows the run")
	_, to = b.span()
	assert.InDelta(t, 7, to, 0.01, "all of it, as before")

	r.show(invalid(), "end")
	b.until("document.getElementById('verdict').textContent.includes('INVALID')", "it follows the run to its end")
	from, to := b.span()
	assert.True(t, from < 2.85 && to > 2.95 && to-from < 4.1, "at the violation: %v to %v", from, to)
	b.until("document.getElementById('live').hidden", "it says that the run is over")
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(t, b.problems)
	for _, url := range b.requests {
		assert.Regexp(t, "^("+server.URL+"/|data:)", url)
	}
}
