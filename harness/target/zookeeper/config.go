package zookeeper

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/usurper/usurper/harness/target"
)

// heap bounds a member's memory; the collector and the compiler are those that cost
// least, since several members share a machine.
var heap = []string{
	"-Xmx128m", "-Xms32m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
	"-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError",
}

// Command writes what m is told to a file beside its data and returns the command that
// reads it.
func (t *Target) Command(m target.Member) (target.Command, error) {
	config, id, err := t.config(m)
	if err != nil {
		return target.Command{}, fmt.Errorf("%s: %w", m.Name, err)
	}
	path := filepath.Join(m.DataDir, "zoo.cfg")
	err = errors.Join(
		target.Provide(path, []byte(config)),
		target.Provide(filepath.Join(m.DataDir, "myid"), []byte(strconv.Itoa(id)+"\n")),
	)
	if err != nil {
		return target.Command{}, fmt.Errorf("configure %s: %w", m.Name, err)
	}
	args := append(slices.Clone(heap),
		"-cp", t.o.Jar+":"+debianLog,
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-Dorg.slf4j.simpleLogger.showDateTime=true",
		"-Djava.net.preferIPv4Stack=true",
		// Log files grow by 64 MB at a time otherwise; a member whose election was held
		// up asks again after a minute.
		"-Dzookeeper.preAllocSize=1024",
		"-Dzookeeper.fastleader.maxNotificationInterval="+strconv.FormatInt((2*t.o.Election).Milliseconds(), 10),
	)
	snapshots, whole := t.member(m.Name)
	if snapshots > 0 {
		args = append(args, "-Dzookeeper.snapCount="+strconv.FormatUint(snapshots, 10))
	}
	if whole {
		args = append(args, "-Dzookeeper.forceSnapshotSync=true")
	}
	return target.Command{Path: t.o.Java, Args: append(args, "org.apache.zookeeper.server.quorum.QuorumPeerMain", path)}, nil
}

// config returns what m is told, and the number by which others know it: its place
// among the names.
func (t *Target) config(m target.Member) (text string, id int, err error) {
	host, port, err := net.SplitHostPort(m.ClientAddr)
	if err != nil {
		return "", 0, err
	}
	tick := t.tick().Milliseconds()
	lines := []string{
		fmt.Sprintf("tickTime=%d", tick),
		fmt.Sprintf("initLimit=%d", initLimit),
		fmt.Sprintf("syncLimit=%d", syncLimit),
		"dataDir=" + strings.ReplaceAll(m.DataDir, `\`, `\\`),
		"clientPortAddress=" + host,
		"clientPort=" + port,
		"maxClientCnxns=0",
		fmt.Sprintf("maxSessionTimeout=%d", max(20*tick, sessionTimeout.Milliseconds())),
		"admin.enableServer=false",
		"4lw.commands.whitelist=srvr",
		"reconfigEnabled=false",
	}
	names := append(slices.Collect(maps.Keys(m.Peers)), m.Name)
	slices.Sort(names)
	if len(names) == 1 {
		return strings.Join(lines, "\n") + "\n", 1, nil // alone, it elects nobody
	}
	for i, name := range names {
		peer, election := m.Peers[name], m.PeersAt[electionPort][name]
		if name == m.Name {
			id, peer, election = i+1, m.PeerAddr, m.Ports[electionPort]
		}
		line, err := server(peer, election)
		if err != nil {
			return "", 0, fmt.Errorf("the addresses of %s: %w", name, err)
		}
		lines = append(lines, fmt.Sprintf("server.%d=%s", i+1, line))
	}
	return strings.Join(lines, "\n") + "\n", id, nil
}

// server is how a member is written in the file: one host, and two of its ports.
func server(peer, election string) (string, error) {
	host, peerPort, err := net.SplitHostPort(peer)
	if err != nil {
		return "", err
	}
	other, electionPort, err := net.SplitHostPort(election)
	if err != nil {
		return "", err
	}
	if host != other {
		return "", fmt.Errorf("%s and %s are on two hosts: ZooKeeper knows one", peer, election)
	}
	return host + ":" + peerPort + ":" + electionPort, nil
}

// member is how a member is run: as all are, or as it is drawn: how many transactions
// there are between snapshots, 0 for ZooKeeper's own default, and whether as a leader it sends
// its followers all that it has instead of what they lack.
func (t *Target) member(name string) (snapshots uint64, whole bool) {
	if !t.o.Vary {
		return t.o.SnapshotCount, false
	}
	r := target.Draws(t.o.Seed, name)
	counts := []uint64{200, 1000, 5000, 100_000}
	if n := t.o.SnapshotCount; n > 0 {
		counts = []uint64{max(2, n/4), max(2, n/2), n, 3 * n}
	}
	snapshots = counts[r.IntN(len(counts))]
	return snapshots, r.IntN(3) == 0
}

// Variation says what was drawn for a member.
func (t *Target) Variation(member string) string {
	if !t.o.Vary {
		return ""
	}
	snapshots, whole := t.member(member)
	text := fmt.Sprintf("a snapshot every %d transactions", snapshots)
	if whole {
		text += ", which as a leader it sends to all who follow it"
	}
	return text
}
