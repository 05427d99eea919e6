package exec

import (
	"go.yaml.in/yaml/v3"

	"github.com/usurper/usurper/harness/document"
)

// file is the file of a system that is being read.
type file struct{ document.Document }

// fields are the fields that a mapping may have, and what reads each.
type fields = document.Fields

func (d *file) template(into **text) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if _, ok := d.Scalar(n); !ok {
			return
		}
		t, err := newText(d.File, n)
		if err != nil {
			d.Errs = append(d.Errs, err)
			return
		}
		*into = t
	}
}

func (d *file) templates(into *[]*text) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d.List(n, func(e *yaml.Node) {
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

func (d *file) namedTemplates(into *[]named) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d.Entries(n, func(key, value *yaml.Node) {
			var t *text
			d.template(&t)(value)
			if t != nil {
				*into = append(*into, named{key.Value, t})
			}
		})
	}
}
