package model_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/model"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// A queue gives first what it was given first. Clients say that they enqueue a, and
// then b; who dequeues after that must not be given b.
func ExampleModel() {
	const enqueue, dequeue history.F = "enqueue", "dequeue"
	queue := model.Model[[]string]{
		Name: "fifo",
		Ops:  []history.F{enqueue, dequeue},
		Init: func(key string) []string { return nil },
		Step: func(q []string, op *history.Op) [][]string {
			answered := op.Type == history.OK // else nobody knows the answer: any will do
			switch {
			case op.F == enqueue:
				return [][]string{slices.Concat(q, []string{op.Arg})}
			case len(q) == 0 && (!answered || op.Got == ""):
				return [][]string{q}
			case len(q) > 0 && (!answered || op.Got == q[0]):
				return [][]string{q[1:]}
			}
			return nil
		},
	}

	var events []history.Event
	record := func(op history.Op) {
		op.Key = "q"
		events = append(events, history.Event{Seq: uint64(len(events)), At: time.Duration(len(events)) * time.Millisecond, Op: &op})
	}
	record(history.Op{Process: 1, Type: history.Invoke, F: enqueue, Arg: "a"})
	record(history.Op{Process: 1, Type: history.OK, F: enqueue, Arg: "a"})
	record(history.Op{Process: 2, Type: history.Invoke, F: enqueue, Arg: "b"})
	record(history.Op{Process: 3, Type: history.Invoke, F: dequeue})
	record(history.Op{Process: 2, Type: history.OK, F: enqueue, Arg: "b"})
	record(history.Op{Process: 3, Type: history.OK, F: dequeue, Got: "b", Saw: true})

	run := checker.NewRunner([]verdict.Checker{queue.Checker(verdict.Options{})})
	for i := range events {
		run.Event(&events[i])
	}
	fmt.Print(run.Finish())
	// Output:
	// INVALID  6 events in 0.005s, cut short
	//
	// INVALID  fifo: key q: no order of these 3 operations agrees with what they returned and when; without the last, client
	//          3's dequeue q = "b", there is one, which leaves [a b]
	//      0.000s  client 1 asks: enqueue q "a"
	//      0.001s  client 1 is answered: enqueue q "a"
	//      0.002s  client 2 asks: enqueue q "b"
	//      0.003s  client 3 asks: dequeue q
	//      0.004s  client 2 is answered: enqueue q "b"
	//      0.005s  client 3 is answered: dequeue q = "b"
	//              client 1  |-enqueue "a"-|
	//              client 2                 |-enqueue "b"-|
	//              client 3                  |-dequeue = "b"-|
	//
	//   invalid  fifo          key q: no order of these 3 operations agrees with what they returned and when; without the
	//                          last, client 3's dequeue q = "b", there is one, which leaves [a b]
	//
	// INVALID  fifo: key q: no order of these 3 operations agrees with what they returned and when; without the last, client
	//          3's dequeue q = "b", there is one, which leaves [a b]
}
