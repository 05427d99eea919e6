package etcd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/target"
)

// What a member that is alone is run with unless told otherwise. It has no elections to
// attack: what it can do wrong is to lose what it acknowledged. Large values and many at
// once make the moment long in which that might happen; not to sync spares it the disk's
// time, which SIGKILL, the fault that it meets, does not need.
const (
	aloneClients   = 20
	aloneValue     = 64 << 10
	aloneRate      = 1000
	aloneSnapshots = 500
	aloneQuota     = 8 << 30 // bytes, for what a long run of this writes
)

// quota is the flag that bounds a member's data.
const quota = "--quota-backend-bytes"

// Usual lets revisions move in every way (churn), and kills a member that is alone
// while much is put.
func (t *Target) Usual(size int) target.Habits {
	h := target.Habits{Mixed: "churn"}
	h.Heartbeat, h.Election = t.o.timers()
	if size == 1 {
		h.Workload, h.Plan = "puts", "kills"
		h.ValueSize, h.Clients, h.Rate = aloneValue, aloneClients, aloneRate
	}
	return h
}

// alone tells whether m has no others.
func alone(m target.Member) bool { return len(m.Peers) == 0 && m.Joins == nil }

// spared is how a member that is alone is run, where it would take a snapshot after so
// many entries, 0 for nobody said.
func (t *Target) spared(snapshots uint64) (_ uint64, noFsync bool, args []string) {
	if snapshots == 0 {
		snapshots = aloneSnapshots
	}
	args = t.o.Args
	if !slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(strings.TrimLeft(arg, "-"), quota[2:]) }) {
		args = append(slices.Clone(args), fmt.Sprintf("%s=%d", quota, aloneQuota))
	}
	return snapshots, !t.o.Fsync && SkipsFsync(t.o.Version), args
}
