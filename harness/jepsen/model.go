package jepsen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// Model says what the operations of a history mean.
type Model string

// The models, by the names that Jepsen has for them.
const (
	Register      Model = "register"       // :read, :write
	CasRegister   Model = "cas-register"   // :read, :write, :cas [old new]
	MultiRegister Model = "multi-register" // :txn [[:r k nil] [:w k v]]
	Set           Model = "set"            // :add, :read of all
	ListAppend    Model = "list-append"    // :txn [[:r k nil] [:append k v]]
)

// Models lists all of them.
func Models() []Model { return []Model{Register, CasRegister, MultiRegister, Set, ListAppend} }

// ParseModel returns the model of that name; of "auto", the empty one, which is
// guessed from the operations.
func ParseModel(name string) (Model, error) {
	if name == "auto" {
		return "", nil
	}
	if m := Model(name); slices.Contains(Models(), m) {
		return m, nil
	}
	var names []string
	for _, m := range Models() {
		names = append(names, string(m))
	}
	return "", fmt.Errorf("unknown model %q: use auto or one of %s", name, strings.Join(names, ", "))
}

// functions are what a model's operations may be.
func (m Model) functions() []string {
	switch m {
	case Register:
		return []string{":read", ":write"}
	case CasRegister:
		return []string{":read", ":write", ":cas"}
	case Set:
		return []string{":add", ":read"}
	}
	return []string{":txn"}
}

// checkers names those that have something to say about the model.
func (m Model) checkers() []string {
	switch m {
	case Set:
		return []string{"set", "answers"}
	case ListAppend:
		return []string{"transactions", "answers"}
	case MultiRegister:
		return []string{"linearizable", "registers", "answers"}
	}
	return []string{"linearizable", "answers"}
}

// transactional tells whether operations are transactions.
func (m Model) transactional() bool { return m == MultiRegister || m == ListAppend }

// Keyed says whether every value is a tuple [key value], of jepsen.independent.
type Keyed string

// KeyedAuto is the zero value of Keyed but for its name: the operations show it.
const (
	KeyedAuto Keyed = "auto"
	KeyedYes  Keyed = "yes"
	KeyedNo   Keyed = "no"
)

// ParseKeyed returns the choice of that name.
func ParseKeyed(name string) (Keyed, error) {
	if k := Keyed(name); k == KeyedAuto || k == KeyedYes || k == KeyedNo {
		return k, nil
	}
	return "", fmt.Errorf("keyed %q: use auto, yes or no", name)
}

// guess is what the operations seen so far say about a history.
type guess struct {
	model Model
	keyed Keyed
	pairs bool // there were values, all of them pairs
	txns  bool // there were transactions
}

// done tells whether nothing is left to guess.
func (g *guess) done() bool {
	return g.model.transactional() || g.model != "" && g.keyed != KeyedAuto && g.keyed != ""
}

// look learns from one more invocation.
func (g *guess) look(e *entry) {
	if !e.client || e.kind != history.Invoke {
		return
	}
	if g.model == "" {
		g.model = modelOf(e)
	}
	g.txns = g.txns || e.f == ":txn"
	if g.keyed != KeyedAuto && g.keyed != "" || e.f == ":txn" {
		return
	}
	_, inner, pair := e.value.pair()
	switch {
	case !pair:
		g.keyed = KeyedNo
		return
	case e.f == ":read" || e.value.tuple() != nil:
		g.keyed = KeyedYes
	case e.f == ":cas":
		g.keyed = KeyedNo
		if _, _, ok := inner.pair(); ok {
			g.keyed = KeyedYes
		}
	}
	g.pairs = true
}

// settle decides what nothing decided: a history of which all values are pairs
// has keys, and one that only reads is one of registers, or of several.
func (g *guess) settle() {
	if g.keyed == KeyedAuto || g.keyed == "" {
		g.keyed = KeyedNo
		if g.pairs {
			g.keyed = KeyedYes
		}
	}
	switch {
	case g.model != "":
	case g.txns:
		g.model = MultiRegister
	default:
		g.model = Register
	}
}

// modelOf returns the model that an operation gives away, or none.
func modelOf(e *entry) Model {
	switch e.f {
	case ":cas":
		return CasRegister
	case ":write":
		return Register
	case ":add":
		return Set
	case ":txn":
		for i := range e.value.items {
			if m := &e.value.items[i]; len(m.items) > 0 {
				switch m.items[0].text {
				case "append":
					return ListAppend
				case "w", "write":
					return MultiRegister
				}
			}
		}
	}
	return ""
}
