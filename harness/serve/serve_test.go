package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/results"
)

// site is a server that runs, and a browser without scripts.
type site struct {
	t   testing.TB
	s   *Server
	web *http.Client
	at  string
}

// up serves a directory until the test ends, from when all of it was read once.
func up(t testing.TB, dir string, o Options) *site {
	t.Helper()
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	s, err := New(dir, o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	web := &http.Client{Jar: jar, Timeout: time.Minute}
	t.Cleanup(func() {
		web.CloseIdleConnections()
		cancel()
		require.NoError(t, <-ended)
	})
	_, port, err := net.SplitHostPort(s.net.Addr().String())
	require.NoError(t, err)
	whole := func() bool {
		s.index.mu.Lock()
		defer s.index.mu.Unlock()
		return s.index.whole
	}
	require.Eventually(t, whole, time.Minute, time.Millisecond)
	return &site{t, s, web, "http://127.0.0.1:" + port}
}

// get asks, and returns status, text and headers.
func (s *site) get(path string) (int, string, http.Header) {
	s.t.Helper()
	r, err := s.web.Get(s.at + path)
	require.NoError(s.t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	require.NoError(s.t, err)
	return r.StatusCode, string(text), r.Header
}

// ok asks for what must be there.
func (s *site) ok(path string) string {
	s.t.Helper()
	status, text, _ := s.get(path)
	require.Equal(s.t, http.StatusOK, status, "%s: %.300s", path, text)
	return text
}

const begun = `{"n":0,"t":0,"run":{"what":"begin","format":1,"nodes":["n1","n2"],"workload":"register"}}
{"n":1,"t":1000000,"op":{"process":1,"type":"invoke","f":"put","key":"r0","arg":"a","node":"n1"}}
{"n":2,"t":2000000,"op":{"process":1,"type":"ok","f":"put","key":"r0","arg":"a","node":"n1"}}
`

// put writes a file below a directory.
func put(t testing.TB, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// held makes a run that is under way until release is called, by a lock: that a history grew
// a while ago tells so only for as long as a test must not need.
func held(t testing.TB, dir, name string) (release func()) {
	t.Helper()
	put(t, dir, name+"/history.jsonl", begun)
	d, err := results.Open(filepath.Join(dir, name))
	require.NoError(t, err)
	return d.Hold()
}

// run makes a run directory.
func run(t testing.TB, dir, name, verdict, bug, rule string) {
	t.Helper()
	put(t, dir, name+"/history.jsonl", begun+`{"n":3,"t":3000000,"run":{"what":"end"}}`+"\n")
	put(t, dir, name+"/config.json", fmt.Sprintf(`{"target":"reference","workload":"mixed","plan":"random","seed":7,"nodes":3,"target_options":{"Bug":%q}}`, bug))
	put(t, dir, name+"/plan.txt", "at 1s kill n1\n")
	violations := ""
	if rule != "" {
		violations = fmt.Sprintf(`,"violations":[{"rule":%q,"text":"x","events":[]}]`, rule)
	}
	put(t, dir, name+"/verdict.json", fmt.Sprintf(`{"verdict":%q,"run":{"length":3000000000,"events":4,"ended":true},"results":[{"checker":"votes","verdict":%q,"summary":"s"%s}]}`, verdict, verdict, violations))
	put(t, dir, name+"/report.txt", "a report\n")
}

func TestIndex(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "20261129-120000-seed7", "valid", "", "")
	run(t, dir, "20261130-120000-seed8", "invalid", "double-vote", "two votes in one term")
	run(t, dir, "nightly/20261128/20261128-010000-seed9", "unknown", "stale-read", "")
	put(t, dir, "nightly/20261128/runs.jsonl", "{}\n")
	put(t, dir, "nightly/20261128/summary.md", "# A night\n\n| a | b |\n|---|---|\n| 1 | <script>alert(1)</script> |\n\n[x](javascript:alert(1))\n")
	put(t, dir, "nightly/20261128/night.json", `{"verdict":"quiet","runs":{"all":3,"valid":2},"nights":[{"begun":"2026-11-28T01:00:00Z"}]}`)
	require.NoError(t, os.Symlink("20261130-120000-seed8", filepath.Join(dir, "latest")))
	s := up(t, dir, Options{})
	all := s.ok("/")
	require.Contains(t, all, "4 of 4.")
	require.Less(t, strings.Index(all, "seed8"), strings.Index(all, "seed7"), "the newest first")
	require.Contains(t, all, "two votes in one term")
	for _, c := range []struct {
		ask       string
		has, lack []string
	}{
		{"verdict=invalid", []string{"seed8", "1 of 4"}, []string{"seed7</a>"}},
		{"bug=stale-read", []string{"seed9"}, []string{"seed8</a>"}},
		{"rule=two+votes+in+one+term", []string{"seed8"}, []string{"seed7</a>"}},
		{"kind=night", []string{"night 20261128", "3 runs: 2 valid"}, []string{"seed8</a>"}},
		{"under=nightly/20261128&kind=run", []string{"seed9"}, []string{"seed8</a>"}},
		{"q=seed7", []string{"seed7"}, []string{"seed8</a>"}},
		{"target=none", []string{"None.", "0 of 4"}, nil},
		{"sort=oldest", []string{"4 of 4"}, nil},
		{"page=99", []string{"4 of 4"}, nil},
	} {
		text := s.ok("/?" + c.ask)
		for _, want := range c.has {
			require.Contains(t, text, want, c.ask)
		}
		for _, not := range c.lack {
			require.NotContains(t, text, not, c.ask)
		}
	}
	night := s.ok("/night/nightly/20261128")
	require.Contains(t, night, "<td>1</td>")
	require.NotContains(t, night, "<script")
	require.NotContains(t, night, "javascript:")

	run(t, dir, "20261130-130000-seed10", "valid", "", "") // one more comes, one goes
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "20261129-120000-seed7")))
	require.Eventually(t, func() bool {
		text := s.ok("/")
		return strings.Contains(text, "seed10") && !strings.Contains(text, "seed7<")
	}, time.Minute, 50*time.Millisecond)
}

func TestPaging(t *testing.T) {
	dir := t.TempDir()
	for i := range perPage + 5 {
		name := fmt.Sprintf("run%03d/history.jsonl", i)
		put(t, dir, name, begun)
		age(t, dir, name)
	}
	s := up(t, dir, Options{})
	require.Contains(t, s.ok("/?sort=target"), "Page 1 of 2.")
	require.Contains(t, s.ok("/?sort=target"), `<a href="/?page=2&amp;sort=target">next</a>`)
	require.Equal(t, 5, strings.Count(s.ok("/?sort=target&page=2"), "not judged</td>"))
}

func TestRunPage(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "one", "valid", "", "")
	s := up(t, dir, Options{})
	status, text, head := s.get("/run/one")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, text, "/picture/one")
	require.NotContains(t, text, "/events/")
	policy := head.Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	scripts, _, _ := strings.Cut(policy[strings.Index(policy, "script-src"):], ";")
	require.NotContains(t, scripts, "unsafe-inline")

	var p picture.Picture
	require.NoError(t, json.Unmarshal([]byte(s.ok("/picture/one")), &p))
	require.Equal(t, "one", p.Title)
	require.Equal(t, 3*time.Millisecond, p.End)
	require.Equal(t, "valid", string(p.Report.Verdict))

	// The picture of a page that is there is taken, and nothing else of it.
	put(t, dir, "one/report.html", fmt.Sprintf(`<script>alert(1)</script><script type="application/json" id="data">{"format":%d,"title":"from the page"}</script>`, picture.Format))
	require.NoError(t, os.Chtimes(filepath.Join(dir, "one/report.html"), time.Now(), time.Now().Add(time.Hour)))
	require.Eventually(t, func() bool { return strings.Contains(s.ok("/picture/one"), "from the page") }, time.Minute, 50*time.Millisecond)
	require.NotContains(t, s.ok("/run/one"), "alert(1)")
	require.NoError(t, os.Chtimes(filepath.Join(dir, "one/report.html"), time.Now(), time.Now().Add(-time.Hour)))
	require.NotContains(t, s.ok("/picture/one"), "from the page", "it is older than the history")

	status, text, _ = s.get("/run/two")
	require.Equal(t, http.StatusNotFound, status)
	require.Contains(t, text, "it was removed, or never was")
	put(t, dir, "torn/history.jsonl", "no event\n")
	require.NoError(t, os.Chtimes(filepath.Join(dir, "torn/history.jsonl"), time.Now(), time.Now().Add(-time.Hour)))
	status, text, _ = s.get("/picture/torn")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, text, "cannot be drawn")
}

// Nothing outside the directory leaves it, and nothing is waited for.
func TestNothingOutside(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "runs")
	const secret = "the secret"
	put(t, base, "secret/history.jsonl", secret)
	put(t, base, "secret/config.json", `{"target":"`+secret+`"}`)
	put(t, base, "runs-too/file", secret)
	run(t, dir, "one", "valid", "", "")
	run(t, dir, "two", "valid", "", "")
	for link, to := range map[string]string{
		"one/log": "../../secret/history.jsonl", "one/abs": filepath.Join(base, "secret", "history.jsonl"), "out": "../secret", "outabs": filepath.Join(base, "secret"), "one/loop": "loop", "inside": "one",
	} {
		require.NoError(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	for _, name := range []string{"history.jsonl", "config.json", "verdict.json"} {
		require.NoError(t, os.Remove(filepath.Join(dir, "two", name)))
		require.NoError(t, os.Symlink(filepath.Join(base, "secret", "history.jsonl"), filepath.Join(dir, "two", name)))
	}
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "one", "pipe"), 0o644))
	s := up(t, dir, Options{})
	var asked []string
	for _, kind := range []string{"run", "picture", "events", "files", "file", "zip", "night"} {
		for _, name := range []string{
			"../secret/history.jsonl", "..%2fsecret%2fhistory.jsonl", "%2e%2e/secret/history.jsonl", "one/../../secret/history.jsonl", "one/%2e%2e/%2e%2e/secret/history.jsonl",
			"/etc/passwd", "%2fetc%2fpasswd", "//etc/passwd", filepath.Join(base, "secret"), url.PathEscape(filepath.Join(base, "secret", "history.jsonl")),
			"..", "%2e%2e", "../runs-too/file", "one/log", "one/abs", "one/loop", "one/pipe", "out", "out/history.jsonl", "outabs/history.jsonl", "one/%00", "one%5c..%5c..%5csecret", "two", "two/history.jsonl", "one", ".",
		} {
			asked = append(asked, "/"+kind+"/"+name)
		}
	}
	for _, path := range append(asked, "/../secret/history.jsonl", "/%2e%2e/secret/history.jsonl") {
		_, text, _ := s.get(path)
		require.NotContains(t, text, secret, path)
		require.NotContains(t, text, "root:x:0", path)
	}
	for _, path := range []string{"/file/one/log", "/file/one/abs", "/file/one/pipe", "/file/out/history.jsonl", "/files/out", "/picture/two", "/file/one", "/file/inside/config.json", "/files/inside", "/zip/inside"} {
		status, _, _ := s.get(path)
		require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, status, path)
	}
	require.Contains(t, s.ok("/files/one"), "a link, which is not followed")
}

// What members and plans wrote is text on every page.
func TestHostileNames(t *testing.T) {
	dir := t.TempDir()
	const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	name := strings.NewReplacer("/", "∕").Replace(hostile)
	run(t, dir, name, "invalid", hostile, hostile)
	put(t, dir, name+"/report.txt", hostile)
	put(t, dir, name+"/"+name, hostile)
	put(t, dir, name+"/summary.svg", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)
	put(t, dir, "verdict/history.jsonl", begun)
	put(t, dir, "verdict/verdict.json", `{"verdict":"`+strings.ReplaceAll(hostile, `"`, `\"`)+`","run":{"length":"no"}}`)
	put(t, dir, "verdict/config.json", strings.Repeat("[", 1<<16))
	put(t, dir, "bad\xff\x1bname/history.jsonl", begun)
	put(t, dir, name+"/bad\xffname", "x")
	s := up(t, dir, Options{})
	at := url.PathEscape(name)
	for _, path := range []string{"/", "/?q=" + url.QueryEscape(hostile), "/?rule=" + url.QueryEscape(hostile), "/?under=" + url.QueryEscape(hostile) + "&sort=" + url.QueryEscape(hostile), "/run/" + at, "/files/" + at, "/files/.", "/run/" + url.PathEscape(hostile), "/" + at} {
		_, text, head := s.get(path)
		require.NotContains(t, text, "<script>alert", path)
		require.NotContains(t, text, "<img src=x", path)
		require.NotContains(t, head.Get("Content-Security-Policy"), "script-src 'unsafe-inline'")
	}
	require.Contains(t, s.ok("/"), "&lt;script&gt;alert(1)")
	require.Contains(t, s.ok("/files/"+at), "its name is no UTF-8")
	for _, file := range []string{at, "report.txt", "summary.svg"} {
		status, text, head := s.get("/file/" + at + "/" + file)
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, text, "script")
		require.NotContains(t, head.Get("Content-Type"), "html")
		require.Contains(t, head.Get("Content-Security-Policy"), "sandbox")
		require.Contains(t, head.Get("Content-Security-Policy"), "default-src 'none'")
		require.Equal(t, "nosniff", head.Get("X-Content-Type-Options"))
	}
}

func TestDirectoryVanishes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs")
	run(t, dir, "one", "valid", "", "")
	s := up(t, dir, Options{})
	require.Contains(t, s.ok("/"), "one")
	require.NoError(t, os.RemoveAll(dir))
	for _, path := range []string{"/run/one", "/files/one", "/file/one/plan.txt", "/zip/one"} {
		status, text, _ := s.get(path)
		require.Equal(t, http.StatusGone, status, path)
		require.Contains(t, text, "The directory runs is no longer there")
	}
	require.Eventually(t, func() bool { status, _, _ := s.get("/"); return status == http.StatusGone }, time.Minute, 50*time.Millisecond)
}
