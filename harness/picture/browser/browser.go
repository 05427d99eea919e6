// Package browser starts a headless Chromium for the tests of what is shown in one. No
// other code imports it.
package browser

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	// Patience is how long tests wait for what a browser does: machines are busy.
	Patience = 10 * time.Minute
	// Required is the value of a test's flag -browser with which it fails where no browser
	// is found; with any other it is skipped there.
	Required = "required"
	// Usage explains that flag.
	Usage = "auto: skip what needs a browser where none is found; required: fail there"
)

// Start prepares a browser for one test, which ends with it, and returns the context in
// which chromedp makes its tabs: the first of them starts it. Debian's headless shell is
// preferred, which costs a fraction of the whole browser.
func Start(t testing.TB, flag string) context.Context {
	t.Helper()
	name := find()
	switch {
	case name == "" && flag == Required:
		t.Fatal("no browser found: apt-get install chromium-headless-shell")
	case name == "":
		t.Skip("no browser found: apt-get install chromium-headless-shell")
	}
	ctx, end := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(name), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(Patience), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("allow-file-access-from-files", false))...)
	t.Cleanup(end)
	return ctx
}

func find() string {
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	return ""
}
