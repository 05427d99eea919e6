package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"os"
	"path"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/night/morning"
)

// nightNow is what of night.json is shown beside the summary.
type nightNow struct {
	Going   bool            `json:"going"`
	Verdict morning.Verdict `json:"verdict"`
	Runs    morning.Counts  `json:"runs"`
	Nights  []struct {
		Begun time.Time `json:"begun"`
	} `json:"nights"`

	now bool // it goes on, as its lock tells
}

func (n *nightNow) words() string {
	r := n.Runs
	text := fmt.Sprintf("%s: %d valid, %d invalid, %d unknown, %d broken", count.Many(r.All, "run"), r.Valid, r.Invalid, r.Unknown, r.Broken)
	switch {
	case n.now:
		text += "; it goes on"
	case n.Going:
		text += "; it was killed, or waits for another shard"
	}
	return text
}

// readNight reads what the index has of a night.
func readNight(root *os.Root, dir string, info fs.FileInfo) *entry {
	e := &entry{Path: dir, Name: word(path.Base(dir)), Night: true, At: beganAt(path.Base(dir), info.ModTime()), changed: info.ModTime(), Verdict: notJudged}
	n, err := nightOf(root, dir)
	if err != nil {
		e.Runs = "it has no " + morning.JSONFile + " that can be read"
		return e
	}
	e.Verdict, e.Runs = word(string(n.Verdict)), n.words()
	if len(n.Nights) > 0 && !n.Nights[0].Begun.IsZero() {
		e.At = n.Nights[0].Begun
	}
	return e
}

func nightOf(root *os.Root, dir string) (n nightNow, err error) {
	text, err := head(root, path.Join(dir, morning.JSONFile), nightHead)
	if err == nil {
		err = json.Unmarshal(text, &n)
	}
	n.now = nightGoesOn(root, dir, n.Going || err != nil)
	return n, err
}

func (s *Server) showNight(w http.ResponseWriter, r *http.Request) {
	dir, ok := s.night(w, r)
	if !ok {
		return
	}
	data := struct {
		Name, Path, Runs, Verdict, Said string
		Notes                           []string
		Summary                         template.HTML
		Changes                         string // where it is told of them, while it goes on
		Script                          template.JS
	}{Name: word(path.Base(dir)), Path: dir, Runs: question{Under: dir}.link("", ""), Script: s.pages.again}
	n, err := nightOf(s.root, dir)
	if n.now {
		data.Changes = link("changes", dir)
		w.Header().Set("Content-Security-Policy", s.pages.againPolicy)
	}
	switch {
	case err != nil && n.now:
		data.Said = "It goes on; none of its runs has ended yet."
	case err != nil:
		data.Notes = append(data.Notes, morning.JSONFile+" cannot be read: the night was killed before its first run ended, or is larger than a page shows.")
	default:
		data.Verdict, data.Said = word(string(n.Verdict)), n.words()
	}
	text, err := head(s.root, path.Join(dir, morning.SummaryFile), nightHead)
	if err != nil && !n.now {
		data.Notes = append(data.Notes, morning.SummaryFile+" cannot be read.")
	}
	// Goldmark leaves out HTML and addresses that act, unless it is told otherwise.
	var b bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert(text, &b); err == nil {
		data.Summary = template.HTML(b.String())
	}
	s.page(w, http.StatusOK, "night.html", data)
}
