package page_test

import (
	"flag"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

var (
	numbers = flag.Bool("numbers", false, "print how long a page takes to be drawn and to zoom")
	report  = flag.String("report", "", "a report.html for -numbers; without it, that of ten minutes made up")
)

// TestNumbers asserts nothing: scripts/page shows what it prints.
func TestNumbers(t *testing.T) {
	if !*numbers {
		t.Skip("only with -numbers")
	}
	browser := startBrowser(t)
	var url string
	if *report == "" {
		url = write(t, long())
	} else {
		full, err := filepath.Abs(*report)
		require.NoError(t, err)
		url = "file://" + full
	}
	var paints []float64
	for range 5 {
		b := open(t, browser, url, size(1280, 1000))
		b.settle()
		// What is painted before the picture is drawn is of no use to anybody.
		paints = append(paints, js[float64](b, "Math.max(performance.getEntriesByName('drawn')[0].startTime, (performance.getEntriesByName('first-contentful-paint')[0] || {startTime: 0}).startTime)"))
		b.quiet()
	}
	b := open(t, browser, url+"#t=0s,100000s", size(1280, 1000))
	b.do(call(performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks}))
	t.Logf("first paint, median of 5: %.0f ms", at(paints, 0.5))
	b.steps("")
	if js[bool](b, "!document.getElementById('causes').hidden") {
		b.do(run("for (const id of ['causes', 'messages']) document.getElementById(id).click()"))
		b.steps(", with causes and messages")
	}
}

// steps zooms and pans, and tells what that cost.
func (b *tab) steps(how string) {
	b.t.Helper()
	busy := b.busy()
	var steps []float64
	for _, step := range []string{"deltaY: -120", "deltaX: 200", "deltaY: 120", "deltaX: -200"} {
		steps = append(steps, js[[]float64](b, wheel(step))...)
	}
	busy = b.busy() - busy
	b.t.Logf("zoom or pan step%s, p95 of %d: %.1f ms (median %.1f ms, longest %.1f ms)", how, len(steps), at(steps, 0.95), at(steps, 0.5), at(steps, 1))
	b.t.Logf("processor time of the page's main thread for a step%s, mean: %.1f ms", how, busy*1000/float64(len(steps)))
}

// busy is the processor time that the page's main thread took, in seconds: unlike what
// a clock says, it does not depend on what else the machine does.
func (b *tab) busy() float64 {
	b.t.Helper()
	got, err := chromedp.Call(b.ctx, performance.GetMetrics, cdp.Empty{})
	require.NoError(b.t, err)
	for _, m := range got.Metrics {
		if m.Name == "TaskDuration" {
			return m.Value
		}
	}
	b.t.Fatal("the browser does not tell TaskDuration")
	return 0
}

// wheel turns the wheel 40 times, and tells how long each took until it was painted.
func wheel(step string) string {
	return `(async () => {
		const stage = document.getElementById('stage'), box = stage.getBoundingClientRect(), took = [];
		for (let i = 0; i < 40; i++) {
			const begun = performance.now();
			stage.dispatchEvent(new WheelEvent('wheel', {` + step + `, clientX: box.left + box.width * 0.4, clientY: box.top + 50, cancelable: true}));
			await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
			took.push(performance.now() - begun);
		}
		return took;
	})()`
}

// at is a quantile.
func at(list []float64, q float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[int(math.Ceil(q*float64(len(list))))-1]
}
