package tap_test

import (
	"fmt"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// An election of three, of which the wire shows that n2 voted for n1, and that
// the vote is still on its way.
func Example() {
	a := tap.New(func(e history.Raft) {
		fmt.Println(e.Node, e.What, "in term", e.Term, e.Stage)
	}, []string{"n1", "n2", "n3"})

	log := history.Pos{Term: 1, Index: 8}
	a.Observe(history.Sent, tap.Message{Kind: tap.Vote, From: "n1", To: "n2", Term: 2, Log: log})
	a.Observe(history.Delivered, tap.Message{Kind: tap.Vote, From: "n1", To: "n2", Term: 2, Log: log})
	a.Observe(history.Sent, tap.Message{Kind: tap.VoteResponse, From: "n2", To: "n1", Term: 2})
	a.Flush()
	// Output:
	// n1 candidate in term 2 sent
	// n2 vote in term 2 sent
}
