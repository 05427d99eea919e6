package serve

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

//go:embed assets
var assets embed.FS

// pages are the templates and the style of all pages but those that draw.
type pages struct {
	all         *template.Template
	style       []byte
	again       template.JS // the one script: it shows a page anew when it is told that that has changed
	againPolicy string      // … lets it run, and nothing else
}

func loadPages() (*pages, error) {
	all, err := template.New("").Funcs(template.FuncMap{
		"at": func(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") },
		"in": func(kind, path string) string { return link(kind, path) },
		"took": func(d time.Duration) string {
			if d == 0 {
				return ""
			}
			return d.Round(100 * time.Millisecond).String()
		},
		"bytes": func(n int64) string { return humanize.IBytes(uint64(max(n, 0))) },
		"word":  word,
	}).ParseFS(assets, "assets/*.html")
	if err != nil {
		return nil, fmt.Errorf("serve: pages: %w", err)
	}
	style, err := fs.ReadFile(assets, "assets/style.css")
	if err != nil {
		return nil, fmt.Errorf("serve: pages: %w", err)
	}
	again, err := fs.ReadFile(assets, "assets/again.js")
	if err != nil {
		return nil, fmt.Errorf("serve: pages: %w", err)
	}
	sum := sha256.Sum256(again)
	return &pages{all, style, template.JS(again), policy + "; connect-src 'self'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"}, nil
}

// link is where a page about a path is.
func link(kind, path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return "/" + kind + "/" + strings.Join(parts, "/")
}

// page sends a page, whole or not at all.
func (s *Server) page(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := s.pages.all.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, "This page cannot be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes()) // who has gone needs no answer
}

// problem answers that something cannot be had: by a page, or in words alone if the answer
// was to be data.
func (s *Server) problem(w http.ResponseWriter, status int, words string) {
	if w.Header().Get("Content-Type") != "" {
		http.Error(w, words, status)
		return
	}
	s.page(w, status, "problem.html", struct {
		Title, Words string
	}{http.StatusText(status), words})
}

// said is an error as it is shown: without where the directory is.
func (s *Server) said(err error) string {
	return line(strings.ReplaceAll(err.Error(), strings.TrimSuffix(s.dir, "/")+"/", ""), 250)
}

func (s *Server) style(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Write(s.pages.style)
}

// filter is one of the lists by which the index is narrowed.
type filter struct {
	Name, Label, Any string
	Choices          []choice
}

func (s *Server) showIndex(w http.ResponseWriter, r *http.Request) {
	q := ask(r.URL.Query())
	l := s.index.now(r.Context())
	if l.failed != nil {
		s.failed(w, l.failed)
		return
	}
	chosen, count, pages := q.choose(l.entries)
	one := func(of func(*entry) string) func(*entry) []string {
		return func(e *entry) []string { return []string{of(e)} }
	}
	data := struct {
		Dir          string
		Q            question
		Entries      []*entry
		Count, All   int
		Pages        int
		Whole        bool
		Before, Next string
		Filters      []filter
		Sorts        []string
	}{
		Dir: word(s.dir), Q: q, Entries: chosen, Count: count, All: len(l.entries), Pages: pages, Whole: l.whole, Sorts: sorts(),
		Filters: []filter{
			{"kind", "kind", "runs and nights", []choice{{"run", 0, q.Kind == "run"}, {aNight, 0, q.Kind == aNight}}},
			{"verdict", "verdict", "any verdict", choices(l.entries, q.Verdict, one(func(e *entry) string { return e.Verdict }))},
			{"target", "target", "any target", choices(l.entries, q.Target, one(func(e *entry) string { return e.Target }))},
			{"workload", "workload", "any workload", choices(l.entries, q.Workload, one(func(e *entry) string { return e.Workload }))},
			{"bug", "bug", "any bug or none", choices(l.entries, q.Bug, one(func(e *entry) string { return e.Bug }))},
			{"rule", "broken rule", "any rule", choices(l.entries, q.Rule, func(e *entry) []string { return e.Rules })},
		},
	}
	if q.Page > 1 {
		data.Before = q.link("page", fmt.Sprint(q.Page-1))
	}
	if q.Page < pages {
		data.Next = q.link("page", fmt.Sprint(q.Page+1))
	}
	s.page(w, http.StatusOK, "index.html", data)
}
