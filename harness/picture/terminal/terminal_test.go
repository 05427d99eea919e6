package terminal_test

import (
	"encoding/json"
	"flag"
	"github.com/usurper/usurper/checker"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/picture/terminal"
	"github.com/usurper/usurper/harness/text"
)

var update = flag.Bool("update", false, "write the drawings in testdata anew")

// saved reads a picture of a run of the corpus.
func saved(t *testing.T, name string) *picture.Picture {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", name+".json"))
	require.NoError(t, err)
	var p picture.Picture
	require.NoError(t, json.Unmarshal(text, &p))
	return &p
}

// escapes are those that colour.
var escapes = regexp.MustCompile("\x1b\\[[0-9;]+m")

// draw draws, and holds that no line is wider than asked for.
func draw(t *testing.T, p *picture.Picture, o terminal.Options) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, terminal.Write(&b, p, o))
	for _, line := range strings.Split(escapes.ReplaceAllString(b.String(), ""), "\n") {
		require.LessOrEqual(t, text.Columns(line), max(o.Width, terminal.Narrowest), line)
		require.Equal(t, strings.TrimRight(line, " "), line)
	}
	return b.String()
}

// Who goes on under a fault of its machine or its disk has another shape, and the key says so.
func TestStrains(t *testing.T) {
	p := saved(t, "stale-log-vote")
	o := terminal.Options{Width: 120}
	before := draw(t, p, o)
	require.NotContains(t, before, "fault of its machine")
	for i := range p.Lanes {
		p.Lanes[i].Strains = []picture.Strain{{Span: picture.Span{From: 5 * time.Second, To: 8 * time.Second}, Kind: "slow"}}
	}
	after := draw(t, p, o)
	require.Contains(t, after, "▓ ~ under a fault of its machine")
	require.Regexp(t, `\nn1 .*█▓▓▓▓.*▓▓█`, after)
	require.Regexp(t, `\nn2 .*─~~~~.*~~─`, after)
	o.ASCII = true
	require.Regexp(t, `\nn1 .*Lllll.*llL`, draw(t, p, o))
}

// Of a stretch it is told who stood, voted and won, and which messages did not arrive: of
// too many how many more there are, of all of a run nothing.
func TestElections(t *testing.T) {
	p := saved(t, "stale-log-vote")
	p.Windows[0].Messages = []picture.Message{
		{Sent: 1690 * time.Millisecond, Delivered: 1692 * time.Millisecond, Fate: picture.Arrived, Text: "this one comes"},
		{Sent: 1693 * time.Millisecond, Delivered: 1720 * time.Millisecond, Fate: picture.Held, Text: "this one waits"},
		{Sent: 1694 * time.Millisecond, Delivered: -1, Fate: picture.Lost, Text: "this one is lost"},
	}
	o := terminal.Options{From: 1680 * time.Millisecond, To: 1780 * time.Millisecond, Width: 100}
	text := draw(t, p, o)
	require.Contains(t, text, "  1.688s  n1 stands in term 3")
	require.Contains(t, text, "  1.693s  this one waits: held, delivered at 1.720s\n")
	require.Contains(t, text, "  1.694s  this one is lost: dropped\n")
	require.NotContains(t, text, "this one comes")
	require.NotContains(t, text, "votes for itself")
	require.NotContains(t, text, "draw a shorter stretch")
	for i := range 30 {
		p.Lanes[1].Deeds = append(p.Lanes[1].Deeds, picture.Deed{At: o.From + time.Duration(i), What: "vote", Peer: "n9", Text: "n2 votes"},
			picture.Deed{At: o.From, What: "vote", Stage: "delivered", Text: "it is told once"})
	}
	text = draw(t, p, o)
	require.Contains(t, text, " more lines: draw a shorter stretch with --from and --to\n")
	require.Equal(t, 20, strings.Count(text, "n2 votes\n"))
	require.NotContains(t, text, "it is told once")
	require.NotContains(t, draw(t, p, terminal.Options{}), "\nelections:\n")
}

func TestDrawings(t *testing.T) {
	cut := func(p *picture.Picture) {
		p.Report.Verdict, p.Report.Run.Ended, p.Proofs = "unknown", false, nil
		p.Missing = []string{"the last line of the history was cut short: it is drawn up to the one before it, at 2.313s"}
		p.Report.Results[0].Verdict, p.Report.Results[0].Unknowns = "unknown", []string{"the history has no end"}
		p.Bands[1].Open, p.Bands[1].Outcome, p.Bands[1].To = true, picture.NotHealed, p.End
	}
	untold := func(p *picture.Picture) {
		for i := range p.Lanes {
			for k := range p.Lanes[i].Stays {
				if s := &p.Lanes[i].Stays[k]; s.Role != picture.Down && s.Role != picture.Paused {
					s.Role, s.Term, s.By = picture.Unknown, 0, ""
				}
			}
		}
		p.Leaderless = nil
		p.Missing = []string{"nothing in the history tells of elections: no trace, no decoded message, no answer of a member"}
	}
	for _, c := range []struct {
		file, run string
		change    func(*picture.Picture)
		o         terminal.Options
	}{
		{"valid-80", "clean-churn", nil, terminal.Options{Width: 80}},
		{"invalid-80", "stale-log-vote", nil, terminal.Options{Width: 80}},
		{"invalid-80-ascii", "stale-log-vote", nil, terminal.Options{Width: 80, ASCII: true}},
		{"invalid-120", "stale-log-vote", nil, terminal.Options{Width: 120}},
		{"invalid-120-part", "stale-log-vote", nil, terminal.Options{Width: 120, From: 1400 * time.Millisecond, To: 1800 * time.Millisecond}},
		{"busy-120", "old-snapshot", nil, terminal.Options{Width: 120}},
		{"key-120", "stale-read", nil, terminal.Options{Width: 120, Key: "r0-5", From: 5500 * time.Millisecond, To: 6 * time.Second}},
		{"color-80", "stale-log-vote", nil, terminal.Options{Width: 80, Color: true}},
		{"cut-80", "answer-lease", cut, terminal.Options{Width: 80}},
		{"untold-80", "clean-churn", untold, terminal.Options{Width: 80}},
	} {
		t.Run(c.file, func(t *testing.T) {
			p := saved(t, c.run)
			if c.change != nil {
				c.change(p)
			}
			got := draw(t, p, c.o)
			path := filepath.Join("testdata", c.file+".txt")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), got, "go test ./harness/picture/terminal -update writes it anew")
		})
	}
}

// What members, clients and plans wrote is shown, and moves no cursor.
func TestHostileTexts(t *testing.T) {
	const hostile = "\x1b[2J\x1b]0;title\a\r\n\t</script>\u202e\u200d\xff\x00日本語🏳️‍🌈" + "e\u0301\u0301\u0301"
	long := hostile + strings.Repeat("長x", 1<<19)
	p := saved(t, "stale-read")
	p.Title, p.Report.Problem, p.Missing = long, hostile, []string{hostile, long}
	p.Report.Verdict = checker.Verdict(hostile)
	p.Report.Run.Target, p.Report.Run.Themes = hostile, []string{long}
	for i := range p.Lanes {
		p.Lanes[i].Member = long
		p.Lanes[i].Stays[0].Role = hostile
	}
	for i := range p.Bands {
		p.Bands[i].Text, p.Bands[i].Kind, p.Bands[i].Outcome = long, "", hostile
	}
	for i := range p.Phases {
		p.Phases[i].Text = hostile
	}
	for i := range p.Proofs {
		f := &p.Proofs[i]
		f.Checker, f.Rule = hostile, long
		for k := range f.Events {
			f.Events[k].Text = long
		}
		f.Sentences = []picture.Sentence{{Text: long, Event: 0}, {Text: hostile, Event: 99}}
	}
	for i := range p.Windows[0].Operations {
		o := &p.Windows[0].Operations[i]
		o.Key, o.Call, o.Answer, o.Node = hostile, hostile, long, hostile
	}
	for _, o := range []terminal.Options{{Width: 80}, {Width: 80, ASCII: true}, {Width: 81, Color: true}, {Width: 1, Key: hostile}} {
		got := draw(t, p, o)
		if o.Color {
			got = escapes.ReplaceAllString(got, "")
		}
		require.True(t, utf8.ValidString(got))
		require.Less(t, len(got), 1<<18)
		for _, r := range got {
			require.False(t, r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r), "%q", r)
			require.False(t, o.ASCII && r > '~', "%q", r)
		}
		require.Contains(t, got, `\x1b[2J`)
	}
}

// A picture of nothing, or of what cannot be drawn, is said to be one.
func TestNothingToDraw(t *testing.T) {
	got := draw(t, &picture.Picture{Title: "empty", Missing: []string{"the history is empty"}}, terminal.Options{})
	require.Equal(t, "empty  NOT JUDGED\n\nmissing: the history is empty\n", got)

	p := saved(t, "stale-read")
	for _, c := range []struct {
		o    terminal.Options
		want string
	}{
		{terminal.Options{From: time.Minute}, "nothing to draw from 1m0s"},
		{terminal.Options{From: 2 * time.Second, To: time.Second}, "such as --from 0s --to 9.392s"},
		{terminal.Options{From: -1}, "nothing to draw"},
		{terminal.Options{Key: "r0-55"}, "(did you mean r0-5?)"},
	} {
		require.ErrorContains(t, terminal.Write(io.Discard, p, c.o), c.want)
	}
	p.Windows = nil
	require.ErrorContains(t, terminal.Write(io.Discard, p, terminal.Options{Key: "r0-5"}), "there is none")
	draw(t, p, terminal.Options{From: p.End - 1, Width: 300})
}

// Thousands of faults have no more rows than a few do, and none is kept back in silence.
func TestManyFaults(t *testing.T) {
	p := saved(t, "stale-log-vote")
	for i := range 3000 {
		at := time.Duration(i) * p.End / 3000
		p.Bands = append(p.Bands, picture.Band{Span: picture.Span{From: at, To: at + time.Second}, Text: "kill n1", Kind: "kill", Outcome: picture.Bit})
	}
	got := draw(t, p, terminal.Options{Width: 80})
	require.Contains(t, got, "more, for which there is no room: draw less")
	require.Less(t, strings.Count(got, "\n"), 60)
}
