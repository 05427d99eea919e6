package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/fabric/owner"
	"github.com/usurper/usurper/harness/fabric/subnet"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/nemesis"
)

// Every cluster has a loopback subnet of its own. In it, member i listens at
// host 10+i, privately. What it dials to reach another member is a listener of
// the fabric at host 100+i, on a port for each other member (and each port that has a
// name and is for peers); or, if members know
// each other by one address each, the listener at host 100+j that all who dial
// member j share, on the port at which member j itself listens. If clients are proxied, they dial member j at host 100+j too,
// on its client port. A packet capture thus shows who talks to whom.
const (
	memberHost = 10
	fabricHost = 100
	peerPort   = 7701
	clientPort = 7702
	linkPort   = 9000
	linkStride = 100 // from the ports of links to those of the next port for peers
	// namedPort is the first of those that a target has names for.
	namedPort = 7710
	// failpointPort is for binaries that were built with failpoints.
	failpointPort = 7703
)

// layOut claims the addresses, starts the fabric with its listeners, and lays
// out the cluster; no node is started yet.
func (r *run) layOut(ctx context.Context) error {
	var err error
	r.sweep()
	if err = errors.Join(r.openDisks(ctx), r.openMachine()); err != nil {
		return err
	}
	if r.subnet, err = subnet.Claim(ctx); err != nil {
		return err
	}
	if r.fabric, err = r.newFabric(); err != nil {
		return err
	}
	members := make([]target.Member, r.cfg.Nodes)
	advertised := make(map[string]string)
	for i, name := range r.cfg.Names() {
		members[i] = target.Member{
			Name:       name,
			PeerAddr:   r.subnet.Addr(byte(memberHost+i+1), peerPort),
			ClientAddr: r.subnet.Addr(byte(memberHost+i+1), clientPort),
			Peers:      make(map[string]string),
			DataDir:    r.dataDir(name),

			FailpointAddr: r.subnet.Addr(byte(memberHost+i+1), failpointPort),
		}
		if r.cfg.Target.OneAddress() {
			members[i].Advertised = advertised
		}
		members[i].Ports = make(map[string]string)
		for k, port := range target.Ports(r.cfg.Target) {
			members[i].Ports[port] = r.subnet.Addr(byte(memberHost+i+1), namedPort+k)
		}
		members[i].PeersAt = make(map[string]map[string]string)
		for _, port := range target.PeerPorts(r.cfg.Target) {
			members[i].PeersAt[port] = make(map[string]string)
		}
	}
	if err = r.openHost(); err != nil {
		return err
	}
	r.cluster, err = cluster.New(cluster.Options{
		Target:  r.cfg.Target,
		Host:    r.host,
		Members: members,
		Dir:     r.dir.Path(results.NodesDir),
		Record:  r.told,
		Vain:    r.cancel,
		Started: r.started,
		Emptied: r.settleDisk,
	})
	if err != nil {
		return err
	}
	// Listeners come last: from then on strangers may dial and be looked up. The
	// members' maps are filled before any of them starts.
	if r.cfg.ProxyClients {
		if err := r.listenClients(members); err != nil {
			return err
		}
	}
	switch {
	case r.cfg.Direct:
		introduce(members)
		return nil
	case r.cfg.Target.OneAddress():
		return r.listenShared(members)
	}
	return r.listenPairs(members)
}

// openHost makes what starts processes.
func (r *run) openHost() error {
	host, err := cluster.NewLocal()
	if err != nil {
		return err
	}
	if r.host = host; r.guard != nil {
		host.Guarded(r.guard)
	}
	return nil
}

// newFabric starts the fabric, without listeners.
func (r *run) newFabric() (*fabric.Fabric, error) {
	observer := r.observer() // which settles the protocol
	if err := r.openSchedule(); err != nil {
		return nil, err
	}
	options := fabric.Options{Protocol: r.protocol, Observer: observer, Seed: r.cfg.Seed}
	r.scheduling(&options)
	if err := r.keep(&options); err != nil {
		return nil, err
	}
	return fabric.New(options)
}

// told records what the cluster tells of its members. What they assert of themselves may
// fire a step.
func (r *run) told(e history.Event) {
	r.rec.Record(e)
	if e.Run != nil && e.Run.Assertion != nil {
		r.view.Asserted(e.Run.Node, e.Run.Assertion.Message, e.Run.Assertion.Fails())
	}
}

// introduce lets members dial each other where they listen.
func introduce(members []target.Member) {
	for i := range members {
		m := &members[i]
		if m.Advertised != nil {
			m.Advertised[m.Name] = m.PeerAddr // one map for all
		}
		for j := range members {
			if i != j {
				m.Peers[members[j].Name] = members[j].PeerAddr
				for port, peers := range m.PeersAt {
					peers[members[j].Name] = members[j].Ports[port]
				}
			}
		}
	}
}

// listenClients gives each member a listener for its clients. What the harness
// itself asks of members does not pass it.
func (r *run) listenClients(members []target.Member) error {
	r.doors = make(map[string]string)
	for j, m := range members {
		backend, err := target.ClientAddress(r.cfg.Target, m)
		if err == nil {
			r.doors[m.Name], err = r.fabric.Listen(nemesis.Clients, m.Name, fabric.ListenOptions{
				Addr:    r.subnet.Addr(byte(fabricHost+j+1), clientPort),
				Backend: backend,
			})
		}
		if err != nil {
			return fmt.Errorf("lay out the link %s > %s: %w", nemesis.Clients, m.Name, err)
		}
	}
	return nil
}

// listenPairs gives each ordered pair of members a listener, and one more for each
// further port of peers: it tells who dials.
func (r *run) listenPairs(members []target.Member) error {
	for i := range members {
		for j := range members {
			if i == j {
				continue
			}
			from, to := members[i], members[j]
			for k, d := range r.ways(from, to) {
				addr, err := r.fabric.Listen(from.Name, to.Name, fabric.ListenOptions{
					Addr:    r.subnet.Addr(byte(fabricHost+i+1), linkPort+k*linkStride+j+1),
					Backend: d.backend,
					Decode:  r.protocol != nil,
					Redial:  r.redial(),
				})
				if err != nil {
					return fmt.Errorf("lay out the link %s > %s: %w", from.Name, to.Name, err)
				}
				d.peers[to.Name] = addr
			}
		}
	}
	return nil
}

// way is one of the ports at which a member is dialled, and where those who dial it there
// look up its address.
type way struct {
	backend string
	peers   map[string]string
}

// ways lists them, the one for peers first.
func (r *run) ways(from, to target.Member) []way {
	ways := []way{{to.PeerAddr, from.Peers}}
	for _, port := range target.PeerPorts(r.cfg.Target) {
		ways = append(ways, way{to.Ports[port], from.PeersAt[port]})
	}
	return ways
}

// redial is how long a proxy between members repeats its own dial.
func (r *run) redial() time.Duration {
	if p, ok := r.protocol.(fabric.Redialer); ok {
		return p.Redial()
	}
	return 0
}

// sharedAddr is where all who dial a member do so: at the port at which it listens itself,
// for those that advertise no other.
func (r *run) sharedAddr(member int) string {
	return r.subnet.Addr(byte(fabricHost+member+1), peerPort)
}

// hello returns what finds the member that a dialler says it is, by its own address or by
// the one at which others reach it; nil if diallers say nothing of the kind.
func (r *run) hello(members []target.Member) func(first []byte) (dialler string, more bool, err error) {
	p, ok := r.protocol.(fabric.Introducer)
	if !ok || p.Hello() == nil {
		return nil
	}
	read, names := p.Hello(), make(map[string]string)
	for j, m := range members {
		names[m.PeerAddr] = m.Name
		names[r.sharedAddr(j)] = m.Name
	}
	return func(first []byte) (string, bool, error) {
		addr, more, err := read(first)
		if err != nil || more {
			return "", more, err
		}
		name, ok := names[addr]
		if !ok {
			return "", false, fmt.Errorf("it says hello from %.60q, where no member listens", addr)
		}
		return name, false, nil
	}
}

// listenShared gives each member one listener. Who dials is told by what it says first,
// where its protocol has a word for that, or by the owner of the dialling socket.
func (r *run) listenShared(members []target.Member) error {
	hello := r.hello(members)
	var err error
	r.owners, err = owner.New(r.cluster.Pids, r.cluster.Processes)
	switch {
	case err == nil:
		if note := r.owners.Note(); note != "" {
			r.note("", note)
		}
	case hello == nil || !errors.Is(err, errors.ErrUnsupported):
		return err
	default: // what they say must do
		r.owners = &owner.Finder{}
	}
	for j, m := range members {
		m.Advertised[m.Name], err = r.fabric.ListenShared(m.Name, fabric.SharedOptions{
			Addr:       r.sharedAddr(j),
			Backend:    m.PeerAddr,
			Decode:     r.protocol != nil,
			Redial:     r.redial(),
			Identify:   r.owners.Identify,
			Hello:      hello,
			Attributed: r.attributed,
		})
		if err != nil {
			return fmt.Errorf("lay out the links to %s: %w", m.Name, err)
		}
	}
	for _, m := range members {
		for name, addr := range m.Advertised {
			if name != m.Name {
				m.Peers[name] = addr
			}
		}
	}
	return nil
}

// maxPorts is how many ports a target has names for at most.
const maxPorts = 20

// checkPorts tells what is wrong with the names of ports.
func checkPorts(names []string, bad func(format string, args ...any)) {
	if len(names) > maxPorts {
		bad("%d ports: use %d at most", len(names), maxPorts)
	}
	for i, name := range names {
		if !target.PortName(name) {
			bad("a port called %q: use a word of letters, digits and _, such as metrics", name)
		}
		if slices.Contains(names[:i], name) {
			bad("two ports called %q: give each a name of its own", name)
		}
	}
}

// checkPeerPorts tells what is wrong with the ports at which members dial each other.
func (c *Config) checkPeerPorts(bad func(format string, args ...any)) {
	for _, name := range target.PeerPorts(c.Target) {
		if !slices.Contains(target.Ports(c.Target), name) {
			bad("members dial each other at a port %q that they do not have: name it among the ports", name)
		}
		if c.Target.OneAddress() {
			bad("a port %q for peers of a system whose members know each other by one address each: give each pair addresses of its own", name)
		}
	}
}
