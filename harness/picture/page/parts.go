package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"path"
	"strings"
)

//go:embed assets
var assets embed.FS

// parts are what every page is made of.
type parts struct {
	html, style string
	plot        string // uPlot, with its licence
	script      string // our own, one module
}

// scripts are the page's own, in the order in which they make one module: what is
// used comes before what uses it at once. They share one scope.
func scripts() []string {
	return []string{
		"element.js", "time.js", "data.js", "items.js", "view.js", "theme.js", "layout.js", // what there is, and where
		"canvas.js", "lanes.js", "faults.js", "operations.js", "messages.js", "proof.js", "causes.js", "overview.js", "stage.js", // drawn
		"plots.js", "moment.js", "explain.js", "covered.js", "tables.js", // beside it
		"search.js", "share.js", "pointer.js", "keys.js", "main.js", // done with it
	}
}

// load reads the parts. It fails only if the binary was put together wrongly.
func load() (*parts, error) {
	p := &parts{}
	var licence string
	read := []struct {
		into  *string
		names []string
	}{
		{&p.html, []string{"page.html"}},
		{&licence, []string{"uplot/LICENSE"}},
		{&p.plot, []string{"uplot/uPlot.iife.min.js"}},
		{&p.style, []string{"uplot/uPlot.min.css", "page.css"}},
		{&p.script, nil},
	}
	for _, name := range scripts() {
		last := &read[len(read)-1]
		last.names = append(last.names, "js/"+name)
	}
	for _, r := range read {
		var all strings.Builder
		for _, name := range r.names {
			b, err := assets.ReadFile(path.Join("assets", name))
			if err != nil {
				return nil, fmt.Errorf("a part of the page: %w", err)
			}
			all.Write(b)
			all.WriteByte('\n')
		}
		*r.into = all.String()
	}
	p.plot = "/*\n" + licence + "*/\n" + p.plot
	return p, nil
}

// policy admits the parts and connections to connect.
func (p *parts) policy(connect string) string {
	return "default-src 'none'; base-uri 'none'; form-action 'none'; script-src " + hash(p.plot) + " " + hash(p.script) +
		"; style-src " + hash(p.style) + "; img-src data:; connect-src " + connect
}

// hash is a source of a policy: the element with this text.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
