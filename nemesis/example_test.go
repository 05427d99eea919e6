package nemesis_test

import (
	"context"
	"fmt"
	"time"

	"github.com/usurper/usurper/nemesis"
)

// A plan is read, checked against the members, carried out and reported.
func Example() {
	plan, err := nemesis.Parse("attack.plan", `
		at 0s  for 10ms  isolate n1           # alone for a while
		at 0s            restart n2
		on install       kill it              # nobody installs a snapshot here
	`)
	if err != nil {
		fmt.Println(err)
		return
	}
	system := newFake("n1", "n2", "n3")
	if err := plan.Validate(nemesis.Setting{Nodes: system.Nodes()}); err != nil {
		fmt.Println(err)
		return
	}
	report, err := nemesis.Execute(context.Background(), nemesis.Options{
		System: system,
		Record: system.record,
		Until:  50 * time.Millisecond,
		Seed:   7,
	}, plan)
	for _, f := range report.Ends {
		fmt.Printf("%s: %s\n", f.Text, f.What)
	}
	fmt.Println("error:", err)
	// Unordered output:
	// at 0s restart n2: heal
	// at 0s for 10ms isolate n1: heal
	// on install kill it: not-fired
	// error: <nil>
}
