package node_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node"
)

// valid returns a configuration with nothing wrong.
func valid() node.Config {
	c := node.Default()
	c.ID = "n1"
	c.Peers = map[string]string{"n1": "127.0.0.1:7701", "n2": "127.0.0.1:7711", "n3": "127.0.0.1:7721"}
	c.DataDir = "data"
	return c
}

func TestValidate(t *testing.T) {
	c := valid()
	require.NoError(t, c.Validate())

	tests := []struct {
		name  string
		spoil func(*node.Config)
		want  []string // what the error must say: the flag, what is wrong, what is right
	}{
		{"NoID", func(c *node.Config) { c.ID = "" }, []string{"--id", "such as n1"}},
		{"IDWithoutN", func(c *node.Config) { c.ID = "1" }, []string{"--id", `"1"`, "such as n1"}},
		{"IDZero", func(c *node.Config) { c.ID = "n0" }, []string{"--id", `"n0"`}},
		{"IDPadded", func(c *node.Config) { c.ID = "n01" }, []string{"--id", `"n01"`}},
		{"NoBind", func(c *node.Config) { c.Bind = "" }, []string{"--bind", "127.0.0.1", "GetPrivateIP"}},
		{"BindName", func(c *node.Config) { c.Bind = "nowhere" }, []string{"--bind", `"nowhere"`}},
		{"BindPort", func(c *node.Config) { c.Bind = "127.0.0.1:80" }, []string{"--bind", "without a port"}},
		{"BindBadTemplate", func(c *node.Config) { c.Bind = "{{ GetPublic" }, []string{"--bind", "GetPublic"}},
		{"BindTwo", func(c *node.Config) { c.Bind = `127.0.0.1 {{ "127.0.0.2" }}` }, []string{"--bind", "several"}},
		{"BindNone", func(c *node.Config) { c.Bind = `{{ "" }}` }, []string{"--bind", "no address"}},
		{"ClientBind", func(c *node.Config) { c.ClientBind = "nowhere" }, []string{"--client-bind"}},
		{"PeerPort", func(c *node.Config) { c.PeerPort = 70000 }, []string{"--peer-port", "70000", "65535"}},
		{"ClientPort", func(c *node.Config) { c.ClientPort = -1 }, []string{"--client-port", "-1"}},
		{"SamePort", func(c *node.Config) { c.ClientPort = c.PeerPort }, []string{"--client-port", "different"}},
		{"NoPeers", func(c *node.Config) { c.Peers = nil }, []string{"--peers", "n1=host:port"}},
		{"PeerName", func(c *node.Config) { c.Peers["x"] = "h:1" }, []string{"--peers", `"x"`}},
		{"PeerAddr", func(c *node.Config) { c.Peers["n2"] = "7711" }, []string{"--peers", "n2", "host:port"}},
		{"PeerZeroPort", func(c *node.Config) { c.Peers["n2"] = "h:0" }, []string{"--peers", "n2", "1 to 65535"}},
		{"PeersTwin", func(c *node.Config) { c.Peers["n2"] = c.Peers["n3"] }, []string{"--peers", "n2 and n3"}},
		{"NoDataDir", func(c *node.Config) { c.DataDir = "" }, []string{"--data-dir"}},
		{"Inc", func(c *node.Config) { c.Inc = 0 }, []string{"--inc", "from 1"}},
		{"Heartbeat", func(c *node.Config) { c.Heartbeat = 0 }, []string{"--heartbeat", "too short"}},
		{"SlowHeartbeat", func(c *node.Config) { c.Heartbeat = 80 * time.Millisecond }, []string{"--heartbeat", "75ms or less"}},
		{"Bug", func(c *node.Config) { c.Bug = "rust" }, []string{"--bug", "double-vote"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := valid()
			tt.spoil(&c)
			err := c.Validate()
			require.Error(t, err)
			for _, part := range tt.want {
				require.ErrorContains(t, err, part)
			}
			require.NotContains(t, err.Error(), "\n", "one mistake, one line")
		})
	}
}

func TestValidateReportsAll(t *testing.T) {
	err := (&node.Config{}).Validate()
	require.Error(t, err)
	for _, flag := range []string{"--id", "--bind", "--peers", "--data-dir", "--inc", "--heartbeat"} {
		require.Contains(t, err.Error(), flag)
	}
}

func TestBindTemplate(t *testing.T) {
	c := valid()
	c.Bind = `{{ GetAllInterfaces | include "flags" "loopback" | include "type" "ipv4" | limit 1 | attr "address" }}`
	require.NoError(t, c.Validate())
}

func TestParsePeers(t *testing.T) {
	got, err := node.ParsePeers("n1=a:1, n2=b:2")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"n1": "a:1", "n2": "b:2"}, got)
	for _, bad := range []string{"n1", "n1=a:1,", "n1=a:1,n1=b:2"} {
		_, err := node.ParsePeers(bad)
		require.Error(t, err, bad)
	}
}

func TestCommandRefusesBadFlags(t *testing.T) {
	for args, want := range map[string]string{
		"--id n1":                        "--peers: missing",
		"--id n1 --peers n2":             "name=host:port",
		"--id n1 --bug rust":             "unknown bug",
		"--id n1 --election soon":        "invalid argument",
		"--id n1 --peers n2=h:1 trailer": "unknown command",
	} {
		cmd := node.Command()
		cmd.SetArgs(strings.Fields(args))
		require.ErrorContains(t, cmd.ExecuteContext(t.Context()), want, args)
	}
}
