package etcd

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/target"
)

func TestNewSaysWhatIsWrong(t *testing.T) {
	for want, o := range map[string]Options{
		"no binary":          {Version: "3.6.16"},
		"version":            {Binary: "etcd", Version: "2.3.8"},
		"5 heartbeats":       {Binary: "etcd", Version: "3.6.16", Heartbeat: 100 * time.Millisecond, Election: 400 * time.Millisecond},
		"at most 50s":        {Binary: "etcd", Version: "3.6.16", Election: time.Minute},
		"whole milliseconds": {Binary: "etcd", Version: "3.6.16", Heartbeat: time.Microsecond},
		"always syncs":       {Binary: "etcd", Version: "3.4.30", NoFsync: true},
	} {
		_, err := New(o)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "etcd target")
	}
}

func newTarget(t *testing.T, o Options) *Target {
	t.Helper()
	o.Binary = "/bin/etcd"
	tgt, err := New(o)
	require.NoError(t, err)
	return tgt
}

func member() target.Member {
	return target.Member{
		Name: "n2", PeerAddr: "127.9.0.12:7701", ClientAddr: "127.9.0.12:7702", DataDir: "/d",
		Peers:      map[string]string{"n1": "127.9.0.102:9001"},
		Advertised: map[string]string{"n2": "127.9.0.102:9000", "n1": "127.9.0.101:9000"},
	}
}

func TestCommand(t *testing.T) {
	const common = "--name n2 --data-dir /d --listen-peer-urls http://127.9.0.12:7701 --initial-advertise-peer-urls http://127.9.0.102:9000" +
		" --listen-client-urls http://127.9.0.12:7702 --advertise-client-urls http://127.9.0.12:7702" +
		" --initial-cluster n1=http://127.9.0.101:9000,n2=http://127.9.0.102:9000 --initial-cluster-state new"
	for want, o := range map[string]Options{
		" --initial-cluster-token usurper --heartbeat-interval 100 --election-timeout 1000 --log-level warn": {Version: "3.6.16"},
		" --initial-cluster-token t --heartbeat-interval 20 --election-timeout 200 --log-level warn --snapshot-count 100 --unsafe-no-fsync --pre-vote=false": {
			Version: "v3.5.2", Heartbeat: 20 * time.Millisecond, Election: 200 * time.Millisecond, Token: "t",
			SnapshotCount: 100, NoFsync: true, Args: []string{"--pre-vote=false"}},
		" --initial-cluster-token usurper --heartbeat-interval 100 --election-timeout 1000 --log-level warn --logger=zap": {Version: "3.4.23"},
	} {
		cmd, err := newTarget(t, o).Command(member())
		require.NoError(t, err)
		require.Equal(t, "/bin/etcd", cmd.Path)
		require.Equal(t, common+want, strings.Join(cmd.Args, " "))
	}
	tls := newTarget(t, Options{Version: "3.6.16", PeerTLS: true})
	cmd, err := tls.Command(member())
	require.NoError(t, err)
	require.Equal(t, strings.NewReplacer("http://127.9.0.12:7701", "https://127.9.0.12:7701", "http://127.9.0.10", "https://127.9.0.10").Replace(common)+
		" --initial-cluster-token usurper --heartbeat-interval 100 --election-timeout 1000 --log-level warn --peer-auto-tls", strings.Join(cmd.Args, " "))
	require.Nil(t, tls.Protocol(), "what nobody can read is not decoded")
	require.Nil(t, tls.Tap([]string{"n1", "n2"}, nil))

	tgt := newTarget(t, Options{Version: "3.6.16"})
	cmd, err = tgt.Command(target.Member{Name: "n1", PeerAddr: "127.9.0.11:1", ClientAddr: "127.9.0.11:2", DataDir: "/d"})
	require.NoError(t, err)
	require.Contains(t, strings.Join(cmd.Args, " "), "--initial-cluster n1=http://127.9.0.11:1 ")

	for want, change := range map[string]func(*target.Member){
		"no advertised addresses": func(m *target.Member) { m.Advertised = nil },
		"lack its own":            func(m *target.Member) { m.Advertised = map[string]string{"n1": "127.0.0.1:1"} },
		"missing port":            func(m *target.Member) { m.PeerAddr = "nowhere" },
	} {
		m := member()
		change(&m)
		_, err := tgt.Command(m)
		require.ErrorContains(t, err, "n2: ")
		require.ErrorContains(t, err, want)
	}
}

func TestStatus(t *testing.T) {
	tgt := newTarget(t, Options{Version: "3.6.16"})
	s, addr := serve(t)
	m := member()
	m.ClientAddr = addr
	n1, n2 := memberIDOf("http://127.9.0.101:9000", "usurper"), memberIDOf("http://127.9.0.102:9000", "usurper")
	_, err := tgt.Status(t.Context(), m)
	require.ErrorContains(t, err, "status of n2")

	answer := func(self, leader uint64) *pb.StatusResponse {
		return &pb.StatusResponse{Header: &pb.ResponseHeader{MemberId: self}, Leader: leader, RaftTerm: 4, RaftIndex: 20, RaftAppliedIndex: 19}
	}
	for _, c := range []struct {
		self, leader uint64
		role, name   string
	}{
		{n2, n2, "leader", "n2"}, {n2, n1, "follower", "n1"}, {n2, 0, "candidate", ""}, {n2, 99, "follower", ""}, {77, n1, "follower", "n1"},
	} {
		s.status = answer(c.self, c.leader)
		got, err := tgt.Status(t.Context(), m)
		require.NoError(t, err)
		require.Equal(t, target.Status{Role: c.role, Leader: c.name, Term: 4, Commit: 20, Applied: 19}, got)
	}
	s.status = answer(n1, n1)
	_, err = tgt.Status(t.Context(), m)
	require.ErrorContains(t, err, "another process has taken its address")
	s.status = &pb.StatusResponse{}
	_, err = tgt.Status(t.Context(), m)
	require.ErrorContains(t, err, "not etcd")
}

func TestTheRest(t *testing.T) {
	tgt := newTarget(t, Options{Version: "3.6.16"})
	require.Equal(t, "etcd", tgt.Name())
	require.True(t, tgt.OneAddress())
	require.False(t, tgt.Traced())
	_, err := tgt.Trace(nil)
	require.Error(t, err)
	p := tgt.Protocol()
	require.Contains(t, p.Classes(), "vote-response")
	for _, class := range p.Classes() {
		require.False(t, p.Lossy(class))
	}
	var tap any = tgt.Tap(nil, nil)
	require.Implements(t, (*fabric.Protocol)(nil), tap)
	forward, _ := p.Open("n2", "n1")
	n, class, err := forward.Next([]byte("GET /raft/probing HTTP/1.1\r\n\r\n"))
	require.NoError(t, err)
	require.NotZero(t, n)
	require.Equal(t, "other", class, "it tells frames apart for nobody too")
	p.(target.Tap).Flush()
}
