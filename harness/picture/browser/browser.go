// Package browser starts a headless Chromium for the tests of what is shown in one. No
// other code imports it.
package browser

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const (
	// Patience is how long a browser may take for each thing that a test has it do: machines
	// are busy. It is well below the ten minutes after which go test ends everything, so that a
	// browser that stands still is told of by the test that waits for it.
	Patience = 3 * time.Minute
	// Required is the value of a test's flag -browser with which it fails where no browser
	// is found; with any other it is skipped there.
	Required = "required"
	// Usage explains that flag.
	Usage = "auto: skip what needs a browser where none is found; required: fail there"
)

// Start starts a browser for one test, which ends with it, and returns the context of its
// first tab, in which chromedp makes others. Debian's headless shell is preferred, which
// costs a fraction of the whole browser.
//
// Its profile is left to chromedp, which removes it once the last of the browser's processes
// has ended: they outlive the first and still write there.
func Start(t testing.TB, flag string, tab ...chromedp.ContextOption) context.Context {
	t.Helper()
	name := find()
	switch {
	case name == "" && flag == Required:
		t.Fatal("no browser found: apt-get install chromium-headless-shell")
	case name == "":
		t.Skip("no browser found: apt-get install chromium-headless-shell")
	}
	ctx, giveUp := context.WithCancelCause(t.Context())
	t.Cleanup(func() { giveUp(nil) })
	ctx, end := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(name), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("allow-file-access-from-files", false))...)
	t.Cleanup(end)
	ctx, endTab := chromedp.NewContext(ctx, tab...)
	t.Cleanup(endTab)
	// It lives no longer than the context of what starts it, so that a deadline of that would be its own.
	late := time.AfterFunc(Patience, func() { giveUp(fmt.Errorf("not within %s", Patience)) })
	defer late.Stop()
	err := chromedp.Do(ctx)
	require.NoError(t, cmp.Or(context.Cause(ctx), err), "the browser does not start")
	return ctx
}

// Do has a tab do something, within Patience.
func Do(tab context.Context, actions ...chromedp.Action[chromedp.Void]) error {
	return within(tab, func(ctx context.Context) error { return chromedp.Do(ctx, actions...) })
}

// Run is Do for what has a result.
func Run[T any](tab context.Context, action chromedp.Action[T]) (got T, err error) {
	err = within(tab, func(ctx context.Context) error {
		got, err = chromedp.Run(ctx, action)
		return err
	})
	return got, err
}

func within(tab context.Context, do func(context.Context) error) error {
	ctx, end := context.WithTimeoutCause(tab, Patience, fmt.Errorf("the browser has not done it within %s", Patience))
	defer end()
	err := do(ctx)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}

// Until has a tab wait until an expression is true there. The error says what the page shows
// instead.
func Until(tab context.Context, expression string) error {
	_, err := Run(tab, chromedp.Poll[bool]("!!("+expression+")", chromedp.WithPollingTimeout(0)))
	if err == nil {
		return nil
	}
	const look = 10 * time.Second // at a page that may stand still
	ctx, end := context.WithTimeout(tab, look)
	defer end()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
	return fmt.Errorf("%s: %w; the page shows %.2000q", expression, err, text)
}

func find() string {
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	return ""
}
