// Package workload is what clients do to a system under test while it is being
// attacked: it draws operations, sends each exactly once, and records what
// became of it.
//
// A [Workload] decides what to ask, a [Client] talks to one member of one
// system, and [Run] brings them together: one goroutine a client, each pinned
// to a member that it leaves when the member fails or knows better.
//
// To add a workload: write one file with its type and constructor, and add its
// line in constructors.
package workload

import (
	"fmt"
	"math/rand/v2"
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
	// It is called once for each.
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

// writes tells whether f changes what it touches.
func writes(f history.F) bool { return f != history.FGet && f != history.FRead }
