package page_test

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/picture/page"
)

//go:embed testdata/axe/axe.min.js
var axe string

// write writes the page of a picture and returns its URL.
func write(t *testing.T, p *picture.Picture) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, page.Write(&b, p))
	name := filepath.Join(t.TempDir(), page.Name)
	require.NoError(t, os.WriteFile(name, b.Bytes(), 0o666))
	return "file://" + name
}

// Every kind of page draws without a complaint or a request, can be read by all, and
// is seen in light, dark and print, wide and narrow.
func TestPages(t *testing.T) {
	browser := startBrowser(t)
	for name, p := range examples() {
		t.Run(name, func(t *testing.T) {
			b := open(t, browser, write(t, p), size(1280, 1400), media("screen", "light"))
			b.shoot("light-1280")
			if name != "hostile" { // a megabyte a word is not what axe is for
				b.accessible("light")
				b.do(media("screen", "dark"))
				b.settle()
				b.accessible("dark")
				b.shoot("dark-1280")
				b.do(size(800, 1600), media("screen", "light"))
				b.shoot("light-800")
				require.LessOrEqual(t, js[int](b, "document.documentElement.scrollWidth"), 800, "it scrolls sideways")
			}
			b.do(size(760, 1600), media("print", "dark"))
			b.settle()
			assert.Equal(t, "rgb(255, 255, 255)", js[string](b, "getComputedStyle(document.documentElement).backgroundColor"), "print is light")
			assert.True(t, js[bool](b, "[...document.querySelectorAll('#tables pre')].every((pre) => pre.checkVisibility())"), "the plan and the versions are on paper")
			b.shoot("print")
			b.do(media("screen", "light"))
			b.until("![...document.querySelectorAll('#tables details:not(.lazy)')].at(-1).open", "and folded again on the screen")
			b.quiet()
		})
	}
}

// accessible asserts that axe-core finds nothing wrong.
func (b *tab) accessible(how string) {
	b.t.Helper()
	if !js[bool](b, "'axe' in window") {
		b.do(run(axe))
	}
	found := js[[]string](b, `axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations.flatMap((v) =>
		v.nodes.map((n) => v.id + ': ' + v.help + ': ' + n.html.slice(0, 200) + ' ' + n.failureSummary)))`)
	assert.Empty(b.t, found, how)
}

// A page opens at its first violation, explained, and else shows the whole run.
func TestOpens(t *testing.T) {
	browser := startBrowser(t)
	b := open(t, browser, write(t, invalid()))
	from, to := b.span()
	assert.True(t, from < 2.85 && to > 2.95 && to-from < 4.1, "%v to %v", from, to)
	assert.Contains(t, b.text("#verdict"), "INVALID")
	assert.Contains(t, b.text("#aside"), "n1 became leader of term 2 as well")
	assert.Contains(t, b.text("#aside"), "usurper shrink")
	b.do(chromedp.Click(chromedp.CSS("#all")), chromedp.Click(chromedp.CSS(".sentence:nth-child(2) a")))
	assert.Contains(t, b.text("#moment"), "At 2.95")
	assert.Contains(t, b.text("#moment"), "Leader: n1 (term 2) and n3 (term 2)")
	assert.Contains(t, b.text("#moment"), "partition n1 | n2 n3")
	assert.Equal(t, 3, js[int](b, "document.querySelectorAll('#matrix td.cut').length"))
	b.quiet()

	b = open(t, browser, write(t, stale()))
	assert.Equal(t, "r0-17", js[string](b, "document.getElementById('key').value"), "the key that the violation is about")
	b = open(t, browser, write(t, valid()))
	from, to = b.span()
	assert.Equal(t, []float64{0, 12}, []float64{from, to})
	assert.Contains(t, b.text("#aside"), "No rule was broken")
	b = open(t, browser, write(t, cutShort()))
	assert.Contains(t, b.text("#missing"), "ends in the middle of line 8123")
	assert.True(t, js[bool](b, "document.getElementById('missing').getBoundingClientRect().top < 120"), "at the top")
}

// A link shows what it was made of.
func TestLinks(t *testing.T) {
	b := open(t, startBrowser(t), write(t, stale())+"#t=2.6s,2.9s&key=r0-3")
	from, to := b.span()
	assert.Equal(t, []float64{2.6, 2.9}, []float64{from, to})
	assert.Equal(t, "r0-3", js[string](b, "document.getElementById('key').value"))
	b.do(chromedp.Click(chromedp.CSS("#all")))
	b.until("location.hash === '#t=0s,12s&key=r0-3'", "the address follows the page")
	b.do(run("location.hash = '#t=850ms,1.5s&key=r0-17'"))
	b.until("document.getElementById('range').textContent.startsWith('Shown: 0.850')", "the page follows the address")
	b.quiet()
}

// The search box finds members, terms, keys and kinds, and jumps through them.
func TestSearch(t *testing.T) {
	browser, url := startBrowser(t), write(t, invalid())
	find := func(query, hits, said string) *tab {
		t.Helper()
		b := open(t, browser, url)
		b.do(chromedp.SendKeys(chromedp.CSS("#search"), query))
		b.until("document.getElementById('hits').textContent === '"+hits+"'", query+" has "+hits)
		assert.Contains(t, b.text("#said"), said, query)
		return b
	}
	find("n3 term 2 leader", "1 of 4", "proof 1")
	b := find("kind:vote n2", "2 of 7", "n1 asks n2 for its vote in term 2: held")
	b.do(chromedp.SendKeys(chromedp.CSS("#search"), kb.Enter))
	b.until("document.getElementById('hits').textContent === '3 of 7'", "the next one")
	find("key r0-3 kind:operation", "21 of 50", "r0-3")
	b = find("fault kill", "1 of 1", "kill n3: bit; its process ended")
	from, to := b.span()
	assert.True(t, from < 6 && to > 6, "it jumps there")
	find("nonsense", "nothing found", "").quiet()
}

// Everything can be done by keys, and one sees where one is.
func TestKeys(t *testing.T) {
	b := open(t, startBrowser(t), write(t, invalid()))
	seen := map[string]bool{}
	for range 60 {
		b.do(chromedp.KeyEvent(kb.Tab))
		if js[bool](b, "document.activeElement === document.body") {
			continue // after the last and before the first
		}
		where := js[[]string](b, `[document.activeElement.id || document.activeElement.textContent.slice(0, 40), getComputedStyle(document.activeElement).outlineStyle]`)
		assert.NotEqual(t, "none", where[1], "the focus on %s is not seen", where[0])
		seen[where[0]] = true
	}
	for _, id := range []string{"search", "earlier", "later", "in", "out", "all", "home", "messages", "key", "copy", "stage"} {
		assert.True(t, seen[id], "no way to %s by keys", id)
	}
	b.do(chromedp.Focus(chromedp.CSS("#stage")))
	press := func(keys string) (from, to float64) {
		b.do(chromedp.KeyEvent(keys))
		return b.span()
	}
	from, to := b.span()
	from2, to2 := press(kb.ArrowRight)
	assert.True(t, from2 > from && to2 > to, "right")
	from, to = press("+")
	assert.Less(t, to-from, to2-from2, "in")
	from, to = press("0")
	assert.Equal(t, []float64{0, 12}, []float64{from, to}, "all")
	press("p")
	assert.Contains(t, b.text("#said"), "proof 1 of 4, 2.8500 s: n2 granted n3")
	press("p")
	assert.Contains(t, b.text("#said"), "proof 2 of 4")
	press(kb.ArrowDown)
	press(kb.ArrowDown)
	assert.Contains(t, b.text("#said"), "n2: follower, term 2")
	press(".")
	assert.Contains(t, b.text("#said"), "n2", "the lane's next event")
	assert.Contains(t, b.text("#said"), "2.9")
	press("m")
	assert.Contains(t, b.text("#said"), "5 messages of elections shown")
	b.shoot("messages")
	press("v")
	from, to = b.span()
	assert.True(t, from < 2.85 && to > 2.95 && to-from < 4.1, "back at the violation")
	b.quiet()
}

// The wheel zooms where the pointer is, dragging pans, with Shift it chooses.
func TestPointer(t *testing.T) {
	b := open(t, startBrowser(t), write(t, invalid()), size(1280, 1400))
	box := js[[]float64](b, "(() => { const r = document.getElementById('stage').getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()")
	x, y := box[0]+box[2]/2, box[1]+box[3]/2
	b.do(run(`document.getElementById('all').click()`))
	b.do(run(`document.getElementById('stage').dispatchEvent(new WheelEvent('wheel', {deltaY: -300, clientX: ` + number(x) + `, clientY: ` + number(y) + `, bubbles: true, cancelable: true}))`))
	from, to := b.span()
	assert.InDelta(t, 12/2.718, to-from, 0.1)
	b.drag(x, y, x-100, "")
	from2, to2 := b.span()
	assert.InDelta(t, to-from, to2-from2, 0.01)
	assert.Greater(t, from2, from)
	b.drag(x-100, y, x+100, "shift")
	from, to = b.span()
	assert.Less(t, to-from, to2-from2)
	b.do(chromedp.Click(chromedp.CSS("#home")), chromedp.MouseEvent(chromedp.MouseMoved, box[0]+300, box[1]+200))
	b.until("!document.getElementById('tip').hidden", "what is under the pointer is told")
	b.quiet()
}

// What a run says is shown, never run.
func TestHostile(t *testing.T) {
	p := evil()
	b := open(t, startBrowser(t), write(t, p))
	b.do(chromedp.Click(chromedp.CSS("#messages")), chromedp.Click(chromedp.CSS("#causes")), chromedp.Click(chromedp.CSS("#all")))
	b.do(run("for (const d of document.querySelectorAll('details')) d.open = true"))
	b.do(chromedp.SendKeys(chromedp.CSS("#search"), "script"+kb.Enter))
	b.settle()
	assert.False(t, js[bool](b, "'pwned' in window"))
	assert.Zero(t, js[int](b, "document.images.length"))
	assert.Equal(t, 3, js[int](b, "document.scripts.length"), "the picture, uPlot and ours")
	assert.True(t, strings.HasPrefix(b.text("#title"), `</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>'"`), "shown as it is")
	assert.NotContains(t, b.text("body > header"), "\x1b")
	assert.Contains(t, b.text("body > header"), "\u241b", "control characters are seen")
	assert.Equal(t, strings.ToValidUTF8(p.Title, "\uFFFD"), js[string](b, "JSON.parse(document.getElementById('data').textContent).title"), "and read back")
	b.quiet()
}

// What is copied is what is seen.
func TestCopy(t *testing.T) {
	b := open(t, startBrowser(t), write(t, invalid())+"#t=2.7s,3s")
	b.do(run("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }"))
	b.do(chromedp.Click(chromedp.CSS("#copy")))
	b.until("window.copied", "something is copied")
	text := js[string](b, "window.copied")
	assert.Contains(t, text, "n3: leader, term 2 (by trace)")
	assert.Contains(t, text, "proof 4 of “two leaders in one term”: n1 became leader of term 2")
	assert.Contains(t, text, "partition n1 | n2 n3: bit")
	assert.NotContains(t, text, "kill n3")
	b.quiet()
}

// run runs a script and forgets what it gives.
func run(script string) step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := chromedp.Evaluate[int](script+"\n;0")(ctx, t)
		return err
	})
}

func number(x float64) string {
	b, _ := json.Marshal(x)
	return string(b)
}

// drag drags from x, y to another x.
func (b *tab) drag(x, y, to float64, modifier string) {
	b.t.Helper()
	b.do(run(`(() => {
		const stage = document.getElementById('stage');
		stage.setPointerCapture = () => {};
		for (const [type, x] of [['pointerdown', ` + number(x) + `], ['pointermove', ` + number((x+to)/2) + `], ['pointermove', ` + number(to) + `], ['pointerup', ` + number(to) + `]])
			stage.dispatchEvent(new PointerEvent(type, {clientX: x, clientY: ` + number(y) + `, button: 0, shiftKey: ` + map[bool]string{true: "true", false: "false"}[modifier == "shift"] + `, bubbles: true}));
	})()`))
}
