package exec

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/usurper/usurper/harness/document"
)

// text is a text/template and where it stands in the file.
type text struct {
	file     string
	line     int // of its first line
	constant bool
	source   string
	parsed   *template.Template
}

func newText(file string, n *yaml.Node) (*text, error) {
	t := &text{file: file, line: n.Line, source: n.Value, constant: !strings.Contains(n.Value, "{{")}
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		t.line++ // the text begins below its indicator
	}
	if t.constant {
		return t, nil
	}
	var err error
	t.parsed, err = template.New("").Option("missingkey=error").Funcs(functions()).Parse(n.Value)
	if err != nil {
		return nil, t.locate(err)
	}
	return t, nil
}

// render executes the template over a member or an operation.
func (t *text) render(data any) (string, error) {
	if t.constant {
		return t.source, nil
	}
	var b strings.Builder
	if err := t.parsed.Execute(&b, data); err != nil {
		return "", t.locate(err)
	}
	return b.String(), nil
}

// templateError is how text/template says where: its line, perhaps the column,
// and what.
var templateError = regexp.MustCompile(`(?s)^template: :(\d+):(?:\d+:)? (?:executing "" )?(.*)$`)

// locate turns the line within the template into one of the file.
func (t *text) locate(err error) error {
	line, problem := t.line, strings.TrimPrefix(err.Error(), "template: ")
	if m := templateError.FindStringSubmatch(err.Error()); m != nil {
		if n, convErr := strconv.Atoi(m[1]); convErr == nil {
			line += n - 1
		}
		problem = m[2]
	}
	if m := noField.FindStringSubmatch(problem); m != nil {
		problem = fmt.Sprintf("there is no .%s: %s", m[1], document.Suggest("."+m[1], fieldsOf(m[2])))
	}
	if _, cause, called := strings.Cut(problem, ": error calling Advertised: "); called {
		problem = ".Advertised: " + cause
	}
	return fmt.Errorf("%s:%d: template: %s", t.file, line, problem)
}

// noField is how text/template says that what it is executed over lacks a field.
var noField = regexp.MustCompile(`^at <.*>: can't evaluate field (\w+) in type \*?exec\.(member|operation|setup|who)$`)

// fieldsOf returns what templates may name, each with its point.
func fieldsOf(over string) (names []string) {
	seen := reflect.TypeFor[member]()
	switch over {
	case "operation":
		seen = reflect.TypeFor[operation]()
	case "setup":
		seen = reflect.TypeFor[setup]()
	case "who":
		seen = reflect.TypeFor[who]()
	}
	for _, f := range reflect.VisibleFields(seen) {
		if f.IsExported() {
			names = append(names, "."+f.Name)
		}
	}
	for m := range seen.NumMethod() {
		names = append(names, "."+seen.Method(m).Name)
	}
	return names
}

// functions are those that templates have besides text/template's own.
func functions() template.FuncMap {
	return template.FuncMap{
		"join": func(sep string, list []string) string { return strings.Join(list, sep) },
		"pairs": func(sep string, m map[string]string) []string {
			var list []string
			for _, name := range slices.Sorted(maps.Keys(m)) {
				list = append(list, name+sep+m[name])
			}
			return list
		},
		"abs": filepath.Abs, // seen from where usurper runs, as command is
		"host": func(addr string) (string, error) {
			host, _, err := net.SplitHostPort(addr)
			return host, err
		},
		"port": func(addr string) (string, error) {
			_, port, err := net.SplitHostPort(addr)
			return port, err
		},
		"json": func(v any) (string, error) {
			if s, ok := v.(string); ok && !utf8.ValidString(s) {
				return "", fmt.Errorf("%q is no UTF-8, which JSON needs: use base64", s)
			}
			b, err := json.Marshal(v)
			return string(b), err
		},
		"base64":  func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"harness": os.Executable,
	}
}
