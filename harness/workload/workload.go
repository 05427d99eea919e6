// Package workload is what clients do to a system under test while it is being
// attacked: it draws operations, sends each exactly once, and records what
// became of it.
//
// A [Workload] decides what to ask, a [Client] talks to one member of one
// system, and [Run] brings them together: one goroutine a client, each pinned
// to a member that it leaves when the member fails or knows better.
//
// Read register.go for a workload, worker.go for what one client does; all else is
// another workload, or a [Client] around another one.
//
// To add a workload: write one file with its type and constructor, and add its
// line in constructors. One for a system of your own stays with its test: see
// [Keys], and Own of the harness's Config.
package workload

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// Workload decides what clients ask. Its methods are called by the workers of
// all clients at once. A value serves one run and the final reads after it.
type Workload interface {
	// Name is the workload's word in Named and in reports.
	Name() string
	// Next draws the next operation of a client, counted from 0, and fills in F,
	// Key, Arg and Old; the worker adds the rest. All randomness is drawn from r.
	Next(client int, r *rand.Rand) history.Op
	// Done takes the completion of an operation that Next drew for the client.
	// It is called once for each; one whose request is sent again on purpose may be done
	// long after its client has gone on.
	Done(client int, op history.Op)
	// Final lists the reads to make once everything is healed: F and Key. It is
	// called when no operation is open.
	Final() []history.Op
}

// Default is the name of the workload for a run that names none.
const Default = "mixed"

// constructors is every workload, in the order in which help shows them.
func constructors() []func() Workload {
	return []func() Workload{
		func() Workload { return NewMixed() },
		func() Workload { return NewRegister() },
		func() Workload { return NewSet() },
		func() Workload { return NewAppend() },
		func() Workload { return NewTransactions() },
		func() Workload { return NewLock() },
		func() Workload { return NewPuts() },
		func() Workload { return NewChurn() },
	}
}

// Names lists the workloads that Named knows.
func Names() []string {
	var names []string
	for _, construct := range constructors() {
		names = append(names, construct().Name())
	}
	return names
}

// Named returns a new workload by its name; the empty name is Default.
func Named(name string) (Workload, error) {
	if name == "" {
		name = Default
	}
	for _, construct := range constructors() {
		if w := construct(); w.Name() == name {
			return w, nil
		}
	}
	return nil, fmt.Errorf("unknown workload %q: use one of %s", name, strings.Join(Names(), ", "))
}

// For returns a new workload by its name for a system that can do no more than
// ops; nil stands for everything. A cas that the system lacks becomes a put, a
// delete becomes a get. An error names what is missing, and the workloads that would do.
func For(name string, ops []history.F) (Workload, error) {
	w, err := Named(name)
	if err != nil || ops == nil {
		return w, err
	}
	if missing := lacks(w.Name(), ops); len(missing) > 0 {
		var others []string
		for _, other := range Names() {
			if len(lacks(other, ops)) == 0 {
				others = append(others, other)
			}
		}
		return nil, fmt.Errorf("workload %q needs %v, which the system lacks: use one of %q", w.Name(), missing, others)
	}
	return within{w, ops}, nil
}

// Fitting returns the name of a workload for a system that can do no more than ops:
// register if that will do, else the first one that does, "" for none.
func Fitting(ops []history.F) string {
	for _, name := range append([]string{"register"}, Names()...) {
		if len(lacks(name, ops)) == 0 {
			return name
		}
	}
	return ""
}

// lacks returns the operations that a workload cannot do without and that are
// not among ops.
func lacks(name string, ops []history.F) []history.F {
	needs := map[string][]history.F{
		"mixed":        {history.FGet, history.FPut, history.FAdd, history.FRead},
		"register":     {history.FGet, history.FPut},
		"set":          {history.FAdd, history.FRead},
		"append":       {history.FAppend, history.FRead},
		"transactions": {history.FTxn, history.FAppend, history.FRead},
		"lock":         {history.FGet, history.FCas},
		"puts":         {history.FGet, history.FPut},
		"churn": {
			history.FGet, history.FPut, history.FTxn,
			history.FGrant, history.FAttach, history.FRevoke, history.FCompact,
		},
	}
	return slices.DeleteFunc(needs[name], func(f history.F) bool { return slices.Contains(ops, f) })
}

// within is a workload for a system that can do no more than ops.
type within struct {
	Workload
	ops []history.F
}

func (w within) Next(client int, r *rand.Rand) history.Op {
	op := w.Workload.Next(client, r)
	if slices.Contains(w.ops, op.F) {
		return op
	}
	switch op.F {
	case history.FCas:
		op.F, op.Old = history.FPut, ""
	case history.FDelete:
		op.F = history.FGet
	}
	return op
}

// inherit draws a read like those of w.
func (w within) inherit(client int, r *rand.Rand) (history.Op, bool) {
	return inherit(w.Workload, client, r)
}

// heritage is a Workload in which a client can read what others have written last. The
// operation is one that Next could have drawn for them, and Done is called for it.
type heritage interface {
	inherit(client int, r *rand.Rand) (history.Op, bool)
}

// inherit draws such a read, if w has any.
func inherit(w Workload, client int, r *rand.Rand) (history.Op, bool) {
	if h, ok := w.(heritage); ok {
		return h.inherit(client, r)
	}
	return history.Op{}, false
}

// Writes tells whether f changes what it touches.
func Writes(f history.F) bool { return f != history.FGet && f != history.FRead }
