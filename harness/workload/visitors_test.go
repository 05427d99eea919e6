package workload

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

// Whenever somebody else leads, clients come that were never there: they write to the
// new leader, and read at the old one too, as processes of their own.
func TestVisitorsAskTheNewLeader(t *testing.T) {
	s := newSystem()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	leaders := make(chan string)
	l := &log{}
	o := Options{Nodes: members, Dial: s.dial, Clients: 7, Rate: 100, Seed: 1, Timeout: time.Second, Hurry: 100 * time.Millisecond, Record: l.record, Leaders: leaders}
	var running sync.WaitGroup
	running.Go(func() {
		_, err := Run(ctx, o, NewRegister())
		require.NoError(t, err)
	})
	visits := func(op *history.Op) bool { return op.Process%o.numbers() >= o.firstVisitor() }
	visiting := func(node string, at int) []*history.Op {
		var ops []*history.Op
		require.Eventually(t, func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			ops = nil
			for _, op := range l.ops[at:] {
				if visits(op) && op.Type != history.Invoke && strings.HasPrefix(op.Key, "r2-") {
					ops = append(ops, op)
				}
			}
			return len(ops) >= groupSize*visitOps
		}, 20*time.Second, time.Millisecond, "nobody came to %s", node)
		return ops
	}
	leaders <- "n2"
	for _, op := range visiting("n2", 0) {
		require.False(t, Writes(op.F) && op.Node != "n2", "%+v", op)
	}
	l.mu.Lock()
	at := len(l.ops)
	l.mu.Unlock()
	leaders <- "n4"
	reads := map[string]int{}
	for _, op := range visiting("n4", at) {
		if Writes(op.F) {
			require.Equal(t, "n4", op.Node)
			continue
		}
		reads[op.Node]++
	}
	require.NotZero(t, reads["n2"], "somebody asks the old leader")
	cancel()
	running.Wait()

	processes, heirs := map[int]int{}, map[string]int{}
	for _, p := range l.pairs(t) {
		switch {
		case !visits(p.done):
			require.NotContains(t, p.done.Key, "r2-", "visitors share keys with nobody else")
		case strings.HasPrefix(p.done.Key, "r2-"):
			processes[p.done.Process]++
		default:
			require.Equal(t, history.FGet, p.done.F, "they read what others have written")
			heirs[p.done.Node]++
		}
	}
	require.Len(t, processes, 2*groupSize, "each visit is another process")
	require.Positive(t, heirs["n2"], "first thing, at the new leader")
	require.Positive(t, heirs["n4"])
	require.Len(t, heirs, 2)
}

// Without anybody who tells of leaders nobody comes, and numbers are as they were.
func TestNoVisitorsWithoutLeaders(t *testing.T) {
	l, _, o := during(t, newSystem(), NewRegister(), 300, nil)
	require.Equal(t, o.Clients, o.numbers())
	for _, p := range l.pairs(t) {
		require.Less(t, p.done.Process, o.Clients)
	}
}
