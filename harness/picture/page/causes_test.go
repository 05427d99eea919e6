package page_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/picture"
)

const causeItems = "[...document.querySelectorAll('ol.causes li')].filter((li) => li.checkVisibility())"

// What led to a violation is a list beside it, nearest first, and folded.
func TestCausesBeside(t *testing.T) {
	b := open(t, startBrowser(t), write(t, led(12)), size(1280, 1400))
	assert.Contains(t, b.text("#aside"), "What led to it")
	assert.Equal(t, "#5 2.800 s n3 stands in term 2 before proof 1 (it was asked)", words(b, causeItems+"[0].innerText"))
	assert.Equal(t, "#7 2.500 s fault: partition n1 | n2 n3 before #6 (a fault in force)", words(b, causeItems+"[2].innerText"))
	assert.Contains(t, b.text("#aside"), "Left out: 9 events")
	assert.Contains(t, b.text("#aside"), "does not tell of the disk")
	assert.Equal(t, 12, js[int](b, causeItems+".length"))
	assert.Equal(t, "Show 3 more, further away", b.text(".more"))
	b.do(chromedp.Click(chromedp.CSS(".more")))
	assert.Equal(t, 15, js[int](b, causeItems+".length"))
	assert.Equal(t, "true", js[string](b, "document.querySelector('.more').getAttribute('aria-expanded')"))
	b.do(chromedp.Click(chromedp.CSS(".more")))
	assert.Equal(t, 12, js[int](b, causeItems+".length"))
	b.do(media("print", "light"))
	assert.Equal(t, 15, js[int](b, causeItems+".length"), "paper cannot be unfolded")
	b.do(media("screen", "light"), chromedp.Click(chromedp.CSS("ol.causes li a")))
	b.settle()
	assert.Contains(t, b.text("#moment"), "At 2.800 s")
	assert.Contains(t, b.text("#said"), "n3 stands in term 2")
	b.quiet()
}

// On the lanes it is drawn when asked for: by the button, a key, a link.
func TestCausesOnLanes(t *testing.T) {
	browser, url := startBrowser(t), write(t, led(12))
	b := open(t, browser, url, size(1280, 1400))
	const pressed, drawn = "document.getElementById('causes').getAttribute('aria-pressed') === 'true'", "document.getElementById('lanes').toDataURL()"
	assert.False(t, js[bool](b, pressed))
	without := js[string](b, drawn)
	b.do(chromedp.Click(chromedp.CSS("#causes")))
	b.settle()
	assert.True(t, js[bool](b, pressed))
	assert.NotEqual(t, without, js[string](b, drawn))
	assert.Contains(t, b.text("#said"), "15 events that led to it shown")
	b.shoot("causes")
	b.until("location.hash.includes('causes=1')", "the address says so")
	b.do(chromedp.Focus(chromedp.CSS("#stage")), chromedp.KeyEvent("w"))
	b.settle()
	assert.False(t, js[bool](b, pressed))
	assert.Equal(t, without, js[string](b, drawn), "hidden again")
	b.do(chromedp.KeyEvent("b"))
	assert.Contains(t, b.text("#said"), "2.8000 s  #5: n3 stands in term 2: before proof 1 (it was asked)")
	assert.True(t, js[bool](b, pressed), "who goes through them sees them")
	b.do(chromedp.KeyEvent("b"))
	assert.Contains(t, b.text("#said"), "#6: n1 stands in term 2")
	b.do(chromedp.SendKeys(chromedp.CSS("#search"), "kind:cause"))
	b.until("document.getElementById('hits').textContent.endsWith('of 15')", "they are found")
	b.quiet()

	b = open(t, browser, url+"#t=2s,3s&causes=1")
	assert.True(t, js[bool](b, pressed))
	b.do(run("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }"), chromedp.Click(chromedp.CSS("#copy")))
	b.until("window.copied", "something is copied")
	assert.Contains(t, js[string](b, "window.copied"), "led to it, #5: n3 stands in term 2: before proof 1 (it was asked)")
	b.quiet()
}

// It is told of the first violation of each rule, with the one that is chosen; others
// lead there, and a page without it offers nothing.
func TestCausesOfOthers(t *testing.T) {
	browser := startBrowser(t)
	p := led(1)
	second, other := p.Proofs[0], stale().Proofs[0]
	second.Events = second.Events[2:]
	third := picture.Proof{Checker: "logs", Rule: "committed entries changed", Window: -1}
	p.Proofs = append(p.Proofs, second, other, third)
	p.Causes = append(p.Causes, picture.Causes{Proof: 2, Left: "Nothing before the proof is left out.", Joins: []picture.Join{{From: 1, To: 0, How: "the value was written there"}}, Events: []picture.Cause{
		{Point: other.Events[0]}, {Point: picture.Point{At: 2600 * ms, Seq: 77, Client: 4, Text: "client 4 asks n1: put r0-17 = \"a\""}, Distance: 1}}})
	p.Report.Results = append(p.Report.Results, checker.Result{Checker: "linearizable", Verdict: checker.Invalid})
	b := open(t, browser, write(t, p))
	disabled := "document.getElementById('causes').disabled"
	assert.Equal(t, 4, js[int](b, causeItems+".length"))

	b.do(chromedp.Focus(chromedp.CSS("#stage")), chromedp.KeyEvent("v"))
	assert.Contains(t, b.text("#aside"), "The page tells it of the first violation of this rule: violation 1.")
	assert.True(t, js[bool](b, disabled))
	b.do(chromedp.KeyEvent("b"))
	assert.Contains(t, b.text("#said"), "what led to it is told of the first violation of each rule")

	b.do(chromedp.KeyEvent("v"), chromedp.KeyEvent("b"))
	assert.False(t, js[bool](b, disabled))
	assert.Equal(t, []string{"#2 2.600 s client 4 asks n1: put r0-17 = \"a\" before proof 1 (the value was written there)"}, lines(b, causeItems))
	assert.Contains(t, b.text("#said"), "#2: client 4 asks n1")
	b.do(run("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }"), run("document.getElementById('all').click()"), chromedp.Click(chromedp.CSS("#copy")))
	b.until("window.copied", "something is copied")
	copied := js[string](b, "window.copied")
	assert.Contains(t, copied, "led to violation 3, #2: client 4 asks n1")
	assert.NotContains(t, copied, "led to violation 1", "what is shown is copied")

	b.do(run("location.hash = '#proof=4'"))
	b.until("document.querySelector('#aside').textContent.includes('The page tells it of the first 2 rules')", "the fourth is shown")
	b.do(run("location.hash = '#proof=2'"))
	b.until("document.querySelector('#aside h3 + p a')", "the second is shown")
	b.do(chromedp.Click(chromedp.CSS("#aside h3 + p a")))
	assert.Equal(t, 4, js[int](b, causeItems+".length"))
	b.quiet()

	b = open(t, browser, write(t, invalid()))
	assert.NotContains(t, b.text("#aside"), "What led to it")
	assert.True(t, js[bool](b, "document.getElementById('causes').hidden"))
	assert.NotContains(t, b.text("#legend"), "led to it")
	b.quiet()
}

// lines are the words of each element, with single blanks.
func lines(b *tab, elements string) []string {
	b.t.Helper()
	all := js[[]string](b, elements+".map((e) => e.innerText)")
	for i := range all {
		all[i] = strings.Join(strings.Fields(all[i]), " ")
	}
	return all
}

// words is a text with single blanks.
func words(b *tab, expression string) string {
	b.t.Helper()
	return strings.Join(strings.Fields(js[string](b, expression)), " ")
}
