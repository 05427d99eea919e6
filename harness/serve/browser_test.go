package serve

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"github.com/usurper/usurper/harness/picture/browser"
)

var browserFlag = flag.String("browser", "auto", browser.Usage)

// tab is a page in a headless browser, and what it complained of or asked elsewhere.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

// browse starts a browser, or skips the test where there is none.
func browse(t *testing.T, s *site) *tab {
	t.Helper()
	b := &tab{t: t}
	b.ctx = browser.Start(t, *browserFlag, chromedp.WithListener(func(event any) { b.note(event, s.at) }))
	b.do(call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}))
	return b
}

func (b *tab) note(event any, at string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		b.problems = append(b.problems, fmt.Sprintf("console.%s %v", e.Type, e.Args))
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		b.problems = append(b.problems, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, at+"/") && !strings.HasPrefix(e.Request.URL, "data:") {
			b.problems = append(b.problems, "asks "+e.Request.URL)
		}
	}
}

func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, browser.Do(b.ctx, actions...))
}

func (b *tab) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url), chromedp.WaitReady(chromedp.CSS("body")))
}

// until waits until an expression is true.
func (b *tab) until(expression string) {
	b.t.Helper()
	if err := browser.Until(b.ctx, expression); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		require.NoError(b.t, err, "%q", b.problems)
	}
}

// A browser shows index, files and a run that grows, complains of nothing and asks nobody
// else.
func TestBrowser(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "done", "invalid", "double-vote", "two votes in one term")
	put(t, dir, "done/summary.svg", `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><style>rect{fill:red}</style><rect width="9" height="9"/></svg>`)
	defer held(t, dir, "live")()
	s := up(t, dir, Options{})
	b := browse(t, s)
	b.open(s.at + "/")
	b.until(`document.querySelectorAll("tbody tr").length === 2`)
	b.open(s.at + "/?verdict=invalid")
	b.until(`document.querySelectorAll("tbody tr").length === 1 && document.querySelector("select[name=verdict]").value === "invalid"`)
	b.open(s.at + "/files/done")
	b.until(`document.querySelector("img").naturalWidth === 9`)
	b.open(s.at + "/run/done")
	b.until(`document.querySelector("html[data-ready]") && /invalid/i.test(document.body.innerText)`)

	b.open(s.at + "/run/live")
	b.until(`document.querySelector("html[data-ready]") && !document.querySelector("#live").hidden`)
	grow(t, filepath.Join(dir, "live", "history.jsonl"), `{"n":3,"t":4000000000,"proc":{"node":"n1","what":"start","inc":1,"pid":1}}`+"\n")
	b.until(`document.querySelector("#range").textContent.includes("4.00")`)
	put(t, dir, "live/verdict.json", `{"verdict":"valid","run":{"length":1,"events":1,"ended":true},"results":[]}`)
	b.until(`document.querySelector("#live").hidden`)
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(t, b.problems)
}
