package cluster_test

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// outspoken answers what it is told to.
type outspoken struct {
	shell
	says *atomic.Pointer[target.Status]
}

func (outspoken) Traced() bool { return false }
func (o outspoken) Status(context.Context, target.Member) (target.Status, error) {
	return *o.says.Load(), nil
}

func (r *record) claims() (all []history.Claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Claim != nil {
			all = append(all, *e.Claim)
		}
	}
	return all
}

// What members answer is in the history, with the process that was asked, each
// answer once.
func TestClaims(t *testing.T) {
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	dir := t.TempDir()
	var rec record
	says := new(atomic.Pointer[target.Status])
	says.Store(&target.Status{Role: "leader", Term: 4, Leader: "n1", Atomic: true})
	c, err := cluster.New(cluster.Options{
		Target:  outspoken{shell{"exec sleep 60"}, says},
		Host:    host,
		Members: []target.Member{{Name: "n1", DataDir: filepath.Join(dir, "n1", "data")}},
		Dir:     dir, Record: rec.add, Grace: 200 * time.Millisecond,
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Stop()
		require.NoError(t, host.Close())
	})
	ask := func() { c.Statuses(t.Context()) }

	ask()
	require.Empty(t, rec.claims(), "there is no process that could have answered")
	require.NoError(t, c.Start(t.Context(), "n1"))
	want := history.Claim{Node: "n1", Inc: 1, Role: "leader", Term: 4, Leader: "n1", Atomic: true}
	ask()
	require.Equal(t, []history.Claim{want}, rec.claims())
	says.Store(&target.Status{})
	ask()
	require.Equal(t, []history.Claim{want, {Node: "n1", Inc: 1}}, rec.claims())
	eventually(t, func() bool { // the same answer is quoted again, but not each time
		ask()
		return len(rec.claims()) == 3
	})
	_, err = c.Kill(t.Context(), "n1")
	require.NoError(t, err)
	require.NoError(t, c.Start(t.Context(), "n1"))
	ask()
	all := rec.claims()
	require.Equal(t, history.Claim{Node: "n1", Inc: 2}, all[len(all)-1])
}
