// Package page is a run as a page for a browser: report.html, one file that asks no
// network, and the same page fed by a server while a run is under way.
//
// The page is assets/page.html, its style and its scripts, put together in the order
// that parts.go gives; what it draws is a picture.Picture and nothing else, embedded as
// JSON. No data is ever in a script or in markup: a Content-Security-Policy, in the
// file itself, admits the scripts and the style by their hashes only.
package page

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/usurper/usurper/harness/picture"
)

// Name is what a run directory's page is called.
const Name = "report.html"

// Feed says where a page that a server shows gets its picture.
type Feed struct {
	// Picture is the URL of a picture.Picture as JSON, which the page fetches.
	Picture string
	// Events is the URL of server-sent events; after each one, whatever it says, the page
	// fetches the picture again, never twice at a time. The event "end" is the last. It
	// is empty if nothing more will come.
	Events string
	// Home is where the run's name leads, if anywhere.
	Home string
}

// Write writes the page of a run, complete in one file. The picture may hold any
// text: it is shown, never run.
func Write(w io.Writer, p *picture.Picture) error {
	parts, err := load()
	if err != nil {
		return err
	}
	// Escapes <, >, &, U+2028 and U+2029, so that no string ends the element.
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("page of %s: %w", p.Title, err)
	}
	return parts.write(w, p.Title, "'none'", data, Feed{})
}

// Shell writes the page without a picture: it gets it from a server. The server sends
// it with [Policy].
func Shell(w io.Writer, title string, from Feed) error {
	parts, err := load()
	if err != nil {
		return err
	}
	return parts.write(w, title, "'self'", nil, from)
}

// Policy is the Content-Security-Policy of [Shell]: the page's own scripts and style
// by their hashes, connections to where the page came from, and nothing else.
func Policy() (string, error) {
	parts, err := load()
	if err != nil {
		return "", err
	}
	return parts.policy("'self'") + "; frame-ancestors 'none'", nil
}

// write fills in the page. The words of the page that are replaced are comments in
// it, so that page.html is a page by itself.
func (p *parts) write(w io.Writer, title, connect string, data []byte, from Feed) error {
	fill := strings.NewReplacer(
		"<!--policy-->", `<meta http-equiv="Content-Security-Policy" content="`+html.EscapeString(p.policy(connect))+`">`,
		"<!--title-->", html.EscapeString(strings.ToValidUTF8(title, "\uFFFD")),
		"<!--feed-->", meta("picture", from.Picture)+meta("events", from.Events)+meta("home", from.Home),
		"<!--style-->", "<style>"+p.style+"</style>",
	).Replace(p.html)
	head, foot, ok := strings.Cut(fill, "<!--scripts-->")
	if !ok {
		return fmt.Errorf("page.html has no place for the scripts")
	}
	var err error
	put := func(s string) {
		if err == nil {
			_, err = io.WriteString(w, s)
		}
	}
	put(head)
	if data != nil {
		put(`<script type="application/json" id="data">`)
		if err == nil {
			_, err = w.Write(data)
		}
		put("</script>\n")
	}
	put("<script>" + p.plot + "</script>\n<script type=\"module\">" + p.script + "</script>")
	put(foot)
	return err
}

// meta is where the page reads a URL of a [Feed].
func meta(name, content string) string {
	if content == "" {
		return ""
	}
	return `<meta name="` + name + `" content="` + html.EscapeString(content) + "\">\n"
}
