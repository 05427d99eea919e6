package morning

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
)

// JUnit writes the night for what reads JUnit's XML: a test case a finding, a cell of
// the matrix and a control, one for the plan, and one for each checker that had nothing
// to judge in any run. Their names stay the same from night to night, so that a CI can
// tell since when one fails. A case failed only if the night's exit status is 1, and one
// has an error only if it is 1 or 2; findings that fail no night are skipped.
func (r *Report) JUnit(w io.Writer) error {
	night := junit.Testsuite{Name: "usurper", Time: seconds(r.Seconds)}
	if !r.Made.IsZero() {
		night.SetTimestamp(r.Made)
	}
	for _, c := range r.findingCases() {
		night.AddTestcase(c)
	}
	for _, c := range r.cellCases() {
		night.AddTestcase(c)
	}
	for _, c := range r.Controls {
		test := junitCase("controls", c.Name, 0)
		if text := r.doubted(aboutControl, c.Name); text != "" {
			test.Error = result("unknown", text, "")
		} else if c.State != red {
			test.Skipped = result("", c.Checker+" had nothing to judge in any run", "")
		}
		night.AddTestcase(test)
	}
	night.AddTestcase(r.planCase())
	unchecked := junit.Testsuite{Name: "usurper, not checked", Time: seconds(0)}
	for _, u := range r.Unchecked {
		c := junitCase("checkers", u.Checker, 0)
		c.Skipped = result("", "not checked in any run: "+u.Why, "")
		unchecked.AddTestcase(c)
	}
	var suites junit.Testsuites
	suites.AddSuite(night)
	if unchecked.Tests > 0 {
		suites.AddSuite(unchecked)
	}
	return suites.WriteXML(w)
}

func junitCase(class, name string, took float64) junit.Testcase {
	return junit.Testcase{Classname: "usurper." + class, Name: verdict.Printable(name), Time: seconds(took)}
}

// result is what is said of a case, as XML can have it.
func result(kind, message, data string) *junit.Result {
	return &junit.Result{Type: kind, Message: verdict.Printable(message), Data: verdict.Printable(data)}
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }

// findingCases has one for each finding that there ever was: it passes once it is
// resolved.
func (r *Report) findingCases() []junit.Testcase {
	var all []junit.Testcase
	for _, u := range r.Unfiled {
		c := junitCase("findings", u.name(), 0)
		c.Failure = result(string(New), u.Text, fmt.Sprintf("%s\n%s, no finding tells of it\nseed %d\n%s\n", u.Text, count.Many(u.Runs, "run"), u.Seed, u.Dir))
		all = append(all, c)
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		c := junitCase("findings", f.name()+" ("+f.ID+")", 0)
		message := fmt.Sprintf("%s: %s", f.Status, count.Many(f.Tonight, "run")+" tonight")
		switch {
		case r.FailOn.fails(f):
			c.Failure = result(string(f.Status), message, f.story())
		case f.Muted && !f.Until.IsZero():
			c.Skipped = result("", message+"; muted until "+f.Until.UTC().Format(time.DateOnly), "")
		case f.Muted:
			c.Skipped = result("", message+"; muted", "")
		case f.Status != Resolved:
			c.Skipped = result("", message+", known since "+f.First.String(), "")
		}
		all = append(all, c)
	}
	return all
}

// story is all that is known of a finding, a line each.
func (f *Finding) story() string {
	var b strings.Builder
	for _, line := range [][2]string{
		{"", f.name()}, {"", f.Text}, {"", f.State}, {"label: ", f.Label}, {"rate: ", f.rate()},
		{"first: ", f.First.String()}, {"last: ", f.Last.String()}, {"example: ", f.Example},
		{"possibly one bug with: ", strings.Join(f.Possibly, ", ")}, {"possibly several: ", f.Several},
	} {
		if line[1] != "" {
			b.WriteString(line[0] + line[1] + "\n")
		}
	}
	for _, c := range f.Commands {
		b.WriteString(c + "\n")
	}
	if f.Minimal != "" {
		b.WriteString("\n" + f.Minimal + "\n")
	}
	return b.String()
}

// cellCases has one for each cell of the matrix: an error if runs of it were broken, or
// it showed nothing.
func (r *Report) cellCases() []junit.Testcase {
	var all []junit.Testcase
	for _, cell := range r.Cells {
		name := cell.Name
		if name == "" {
			name = "all"
		}
		c := junitCase("cells", name, cell.Seconds)
		var why []string
		if text := r.doubted(aboutCell, cell.Name); text != "" {
			why = append(why, text)
		}
		if n := cell.Runs.Broken; n > 0 {
			why = append(why, fmt.Sprintf("%d of %s broken", n, count.Many(cell.Runs.All, "run")))
		}
		if len(why) > 0 {
			c.Error = result("unknown", strings.Join(why, "; "), "")
		}
		all = append(all, c)
	}
	return all
}

// brokenText lists why runs were broken.
func (r *Report) brokenText() string {
	var b strings.Builder
	for _, g := range r.Broken {
		fmt.Fprintf(&b, "%s: %s (seeds %s; %s) %s\n", count.Many(g.Runs, "run"), g.Why, strings.Trim(fmt.Sprint(g.Seeds), "[]"), strings.Join(g.Cells, ", "), g.Dir)
	}
	return b.String()
}

// planCase says whether the night did what it was to do: an error holds all that makes
// it unknown.
func (r *Report) planCase() junit.Testcase {
	c := junitCase("night", "plan", 0)
	if len(r.Lacks) == 0 {
		return c
	}
	var b strings.Builder
	for _, d := range r.Doubts {
		b.WriteString(d.Text + "\n")
	}
	b.WriteString(r.brokenText())
	for _, g := range r.Unknown {
		fmt.Fprintf(&b, "%s unknown: %s (seeds %s) %s\n", count.Many(g.Runs, "run"), g.Why, strings.Trim(fmt.Sprint(g.Seeds), "[]"), g.Dir)
	}
	c.Error = result("unknown", strings.Join(r.Lacks, "; "), b.String())
	return c
}

// doubted is the doubt about something, or "".
func (r *Report) doubted(about, name string) string {
	for _, d := range r.Doubts {
		if d.About == about && (d.Name == name || about == aboutControl && slices.Contains(strings.Split(d.Name, ", "), name)) {
			return d.Text
		}
	}
	return ""
}
