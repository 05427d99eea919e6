package nats

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

func newTarget(t *testing.T, o Options) *Target {
	t.Helper()
	o.Binary = "/bin/nats-server"
	if o.Version == "" {
		o.Version = "2.15.2"
	}
	tgt, err := New(o)
	require.NoError(t, err)
	return tgt
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	for want, o := range map[string]Options{
		"no binary": {Version: "2.15.2"},
		"give one of major version 2, and write it like v2.15.2": {Binary: "x", Version: "newest"},
		"only 2.10.0 and later":                                  {Binary: "x", Version: "2.9.25"},
		"9 replicas: use 1 to 5":                                 {Binary: "x", Version: "2.15.2", Replicas: 9},
	} {
		_, err := New(o)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "nats target")
	}
	_, err := Build(t.Context(), "2.11.0", true, nil)
	require.ErrorContains(t, err, "has no assertions")
	_, ok := Cached("newest", false)
	require.False(t, ok)
}

func member(t *testing.T) target.Member {
	return target.Member{
		Name: "n2", PeerAddr: "127.9.0.12:7701", ClientAddr: "127.9.0.12:7702", DataDir: filepath.Join(t.TempDir(), "data"), Inc: 1,
		Peers: map[string]string{"n3": "127.9.0.102:9003", "n1": "127.9.0.102:9001"},
		Ports: map[string]string{monitor: "127.9.0.12:7710"},
	}
}

func TestCommand(t *testing.T) {
	m := member(t)
	c, err := newTarget(t, Options{Args: []string{"-D"}}).Command(m)
	require.NoError(t, err)
	require.Equal(t, "-a 127.9.0.12 -p 7702 -m 7710 --name n2 -js -sd "+m.DataDir+" --cluster_name usurper --cluster nats://127.9.0.12:7701"+
		" --routes nats-route://127.9.0.102:9001,nats-route://127.9.0.102:9003 --no_advertise --cluster_advertise 127.0.0.1:1 -D", strings.Join(c.Args, " "))
	require.Empty(t, c.Env)
	m.Peers = nil
	c, err = newTarget(t, Options{Assertions: true}).Command(m)
	require.NoError(t, err)
	require.NotContains(t, strings.Join(c.Args, " "), "cluster")
	require.Equal(t, []string{"ANTITHESIS_SDK_LOCAL_OUTPUT=" + filepath.Join(filepath.Dir(m.DataDir), "assertions.1.jsonl")}, c.Env)
	m.Ports = nil
	_, err = newTarget(t, Options{}).Command(m)
	require.ErrorContains(t, err, "n2: a port to monitor it")
}

// A member that forgets does so when it is started again, and only what is its own.
func TestForget(t *testing.T) {
	m := member(t)
	file := filepath.Join(m.DataDir, "jetstream", "x")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	for _, c := range []struct {
		inc    uint64
		forget bool
	}{{1, true}, {2, false}} {
		m.Inc = c.inc
		_, err := newTarget(t, Options{Forget: c.forget}).Command(m)
		require.NoError(t, err)
		require.FileExists(t, file)
	}
	_, err := newTarget(t, Options{Forget: true}).Command(m)
	require.NoError(t, err)
	require.NoFileExists(t, file)
	require.DirExists(t, m.DataDir)
}

func TestStatus(t *testing.T) {
	answer, code, old := "", http.StatusOK, ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if old != "" && r.URL.Path == "/jsz" {
			w.Write([]byte(old))
			return
		}
		w.WriteHeader(code)
		w.Write([]byte(answer))
	}))
	defer s.Close()
	m := member(t)
	m.Ports[monitor] = strings.TrimPrefix(s.URL, "http://")
	tgt := newTarget(t, Options{})
	said := func(id, state, leader string) string {
		return `{"$SYS":{"_meta_":{"id":"` + id + `","state":"` + state + `","leader":"` + leader + `","term":4,"committed":20,"applied":19}}}`
	}
	n1, n2 := peerID("n1"), peerID("n2")
	require.Equal(t, "fjFyEjc1", n1)
	for _, c := range []struct{ state, leader, role, name string }{
		{"LEADER", n2, "leader", "n2"}, {"FOLLOWER", n1, "follower", "n1"}, {"FOLLOWER", "", "follower", ""},
		{"CANDIDATE", "", "candidate", ""}, {"OBSERVER", "strange!", "follower", ""},
	} {
		answer = said(n2, c.state, c.leader)
		got, err := tgt.Status(t.Context(), m)
		require.NoError(t, err)
		require.Equal(t, target.Status{Role: c.role, Leader: c.name, Term: 4, Commit: 20, Applied: 19}, got)
	}
	for want, text := range map[string]string{
		"it says that it is": said(n1, "LEADER", n1), "no group": "{}", "invalid character": "x",
		`"CLOSED"`: said(n2, "CLOSED", ""),
	} {
		answer = text
		_, err := tgt.Status(t.Context(), m)
		require.ErrorContains(t, err, "status of n2")
		require.ErrorContains(t, err, want)
	}
	code = http.StatusNotFound
	_, err := tgt.Status(t.Context(), m)
	require.ErrorContains(t, err, "no such page: /jsz")
	for text, want := range map[string]target.Status{
		`{"meta_cluster":{"leader":"n1"}}`: {Role: "follower", Leader: "n1"}, `{"meta_cluster":{}}`: {Role: "follower"},
		`{"meta_cluster":{"leader":"n2"}}`: {Role: "leader", Leader: "n2"},
	} {
		old = text
		got, err := tgt.Status(t.Context(), m)
		require.NoError(t, err)
		require.Equal(t, want, got, "of versions that tell of no Rafts")
	}
	old = "{}"
	_, err = tgt.Status(t.Context(), m)
	require.ErrorContains(t, err, "no group")
	m.Peers, code = nil, http.StatusOK
	got, err := tgt.Status(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, "leader", got.Role, "one that is alone leads")
}

// Of servers whose answers do not say in which term they voted nothing is read.
func TestVersionsOfWhichVotesCannotBeRead(t *testing.T) {
	for version, read := range map[string]bool{"2.10.0": false, "2.10.13": false, "v2.10.14": true, "2.11.0": true, "2.15.2-RC.1": true} {
		require.Equal(t, read, newTarget(t, Options{Version: version}).Protocol() != nil, version)
	}
}

func TestTheRest(t *testing.T) {
	tgt := newTarget(t, Options{})
	require.Equal(t, "nats", tgt.Name())
	require.False(t, tgt.Idempotent())
	require.False(t, tgt.OneAddress())
	require.NotNil(t, tgt.Protocol())
	require.Contains(t, tgt.Ops(), history.FCas)
	require.False(t, tgt.ReadLast())
	require.True(t, newTarget(t, Options{Version: "2.10.22"}).ReadLast(), "what confirms a read there is a write")
	require.False(t, newTarget(t, Options{Version: "2.10.22", DirectReads: true}).ReadLast())
	require.Equal(t, Election, tgt.Usual(3).Election)
	for members, replicas := range map[int]int{1: 1, 2: 1, 3: 3, 4: 3, 5: 5, 9: 5} {
		require.Equal(t, replicas, tgt.replicas(members))
	}
	require.Equal(t, 1, newTarget(t, Options{Replicas: 1}).replicas(3))
	require.Equal(t, 3, newTarget(t, Options{Replicas: 5}).replicas(3))
	for version, want := range map[string]string{"2.15.2": "v2.15.2", "v2.12.9-RC.1": "v2.12.9-RC.1", "v2.12": "", "v3.0.0": "", "v2.15.2/../x": "", "": ""} {
		got, err := canonical(version)
		require.Equal(t, want, got)
		require.Equal(t, want == "", err != nil)
	}
	_, _, err := net.SplitHostPort(nowhere)
	require.NoError(t, err)
}
