#!/usr/bin/env bash
# porcupine: the Step of a model made by ToModel is never called
#
# Version:     github.com/anishathalye/porcupine v1.3.1
# Expectation: NondeterministicModel.ToModel returns a Model whose Step is what the
#              checker asks. Whoever wraps it, to count steps, to bound a search or to
#              add a rule, does so by m := nm.ToModel(); step := m.Step; m.Step = …
# Behaviour:   ToModel sets StepContext too, even if the nondeterministic model has
#              only Step, and the checker prefers StepContext. The wrapper is never
#              called: a rule that it adds is not checked, and a history that breaks it
#              is found linearizable. Nothing says so. (Setting m.StepContext = nil
#              helps.) That StepContext goes first is documented; that ToModel sets it
#              is not. In v1.0.3 there was no StepContext, and the wrapper was called.
# Seen:        v1.3.1: calls of the wrapper 0, linearizable true
#              v1.0.3: calls of the wrapper 1, linearizable false
# Date:        2026-11-30
#
# Needs Go. Ends with 0 as long as it is so.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

func main() {
	counter := porcupine.NondeterministicModel{
		Init:  func() []interface{} { return []interface{}{0} },
		Step:  func(state, input, output interface{}) []interface{} { return []interface{}{state.(int) + 1} },
		Equal: func(a, b interface{}) bool { return a == b },
	}
	m := counter.ToModel()
	calls := 0
	m.Step = func(state, input, output interface{}) (bool, interface{}) {
		calls++
		return false, state // no operation is ever legal
	}
	ok := porcupine.CheckOperations(m, []porcupine.Operation{{Input: "add", Call: 0, Return: 1}})
	fmt.Printf("calls of the wrapper %d, linearizable %v\n", calls, ok)
}
GO
saw() {
	rm -f go.mod go.sum
	go mod init finding >/dev/null 2>&1
	go get "github.com/anishathalye/porcupine@$1" >/dev/null 2>&1
	local out
	out=$(go run .)
	echo "$1: $out"
	[ "$out" = "$2" ] || { echo "$1: expected to see: $2" >&2; exit 1; }
}
saw v1.3.1 'calls of the wrapper 0, linearizable true'
saw v1.0.3 'calls of the wrapper 1, linearizable false'
