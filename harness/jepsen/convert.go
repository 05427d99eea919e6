package jepsen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// conversion gives operations of Jepsen's the form of usurper's.
type conversion struct {
	model   Model
	keyed   bool
	upgrade bool // a register that turns out to have cas is a cas-register
	initial string
	only    string // the key of a history without keys

	total    *int64 // of a bank, if it is known
	negative bool   // its balances may be below zero
}

// value is what checkers know the form by: its text, and none for nil.
func (f *form) value() string {
	if f.kind == kindNil {
		return ""
	}
	return f.canonical()
}

// pair returns both forms of a vector of two, or of a tuple.
func (f *form) pair() (a, b *form, ok bool) {
	if in := f.tuple(); in != nil {
		f = in
	}
	if f.kind != kindList || len(f.items) != 2 {
		return nil, nil, false
	}
	return &f.items[0], &f.items[1], true
}

// tuple returns the vector within what is tagged as a tuple of
// jepsen.independent, or as the map entry that such a tuple is; else nil.
func (f *form) tuple() *form {
	if f.kind == kindTagged && (strings.HasPrefix(f.text, "jepsen.independent") || f.text == "clojure.lang.MapEntry") {
		return &f.items[0]
	}
	return nil
}

// split takes the key from a value.
func (c *conversion) split(v *form) (key string, rest *form, err error) {
	if !c.keyed {
		return c.only, v, nil
	}
	k, rest, ok := v.pair()
	if !ok {
		return "", nil, fmt.Errorf("value %s is no tuple [key value], as those before it are; if they are plain vectors, pass --keyed no", v.canonical())
	}
	return k.canonical(), rest, nil
}

// invoked tells what an invocation asks for.
func (c *conversion) invoked(e *entry, op *history.Op) error {
	if e.flaw != nil {
		return e.flaw
	}
	if c.upgrade && c.model == Register && e.f == ":cas" {
		c.model = CasRegister
	}
	if !slices.Contains(c.model.functions(), e.f) {
		return c.unknownFunction(e.f)
	}
	switch {
	case c.model.transactional():
		op.F = history.FTxn
		return c.micros(&e.value, op)
	case c.model.object():
		return c.asks(e, op)
	}
	key, v, err := c.split(&e.value)
	if err != nil {
		return err
	}
	op.Key = key
	switch e.f {
	case ":read":
		op.F = history.FGet
		if c.model == Set {
			op.F = history.FRead
		}
	case ":write":
		op.F, op.Arg = history.FPut, v.value()
		if op.Arg == "" {
			op.F = history.FDelete
		}
	case ":add":
		op.F, op.Arg = history.FAdd, v.canonical()
	case ":cas":
		from, to, ok := v.pair()
		if !ok {
			return fmt.Errorf("the value of a :cas is %s: it must be [old new]", v.canonical())
		}
		op.F, op.Old, op.Arg = history.FCas, from.value(), to.value()
	}
	return nil
}

func (c *conversion) unknownFunction(f string) error {
	if !slices.Contains(functions(), f) {
		return fmt.Errorf("unknown function %s: no model has it; they have %s", f, strings.Join(functions(), ", "))
	}
	return fmt.Errorf("unknown function %s: the operations of the model %s are %s; choose another with --model",
		f, c.model, strings.Join(c.model.functions(), ", "))
}

// completed adds to an invocation what its completion tells. That of a write need
// not repeat the value: nil says nothing.
func (c *conversion) completed(e *entry, op *history.Op) error {
	if op.F == history.FCas && op.Type == history.Fail && e.saw != nil {
		op.Got, op.Saw = e.saw.value(), true
	}
	if op.Type != history.OK {
		return nil
	}
	if e.flaw != nil {
		return e.flaw
	}
	if c.model.object() {
		return c.answers(e, op)
	}
	reads := op.F == history.FGet || op.F == history.FRead
	switch {
	case op.F == history.FTxn:
		return c.results(&e.value, op)
	case !reads && e.value.kind == kindNil:
		return nil
	}
	key, v, err := c.split(&e.value)
	if err != nil {
		return err
	}
	if key != op.Key {
		return fmt.Errorf("an operation on key %s completes on key %s", op.Key, key)
	}
	switch op.F {
	case history.FGet:
		op.Got, op.Saw = v.value(), true
		return nil
	case history.FRead:
		op.List, err = v.list()
		return err
	}
	if v.kind == kindNil {
		return nil
	}
	var done history.Op
	if err := c.invoked(e, &done); err != nil {
		return err
	}
	if done.Arg != op.Arg || done.Old != op.Old {
		return fmt.Errorf("a %s completes with the value %s, which is not the one that was invoked", e.f, v.canonical())
	}
	return nil
}

// list returns the values of a set, a vector or a list.
func (f *form) list() ([]string, error) {
	for f.kind == kindTagged {
		f = &f.items[0]
	}
	if f.kind != kindList && f.kind != kindSet {
		return nil, fmt.Errorf("an :ok read of everything returns %s: it must be a set or a vector (a counter's is a number: --model counter)", f.canonical())
	}
	values := make([]string, len(f.items))
	for i := range f.items {
		values[i] = f.items[i].canonical()
	}
	if f.kind == kindSet {
		seen := make(map[string]bool, len(values))
		for _, v := range values {
			if seen[v] {
				return nil, fmt.Errorf("a set that holds %s twice is no EDN", v)
			}
			seen[v] = true
		}
	}
	return values, nil
}

// micros reads the operations of a transaction.
func (c *conversion) micros(v *form, op *history.Op) error {
	if v.kind != kindList {
		return fmt.Errorf("the value of a :txn is %s: it must be a vector such as [[:r 1 nil] [%s 1 2]]", v.canonical(), c.writer())
	}
	op.Txn = make([]history.Micro, len(v.items))
	for i := range v.items {
		if err := c.micro(&v.items[i], &op.Txn[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *conversion) writer() string {
	if c.model == ListAppend {
		return ":append"
	}
	return ":w"
}

func (c *conversion) micro(v *form, m *history.Micro) error {
	if v.kind != kindList || len(v.items) < 2 || len(v.items) > 3 || v.items[0].kind != kindKeyword && v.items[0].kind != kindString {
		return fmt.Errorf("%s in a transaction: it must be [:r key nil] or [%s key value]", v.canonical(), c.writer())
	}
	f, arg := v.items[0].text, new(form)
	if len(v.items) == 3 {
		arg = &v.items[2]
	} else if f != "r" && f != "read" {
		return fmt.Errorf("%s in a transaction: it has no value", v.canonical())
	}
	m.Key = v.items[1].canonical()
	switch {
	case (f == "r" || f == "read") && c.model == ListAppend:
		m.F = history.FRead
	case f == "r" || f == "read":
		m.F = history.FGet
	case f == "append" && c.model == ListAppend:
		m.F, m.Arg = history.FAppend, arg.canonical()
	case (f == "w" || f == "write") && c.model == MultiRegister:
		m.F, m.Arg = history.FPut, arg.value()
		if m.Arg == "" {
			m.F = history.FDelete
		}
	default:
		return fmt.Errorf("unknown function :%s in a transaction: those of the model %s are :r and %s", f, c.model, c.writer())
	}
	return nil
}

// results adds what a transaction read.
func (c *conversion) results(v *form, op *history.Op) error {
	if v.kind != kindList || len(v.items) != len(op.Txn) {
		return fmt.Errorf("a transaction of %d operations completes with %s", len(op.Txn), v.canonical())
	}
	for i := range v.items {
		m := &op.Txn[i]
		var done history.Micro
		if err := c.micro(&v.items[i], &done); err != nil {
			return err
		}
		if done.F != m.F || done.Key != m.Key || done.Arg != m.Arg {
			return fmt.Errorf("operation %d of a transaction completes as %s, which is not what was invoked", i+1, v.items[i].canonical())
		}
		reads := m.F == history.FGet || m.F == history.FRead
		if !reads {
			continue
		}
		if len(v.items[i].items) != 3 {
			return fmt.Errorf("operation %d of a transaction completes as %s, without what it read", i+1, v.items[i].canonical())
		}
		read := &v.items[i].items[2]
		switch m.F {
		case history.FGet:
			m.Got, m.Saw = read.value(), true
		case history.FRead:
			m.Saw = true
			if read.kind == kindNil { // a list that nothing was appended to
				continue
			}
			var err error
			if m.List, err = read.list(); err != nil {
				return err
			}
		}
	}
	return nil
}
