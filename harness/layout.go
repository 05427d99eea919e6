package harness

import (
	"context"
	"errors"
	"fmt"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/target"
)

// Every cluster has a loopback subnet of its own. In it, member i listens at
// host 10+i, privately. What it dials to reach another member is a listener of
// the fabric at host 100+i, on a port for each other member; or, if members know
// each other by one address each, the listener at host 100+j that all who dial
// member j share. A packet capture thus shows who talks to whom.
const (
	memberHost = 10
	fabricHost = 100
	peerPort   = 7701
	clientPort = 7702
	linkPort   = 9000
)

// layOut claims the addresses, starts the fabric with its listeners, and lays
// out the cluster; no node is started yet.
func (r *run) layOut(ctx context.Context) error {
	var err error
	if r.subnet, err = fabric.ClaimSubnet(ctx); err != nil {
		return err
	}
	observer := r.observer()
	if r.fabric, err = fabric.New(fabric.Options{Protocol: r.protocol, Observer: observer, Seed: r.cfg.Seed}); err != nil {
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
			DataDir:    r.dir.Path(results.NodesDir, name, "data"),
		}
		if r.cfg.Target.OneAddress() {
			members[i].Advertised = advertised
		}
	}
	if r.host, err = cluster.NewLocal(); err != nil {
		return err
	}
	r.cluster, err = cluster.New(cluster.Options{
		Target:  r.cfg.Target,
		Host:    r.host,
		Members: members,
		Dir:     r.dir.Path(results.NodesDir),
		Record:  r.rec.Record,
	})
	if err != nil {
		return err
	}
	// Listeners come last: from then on strangers may dial and be looked up. The
	// members' maps are filled before any of them starts.
	if r.cfg.Target.OneAddress() {
		return r.listenShared(members)
	}
	return r.listenPairs(members)
}

// listenPairs gives each ordered pair of members a listener: it tells who dials.
func (r *run) listenPairs(members []target.Member) error {
	for i := range members {
		for j := range members {
			if i == j {
				continue
			}
			addr, err := r.fabric.Listen(members[i].Name, members[j].Name, fabric.ListenOptions{
				Addr:    r.subnet.Addr(byte(fabricHost+i+1), linkPort+j+1),
				Backend: members[j].PeerAddr,
				Decode:  r.protocol != nil,
			})
			if err != nil {
				return fmt.Errorf("lay out the link %s > %s: %w", members[i].Name, members[j].Name, err)
			}
			members[i].Peers[members[j].Name] = addr
		}
	}
	return nil
}

// listenShared gives each member one listener. Who dials is told by the owner of
// the dialling socket.
func (r *run) listenShared(members []target.Member) error {
	var err error
	if r.owners, err = fabric.NewOwners(r.cluster.Pids); err != nil {
		return err
	}
	if note := r.owners.Note(); note != "" {
		r.note("", note)
	}
	for j, m := range members {
		m.Advertised[m.Name], err = r.fabric.ListenShared(m.Name, fabric.SharedOptions{
			Addr:       r.subnet.Addr(byte(fabricHost+j+1), linkPort),
			Backend:    m.PeerAddr,
			Decode:     r.protocol != nil,
			Identify:   r.owners.Identify,
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

// attributed records a connection between members that was closed because nobody
// could say who dialled it: what it would have carried is missing from the run.
func (r *run) attributed(a fabric.Attribution) {
	if !errors.Is(a.Err, fabric.ErrUnknownDialler) {
		return
	}
	r.rec.Record(history.Event{Run: &history.Run{
		What: history.RunUntap,
		Node: a.Accepter,
		Text: fmt.Sprintf("a connection to %s from %s was closed: %v", a.Accepter, a.Remote, a.Err),
	}})
}
