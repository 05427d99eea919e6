package jepsen

import (
	"fmt"
	"slices"

	"github.com/agnivade/levenshtein"

	"github.com/usurper/usurper/checker"
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
	Mutex         Model = "mutex"          // :acquire, :release, by whomever
	FencedLock    Model = "fenced-lock"    // the same, and :acquire is answered with a token that grows
	Queue         Model = "queue"          // :enqueue, :dequeue, :drain; each element comes out once, in any order
	FifoQueue     Model = "fifo-queue"     // the same, in the order in which they went in
	TotalQueue    Model = "total-queue"    // the same, in any order, at least once, and all of them
	Counter       Model = "counter"        // :add n, :read
	Bank          Model = "bank"           // :transfer {:from a :to b :amount n}, :read of all accounts
	PutAppendGet  Model = "put-append-get" // :put, :append, :get of a text at :key
)

// Models lists all of them.
func Models() []Model {
	return []Model{Register, CasRegister, MultiRegister, Set, ListAppend, Mutex, FencedLock, Queue, FifoQueue, TotalQueue, Counter, Bank, PutAppendGet}
}

// aliases are other names that people have for models.
var aliases = map[string]Model{
	"unordered-queue": Queue, "fenced-mutex": FencedLock, "lock": Mutex, "set-full": Set, "append": ListAppend,
	"rw-register": MultiRegister, "kv": PutAppendGet,
}

// ParseModel returns the model of that name; of "auto", the empty one, which is
// guessed from the operations.
func ParseModel(name string) (Model, error) {
	if name == "auto" {
		return "", nil
	}
	if m := Model(name); slices.Contains(Models(), m) {
		return m, nil
	}
	if m, ok := aliases[name]; ok {
		return m, nil
	}
	best, distance := "", 4
	for _, m := range Models() {
		if d := levenshtein.ComputeDistance(name, string(m)); d < distance && d < len(m) {
			best, distance = fmt.Sprintf(" (did you mean %s?)", m), d
		}
	}
	return "", fmt.Errorf("unknown model %q%s: use auto or one of %s", name, best, names(Models()))
}

// functions are what a model's operations may be.
func (m Model) functions() []string {
	switch m {
	case Register:
		return []string{":read", ":write"}
	case CasRegister:
		return []string{":read", ":write", ":cas"}
	case Set, Counter:
		return []string{":add", ":read"}
	case Mutex, FencedLock:
		return []string{":acquire", ":release"}
	case Queue, FifoQueue, TotalQueue:
		return []string{":enqueue", ":dequeue", ":drain"}
	case Bank:
		return []string{":transfer", ":read"}
	case PutAppendGet:
		return []string{":put", ":append", ":get"}
	}
	return []string{":txn"}
}

// functions lists those of all models, each once.
func functions() []string {
	var all []string
	for _, m := range Models() {
		for _, f := range m.functions() {
			if !slices.Contains(all, f) {
				all = append(all, f)
			}
		}
	}
	return all
}

// checkers returns new ones of those that have something to say about the model.
func (c *conversion) checkers(o checker.Options) []checker.Checker {
	switch m := c.model; m {
	case Set:
		return checker.Clients(o, "set", "answers")
	case ListAppend:
		return checker.Clients(o, "transactions", "answers")
	case MultiRegister:
		return checker.Clients(o, "linearizable", "registers", "answers")
	case Mutex, FencedLock:
		return []checker.Checker{checker.Mutex(c.upgrade)}
	case Queue:
		if c.upgrade {
			return []checker.Checker{checker.Queue("guessed", o)}
		}
		return []checker.Checker{checker.Queue(string(m), o)}
	case FifoQueue, TotalQueue:
		return []checker.Checker{checker.Queue(string(m), o)}
	case Counter:
		return []checker.Checker{checker.Counter(o)}
	case Bank:
		return []checker.Checker{checker.Bank(c.total, c.negative)}
	case PutAppendGet:
		return []checker.Checker{texts().Checker(o)}
	}
	return checker.Clients(o, "linearizable", "answers")
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
	pairs bool     // there were values, all of them pairs
	txns  bool     // there were transactions
	adds  bool     // something was added: to a set, or to a counter
	read  formKind // what a read of nothing known was answered
}

// done tells whether nothing is left to guess.
func (g *guess) done() bool {
	return g.model.transactional() || g.model != "" && g.keyed != KeyedAuto && g.keyed != ""
}

// look learns from one more invocation.
func (g *guess) look(e *entry) {
	if !e.client {
		return
	}
	if e.kind == history.OK && e.f == ":read" {
		g.answered(&e.value)
	}
	if e.kind != history.Invoke {
		return
	}
	if g.model == "" && !g.adds {
		g.model, g.adds = modelOf(e), e.f == ":add"
		g.choose()
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

// answered learns from what a read was answered: a number is no set.
func (g *guess) answered(v *form) {
	if _, inner, ok := v.pair(); ok && g.keyed == KeyedYes {
		v = inner
	}
	if v.kind == kindInt || v.kind == kindList || v.kind == kindSet {
		g.read = v.kind
	}
	if g.model == "" {
		g.choose()
	}
}

// choose tells counters from sets, to both of which one adds.
func (g *guess) choose() {
	switch {
	case !g.adds || g.model != "":
	case g.read == kindInt:
		g.model = Counter
	case g.read != kindNil:
		g.model = Set
	}
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
	case g.adds:
		g.model = Set
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
	case ":acquire", ":release":
		return Mutex
	case ":enqueue", ":dequeue", ":drain":
		return Queue
	case ":transfer":
		return Bank
	case ":put", ":append", ":get":
		if e.hasKey {
			return PutAppendGet
		}
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
