package serve

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReadVerdict(t *testing.T) {
	const text = `{"verdict": "invalid", "run": {"target": "verdict", "length": 5, "themes": ["rule", "x"]}, "results": [
		{"checker": "votes", "verdict": "invalid", "violations": [{"rule": "a", "text": "rule", "events": [{"n": 1}]}, {"rule": "a"}, {"rule": "b\u001b"}]},
		{"checker": "set", "verdict": "valid", "summary": "x"}]}`
	want := judged{"invalid", 5, []string{"a", `b\x1b`}}
	require.Equal(t, want, readVerdict([]byte(text)))
	for n := range text { // wherever it is cut
		got := readVerdict([]byte(text[:n]))
		require.Contains(t, []string{"", "invalid"}, got.verdict)
	}
	for _, bad := range []string{"", "null", "[]", "{", `{"verdict": 7}`, `{"verdict": {"verdict": "valid"}}`, "\xff", `{"length": 1e300}`} {
		require.Empty(t, readVerdict([]byte(bad)).verdict, bad)
	}
}

// An answer that comes before all is read says so.
func TestIndexIsNotWhole(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "one/history.jsonl", begun)
	s, err := New(dir, Options{Listen: "127.0.0.1:0"}) // nobody scans yet
	require.NoError(t, err)
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = "localhost"
	s.Handler().ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), "the directory is still being read")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, s.Serve(ctx))
}

// spent is the processor time of this process, in seconds.
func spent() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// BenchmarkIndex prints how long the first answer of a server takes that has just begun,
// whether it had all runs, what reading them costs, how long a later answer takes, and what
// the process holds.
func BenchmarkIndex(b *testing.B) {
	dir := b.TempDir()
	const runs = 10_000
	for i := range runs {
		name := fmt.Sprintf("%s-seed%d", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i)*time.Minute).Format("20060102-150405"), i)
		verdict, bug, rule := "valid", "", ""
		if i%3 == 0 {
			verdict, bug, rule = "invalid", "double-vote", "two votes in one term"
		}
		run(b, dir, name, verdict, bug, rule)
	}
	var first, later, heap, cpu float64
	whole := 0
	for b.Loop() {
		s, err := New(dir, Options{Listen: "127.0.0.1:0"})
		require.NoError(b, err)
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		before := spent()
		begin := time.Now()
		go func() { ended <- s.Serve(ctx) }()
		ask := func() *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", "/", nil)
			r.Host = "localhost"
			s.Handler().ServeHTTP(w, r)
			return w
		}
		ask()
		first += time.Since(begin).Seconds()
		for ok := false; !ok; {
			s.index.mu.Lock()
			ok = s.index.whole
			s.index.mu.Unlock()
			time.Sleep(time.Millisecond)
		}
		cpu += spent() - before
		b.Logf("all %d after %v", len(s.index.entries), time.Since(begin))
		if time.Since(begin) < patience {
			whole++
		}
		time.Sleep(2 * fresh)
		begin = time.Now()
		ask()
		later += time.Since(begin).Seconds()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heap = float64(m.Sys)
		cancel()
		require.NoError(b, <-ended)
	}
	b.ReportMetric(first/float64(b.N)*1e3, "first-ms")
	b.ReportMetric(later/float64(b.N)*1e3, "later-ms")
	b.ReportMetric(cpu/float64(b.N)*1e3, "scan-cpu-ms")
	b.ReportMetric(heap/(1<<20), "sys-MiB")
	b.ReportMetric(float64(whole)/float64(b.N), "whole")
}
