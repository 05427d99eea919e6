package page_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/picture"
)

// A run of which nobody can tell says why before all else, and leads there.
func TestSaysWhyUnknown(t *testing.T) {
	p := unknown()
	p.Report.Results = []checker.Result{
		{Checker: "votes", Verdict: checker.Valid, Summary: "17 votes looked at"},
		{Checker: "timers", Verdict: checker.Unchecked, Summary: "not checked: the members write no trace"},
		{Checker: "coverage", Verdict: checker.Unknown, Summary: "fault 3 had no effect", Unknowns: []string{"fault 3 had no effect: pause n2"}},
		{Checker: "set", Verdict: checker.Unknown, Summary: "no final read"},
	}
	b := open(t, startBrowser(t), write(t, p), size(1280, 1200))
	said := words(b, "document.getElementById('aside').innerText")
	assert.Regexp(t, "^Nobody can tell Why coverage: fault 3 had no effect: pause n2 set: no final read 1 checker found nothing wrong, 1 had nothing to judge. ", said)
	assert.Contains(t, said, "What was not judged timers: the members write no trace")
	b.do(chromedp.Click(chromedp.CSS("#aside ul a")))
	b.settle()
	assert.Contains(t, b.text("#moment"), "At 7.600 s")
	assert.Contains(t, b.text("#moment"), "Fault: pause n2: did not bite")
	b.quiet()
}

// A valid run says what that is worth: what was tried, by whose word, and what nobody judged.
func TestSaysWhatWasCovered(t *testing.T) {
	p := valid()
	p.Stalls = []picture.Span{span(8*time.Second, 9*time.Second)}
	p.Report.Results = []checker.Result{
		{Checker: "votes", Verdict: checker.Valid, Summary: "17 votes looked at"},
		{Checker: "coverage", Verdict: checker.Valid, Summary: "2 of 3 faults bit, 400 operations succeeded during them"},
		{Checker: "lock", Verdict: checker.Unchecked, Summary: "not checked: nobody asked"},
		{Checker: "set", Verdict: checker.Unchecked, Summary: "not checked: nobody asked"},
	}
	browser := startBrowser(t)
	b := open(t, browser, write(t, p))
	said := words(b, "document.getElementById('aside').innerText")
	assert.NotContains(t, said, "Why")
	for _, line := range []string{
		"No rule was broken 2 checkers found nothing wrong, 2 had nothing to judge.",
		"2 members led, 3 times in all, by the members’ traces; the longest time without a leader was 300 ms",
		"2 of 3 faults bit: partition, kill", "coverage: 2 of 3 faults bit, 400 operations succeeded during them",
		"the harness did not get the processor for 1.00 s of 12.0 s", "lock, set: nobody asked",
	} {
		assert.Contains(t, said, line)
	}
	b.quiet()

	b = open(t, browser, write(t, quiet()))
	assert.Contains(t, words(b, "document.getElementById('aside').innerText"), "nothing told of a leader")
	b.do(chromedp.Click(chromedp.CSS("#all")), run("document.getElementById('stage').focus()"), chromedp.KeyEvent("."))
	b.settle()
	assert.Contains(t, b.text("#moment"), "Leader: not known in this run.")
	b.quiet()
}
