package node

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-sockaddr/template"

	"github.com/usurper/usurper/node/bug"
	"github.com/usurper/usurper/node/raft"
)

// Config is what one member is told. Default fills in what has a default,
// Validate says what is wrong with the rest.
type Config struct {
	// ID is this member's name: n and a number from 1, such as n3.
	ID string
	// Bind is the address to listen on for peers, and for clients too unless
	// ClientBind is set: an address, or a go-sockaddr template that yields one.
	Bind       string
	ClientBind string
	// PeerPort and ClientPort are the ports to listen on, 0 for any free one.
	PeerPort   int
	ClientPort int
	// Peers maps members' names to the host:port at which this member dials
	// them. Its names and ID are the voters. ID's own address is not dialled.
	Peers map[string]string
	// DataDir holds term, vote, log and snapshot. It is made if it is missing,
	// and locked.
	DataDir string
	// Trace is the file to append raft events to, "" for none. Inc counts the
	// processes of this member that wrote to it, from 1.
	Trace string
	Inc   uint64

	// Election is T: an election timer runs for a time drawn from [T, 2T).
	// Heartbeat is at most half of it.
	Election  time.Duration
	Heartbeat time.Duration
	// SnapshotEvery is the number of applied entries between snapshots, 0 for
	// none.
	SnapshotEvery uint64
	PreVote       bool
	// MaxBatch bounds the bytes of the entries in an append, a larger entry travels
	// alone; MaxInflight the appends on their way to a follower. 0 is raft's default.
	MaxBatch, MaxInflight int
	// Seed names the stream that election timers are drawn from, together with
	// ID and Inc.
	Seed uint64
	Bug  bug.Name
}

// Default returns a Config with the defaults of the flags.
func Default() Config {
	return Config{
		Bind:          "127.0.0.1",
		PeerPort:      7701,
		ClientPort:    7702,
		Inc:           1,
		Election:      150 * time.Millisecond,
		Heartbeat:     30 * time.Millisecond,
		SnapshotEvery: 10_000,
	}
}

// MinHeartbeat leaves room for two ticks between heartbeats.
const MinHeartbeat = 4 * time.Millisecond

// Validate returns all that is wrong with c, each with what would be right.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if _, err := parseID(c.ID); err != nil {
		bad("--id: %w", err)
	}
	if _, err := resolve(c.Bind); err != nil {
		bad("--bind: %w", err)
	}
	if _, err := resolve(c.clientBind()); c.ClientBind != "" && err != nil {
		bad("--client-bind: %w", err)
	}
	for _, p := range []struct {
		flag string
		port int
	}{{"--peer-port", c.PeerPort}, {"--client-port", c.ClientPort}} {
		if p.port < 0 || p.port > 65535 {
			bad("%s: %d is no port: use 1 to 65535, or 0 for any free one", p.flag, p.port)
		}
	}
	if c.PeerPort != 0 && c.PeerPort == c.ClientPort && c.clientBind() == c.Bind {
		bad("--client-port: %d is the peer port too: give them different ports", c.ClientPort)
	}
	errs = append(errs, c.validatePeers()...)
	if c.DataDir == "" {
		bad("--data-dir: missing: name a directory that belongs to this member alone")
	}
	if c.Inc == 0 {
		bad("--inc: 0: processes are counted from 1")
	}
	if c.Heartbeat < MinHeartbeat {
		bad("--heartbeat: %v is too short: use %v or more", c.Heartbeat, MinHeartbeat)
	}
	if c.Heartbeat > c.Election/2 {
		bad("--heartbeat: %v is more than half of --election %v: use %v or less, or a longer election timer",
			c.Heartbeat, c.Election, c.Election/2)
	}
	if c.MaxBatch < 0 || c.MaxInflight < 0 {
		bad("--max-batch %d, --max-inflight %d: use 0 for the default, or more", c.MaxBatch, c.MaxInflight)
	}
	if _, err := bug.Parse(string(c.Bug)); err != nil {
		bad("--bug: %w", err)
	}
	return errors.Join(errs...)
}

func (c *Config) validatePeers() []error {
	var errs []error
	if len(c.Peers) == 0 {
		return []error{errors.New("--peers: missing: list every member as n1=host:port,n2=host:port,…")}
	}
	byAddr := map[string]string{}
	for _, name := range sortedNames(c.Peers) {
		addr := c.Peers[name]
		if _, err := parseID(name); err != nil {
			errs = append(errs, fmt.Errorf("--peers: %w", err))
		}
		if err := checkHostPort(addr); err != nil {
			errs = append(errs, fmt.Errorf("--peers: %s: %w", name, err))
		}
		if other, taken := byAddr[addr]; taken {
			errs = append(errs, fmt.Errorf("--peers: %s and %s have the same address %s: give each its own", other, name, addr))
		}
		byAddr[addr] = name
	}
	return errs
}

// ParsePeers parses the value of --peers: n1=host:port,n2=host:port,…
func ParsePeers(s string) (map[string]string, error) {
	peers := map[string]string{}
	for part := range strings.SplitSeq(s, ",") {
		name, addr, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return nil, fmt.Errorf("%q is no member: write name=host:port, such as n2=127.0.0.1:7701", part)
		}
		if _, twice := peers[name]; twice {
			return nil, fmt.Errorf("%s is listed twice: leave one out", name)
		}
		peers[name] = addr
	}
	return peers, nil
}

func (c *Config) clientBind() string {
	if c.ClientBind != "" {
		return c.ClientBind
	}
	return c.Bind
}

// voters returns the numbers of all members, in order.
func (c *Config) voters() []raft.ID {
	self, _ := parseID(c.ID)
	ids := []raft.ID{self}
	for name := range c.Peers {
		if id, err := parseID(name); err == nil && id != self {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// peerAddrs returns the addresses of the other members.
func (c *Config) peerAddrs() map[raft.ID]string {
	addrs := make(map[raft.ID]string, len(c.Peers))
	for name, addr := range c.Peers {
		if id, err := parseID(name); err == nil && name != c.ID {
			addrs[id] = addr
		}
	}
	return addrs
}

// tick returns the length of a tick: a sixth of a heartbeat, which keeps the
// rounding of timers small, within bounds that keep the loop cheap.
func (c *Config) tick() time.Duration {
	return min(max(c.Heartbeat/6, 2*time.Millisecond), 10*time.Millisecond)
}

// ticks returns how many ticks last at least d.
func (c *Config) ticks(d time.Duration) int {
	return int((d + c.tick() - 1) / c.tick())
}

// parseID returns the number of the member called name.
func parseID(name string) (raft.ID, error) {
	digits, ok := strings.CutPrefix(name, "n")
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || n == 0 || digits != strconv.FormatUint(n, 10) {
		return 0, fmt.Errorf("%q is no member's name: use n and a number from 1, such as n1", name)
	}
	return raft.ID(n), nil
}

// nameOf is the reverse of parseID; nobody's name is "".
func nameOf(id raft.ID) string {
	if id == 0 {
		return ""
	}
	return "n" + strconv.FormatUint(uint64(id), 10)
}

// resolve returns the one address that s, an address or a go-sockaddr template,
// stands for.
func resolve(s string) (string, error) {
	if s == "" {
		return "", errors.New("missing: use an address such as 127.0.0.1, or a template such as {{ GetPrivateIP }}")
	}
	addr := s
	if strings.Contains(s, "{{") {
		out, err := template.Parse(s)
		if err != nil {
			return "", fmt.Errorf("template %q: %w: see go-sockaddr for its functions", s, err)
		}
		addr = strings.TrimSpace(out)
		if addr == "" {
			return "", fmt.Errorf("template %q yields no address on this machine: name one", s)
		}
	}
	if strings.ContainsAny(addr, " \t") {
		return "", fmt.Errorf("%q yields several addresses (%s): narrow it to one", s, addr)
	}
	if addr != "localhost" && net.ParseIP(addr) == nil {
		return "", fmt.Errorf("%q is no IP address: use one such as 127.0.0.1, without a port", addr)
	}
	return addr, nil
}

func checkHostPort(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is no address: write host:port, such as 127.0.0.1:7701", addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || host == "" {
		return fmt.Errorf("%q is no address: write host:port with a port from 1 to 65535", addr)
	}
	return nil
}

func sortedNames(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
