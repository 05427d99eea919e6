package exec

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/target"
)

// Requests are made of one member after the other until one grants them, commands are
// run once, all in the order of the file.
func TestPrepare(t *testing.T) {
	tgt := parse(t, small+`prepare:
  - http: {method: PUT, path: "/buckets/{{.Name}}", body: "{{.Clients.n1}}"}
  - command: [sh, -c, "create {{.Name}}", '{{range $name, $addr := .Clients}}{{$name}} {{end}}', "{{if false}}no{{end}}"]
  - http: {method: POST, path: /users, status: [200, 409]}
`)
	s := serve(t, readHTTPRequest, says(503, "no leader"), says(201, ""), says(409, "it is there"))
	members := []target.Member{memberAt(t, s.Addr().String()), memberAt(t, s.Addr().String())}
	members[0].Name = "n1"
	var ran []target.Command
	err := tgt.Prepare(t.Context(), target.Setup{Members: members, Run: func(_ context.Context, c target.Command) error {
		ran = append(ran, c)
		return nil
	}})
	require.NoError(t, err)
	require.Equal(t, []string{"PUT /buckets/n1 " + s.Addr().String(), "PUT /buckets/n2 " + s.Addr().String(), "POST /users "}, s.received())
	require.Len(t, ran, 1)
	require.True(t, strings.HasSuffix(ran[0].Path, "/sh"))
	require.Equal(t, []string{"-c", "create n1", "n1 n2 "}, ran[0].Args)
}

// What cannot be done names its line and the last answer, once the time is up.
func TestPrepareFails(t *testing.T) {
	tgt := parse(t, small+"prepare:\n  http: {path: /buckets}\n")
	replies := make([]string, 1000)
	for i := range replies {
		replies[i] = says(500, "the disk is full")
	}
	s := serve(t, readHTTPRequest, replies...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var said []string
	err := tgt.Prepare(ctx, target.Setup{Members: []target.Member{memberAt(t, s.Addr().String())}, Say: func(what string) {
		if said = append(said, what); len(said) == 2 {
			cancel()
		}
	}})
	for _, what := range said {
		require.Equal(t, "system.yaml:20: n2 answered http status 500: the disk is full", what)
	}
	require.ErrorContains(t, err, "system.yaml:20: ")
	require.ErrorContains(t, err, "n2 answered http status 500: the disk is full")
	require.Greater(t, len(s.received()), 1)

	tgt = parse(t, small+"prepare: {command: [sh, -c, 'exit 3']}\n")
	err = tgt.Prepare(t.Context(), target.Setup{
		Members: []target.Member{memberAt(t, s.Addr().String())},
		Run:     func(context.Context, target.Command) error { return errors.New("sh: exit status 3") },
	})
	require.EqualError(t, err, "system.yaml:19: sh: exit status 3")
}

func TestPortsHaveNames(t *testing.T) {
	tgt := parse(t, strings.Replace(small, `"{{.Name}}"`, `"--gossip={{.Ports.gossip}}", "--metrics={{port .Ports.metrics}}"`, 1)+"ports: [gossip, metrics]\n")
	require.Equal(t, []string{"gossip", "metrics"}, tgt.Ports())
	m := memberAt(t, "127.1.2.12:7702")
	m.Ports = map[string]string{"gossip": "127.1.2.12:7710", "metrics": "127.1.2.12:7711"}
	cmd, err := tgt.Command(m)
	require.NoError(t, err)
	require.Equal(t, []string{"--gossip=127.1.2.12:7710", "--metrics=7711"}, cmd.Args[2:])
}

func TestPeerPorts(t *testing.T) {
	tgt := parse(t, strings.Replace(small, `"{{.Name}}"`, `"{{range $name, $addr := .PeersAt.gossip}}{{$name}}={{$addr}};{{end}}"`, 1)+"ports: [gossip, metrics]\npeer-ports: [gossip]\n")
	require.Equal(t, []string{"gossip"}, tgt.PeerPorts())
	m := target.Member{
		Name: "n2", PeerAddr: "127.1.2.12:7701", ClientAddr: "127.1.2.12:7702", DataDir: t.TempDir(),
		Peers: map[string]string{"n1": "127.1.2.102:9001", "n3": "127.1.2.102:9003"},
		Ports: map[string]string{"gossip": "127.1.2.12:7710", "metrics": "127.1.2.12:7711"},
	}
	m.PeersAt = map[string]map[string]string{"gossip": {"n1": "127.1.2.102:9101", "n3": "127.1.2.102:9103"}}
	command, err := tgt.Command(m)
	require.NoError(t, err)
	require.Contains(t, command.Args, "n1=127.1.2.102:9101;n3=127.1.2.102:9103;")

	for text, want := range map[string]string{
		"ports: [gossip]\npeer-ports: [metrics]\n":                `peer port "metrics": name it under ports too`,
		"ports: [gossip]\npeer-ports: [gossip]\naddresses: one\n": "peer-ports with one address for each member: use addresses per-pair",
	} {
		_, err := Parse(Options{Config: "system.yaml", Text: small + text})
		require.ErrorContains(t, err, want)
	}
}
