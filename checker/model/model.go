// Package model judges systems that the other checkers do not know, by what their
// owner says that they do.
//
// Read model.go first; judge.go gathers the operations, search.go asks porcupine,
// page.go draws, and register.go is the model of a key that holds one value.
package model

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// Model says what a system does when it does one thing after the other. Its
// [Model.Checker] judges whether clients saw such a system, whatever they did at
// once: whether the operations on each key have an order that agrees with real
// time and in which the model allows every answer. It is for systems that the other
// checkers do not know: a queue, a counter, accounts, a lease.
//
// The search for an order is porcupine's, within the budget of [Options]. It is
// exponential in how many operations are open at once, and those without an answer
// are open for ever: let a workload leave each key after some 100 operations, as
// workload.Keys does. What exceeds the budget is unknown, and says of which key and
// how much of it was decided.
//
// All functions must be pure: they may be called often, in any order and with the
// same arguments, and change nothing that they are given. (A state that is a slice:
// append may write into the array of another one; slices.Concat does not.) One
// that panics makes the verdict unknown.
type Model[S any] struct {
	// Name is the checker's word in reports, and none of another checker's.
	Name string
	// Ops are the operations that the model judges, best words of your own: what
	// package history defines keeps its meaning there, and its checker.
	Ops []history.F
	// Key splits the history into parts that have nothing to do with each other:
	// operations for which it returns the same are judged together. It is called
	// with invocations. Nil: Op.Key.
	Key func(op *history.Op) string
	// Init returns the state of a key before its first operation.
	Init func(key string) S
	// Step returns every state that may follow once the operation has taken effect:
	// mostly one, more if the system may choose, and none if it cannot have answered
	// so. The operation is what was asked (F, Key, Arg, Old, Txn) and, if its Type is
	// OK, what was answered (Got, Saw, List). If its Type is Info nobody knows the
	// answer: any will do. Whether the operation happened at all is not Step's
	// concern, nor are those that failed, since they did not.
	Step func(state S, op *history.Op) []S

	// Equal tells whether two states are the same, and Hash returns the same number
	// for those that are. They only save work: states are never taken for the same
	// unless Equal says so. Set both or none; nil compares and hashes all that a state
	// holds, as reflect.DeepEqual does.
	Equal func(a, b S) bool
	Hash  func(state S) uint64

	// Item, if not nil, lets explanations leave out what does not matter. It names
	// what an operation is about within its key, such as an element of a queue, "" for
	// something of its own; and says whether it may be left out. That is a promise:
	// a legal history stays legal without all operations on an item, and without one
	// that has an item of its own, such as a read.
	Item func(op *history.Op) (item string, ok bool)
	// DescribeState puts a state in words. Nil: as %v prints it.
	DescribeState func(state S) string
	// DescribeOp puts an operation with its answer in words. Nil: as [Describe] does,
	// without the client.
	DescribeOp func(op *history.Op) string
}

// Checker returns a new checker for the model. It panics if the model lacks Name,
// Ops, Init or Step.
func (m Model[S]) Checker(o verdict.Options) verdict.Checker { return m.checker(o) }

func (m Model[S]) checker(o verdict.Options) *judge[S] {
	if m.Name == "" || len(m.Ops) == 0 || m.Init == nil || m.Step == nil {
		panic(fmt.Sprintf("checker: model %q: Name, Ops, Init and Step are required", m.Name))
	}
	m.Ops = slices.Clone(m.Ops)
	if m.Key == nil {
		m.Key = func(op *history.Op) string { return op.Key }
	}
	if m.Equal == nil {
		m.Equal = equalStates[S]()
		if m.Hash == nil {
			m.Hash = hashState[S]
		}
	}
	if m.DescribeState == nil {
		m.DescribeState = func(state S) string { return fmt.Sprint(state) }
	}
	if m.DescribeOp == nil {
		m.DescribeOp = func(op *history.Op) string { return verdict.Call(op) + verdict.Answer(op) }
	}
	return &judge[S]{
		model: m, options: o.WithDefaults(),
		keys: make(map[string]*keyed[S]), open: make(map[int]*operation),
	}
}
