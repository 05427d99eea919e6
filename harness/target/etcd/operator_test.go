package etcd

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/usurper/usurper/harness/target"
)

func TestMembershipRefusals(t *testing.T) {
	for _, err := range []error{rpctypes.ErrGRPCUnhealthy, rpctypes.ErrGRPCMemberNotEnoughStarted, rpctypes.ErrGRPCPeerURLExist} {
		require.ErrorIs(t, classified(err), target.ErrRefused)
	}
	for _, err := range []error{rpctypes.ErrGRPCTimeout, rpctypes.ErrGRPCNoLeader, rpctypes.ErrGRPCLeaderChanged, context.DeadlineExceeded, io.EOF} {
		require.NotErrorIs(t, classified(err), target.ErrRefused, "it may be done yet")
	}
}

func TestCommandOfAJoiningMember(t *testing.T) {
	m := member()
	m.Joins = []string{"n2"}
	m.FailpointAddr = "127.9.0.12:7703"
	cmd, err := newTarget(t, Options{Version: "3.6.16"}).Command(m)
	require.NoError(t, err)
	require.Contains(t, strings.Join(cmd.Args, " "), "--initial-cluster n2=http://127.9.0.102:9000 --initial-cluster-state existing ")
	require.Equal(t, []string{"GOFAIL_HTTP=127.9.0.12:7703"}, cmd.Env)
}

// gofailServer answers as a binary with one failpoint does.
type gofailServer struct {
	mu    sync.Mutex
	terms map[string]string
}

func (g *gofailServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name, counted := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/"), "/count")
	if name != "raftBeforeSave" {
		http.Error(w, "failpoint: failpoint does not exist", http.StatusBadRequest)
		return
	}
	switch {
	case counted:
		io.WriteString(w, "17")
	case r.Method == http.MethodPut:
		b, _ := io.ReadAll(r.Body)
		g.terms[name] = string(b)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodDelete:
		delete(g.terms, name)
		w.WriteHeader(http.StatusNoContent)
	}
}

func TestFailpoints(t *testing.T) {
	g := &gofailServer{terms: map[string]string{}}
	server := httptest.NewServer(g)
	defer server.Close()
	tgt := newTarget(t, Options{Version: "3.6.16"})
	m := member()
	m.FailpointAddr = strings.TrimPrefix(server.URL, "http://")

	for action, term := range map[string]string{"panic": "panic", "sleep(1.5s)": "sleep(1500)"} {
		_, err := tgt.Operate(t.Context(), m, "arm", "raftBeforeSave", action)
		require.NoError(t, err)
		require.Equal(t, map[string]string{"raftBeforeSave": term}, g.terms)
		evidence, err := tgt.Operate(t.Context(), m, "disarm", "raftBeforeSave")
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"passages": 17}, evidence)
		require.Empty(t, g.terms)
	}
	_, err := tgt.Operate(t.Context(), m, "arm", "raftBeforeSafe", "panic")
	require.ErrorIs(t, err, target.ErrRefused)
	require.ErrorContains(t, err, "does not exist")

	server.Close()
	_, err = tgt.Operate(t.Context(), m, "arm", "raftBeforeSave", "panic")
	require.ErrorIs(t, err, target.ErrUnsupported)
	_, err = tgt.Operate(t.Context(), m, "vacuum")
	require.ErrorIs(t, err, target.ErrUnsupported)
}

// Administrators do all they can to a live cluster, and its status follows.
func TestLiveOperations(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster of etcd")
	}
	for _, version := range liveVersions {
		if binary, ok := Cached(version); ok {
			c := startCluster(t, binary, newRecorder(t))
			c.maintain()
			c.replace()
			return
		}
	}
	t.Skipf("no etcd of %s has been built", strings.Join(liveVersions, ", "))
}

func (c *cluster) maintain() {
	leader := c.leader(3)
	c.work(20)
	for operation, count := range map[string]string{
		"defragment": "db-bytes-before", "compact": "compacted-revision", "snapshot-save": "snapshot-bytes",
	} {
		evidence, err := c.target.Operate(c.t.Context(), c.members[leader], operation)
		require.NoError(c.t, err, operation)
		require.Positive(c.t, evidence[count], operation)
	}
	_, err := c.target.Operate(c.t.Context(), c.members[leader], "compact")
	require.ErrorContains(c.t, err, "compacted", "there is nothing new")

	next := c.others(leader)[0].Name
	_, err = c.target.Operate(c.t.Context(), c.members[leader], "move-leader", next)
	require.NoError(c.t, err)
	require.Equal(c.t, next, c.leader(3))
	_, err = c.target.Operate(c.t.Context(), c.members[leader], "move-leader", next)
	require.ErrorContains(c.t, err, "not leader")
}

// others returns the members besides name.
func (c *cluster) others(name string) []target.Member {
	var others []target.Member
	for _, n := range []string{"n1", "n2", "n3"} {
		if n != name {
			others = append(others, c.members[n])
		}
	}
	return others
}

func (c *cluster) replace() {
	name := c.leader(3)
	m, others := c.members[name], c.others(name)
	c.kill(name)
	c.leader(2)
	belongs, err := c.target.Belongs(c.t.Context(), m, others)
	require.NoError(c.t, err)
	require.True(c.t, belongs)
	evidence, err := c.target.Remove(c.t.Context(), m, others)
	require.NoError(c.t, err)
	require.Equal(c.t, int64(2), evidence["members-left"])
	belongs, err = c.target.Belongs(c.t.Context(), m, others)
	require.NoError(c.t, err)
	require.False(c.t, belongs)
	_, err = c.target.Remove(c.t.Context(), m, others)
	require.ErrorIs(c.t, err, target.ErrRefused, "it is none")

	add := func() []string {
		var joins []string
		require.Eventually(c.t, func() bool { // etcd refuses until the two have been in touch for five seconds
			joins, _, err = c.target.Add(c.t.Context(), m, others)
			return err == nil
		}, 2*time.Minute, 100*time.Millisecond)
		return joins
	}
	m.Joins = add()
	require.Equal(c.t, []string{"n1", "n2", "n3"}, m.Joins)
	require.Equal(c.t, m.Joins, add(), "it is not added twice")
	require.NoError(c.t, os.RemoveAll(m.DataDir))
	c.members[name] = m
	c.start(name)
	leader := c.leader(3)
	if leader != name {
		require.Eventually(c.t, func() bool {
			_, err := c.target.Operate(c.t.Context(), c.members[leader], "move-leader", name)
			return err == nil
		}, 2*time.Minute, 100*time.Millisecond)
	}
	require.Equal(c.t, name, c.leader(3), "members know the new one by its name")
	c.work(20)
}
