package raft_test

import (
	"fmt"

	"github.com/usurper/usurper/node/raft"
)

// One member alone elects itself and commits what it is given.
func Example() {
	r, err := raft.New(raft.Config{
		ID: 1, Voters: []raft.ID{1},
		ElectionTicks: 10, HeartbeatTicks: 2,
		Timeout: func() int { return 10 }, // real members draw from [10, 20)
	})
	if err != nil {
		panic(err)
	}
	carryOut := func() {
		for out, ok := r.Output(); ok; out, ok = r.Output() {
			// Here a real member persists, traces and sends, in this order.
			for _, e := range out.Committed {
				fmt.Printf("apply %d: %q\n", e.Index, e.Data)
			}
		}
	}
	for range 10 {
		r.Tick()
	}
	carryOut()
	if _, err := r.Propose([]byte("x=1")); err != nil {
		panic(err)
	}
	carryOut()
	fmt.Println(r.Status().Role, "of term", r.Status().Term)
	// Output:
	// apply 1: ""
	// apply 2: "x=1"
	// leader of term 1
}
