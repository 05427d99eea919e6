package tape

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// State adds what a member tells of its data.
func (t *Tape) State(s history.State) { t.Add(history.Event{State: &s}) }

// Claim adds what a member answers of its role and term; atomic says that the
// target declares them to be of one instant.
func (t *Tape) Claim(node, role string, term uint64, atomic bool) {
	t.Add(history.Event{Claim: &history.Claim{Node: node, Inc: max(t.inc[node], 1), Role: role, Term: term, Atomic: atomic}})
}

// Told lets every member tell its position, given as revisions, in so many
// rounds 300 ms apart. All have applied the same.
func (t *Tape) Told(first, rounds int, revisions ...uint64) {
	for r := range rounds {
		for i, n := range t.Nodes {
			t.State(history.State{What: history.StatePosition, Round: first + r, Node: n, Revision: revisions[i], Applied: 90})
		}
		t.Wait(300 * time.Millisecond)
	}
}

// Digests lets every member tell a digest at revision 50.
func (t *Tape) Digests(compacted []uint64, hashes ...uint64) {
	for i, n := range t.Nodes {
		t.State(history.State{What: history.StateHash, Node: n, Revision: 50, Compacted: compacted[i], Hash: hashes[i]})
	}
}

// Shown lets the harness tell what it read of every member.
func (t *Tape) Shown(revision uint64, digests ...uint64) {
	for i, n := range t.Nodes {
		t.State(history.State{What: history.StateData, Node: n, Revision: revision, Keys: 7, Hash: digests[i]})
	}
}

// Differ adds what the members hold at the key k at a revision; 0: each at one of
// its own.
func (t *Tape) Differ(revision uint64, held ...history.Held) {
	t.State(history.State{What: history.StateDiffer, Revision: revision, Key: "k", Held: held})
}

// AsFile is the tape as the lines of a history.
func (t *Tape) AsFile() []byte {
	var out bytes.Buffer
	for i := range t.Events {
		line, _ := json.Marshal(&t.Events[i]) // events are plain data
		out.Write(append(line, '\n'))
	}
	return out.Bytes()
}

// Changes writes down that the harness is about to change the members; with inc,
// node comes back as a new member with its process inc.
func (t *Tape) Changes(node string, inc uint64, voters ...string) {
	t.Seq["harness"]++
	t.Add(history.Event{Raft: &history.Raft{
		Source: history.Harness, Node: node, Inc: inc, Seq: t.Seq["harness"], What: history.RaftConfig, Voters: voters,
	}})
}

// NewTap is tap for the member that has taken node's place.
func (t *Tape) NewTap(node string, r history.Raft) {
	t.Tap(node, r)
	t.Events[len(t.Events)-1].Raft.Inc = 1
}
