package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node"
)

// patience is how long a condition may take on a machine that is busy with
// other things.
const patience = time.Minute

// lent is a listener that survives its Server, so that a member comes back at
// its address and nobody else can take the port meanwhile.
type lent struct{ *net.TCPListener }

func (l lent) Close() error { return l.SetDeadline(time.Unix(1, 0)) }

func listenLocal(t *testing.T) lent {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return lent{l.(*net.TCPListener)}
}

// member is one place in a cluster, whose Server comes and goes.
type member struct {
	t       *testing.T
	cfg     node.Config
	clock   node.Clock // nil: the real one
	peers   lent
	clients lent
	http    *http.Client
	*node.Server
}

func newMember(t *testing.T, id string) *member {
	m := &member{t: t, cfg: node.Default(), peers: listenLocal(t), clients: listenLocal(t)}
	m.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	dir := t.TempDir()
	m.cfg.ID = id
	m.cfg.DataDir = filepath.Join(dir, "data")
	m.cfg.Trace = filepath.Join(dir, "trace")
	m.cfg.Inc = 0
	m.cfg.Peers = map[string]string{id: m.peers.Addr().String()}
	t.Cleanup(func() {
		m.http.CloseIdleConnections()
		if m.Server != nil {
			m.Crash()
		}
	})
	return m
}

// newCluster returns members n1 to n<size>, not started.
func newCluster(t *testing.T, size int) []*member {
	members := make([]*member, size)
	peers := map[string]string{}
	for i := range members {
		members[i] = newMember(t, fmt.Sprint("n", i+1))
		peers[members[i].cfg.ID] = members[i].peers.Addr().String()
	}
	for _, m := range members {
		m.cfg.Peers = peers
	}
	return members
}

func (m *member) start() {
	m.t.Helper()
	require.NoError(m.t, m.peers.SetDeadline(time.Time{}))
	require.NoError(m.t, m.clients.SetDeadline(time.Time{}))
	m.cfg.Inc++
	var err error
	m.Server, err = node.Start(m.cfg, node.Options{Clock: m.clock, PeerListener: m.peers, ClientListener: m.clients})
	require.NoError(m.t, err)
}

func (m *member) crash() {
	m.Crash()
	m.Server = nil
	m.http.CloseIdleConnections()
}

// post sends body and decodes the answer into out.
func (m *member) post(ctx context.Context, body any, out any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+m.clients.Addr().String()+"/v1/op", bytes.NewReader(b))
	if err != nil {
		return err
	}
	return m.roundTrip(req, out)
}

func (m *member) roundTrip(req *http.Request, out any) error {
	resp, err := m.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %s", resp.StatusCode, b)
	}
	return json.Unmarshal(b, out)
}

// do carries out op and must get an answer.
func (m *member) do(op node.Op) node.Answer {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var a node.Answer
	require.NoError(m.t, m.post(ctx, op, &a))
	return a
}

func (m *member) status() node.Status {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.clients.Addr().String()+"/v1/status", nil)
	require.NoError(m.t, err)
	var st node.Status
	require.NoError(m.t, m.roundTrip(req, &st))
	return st
}

// eventually polls until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			require.FailNow(t, "never came true: "+what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// leader awaits a leader among the members that run.
func leader(t *testing.T, members []*member) (led *member) {
	t.Helper()
	eventually(t, "a leader", func() bool {
		for _, m := range members {
			if m.Server != nil && m.status().Role == "leader" {
				led = m
				return true
			}
		}
		return false
	})
	return led
}

// persist carries out op at whoever leads until it is ok. It needs a request
// identity, for it may be sent several times.
func persist(t *testing.T, members []*member, op node.Op) {
	t.Helper()
	require.NotEmpty(t, op.Request)
	eventually(t, op.F+" "+op.Request, func() bool {
		return leader(t, members).do(op).Outcome == node.OK
	})
}
