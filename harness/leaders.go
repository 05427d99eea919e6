package harness

import "github.com/usurper/usurper/harness/history"

// leadersSize is how many changes of leaders may wait for whom they are told to.
const leadersSize = 16

// leaders tells who leads, each time that it is somebody new or in a later term, until
// the returned function is called.
func (r *run) leaders() (<-chan string, func()) {
	events, cancel := r.rec.Watch(observeSize, func(e *history.Event) bool {
		return e.Raft != nil && e.Raft.What == history.RaftLeader || e.Claim != nil && e.Claim.Leads()
	})
	out := make(chan string, leadersSize)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var last string
		var term uint64
		for e := range events {
			node, of := leaderOf(&e)
			if of < term || of == term && node == last {
				continue
			}
			last, term = node, of
			select {
			case out <- node:
			default: // nobody keeps up
			}
		}
	}()
	return out, func() { cancel(); <-done }
}

// leaderOf returns who leads in which term by an event, 0 if that is not told.
func leaderOf(e *history.Event) (node string, term uint64) {
	if e.Raft != nil {
		return e.Raft.Node, e.Raft.Term
	}
	return e.Claim.Node, e.Claim.Term
}
