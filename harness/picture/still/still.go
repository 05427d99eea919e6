// Package still draws a picture as one small SVG that does nothing: who led when, the
// faults, how clients fared, and the violation in a line, for a pull request or a chat. It
// follows the reader's light or dark mode, and shapes say all that colours do.
//
// Read still.go first; lanes.go and bands.go draw the parts.
package still

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/picture/columns"
	"github.com/usurper/usurper/harness/text"
)

// Most is how many bytes a still picture has at most.
const Most = 60_000

// Write draws a picture. Where it would be larger than [Most] it is coarser, and says what
// it leaves out.
func Write(w io.Writer, p *picture.Picture) error {
	var out []byte
	for _, f := range []fineness{{plotWidth, 8, 64}, {plotWidth / 2, 6, 64}, {plotWidth / 4, 4, 48}, {plotWidth / 8, 2, 32}, {plotWidth / 16, 2, 16}} {
		if out = draw(p, f); len(out) <= Most {
			break
		}
	}
	if len(out) > Most { // texts are bounded, so it never is
		return fmt.Errorf("the still picture of %s would have %d bytes, more than %d", text.Shorten(columns.Line(p.Title), text.Token), len(out), Most)
	}
	_, err := w.Write(out)
	return err
}

// fineness says how much is drawn.
type fineness struct{ columns, bandRows, lanes int }

// Sizes, in pixels.
const (
	width      = 960
	nameWidth  = 100
	margin     = 12
	plotWidth  = width - nameWidth - 2*margin
	laneHeight = 26
	bandHeight = 18
	rateHeight = 52
	lineHeight = 18
	charWidth  = 7.2 // of a column of text: what is longer is cut rather than drawn over
)

type still struct {
	b     bytes.Buffer
	p     *picture.Picture
	f     fineness
	scale columns.Scale
	y     int // where the next part begins
}

// draw returns the whole document.
func draw(p *picture.Picture, f fineness) []byte {
	s := &still{p: p, f: f, y: margin, scale: columns.Scale{To: p.End, Columns: f.columns}}
	s.head()
	if p.End > 0 {
		top := s.y
		s.axis()
		s.bands()
		s.lanes()
		s.rates()
		s.proof(top)
		s.legend()
	}
	s.words()
	s.y += margin / 2
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`+"\n", width, s.y, width, s.y)
	fmt.Fprintf(&out, "<title>%s</title>\n", escaped(cut(p.Title, 80)+": "+verdictOf(p)))
	out.WriteString("<style>" + style + "</style>\n")
	fmt.Fprintf(&out, `<rect class="bg" width="%d" height="%d"/>`+"\n", width, s.y)
	out.Write(s.b.Bytes())
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// style is that of both modes. Strokes are as wide as roles are told by.
const style = `
text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#1f2328}.bg{fill:#fff}.q{fill:#59636e}.h{font-size:15px;font-weight:600}.m{font-weight:700}
.k{text-anchor:middle}.e{text-anchor:end}
.bad{fill:#c5221f;font-weight:600}.good{fill:#17722f;font-weight:600}.so{fill:#8a5300;font-weight:600}
path{fill:none;stroke:#59636e}
.leader{stroke:#1a7f37;stroke-width:16}.candidate{stroke:#bf8700;stroke-width:12;stroke-dasharray:2 1}.follower{stroke-width:2}
.learner{stroke-width:2;stroke-dasharray:6 3}.unknown{stroke-width:1;stroke-dasharray:1 3}.down{stroke:#c5221f;stroke-width:2;stroke-dasharray:3 5}
.paused{stroke:#8250df;stroke-width:12;stroke-dasharray:2 3}.removed{stroke-width:6;stroke-dasharray:1 7}
.strain{stroke:#bc4c00;stroke-width:3;stroke-dasharray:4 1}.on{fill:#fff;font-weight:600}
.fault{fill:#0969da;fill-opacity:.18;stroke:#0969da}.mild{fill:none;stroke:#59636e;stroke-dasharray:3 2}
.gap{fill:#59636e;fill-opacity:.16}.ok{fill:#1a7f37;fill-opacity:.35;stroke:#1a7f37}.no{stroke:#c5221f}
.at{stroke:#c5221f;stroke-dasharray:4 2}.dot{fill:#c5221f}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.bg{fill:#0d1117}.q{fill:#9198a1}.bad{fill:#ff7b72}.good{fill:#56d364}.so{fill:#e3b341}
path{stroke:#9198a1}.leader{stroke:#3fb950}.candidate{stroke:#d29922}.down,.no,.at{stroke:#ff7b72}.dot{fill:#ff7b72}.paused{stroke:#bc8cff}.strain{stroke:#f0883e}
.on{fill:#0d1117}.fault{fill:#4493f8;stroke:#4493f8}.mild{stroke:#9198a1}.gap{fill:#9198a1}.ok{fill:#3fb950;stroke:#3fb950}}
`

// x is where a column begins.
func (s *still) x(column int) float64 {
	return margin + nameWidth + float64(column)*plotWidth/float64(s.scale.Columns)
}

// text writes a text that fits a number of pixels.
func (s *still) text(class string, x float64, y, room int, words string) {
	fmt.Fprintf(&s.b, `<text class="%s" x="%s" y="%d">%s</text>`+"\n", class, number(x), y, escaped(cut(words, int(float64(room)/charWidth))))
}

func (s *still) head() {
	p := s.p
	class := "so"
	switch p.Report.Verdict {
	case checker.Invalid:
		class = "bad"
	case checker.Valid:
		class = "good"
	}
	s.y += 8
	verdict := verdictOf(p)
	s.text("h", margin, s.y+6, width-2*margin-160, p.Title)
	s.text("h e "+class, width-margin, s.y+6, 150, verdict)
	s.y += lineHeight + 6
	if r := p.Report.Run; r.Events > 0 {
		s.text("q", margin, s.y, width-2*margin, r.String())
		s.y += lineHeight
	}
}

// verdictOf is the word for people.
func verdictOf(p *picture.Picture) string {
	if p.Report.Verdict == "" {
		return "NOT JUDGED"
	}
	return strings.ToUpper(cut(string(p.Report.Verdict), 16))
}

// axis draws the clock, its lines going down through all parts, and the times without a
// leader and of stalls.
func (s *still) axis() {
	ticks, step := s.scale.Ticks(s.scale.Columns / 9)
	s.y += 10
	for _, t := range ticks {
		s.text("q k", s.x(t.Column), s.y, 100, columns.Clock(t.At, step))
	}
	s.y += 6
}

// words are the violation in a line, and what is missing.
func (s *still) words() {
	p := s.p
	const room = width - 2*margin
	if len(p.Proofs) > 0 {
		first := &p.Proofs[0]
		line := first.Checker + ": " + first.Rule
		for i, sentence := range first.Sentences {
			if i == 0 {
				line += ":"
			}
			line += " " + cut(sentence.Text, 200)
		}
		if n := len(p.Proofs) - 1; n > 0 {
			more := fmt.Sprintf(" (and %d more)", n)
			line = cut(line, int(room/charWidth)-len(more)) + more
		}
		s.y += lineHeight
		s.text("bad", margin, s.y, room, line)
	} else if why := doubt(p); why != "" {
		s.y += lineHeight
		s.text("so", margin, s.y, room, why)
	}
	for i, what := range p.Missing {
		if i == 3 {
			break
		}
		s.y += lineHeight
		s.text("q", margin, s.y, room, "missing: "+what)
	}
	s.y += 4
}

// doubt is the first reason for which a run is not decided.
func doubt(p *picture.Picture) string {
	if p.Report.Problem != "" {
		return p.Report.Problem
	}
	for i := range p.Report.Results {
		r := &p.Report.Results[i]
		if r.Verdict == checker.Unknown {
			why := r.Summary
			if len(r.Unknowns) > 0 {
				why = r.Unknowns[0]
			}
			return "not decided: " + r.Checker + ": " + why
		}
	}
	return ""
}

// cut returns a text as one line of so many columns at most.
func cut(s string, most int) string {
	if len(s) > 4096 { // bytes: what is beyond is never seen
		s = strings.ToValidUTF8(s[:4096], "")
	}
	s = columns.Line(s)
	if text.Columns(s) <= most {
		return s
	}
	return text.Shorten(s, max(most, 1))
}

// escaped returns a text as XML has it.
func escaped(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) // a strings.Builder takes all
	return b.String()
}

// number writes pixels, to a tenth.
func number(x float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0")
}
