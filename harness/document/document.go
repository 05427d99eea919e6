// Package document reads YAML files that people write: everything that is wrong with one is
// told at once, each with its line, and with the word that may have been meant.
package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
	"go.yaml.in/yaml/v3"

	layout "github.com/usurper/usurper/harness/text"
)

// Document is a YAML file that is being read. It collects everything that is
// wrong with the file, each with its line, instead of stopping at the first.
type Document struct {
	File string // its path, for errors
	Errs []error
}

// ErrEmpty is that there is nothing in a file.
var ErrEmpty = errors.New("the file is empty")

// Read begins to read the text of a file, and returns what its only document holds. What
// is no YAML at all, or empty, is an error; a second document is noted like all that is
// found wrong later.
func Read(file string, text []byte) (*Document, *yaml.Node, error) {
	var root yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	err := dec.Decode(&root)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, syntaxError(file, err)
	}
	if err != nil || len(root.Content) != 1 {
		return nil, nil, fmt.Errorf("%s:1: %w", file, ErrEmpty)
	}
	d := &Document{File: file}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		d.Errorf(&root, "more than one document: keep one")
	}
	return d, Resolve(root.Content[0]), nil
}

// yamlError is how the YAML library says where. It counts lines from 0 for what
// its parser, rather than its scanner, finds wrong.
var (
	yamlError   = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)
	parserError = regexp.MustCompile(`^did not find expected (key|node content|'-' indicator|',' or|<)`)
)

func syntaxError(file string, err error) error {
	m := yamlError.FindStringSubmatch(err.Error())
	if m == nil {
		return fmt.Errorf("%s:1: %w", file, layout.Brief(err, layout.Token))
	}
	line, _ := strconv.Atoi(m[1]) // digits
	if parserError.MatchString(m[2]) {
		line++
	}
	return fmt.Errorf("%s:%d: %w", file, line, layout.Brief(errors.New(m[2]), layout.Token))
}

// Fields are the fields that a mapping may have, and what reads each.
type Fields map[string]func(*yaml.Node)

// Errorf notes what is wrong with a node.
func (d *Document) Errorf(n *yaml.Node, format string, args ...any) {
	why := layout.Brief(fmt.Errorf(format, args...), layout.Token)
	d.Errs = append(d.Errs, fmt.Errorf("%s:%d: %w", d.File, n.Line, why))
}

// Resolve follows an alias to what it stands for.
func Resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// IsNull tells whether a value is null, or left out.
func IsNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// Mapping reads a mapping that has none but the given fields.
func (d *Document) Mapping(n *yaml.Node, known Fields) {
	d.Entries(n, func(key, value *yaml.Node) {
		read, ok := known[key.Value]
		if !ok {
			d.Errorf(key, "unknown field %q: %s", key.Value, Suggest(key.Value, slices.Sorted(maps.Keys(known))))
			return
		}
		read(value)
	})
}

// Entries calls each for every entry of a mapping, in the order of the file. It
// refuses a key that is there twice.
func (d *Document) Entries(n *yaml.Node, each func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.Errorf(n, "want a mapping of fields to values, such as key: value")
		return
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := Resolve(n.Content[i])
		if key.Kind != yaml.ScalarNode {
			d.Errorf(n.Content[i], "want a word for a key")
			continue
		}
		if key.ShortTag() == "!!merge" {
			d.Errorf(n.Content[i], "<< is not understood here: write the fields out")
			continue
		}
		if seen[key.Value] {
			d.Errorf(n.Content[i], "%q is here twice: remove one", key.Value)
			continue
		}
		seen[key.Value] = true
		each(key, Resolve(n.Content[i+1]))
	}
}

// List calls each for every element of a list; anything else stands for a list
// of one.
func (d *Document) List(n *yaml.Node, each func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		each(n)
		return
	}
	for _, e := range n.Content {
		each(Resolve(e))
	}
}

// Scalar reads a single value; it reports false if it is none.
func (d *Document) Scalar(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode || IsNull(n) {
		d.Errorf(n, "want a single value")
		return "", false
	}
	return n.Value, true
}

// Text reads a text.
func (d *Document) Text(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) { *into, _ = d.Scalar(n) }
}

// Truth reads true or false.
func (d *Document) Truth(into *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Decode(into) != nil {
			d.Errorf(n, "%q: use true or false", n.Value)
		}
	}
}

// Number reads a whole number from low to high.
func (d *Document) Number(into *int, low, high int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || v < low || v > high {
			d.Errorf(n, "%q: use a whole number from %d to %d", n.Value, low, high)
			return
		}
		*into = v
	}
}

// Duration reads a positive duration.
func (d *Document) Duration(into *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := time.ParseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || v <= 0 {
			d.Errorf(n, "%q: use a positive duration such as 150ms", n.Value)
			return
		}
		*into = v
	}
}

// Pattern reads a regular expression.
func (d *Document) Pattern(into **regexp.Regexp) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := d.Scalar(n)
		if !ok {
			return
		}
		re, err := regexp.Compile(text)
		if err != nil {
			d.Errorf(n, "%v", err)
			return
		}
		*into = re
	}
}

// Suggest says what to write instead of an unknown word.
func Suggest(word string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if dist := levenshtein.ComputeDistance(word, k); dist < least {
			best, least = k, dist
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "use " + OneOf(known)
}

// OneOf is "a, b or c".
func OneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// Word reads one of the given words.
func (d *Document) Word(n *yaml.Node, known ...string) string {
	s, ok := d.Scalar(n)
	if ok && !slices.Contains(known, s) {
		d.Errorf(n, "%q: use %s", s, OneOf(known))
	}
	return s
}
