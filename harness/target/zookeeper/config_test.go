package zookeeper

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/target"
)

func options() Options {
	return Options{Jar: "/usr/share/java/zookeeper.jar", Java: "/usr/bin/java", Election: time.Second}
}

func member(dir string) target.Member {
	return target.Member{
		Name: "n2", DataDir: dir,
		PeerAddr: "127.1.2.12:7701", ClientAddr: "127.1.2.12:7702",
		Ports:   map[string]string{"election": "127.1.2.12:7710"},
		Peers:   map[string]string{"n1": "127.1.2.102:9001", "n3": "127.1.2.102:9003"},
		PeersAt: map[string]map[string]string{"election": {"n1": "127.1.2.102:9101", "n3": "127.1.2.102:9103"}},
	}
}

func TestConfig(t *testing.T) {
	tgt, err := New(options())
	require.NoError(t, err)
	dir := t.TempDir()
	command, err := tgt.Command(member(dir))
	require.NoError(t, err)
	require.Equal(t, "/usr/bin/java", command.Path)
	require.Equal(t, []string{"org.apache.zookeeper.server.quorum.QuorumPeerMain", filepath.Join(dir, "zoo.cfg")}, command.Args[len(command.Args)-2:])
	require.NotContains(t, strings.Join(command.Args, " "), "snapCount")

	id, err := os.ReadFile(filepath.Join(dir, "myid"))
	require.NoError(t, err)
	require.Equal(t, "2\n", string(id))
	config, err := os.ReadFile(filepath.Join(dir, "zoo.cfg"))
	require.NoError(t, err)
	require.Equal(t, `tickTime=200
initLimit=25
syncLimit=5
dataDir=`+dir+`
clientPortAddress=127.1.2.12
clientPort=7702
maxClientCnxns=0
maxSessionTimeout=4000
admin.enableServer=false
4lw.commands.whitelist=srvr
reconfigEnabled=false
server.1=127.1.2.102:9001:9101
server.2=127.1.2.12:7701:7710
server.3=127.1.2.102:9003:9103
`, string(config))
}

func TestConfigAlone(t *testing.T) {
	tgt, err := New(options())
	require.NoError(t, err)
	m := member(t.TempDir())
	m.Peers, m.PeersAt = nil, nil
	text, id, err := tgt.config(m)
	require.NoError(t, err)
	require.Equal(t, 1, id)
	require.NotContains(t, text, "server.")
}

func TestConfigThatCannotBe(t *testing.T) {
	tgt, err := New(options())
	require.NoError(t, err)
	m := member(t.TempDir())
	m.PeersAt["election"]["n3"] = "127.1.2.103:9103"
	_, err = tgt.Command(m)
	require.ErrorContains(t, err, "n2: the addresses of n3: 127.1.2.102:9003 and 127.1.2.103:9103 are on two hosts")
	delete(m.PeersAt["election"], "n3")
	_, err = tgt.Command(m)
	require.ErrorContains(t, err, "the addresses of n3")
	m.ClientAddr = "nowhere"
	_, err = tgt.Command(m)
	require.ErrorContains(t, err, "nowhere")
}

func TestOptionsThatCannotBe(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"no jar or no java":           func(o *Options) { o.Jar = "" },
		"at least 100ms":              func(o *Options) { o.Election = 50 * time.Millisecond },
		"whole multiples of 5ms":      func(o *Options) { o.Election = 501 * time.Millisecond },
		"sync reads and plain reads:": func(o *Options) { o.SyncReads, o.PlainReads = true, true },
	} {
		o := options()
		change(&o)
		_, err := New(o)
		require.ErrorContains(t, err, want)
	}
}

func TestVary(t *testing.T) {
	o := options()
	o.Vary, o.Seed, o.SnapshotCount = true, 7, 100
	tgt, err := New(o)
	require.NoError(t, err)
	words := make(map[string]bool)
	for _, name := range []string{"n1", "n2", "n3", "n4", "n5"} {
		words[tgt.Variation(name)] = true
		require.Equal(t, tgt.Variation(name), tgt.Variation(name))
	}
	require.Greater(t, len(words), 1)
	command, err := tgt.Command(member(t.TempDir()))
	require.NoError(t, err)
	require.Contains(t, strings.Join(command.Args, " "), "-Dzookeeper.snapCount=")
	forced := 0
	for _, name := range []string{"n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"} {
		if strings.Contains(tgt.Variation(name), "sends") {
			forced++
		}
	}
	require.Positive(t, forced)
	require.Less(t, forced, 9)
	o.Vary = false
	tgt, err = New(o)
	require.NoError(t, err)
	require.Empty(t, tgt.Variation("n1"))
}

func TestStatus(t *testing.T) {
	tgt, err := New(options())
	require.NoError(t, err)
	answer := func(zxid, mode string) string {
		return "Zookeeper version: 3.8.0\nLatency min/avg/max: 0/0.0/0\nReceived: 1\nOutstanding: 0\nZxid: " + zxid + "\nMode: " + mode + "\nNode count: 5\n"
	}
	s, err := tgt.status("n1", answer("0x300000007", "follower"))
	require.NoError(t, err)
	require.Equal(t, target.Status{Role: "follower"}, s, "nobody has said that it leads")
	s, err = tgt.status("n2", answer("0x400000000", "leader"))
	require.NoError(t, err)
	require.Equal(t, target.Status{Role: "leader", Leader: "n2", Term: 4}, s)
	s, err = tgt.status("n1", answer("0x300000007", "follower"))
	require.NoError(t, err)
	require.Equal(t, target.Status{Role: "follower", Leader: "n2"}, s)
	s, err = tgt.status("n2", answer("0x400000007", "follower"))
	require.NoError(t, err)
	require.Equal(t, target.Status{Role: "follower"}, s, "it does not follow itself")
	s, err = tgt.status("n1", answer("0x7", "standalone"))
	require.NoError(t, err)
	require.Equal(t, target.Status{Role: "leader", Leader: "n1"}, s)

	_, err = tgt.status("n1", "This ZooKeeper instance is not currently serving requests\n")
	require.ErrorContains(t, err, "it serves nobody")
	_, err = tgt.status("n1", "")
	require.ErrorContains(t, err, "it serves nobody")
	_, err = tgt.status("n1", answer("seven", "leader"))
	require.ErrorContains(t, err, "seven")
}
