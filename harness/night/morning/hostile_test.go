package morning_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	unescape "html"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer/html"
	markdown "github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/finding"
	"github.com/usurper/usurper/harness/night/morning"
	"github.com/usurper/usurper/harness/text"
)

// words draws what members and users may write anywhere.
func words() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
				"n1", " ", "|", "\\", "`", "```", "<b>", "</td>", "<!--", "-->", "]]>", "&", "&lt;", "\x1b[31m", "\x00", "\xff\xfe", "\uffff", "\u202e", "\n", "\r", "\t", "\u2028",
				"*", "**", "_", "__", "~~", "#", "- ", "+ ", "1. ", "2) ", "> ", "---", "===", "![x](http://e.x)", "[x](y)", "[x]: y", "$x$", "\"", "'", "{", "}", "=", "{a=\"b\"} 1", "# EOF", "<br>",
				"    ", "k\U0001F600", "é", "漢字", "http://e.x/",
			}), 0, 8).Draw(t, "parts"), "")
		}),
	)
}

func drawEntry(t *rapid.T) entry.Entry {
	say := func(what string) string { return words().Draw(t, what) }
	e := entry.Entry{
		Number: rapid.IntRange(1, 40).Draw(t, "number"), Night: rapid.SampledFrom([]string{"a", "b|`"}).Draw(t, "night"),
		Cell: say("cell"), Seed: rapid.Uint64().Draw(t, "seed"), Class: entry.Class(rapid.SampledFrom([]string{"valid", "invalid", "unknown", "broken", "strange"}).Draw(t, "class")),
		Why: say("why"), Dir: say("dir"), OK: rapid.Uint64Range(0, 2).Draw(t, "ok"), Elapsed: time.Duration(rapid.IntRange(0, 1e10).Draw(t, "elapsed")),
		Faults:   map[string]entry.Fault{say("kind"): {Planned: rapid.IntRange(0, 2).Draw(t, "planned"), Fired: rapid.IntRange(0, 2).Draw(t, "fired"), Bit: rapid.IntRange(0, 2).Draw(t, "bit")}},
		Checkers: map[string]string{say("checker"): "not checked"}, Figures: map[string]float64{"failover": 3},
	}
	e.Unchecked = map[string]string{}
	for name := range e.Checkers {
		e.Unchecked[name] = say("unchecked")
	}
	if e.Class == entry.Invalid {
		e.Breaches = rapid.SliceOfN(rapid.Custom(func(*rapid.T) entry.Breach {
			return entry.Breach{Checker: say("breach"), Rule: say("rule"), Text: say("text")}
		}), 0, 2).Draw(t, "breaches")
	}
	return e
}

func drawFinding(t *rapid.T) morning.Finding {
	say := func(what string) string { return words().Draw(t, what) }
	checker, rule := say("checker"), say("rule")
	if rapid.Bool().Draw(t, "known") { // as a run may have it
		checker, rule = rapid.SampledFrom([]string{"c", "|"}).Draw(t, "known"), "r"
	}
	return morning.Finding{
		ID: say("id"), Status: rapid.SampledFrom([]morning.Status{morning.New, morning.Regressed, morning.Ongoing, morning.Resolved}).Draw(t, "status"),
		Checker: checker, Rule: rule, Text: say("text"), Label: say("label"),
		Target: finding.Unnamed, K: 1, N: 2, Low: 0.1, High: 0.9, First: morning.Seen{At: begun, System: say("system"), Harness: say("harness")},
		Example: say("example"), Minimal: say("minimal"), State: say("state"), Commands: []string{say("command"), say("command")}, Possibly: []string{say("possibly")},
		Muted: rapid.Bool().Draw(t, "muted"),
	}
}

func drawFacts(t *rapid.T) entry.Facts {
	say := func(what string) string { return words().Draw(t, what) }
	f := entry.Facts{
		Night: "a", Begun: begun, Shard: 1, Shards: rapid.IntRange(1, 3).Draw(t, "shards"), Runs: rapid.IntRange(0, 3).Draw(t, "runs"), MaxUnknown: rapid.SampledFrom([]float64{0, 0.5, 1}).Draw(t, "max"),
		Command: []string{say("command")},
	}
	if rapid.Bool().Draw(t, "ended") {
		f.Ended = begun.Add(time.Hour)
	}
	if rapid.Bool().Draw(t, "more") {
		f.Stopped, f.Cells, f.Doubts = say("stopped"), []string{say("cell")}, []string{say("doubt")}
		f.Controls = []entry.Control{{Name: say("control"), Checker: say("checker"), Tries: rapid.IntRange(0, 1).Draw(t, "tries"), Untried: say("untried")}}
	}
	return f
}

func drawReport(t *rapid.T) morning.Report {
	n := morning.Night{
		Findings: rapid.SliceOfN(rapid.Custom(drawFinding), 0, 3).Draw(t, "findings"),
		FailOn:   rapid.SampledFrom([]morning.FailOn{"", morning.FailOnNew, morning.FailOnAny}).Draw(t, "failOn"), At: begun.Add(2 * time.Hour),
	}
	if rapid.Bool().Draw(t, "facts") {
		n.Parts = []entry.Facts{drawFacts(t)}
	}
	return report(rapid.SliceOfN(rapid.Custom(drawEntry), 0, 6).Draw(t, "entries"), n)
}

// Whatever members print, and users call things: each file can be read by what reads
// its format, and says no more than text.
func TestHostileText(t *testing.T) {
	schema := published(t)
	rapid.Check(t, func(t *rapid.T) {
		r := drawReport(t)
		conforms(t, schema, r.JSON)
		readsAsJUnit(t, &r)
		readsAsMetrics(t, &r)
		readsAsMarkdown(t, r.Summary())
		tellsFindings(t, &r)
	})
}

// The test cases are red as the exit status is.
func readsAsJUnit(t *rapid.T, r *morning.Report) {
	var b bytes.Buffer
	require.NoError(t, r.JUnit(&b))
	var read junit.Testsuites
	require.NoError(t, xml.Unmarshal(b.Bytes(), &read), b.String())
	status := 0
	switch {
	case read.Failures > 0:
		status = 1
	case read.Errors > 0:
		status = 2
	}
	require.Equal(t, r.Status, status, b.String())
	require.Equal(t, map[int]morning.Verdict{0: morning.Quiet, 1: morning.Found, 2: morning.Unknown}[status], r.Verdict)
	require.NotZero(t, read.Tests)
}

// readsAsMetrics reads metrics as the old format, of which OpenMetrics says the same in
// a label; the new one's parser takes a second for some of these.
func readsAsMetrics(t *rapid.T, r *morning.Report) {
	var b bytes.Buffer
	require.NoError(t, r.Metrics(&b))
	require.True(t, strings.HasSuffix(b.String(), "\n# EOF\n"))
	require.Greater(t, decoded(t, b.Bytes(), expfmt.FmtText), 5)
}

// decoded counts the families that a reader of the format finds.
func decoded(t require.TestingT, metrics []byte, format expfmt.Format) int {
	decode := expfmt.NewDecoder(bytes.NewReader(metrics), format)
	for families := 0; ; families++ {
		var f dto.MetricFamily
		err := decode.Decode(&f)
		if errors.Is(err, io.EOF) {
			return families
		}
		require.NoError(t, err, string(metrics))
	}
}

// Metrics are what a parser made of OpenMetrics' own grammar takes, hostile labels and
// all.
func TestOpenMetrics(t *testing.T) {
	for name, make := range map[string]func() ([]entry.Entry, morning.Night){"quiet": quiet, "unknown": unknown, "bad": bad} {
		entries, n := make()
		entries = append(entries, run(9, entry.Valid, cell("{a=\"b\\\n\"} 1\n# EOF\n\xff\x00"+name)))
		r := report(entries, n)
		require.Equal(t, 12, decoded(t, write(t, r.Metrics), expfmt.FmtOpenMetrics_1_0_0))
	}
}

// A page has the tables that were made, each row as many cells as its head, and no
// mark-up but our own.
func readsAsMarkdown(t *rapid.T, page string) {
	source := []byte(page)
	require.LessOrEqual(t, len(source), 1<<19)
	doc := goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList)).Parser().Parse(markdown.NewReader(source))
	rows := 0
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.RawHTML:
			require.Equal(t, "<br>", string(n.Segments.Value(source)), page)
		case *ast.Emphasis:
			require.Equal(t, 2, n.Level, page)
			require.Contains(t, []string{"new", "regressed", "no finding"}, string(n.FirstChild().(*ast.Text).Segment.Value(source)))
		case *ast.HTMLBlock, *ast.Link, *ast.Image, *ast.AutoLink, *ast.FencedCodeBlock, *ast.CodeBlock, *ast.Blockquote, *ast.ThematicBreak, *tables.Strikethrough, *tables.TaskCheckBox:
			require.Fail(t, fmt.Sprintf("%T in the page", n), page)
		case *ast.List:
			require.IsType(t, &ast.Document{}, n.Parent(), page)
			require.False(t, n.IsOrdered(), page)
		case *ast.Heading:
			require.LessOrEqual(t, n.Level, 2, page)
			require.IsType(t, &ast.Document{}, n.Parent(), page)
		case *tables.TableRow:
			rows++
		}
		return ast.WalkContinue, nil
	})
	require.NoError(t, err)
	lines := 0 // of the source that begin a row
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "| ") {
			lines++
		}
		for _, r := range line {
			require.True(t, r == '\n' || r >= ' ' && r != 0x7f && r != '\u2028' && r != '\u202e', page)
		}
	}
	require.Equal(t, lines-strings.Count(page, "\n|---|"), rows, page)
}

var (
	htmlRow  = regexp.MustCompile(`(?s)<tr>(.*?)</tr>`)
	htmlCell = regexp.MustCompile(`(?s)<td>(.*?)</td>`)
	htmlCode = regexp.MustCompile(`</?(code|strong)>`)
)

// A page says what the findings say, each in the cell where it belongs.
func tellsFindings(t *rapid.T, r *morning.Report) {
	var out bytes.Buffer
	m := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithRendererOptions(html.WithUnsafe()))
	require.NoError(t, m.Convert([]byte(r.Summary()), &out))
	var seen [][]string
	for _, row := range htmlRow.FindAllStringSubmatch(out.String(), -1) {
		var cells []string
		for _, c := range htmlCell.FindAllStringSubmatch(row[1], -1) {
			cells = append(cells, unescape.UnescapeString(htmlCode.ReplaceAllString(c[1], "")))
		}
		if len(cells) == 7 {
			seen = append(seen, cells)
		}
	}
	for i := range r.Findings {
		f, found := &r.Findings[i], false
		name := shown(f.Checker + ": " + f.Rule)
		for _, cells := range seen {
			found = found || shown(cells[1]) == shown(f.ID) && strings.HasPrefix(shown(cells[2]), name) &&
				shown(cells[5]) == shown(f.Example) && shown(cells[6]) == shown(f.Commands[0]+"<br>"+f.Commands[1])
		}
		require.True(t, found, "%q\n%q\n%q", f, seen, r.Summary())
	}
}

// shown is how a short text is shown, without the blanks, of which Markdown keeps some.
func shown(s string) string { return strings.Join(strings.Fields(verdict.Printable(s)), "") }

// No line that is shown while a night goes on moves a cursor or is wider than there is
// room.
func TestHostileLive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := morning.Live{Runs: morning.Counts{All: 7, Valid: 7}, Findings: rapid.SliceOfN(rapid.Custom(drawFinding), 0, 30).Draw(t, "findings")}
		l.Running = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) morning.Running {
			return morning.Running{
				Cell: words().Draw(t, "cell"), Phase: words().Draw(t, "phase"), Leader: words().Draw(t, "leader"), Term: 4, Left: time.Second,
				Faults: rapid.SliceOfN(words(), 0, 3).Draw(t, "faults"),
			}
		}), 0, 30).Draw(t, "running")
		width, height := rapid.IntRange(20, 200).Draw(t, "width"), rapid.IntRange(1, 60).Draw(t, "height")
		lines := l.Table(width, height)
		require.LessOrEqual(t, len(lines), max(1, height-1))
		for _, line := range append(lines, l.Line()) {
			require.NotContains(t, line, "\n")
			require.NotContains(t, line, "\x1b")
		}
		for _, line := range lines {
			require.Less(t, text.Columns(line), width, line)
		}
	})
}
