package reference

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/node"
	"github.com/usurper/usurper/node/bug"
)

// variation is how one member is run. A zero field leaves the node its own default.
type variation struct {
	snapshotEvery         uint64
	election, heartbeat   time.Duration
	preVote               bool
	maxBatch, maxInflight int
}

// leastSnapshots is the shortest interval that is drawn: a member that does little but
// snapshots shows nothing else.
const leastSnapshots = 20

// member is how a member is run: as all are, or as it is drawn. A stated rule holds
// for each of them, see [target.DrawTimers].
func (t *Target) member(name string) variation {
	o := t.o
	v := variation{snapshotEvery: o.SnapshotEvery, election: o.Election, heartbeat: o.Heartbeat, preVote: o.PreVote}
	if !o.Vary {
		return v
	}
	all, r := node.Default(), target.Draws(o.Seed, name)
	if v.snapshotEvery == 0 {
		v.snapshotEvery = all.SnapshotEvery
	}
	if v.election == 0 {
		v.election = all.Election
	}
	if v.heartbeat == 0 {
		v.heartbeat = all.Heartbeat
	}
	times := math.Pow(4, 2*r.Float64()-1) // a quarter to four times as many
	v.snapshotEvery = max(min(v.snapshotEvery, leastSnapshots), uint64(float64(v.snapshotEvery)*times))
	election, heartbeat := target.DrawTimers(r, v.election, v.heartbeat, time.Millisecond)
	v.election, v.heartbeat = election, min(v.heartbeat, max(heartbeat, node.MinHeartbeat))
	if mixed := r.IntN(2) == 0; !t.preVoteBug() {
		v.preVote = mixed
	}
	v.maxBatch = []int{0, 0, 200, 4 << 10}[r.IntN(4)]
	v.maxInflight = []int{0, 0, 1, 3}[r.IntN(4)]
	return v
}

// preVoteBug tells whether the deliberate bug shows only in members that all ask for
// pre-votes.
func (t *Target) preVoteBug() bool {
	return slices.ContainsFunc(bug.All(), func(b bug.Bug) bool { return b.PreVote && string(b.Name) == t.o.Bug })
}

// Variation says what was drawn for a member.
func (t *Target) Variation(member string) string {
	if !t.o.Vary {
		return ""
	}
	v := t.member(member)
	parts := []string{fmt.Sprintf("a snapshot every %d entries, T %v, a heartbeat every %v", v.snapshotEvery, v.election, v.heartbeat)}
	if v.preVote {
		parts = append(parts, "pre-votes")
	}
	if v.maxBatch > 0 {
		parts = append(parts, fmt.Sprintf("%d bytes an append", v.maxBatch))
	}
	if v.maxInflight > 0 {
		parts = append(parts, fmt.Sprintf("%d appends on their way", v.maxInflight))
	}
	return strings.Join(parts, ", ")
}
