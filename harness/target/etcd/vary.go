package etcd

import (
	"fmt"
	"time"

	"github.com/usurper/usurper/harness/target"
)

// member is how a member is run: as all are, or as it is drawn. 0 snapshots leaves etcd
// its own default.
func (t *Target) member(name string) (heartbeat, election time.Duration, snapshots uint64) {
	heartbeat, election = t.o.timers()
	if !t.o.Vary {
		return heartbeat, election, t.o.SnapshotCount
	}
	r := target.Draws(t.o.Seed, name)
	election, heartbeat = target.DrawTimers(r, election, heartbeat, time.Millisecond)
	counts := []uint64{100, 500, 2000, 10_000}
	if n := t.o.SnapshotCount; n > 0 {
		counts = []uint64{max(1, n/4), max(1, n/2), n, 3 * n}
	}
	return heartbeat, min(election, maxElection), counts[r.IntN(len(counts))]
}

// Variation says what was drawn for a member.
func (t *Target) Variation(member string) string {
	if !t.o.Vary {
		return ""
	}
	heartbeat, election, snapshots := t.member(member)
	return fmt.Sprintf("a snapshot every %d entries, T %v, a heartbeat every %v", snapshots, election, heartbeat)
}
