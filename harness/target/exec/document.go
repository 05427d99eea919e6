package exec

import (
	"fmt"
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

// document is a YAML file that is being read. It collects everything that is
// wrong with the file, each with its line, instead of stopping at the first.
type document struct {
	file string
	errs []error
}

// fields are the fields that a mapping may have, and what reads each.
type fields map[string]func(*yaml.Node)

func (d *document) errorf(n *yaml.Node, format string, args ...any) {
	why := layout.Brief(fmt.Errorf(format, args...), layout.Token)
	d.errs = append(d.errs, fmt.Errorf("%s:%d: %w", d.file, n.Line, why))
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// mapping reads a mapping that has none but the given fields.
func (d *document) mapping(n *yaml.Node, known fields) {
	d.entries(n, func(key, value *yaml.Node) {
		read, ok := known[key.Value]
		if !ok {
			d.errorf(key, "unknown field %q: %s", key.Value, suggest(key.Value, slices.Sorted(maps.Keys(known))))
			return
		}
		read(value)
	})
}

// entries calls each for every entry of a mapping, in the order of the file. It
// refuses a key that is there twice.
func (d *document) entries(n *yaml.Node, each func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.errorf(n, "want a mapping of fields to values, such as key: value")
		return
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := resolve(n.Content[i])
		if key.Kind != yaml.ScalarNode {
			d.errorf(n.Content[i], "want a word for a key")
			continue
		}
		if seen[key.Value] {
			d.errorf(n.Content[i], "%q is here twice: remove one", key.Value)
			continue
		}
		seen[key.Value] = true
		each(key, resolve(n.Content[i+1]))
	}
}

// list calls each for every element of a list; anything else stands for a list
// of one.
func (d *document) list(n *yaml.Node, each func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		each(n)
		return
	}
	for _, e := range n.Content {
		each(resolve(e))
	}
}

func (d *document) scalar(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		d.errorf(n, "want a single value")
		return "", false
	}
	return n.Value, true
}

func (d *document) text(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) { *into, _ = d.scalar(n) }
}

func (d *document) truth(into *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Decode(into) != nil {
			d.errorf(n, "%q: use true or false", n.Value)
		}
	}
}

// number reads a whole number from low to high.
func (d *document) number(into *int, low, high int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || v < low || v > high {
			d.errorf(n, "%q: use a whole number from %d to %d", n.Value, low, high)
			return
		}
		*into = v
	}
}

func (d *document) duration(into *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := time.ParseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || v <= 0 {
			d.errorf(n, "%q: use a positive duration such as 150ms", n.Value)
			return
		}
		*into = v
	}
}

func (d *document) pattern(into **regexp.Regexp) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := d.scalar(n)
		if !ok {
			return
		}
		re, err := regexp.Compile(text)
		if err != nil {
			d.errorf(n, "%v", err)
			return
		}
		*into = re
	}
}

func (d *document) template(into **text) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if _, ok := d.scalar(n); !ok {
			return
		}
		t, err := newText(d.file, n)
		if err != nil {
			d.errs = append(d.errs, err)
			return
		}
		*into = t
	}
}

func (d *document) templates(into *[]*text) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d.list(n, func(e *yaml.Node) {
			var t *text
			d.template(&t)(e)
			if t != nil {
				*into = append(*into, t)
			}
		})
	}
}

// named is a template under a name: a variable, a header, a file.
type named struct {
	name string
	text *text
}

func (d *document) namedTemplates(into *[]named) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d.entries(n, func(key, value *yaml.Node) {
			var t *text
			d.template(&t)(value)
			if t != nil {
				*into = append(*into, named{key.Value, t})
			}
		})
	}
}

// suggest says what to write instead of an unknown word.
func suggest(word string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if dist := levenshtein.ComputeDistance(word, k); dist < least {
			best, least = k, dist
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "use " + oneOf(known)
}

func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
