package exec

import (
	"cmp"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/usurper/usurper/harness/history"
)

// functionNames are the operations that a file may describe, in the order of
// Ops.
func functionNames() []history.F {
	return []history.F{
		history.FGet, history.FPut, history.FCas, history.FDelete,
		history.FAdd, history.FAppend, history.FRead,
	}
}

// client reads how clients talk to a member.
func (d *file) client(n *yaml.Node, c *clientSpec) {
	ways := 0
	before := len(d.Errs)
	c.actions = make(map[history.F]*action)
	d.Mapping(n, fields{
		"address":    d.template(&c.address),
		"idempotent": d.Truth(&c.idempotent),
		"reads":      func(n *yaml.Node) { c.readLast = d.Word(n, "always", "final") == "final" },
		"reason":     d.extraction(&c.reason),
		"hint":       d.extraction(&c.hint, "called"),
		"http":       func(n *yaml.Node) { ways++; d.actions(n, c, readHTTP) },
		"resp":       func(n *yaml.Node) { ways++; d.actions(n, c, readRESP) },
	})
	if len(d.Errs) > before {
		return
	}
	if ways != 1 {
		d.Errorf(n, "%d protocols: use one of http or resp", ways)
		return
	}
	has := func(fs ...history.F) bool {
		return !slices.ContainsFunc(fs, func(f history.F) bool { return c.actions[f] == nil })
	}
	if !has(history.FGet, history.FPut) && !has(history.FAdd, history.FRead) && !has(history.FAppend, history.FRead) {
		d.Errorf(n, "nothing to judge: ops must have get and put, or read with add or append")
	}
}

// actions reads a protocol's fields, which are defaults for all operations, and
// its operations. The protocol reads the fields of its requests into an action.
func (d *file) actions(n *yaml.Node, c *clientSpec, protocol func(d *file, a *action, base *action) fields) {
	base := &action{}
	var ops *yaml.Node
	known := protocol(d, base, nil)
	known["ops"] = func(n *yaml.Node) { ops = n }
	d.Mapping(n, known)
	if ops == nil {
		d.Errorf(n, "no ops: say what clients can do, at least get and put")
		return
	}
	read := make(fields)
	for _, f := range functionNames() {
		read[string(f)] = func(n *yaml.Node) {
			a := &action{f: f}
			d.Mapping(n, protocol(d, a, base))
			a.inherit(base)
			d.complete(n, a)
			c.actions[f] = a
		}
	}
	d.Mapping(ops, read)
}

// inherit fills in what the operation leaves to the protocol's defaults.
func (a *action) inherit(base *action) {
	for _, f := range []struct{ own, base *[]condition }{
		{&a.ok, &base.ok}, {&a.fail, &base.fail}, {&a.mismatch, &base.mismatch}, {&a.absent, &base.absent},
	} {
		if *f.own == nil {
			*f.own = *f.base
		}
	}
	a.value = cmp.Or(a.value, base.value)
}

// complete fills in what an operation has by nature, and says what it lacks.
func (d *file) complete(n *yaml.Node, a *action) {
	reads := a.f == history.FGet || a.f == history.FRead
	switch r := a.request.(type) {
	case *httpRequest:
		if r.path == nil {
			d.Errorf(n, "%s has no path", a.f)
		}
		if len(a.ok) == 0 {
			d.Errorf(n, "%s has no ok: say which answer is a success, such as ok: {status: 200}", a.f)
		}
		if reads && a.value == nil {
			d.Errorf(n, "%s has no value: say where the answer has it, such as value: {json: value}", a.f)
		}
	case *respRequest:
		if len(r.command) == 0 {
			d.Errorf(n, "%s has no command", a.f)
		}
		switch {
		case a.ok == nil && a.f == history.FCas:
			d.Errorf(n, "cas has no ok: say which reply is a success, such as ok: {json: {\"@this\": 1}}")
		case a.ok == nil:
			a.ok = []condition{{}} // any reply that is no error
		}
		if reads && a.value == nil {
			a.value = &extraction{json: "@this"}
		}
		if reads && a.absent == nil {
			a.absent = []condition{{json: []jsonTest{{path: "@this", none: true}}}}
		}
	}
	if a.f == history.FRead && a.value != nil && a.value.json == "" && a.value.split == "" {
		d.Errorf(n, "read: value: say what separates the elements, such as split: \",\"")
	}
}

// readHTTP returns the fields of an operation over HTTP; a base gives its
// request's defaults.
func readHTTP(d *file, a, base *action) fields {
	r := &httpRequest{method: "GET"}
	if base != nil {
		*r = *base.request.(*httpRequest)
		r.headers = slices.Clone(r.headers)
	}
	a.request = r
	known := d.httpFields(r)
	maps.Copy(known, d.outcomeFields(a, true))
	return known
}

// readRESP returns the fields of an operation over RESP.
func readRESP(d *file, a, base *action) fields {
	r := &respRequest{}
	a.request = r
	known := d.outcomeFields(a, false)
	if base != nil {
		known["command"] = d.templates(&r.command)
	}
	return known
}

func (d *file) outcomeFields(a *action, http bool) fields {
	return fields{
		"ok":       d.conditions(&a.ok, http),
		"fail":     d.conditions(&a.fail, http),
		"mismatch": d.conditions(&a.mismatch, http),
		"absent":   d.conditions(&a.absent, http),
		"value":    d.extraction(&a.value, "split"),
	}
}

// try encodes every operation once.
func (c *clientSpec) try(m *member) error {
	addr, err := c.address.render(m)
	if err != nil {
		return err
	}
	for _, f := range functionNames() {
		a := c.actions[f]
		if a == nil {
			continue
		}
		op := history.Op{F: f, Key: "k", Arg: "new", Old: "old", Request: "c0-0/1"}
		if _, err := a.request.encode(addr, newOperation(m, &op)); err != nil {
			return err
		}
	}
	if c.hint != nil && c.hint.called != nil {
		_, err = c.hint.called.render(who{Name: m.Name})
	}
	return err
}
