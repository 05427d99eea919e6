package checker_test

import (
	"fmt"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/raft"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// A history needs no file: any sequence of events will do.
func Example() {
	leads := func(node string, at time.Duration) history.Event {
		return history.Event{At: at, Raft: &history.Raft{
			Source: history.Trace, Node: node, Seq: 1, What: history.RaftLeader, Term: 5,
			Last: history.Pos{Term: 4, Index: 117},
		}}
	}
	events := []history.Event{leads("n1", 12402*time.Millisecond), leads("n3", 12431*time.Millisecond)}

	run := checker.NewRunner([]verdict.Checker{raft.NewElection()})
	for i := range events {
		events[i].Seq = uint64(i)
		run.Event(&events[i])
	}
	report := run.Finish()
	fmt.Println(report.Verdict, report.Failed())
	for _, v := range report.Results[0].Violations {
		fmt.Println(v.Text)
		for i := range v.Events {
			fmt.Println(v.Events[i].At, verdict.Describe(&v.Events[i]))
		}
	}
	// Output:
	// invalid [election]
	// term 5 has two leaders: n1 and n3
	// 12.402s n1 leads term 5 with its log ending at (4,117)
	// 12.431s n3 leads term 5 with its log ending at (4,117)
}
