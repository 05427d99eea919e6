package page_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/picture/browser"
)

var browserFlag = flag.String("browser", "auto", browser.Usage)

// startBrowser starts a headless Chromium for one test, or skips it where there is none.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	return browser.Start(t, *browserFlag)
}

type step = chromedp.Action[chromedp.Void]

// tab is a page in a browser, and what went wrong or out in it.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu                 sync.Mutex
	problems, requests []string
}

// open opens a URL in a tab of its own, and waits until its picture is drawn.
func open(t *testing.T, started context.Context, url string, first ...step) *tab {
	t.Helper()
	b := &tab{t: t}
	ctx, end := chromedp.NewContext(started, chromedp.WithListener(b.note))
	t.Cleanup(end)
	late := time.AfterFunc(browser.Patience, end) // a deadline would be the tab's own
	err := chromedp.Do(ctx)
	require.True(t, late.Stop(), "no tab opens within %s", browser.Patience)
	require.NoError(t, err, "no tab opens")
	b.ctx = ctx
	b.do(call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}))
	b.do(first...)
	b.do(chromedp.Navigate(url), chromedp.WaitReady(chromedp.CSS("html[data-ready]")))
	return b
}

func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		b.problems = append(b.problems, fmt.Sprintf("console.%s: %s", e.Type, said(e.Args)))
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, fmt.Sprintf("%s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *log.EventEntryAdded:
		b.problems = append(b.problems, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	}
}

func (b *tab) do(actions ...step) {
	b.t.Helper()
	require.NoError(b.t, browser.Do(b.ctx, actions...))
}

// quiet asserts that nothing was complained of, and nothing asked of a network.
func (b *tab) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(b.t, b.problems)
	for _, url := range b.requests {
		require.Regexp(b.t, "^(file|data):", url, "a request to the network")
	}
}

// js evaluates an expression, awaited if it is a promise.
func js[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := browser.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err, expression)
	return v
}

func (b *tab) text(selector string) string {
	b.t.Helper()
	quoted, err := json.Marshal(selector)
	require.NoError(b.t, err)
	return js[string](b, "document.querySelector("+string(quoted)+").textContent")
}

// until waits until an expression is true.
func (b *tab) until(expression, why string) {
	b.t.Helper()
	require.NoError(b.t, browser.Until(b.ctx, expression), why)
}

// settle waits until what was asked for is drawn.
func (b *tab) settle() {
	b.t.Helper()
	js[bool](b, "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
}

// media is how the page is looked at.
func media(kind, scheme string) step {
	return call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: kind, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

func size(width, height int64) step {
	return chromedp.EmulateViewport(width, height)
}

// call is a command of the protocol as a step.
func call[P, R any](command cdp.Command[P, R], params P) step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

// shoot saves a picture of the whole page as an artifact of the test.
func (b *tab) shoot(name string) {
	b.t.Helper()
	b.settle()
	png, err := browser.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), png, 0o666))
}

// span reads which stretch the page shows, in seconds.
func (b *tab) span() (from, to float64) {
	b.t.Helper()
	b.settle()
	_, err := fmt.Sscanf(strings.ReplaceAll(b.text("#range"), ",", ""), "Shown: %f s to %f s", &from, &to)
	require.NoError(b.t, err)
	return from, to
}

func said(args []*runtime.RemoteObject) string {
	var all []string
	for _, a := range args {
		all = append(all, fmt.Sprintf("%s %s", a.Value, a.Description))
	}
	return strings.Join(all, " ")
}
