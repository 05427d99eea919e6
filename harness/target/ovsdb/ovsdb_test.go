package ovsdb

import (
	"context"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/target"
)

func testTarget(t *testing.T) *Target {
	tgt, err := New(Options{Server: "/usr/sbin/ovsdb-server", Tool: "/usr/bin/ovsdb-tool", Version: "3.1.0"})
	require.NoError(t, err)
	return tgt
}

func testMember(dir string) target.Member {
	return target.Member{
		Name: "n2", PeerAddr: "127.0.0.12:7701", ClientAddr: "127.0.0.12:7702", DataDir: dir,
		Peers:      map[string]string{"n1": "127.0.0.101:9000", "n3": "127.0.0.103:9000"},
		Advertised: map[string]string{"n1": "127.0.0.101:9000", "n2": "127.0.0.102:9000", "n3": "127.0.0.103:9000"},
	}
}

func TestNew(t *testing.T) {
	for says, o := range map[string]Options{
		"find ovsdb-server and ovsdb-tool": {},
		"from 100ms to 10m0s":              {Server: "a", Tool: "b", Election: 50 * time.Millisecond},
		"whole milliseconds":               {Server: "a", Tool: "b", Election: time.Second + 1},
		`careless "often": use one of`:     {Server: "a", Tool: "b", Careless: "often"},
	} {
		_, err := New(o)
		require.ErrorContains(t, err, says)
	}
	require.Equal(t, 333*time.Millisecond, Heartbeat(DefaultElection))
}

func TestCommand(t *testing.T) {
	tgt, m := testTarget(t), testMember(t.TempDir())
	cmd, err := tgt.Command(m)
	require.NoError(t, err)
	require.Contains(t, cmd.Args, "--remote=ptcp:7702:127.0.0.12")
	path := filepath.Join(m.DataDir, databaseFile)
	require.Contains(t, cmd.Args, path)
	first, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(first, "more"...), 0o644))
	_, err = tgt.Command(m)
	require.NoError(t, err)
	again, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(first)+"more", string(again), "it has a file")

	m.Joins = []string{"n1", "n2"}
	_, err = tgt.Command(m)
	require.ErrorContains(t, err, "not replaced")
	m = testMember(t.TempDir())
	delete(m.Advertised, "n2")
	_, err = tgt.Command(m)
	require.ErrorContains(t, err, "lack its own")
}

func TestGenesis(t *testing.T) {
	b, err := genesis(testMember(""), 1000)
	require.NoError(t, err)
	lines := strings.Split(string(b), "\n")
	require.Len(t, lines, 5)
	for i := 0; i < 4; i += 2 {
		body := lines[i+1] + "\n"
		require.Equal(t, fmt.Sprintf("OVSDB CLUSTER %d %x", len(body), sha1.Sum([]byte(body))), lines[i])
	}
	var header struct {
		ServerID string            `json:"server_id"`
		Local    string            `json:"local_address"`
		Servers  map[string]string `json:"prev_servers"`
	}
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &header))
	require.Equal(t, serverID("n2"), header.ServerID)
	require.Equal(t, "tcp:127.0.0.12:7701", header.Local, "where it listens")
	require.Equal(t, "tcp:127.0.0.102:9000", header.Servers[header.ServerID], "where it is dialled")
	require.Len(t, header.Servers, 3)
	require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, header.ServerID)

	alone, err := genesis(target.Member{Name: "n1", PeerAddr: "127.0.0.11:7701"}, 1000)
	require.NoError(t, err)
	require.Contains(t, string(alone), `"tcp:127.0.0.11:7701"`)
}

func TestStatus(t *testing.T) {
	text := func(role, leader string) string {
		return fmt.Sprintf("%.4s\nName: usurper\nServer ID: %.4s (%s)\nAddress: tcp:127.0.0.12:7701\nStatus: cluster member\nRole: %s\nTerm: 7\nLeader: %s\nVote: self\n\nLog: [2, 15]\nEntries not yet committed: 1\nEntries not yet applied: 2\n",
			serverID("n2"), serverID("n2"), serverID("n2"), role, leader)
	}
	m := testMember("")
	for _, c := range []struct{ role, leader, names string }{
		{"leader", "self", "n2"}, {"follower", serverID("n3")[:4], "n3"}, {"candidate", "unknown", ""}, {"follower", "ffff", ""},
	} {
		s, err := parseStatus(m, text(c.role, c.leader))
		require.NoError(t, err)
		require.Equal(t, target.Status{Role: c.role, Term: 7, Leader: c.names, Commit: 13, Applied: 12, Atomic: true}, s)
	}
	_, err := parseStatus(m, "joining")
	require.ErrorContains(t, err, "tells no role")
	other := m
	other.Name = "n1"
	_, err = parseStatus(other, text("leader", "self"))
	require.ErrorContains(t, err, "another process")
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	_, err := Find(t.Context(), dir)
	require.ErrorContains(t, err, "no ovsdb-server in "+dir+": install Debian's package (apt-get install openvswitch-common), or name the folder that has them with --binary DIR")
	require.NotContains(t, err.Error(), "\n")

	script := func(name, text string) {
		path := filepath.Join(dir, "usr", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755))
	}
	script("sbin/ovsdb-server", "echo 'ovsdb-server (Open vSwitch) 9.8.7'")
	_, err = Find(t.Context(), dir)
	require.ErrorContains(t, err, "no ovsdb-tool")
	script("bin/ovsdb-tool", "")
	o, err := Find(t.Context(), dir)
	require.NoError(t, err)
	require.Equal(t, Options{Server: filepath.Join(dir, "usr/sbin/ovsdb-server"), Tool: filepath.Join(dir, "usr/bin/ovsdb-tool"), Version: "9.8.7"}, o)
	same, err := Find(t.Context(), o.Server)
	require.NoError(t, err, "of the program itself")
	require.Equal(t, o.Server, same.Server)
	script("sbin/ovsdb-server", "echo etcd")
	_, err = Find(t.Context(), dir)
	require.ErrorContains(t, err, "no ovsdb-server")
}

// run runs a program as an autopsy asks for it.
func run(ctx context.Context, c target.Command) error {
	out, err := exec.CommandContext(ctx, c.Path, c.Args...).CombinedOutput()
	if err != nil {
		return &target.Failed{Program: c.Path, End: err.Error(), Said: string(out)}
	}
	return nil
}

// The tool itself tells files of one vote a term from those of two leaders in one.
func TestAutopsy(t *testing.T) {
	o, err := Find(t.Context(), "")
	if err != nil {
		t.Skip(err)
	}
	tgt, err := New(o)
	require.NoError(t, err)
	s := target.Setup{Run: run}
	for _, name := range []string{"n1", "n2", "n3"} {
		m := testMember(t.TempDir())
		m.Name = name
		require.NoError(t, tgt.begin(m))
		s.Members = append(s.Members, m)
	}
	add := func(m target.Member, body map[string]any) {
		path := filepath.Join(m.DataDir, databaseFile)
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		r, err := record(clustered, body)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, append(b, r...), 0o644))
	}
	for _, m := range s.Members {
		add(m, map[string]any{"term": 2, "leader": serverID("n1")})
	}
	found, err := tgt.Autopsy(t.Context(), s)
	require.NoError(t, err)
	require.Empty(t, found)

	add(s.Members[1], map[string]any{"term": 2, "leader": serverID("n3")})
	found, err = tgt.Autopsy(t.Context(), s)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "ovsdb-tool check-cluster: n2: record 3 reports leader n3 for term 2 but record 2 previously reported the leader as n1 in that term", found[0].Text)

	require.NoError(t, os.Remove(filepath.Join(s.Members[0].DataDir, databaseFile)))
	_, err = tgt.Autopsy(t.Context(), s)
	require.ErrorContains(t, err, "the file of n1")
}
