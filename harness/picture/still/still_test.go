package still_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/picture/still"
)

var keep = flag.String("keep", "", "a folder for what is drawn, to look at")

// saved reads a picture of a run of the corpus.
func saved(t *testing.T, name string) *picture.Picture {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", name+".json"))
	require.NoError(t, err)
	var p picture.Picture
	require.NoError(t, json.Unmarshal(text, &p))
	return &p
}

// draw draws, and returns the texts that it shows; it holds the document to be small, well
// formed and without anything that acts.
func draw(t *testing.T, p *picture.Picture) (texts []string) {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, still.Write(&b, p))
	require.LessOrEqual(t, b.Len(), still.Most)
	if *keep != "" {
		require.NoError(t, os.WriteFile(filepath.Join(*keep, strings.ReplaceAll(t.Name(), "/", "-")+".svg"), b.Bytes(), 0o644))
	}
	dec := xml.NewDecoder(&b)
	in := ""
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			in = token.Name.Local
			require.Contains(t, []string{"svg", "title", "style", "rect", "text", "path"}, in)
			for _, a := range token.Attr {
				require.False(t, strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href", a)
			}
		case xml.CharData:
			if in == "text" && strings.TrimSpace(string(token)) != "" {
				texts = append(texts, string(token))
			}
		}
	}
}

func TestStills(t *testing.T) {
	for _, name := range []string{"clean-churn", "clean-mixed", "stale-log-vote", "stale-read", "old-snapshot", "answer-lease"} {
		t.Run(name, func(t *testing.T) {
			p := saved(t, name)
			all := strings.Join(draw(t, p), "\n")
			require.Contains(t, all, name)
			require.Contains(t, all, strings.ToUpper(string(p.Report.Verdict)))
			for _, l := range p.Lanes {
				require.Contains(t, all, l.Member)
			}
			if len(p.Proofs) > 0 {
				require.Contains(t, all, p.Proofs[0].Rule)
			}
		})
	}
}

// Faults of machines and disks underline lanes; the key says so, and stays within the picture.
func TestStrains(t *testing.T) {
	p := saved(t, "stale-log-vote")
	require.NotContains(t, draw(t, p), "fault of machine or disk")
	for i := range p.Lanes {
		p.Lanes[i].Strains = []picture.Strain{{Span: picture.Span{From: 5 * time.Second, To: 8 * time.Second}, Kind: "slow"}}
	}
	var b bytes.Buffer
	require.NoError(t, still.Write(&b, p))
	require.Equal(t, len(p.Lanes)+1, strings.Count(b.String(), `class="strain"`))
	texts := draw(t, p)
	require.Contains(t, texts, "fault of machine or disk")
	require.Contains(t, texts, "no leader")
}

// What members, clients and plans wrote is text and nothing else.
func TestHostileTexts(t *testing.T) {
	const hostile = "</text><script>alert(1)</script><!--]]>&\"'\x00\x1b[31m\u202e\xff\ufffe\n"
	long := hostile + strings.Repeat("長", 1<<20)
	p := saved(t, "stale-log-vote")
	p.Title, p.Report.Verdict, p.Report.Problem, p.Missing = long, hostile, long, []string{hostile, long}
	p.Report.Run.Target = long
	for i := range p.Lanes {
		p.Lanes[i].Member = hostile
		p.Lanes[i].Stays[0].Role = hostile
	}
	for i := range p.Bands {
		p.Bands[i].Text, p.Bands[i].Kind, p.Bands[i].Outcome = long, "", hostile
	}
	p.Proofs[0].Checker, p.Proofs[0].Rule = hostile, long
	p.Proofs[0].Sentences[0].Text = hostile
	require.Contains(t, strings.Join(draw(t, p), "\n"), "<script>")
}

// However much there is, the document stays small, and says what it leaves out.
func TestManyOfAll(t *testing.T) {
	p := &picture.Picture{Title: "much", End: time.Hour, Report: checker.Report{Verdict: checker.Invalid}}
	for i := range 64 {
		l := picture.Lane{Member: strings.Repeat("m", 60) + fmt.Sprint(i)}
		for k := range 20_000 {
			from := p.End / 20_000 * time.Duration(k)
			l.Stays = append(l.Stays, picture.Stay{Span: picture.Span{From: from, To: from + p.End/20_000}, Term: uint64(k), Role: []picture.Role{picture.Leader, picture.Candidate, picture.Down, picture.Paused}[(k+i)%4]})
		}
		p.Lanes = append(p.Lanes, l)
	}
	for i := range 5000 {
		from := p.End / 5000 * time.Duration(i)
		p.Bands = append(p.Bands, picture.Band{Span: picture.Span{From: from, To: from + time.Second}, Kind: "kill", Text: "kill n1", Outcome: picture.Bit})
		p.Leaderless = append(p.Leaderless, picture.Span{From: from, To: from + time.Millisecond})
		p.Clients.OK, p.Clients.Fail = append(p.Clients.OK, i*7919%1000), append(p.Clients.Fail, i%2)
		p.Proofs = append(p.Proofs, picture.Proof{Rule: "all", Events: []picture.Point{{At: from}, {At: from}}})
		p.Missing = append(p.Missing, strings.Repeat("much ", 500))
	}
	p.Clients.Width = p.End / 5000
	all := strings.Join(draw(t, p), "\n")
	require.Contains(t, all, "more, for which there is no room")
	require.Contains(t, all, "(and 4999 more)")
}

func TestNothing(t *testing.T) {
	require.Equal(t, []string{"empty", "NOT JUDGED", "missing: the history is empty"}, draw(t, &picture.Picture{Title: "empty", Missing: []string{"the history is empty"}}))
}
