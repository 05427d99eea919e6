package exec

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
	"github.com/usurper/usurper/harness/document"
	"go.yaml.in/yaml/v3"
)

// answer is a well-formed answer in either protocol. A RESP reply is a JSON
// document: null, a number, a string or an array.
type answer struct {
	status  int    // of HTTP; 0 for RESP
	isError bool   // a RESP error reply, whose text is body
	body    []byte // as text
	json    gjson.Result
	isJSON  bool
}

func newAnswer(status int, body []byte) *answer {
	a := &answer{status: status, body: body}
	if a.isJSON = gjson.ValidBytes(body); a.isJSON {
		a.json = gjson.ParseBytes(body)
	}
	return a
}

// String says for a report what the answer is.
func (a *answer) String() string {
	switch {
	case a.isError:
		return string(a.body)
	case a.status != 0:
		return fmt.Sprintf("http status %d: %.60s", a.status, a.body)
	}
	return fmt.Sprintf("reply %.60s", a.body)
}

// get returns what is at a JSON path; nothing, when the answer is no JSON.
func (a *answer) get(path string) gjson.Result {
	if !a.isJSON || a.isError {
		return gjson.Result{}
	}
	return a.json.Get(path)
}

// condition holds for an answer when all that it names does.
type condition struct {
	status []int
	json   []jsonTest
	match  *regexp.Regexp // some of the body
	error  *regexp.Regexp // of RESP: the error reply
}

// jsonTest holds when what is at the path is one of the values, or null or
// missing if none.
type jsonTest struct {
	path   string
	values []string
	none   bool
}

func (c *condition) holds(a *answer) bool {
	if a.isError || c.error != nil {
		return a.isError && c.error != nil && c.error.Match(a.body)
	}
	if len(c.status) > 0 && !slices.Contains(c.status, a.status) {
		return false
	}
	for _, t := range c.json {
		if !a.isJSON || !t.holds(a.get(t.path)) {
			return false
		}
	}
	return c.match == nil || c.match.Match(a.body)
}

func (t *jsonTest) holds(r gjson.Result) bool {
	if r.Type == gjson.Null { // missing too
		return t.none
	}
	return slices.Contains(t.values, r.String())
}

func anyHolds(cs []condition, a *answer) bool {
	return slices.ContainsFunc(cs, func(c condition) bool { return c.holds(a) })
}

// conditions reads one condition or a list of them. It is for HTTP or, if not,
// for RESP.
func (d *file) conditions(into *[]condition, http bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*into = []condition{}
		d.List(n, func(e *yaml.Node) {
			var c condition
			d.Mapping(e, d.conditionFields(&c, http))
			if len(e.Content) == 0 {
				d.Errorf(e, "a condition that names nothing holds always: name a status, json or match")
			}
			*into = append(*into, c)
		})
	}
}

func (d *file) conditionFields(c *condition, http bool) fields {
	known := fields{
		"json": func(n *yaml.Node) {
			d.Entries(n, func(key, value *yaml.Node) {
				t := jsonTest{path: key.Value}
				d.List(value, func(v *yaml.Node) {
					if document.IsNull(v) {
						t.none = true
					} else if s, ok := d.Scalar(v); ok {
						t.values = append(t.values, s)
					}
				})
				c.json = append(c.json, t)
			})
		},
		"match": d.Pattern(&c.match),
	}
	if http {
		known["status"] = func(n *yaml.Node) {
			d.List(n, func(e *yaml.Node) {
				var status int
				d.Number(&status, 100, 599)(e)
				c.status = append(c.status, status)
			})
		}
	} else {
		known["error"] = d.Pattern(&c.error)
	}
	return known
}

// extraction finds a text, or a list of texts, in an answer.
type extraction struct {
	json   string         // a path; what is null or missing is not found
	match  *regexp.Regexp // its groups, joined by colons, or all of it if it has none
	text   bool           // the whole body
	split  string         // what separates the elements of a list in a text
	base64 bool
	called *text // for a member: what it is called
}

// find returns the text; an array or an object is none.
func (e *extraction) find(a *answer) (string, bool) {
	var s string
	switch {
	case e.json != "":
		r := a.get(e.json)
		if r.Type == gjson.Null || r.IsArray() || r.IsObject() || merged(r) {
			return "", false
		}
		s = r.String()
	case e.match != nil:
		m := e.match.FindSubmatch(a.body)
		if m == nil {
			return "", false
		}
		s = string(m[0])
		if len(m) > 1 {
			groups := make([]string, len(m)-1)
			for i, g := range m[1:] {
				groups[i] = string(g)
			}
			s = strings.Join(groups, ":")
		}
	default:
		s = string(a.body)
	}
	return e.decode(s)
}

// list returns the list; an element that is no text means that there is none.
func (e *extraction) list(a *answer) ([]string, bool) {
	list := []string{}
	if e.json == "" {
		s, ok := e.find(a)
		if ok && s != "" {
			list = strings.Split(s, e.split)
		}
		return list, ok
	}
	r := a.get(e.json)
	if !r.IsArray() {
		return nil, false
	}
	for _, element := range r.Array() {
		if element.Type != gjson.String || merged(element) {
			return nil, false
		}
		s, ok := e.decode(element.Str)
		if !ok {
			return nil, false
		}
		list = append(list, s)
	}
	return list, true
}

// merged tells whether a text may have been any of several: escapes of half a
// character, which make no text, all come out as U+FFFD.
func merged(r gjson.Result) bool {
	return r.Type == gjson.String && strings.ContainsRune(r.Str, utf8.RuneError) && strings.Contains(strings.ToLower(r.Raw), `\ud`)
}

func (e *extraction) decode(s string) (string, bool) {
	if !e.base64 {
		return s, true
	}
	b, err := base64.StdEncoding.DecodeString(s)
	return string(b), err == nil
}

// extraction reads where to find something. Extra fields are "called", for what
// names a member, and "split" for a list.
func (d *file) extraction(into **extraction, extra ...string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var e extraction
		known := fields{
			"json": d.Text(&e.json), "match": d.Pattern(&e.match), "text": d.Truth(&e.text), "base64": d.Truth(&e.base64),
		}
		if slices.Contains(extra, "called") {
			known["called"] = d.template(&e.called)
		}
		if slices.Contains(extra, "split") {
			known["split"] = d.Text(&e.split)
		}
		before := len(d.Errs)
		d.Mapping(n, known)
		ways := 0
		for _, is := range []bool{e.json != "", e.match != nil, e.text} {
			if is {
				ways++
			}
		}
		if ways != 1 && len(d.Errs) == before {
			d.Errorf(n, "say where it is found with one of json: PATH, match: PATTERN or text: true")
		}
		*into = &e
	}
}
