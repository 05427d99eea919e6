package harness

import (
	"context"
	"fmt"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/target"
)

// Every cluster has a loopback subnet of its own. In it, member i listens at
// host 10+i, privately; what it dials to reach another member is a listener of
// the fabric at host 100+i, on a port for each other member. A packet capture
// thus shows who talks to whom.
const (
	memberHost = 10
	fabricHost = 100
	peerPort   = 7701
	clientPort = 7702
	linkPort   = 9000
)

// layOut claims the addresses, starts the fabric with a listener for each
// ordered pair of members, and lays out the cluster; no node is started yet.
func (r *run) layOut(ctx context.Context) error {
	var err error
	if r.subnet, err = fabric.ClaimSubnet(ctx); err != nil {
		return err
	}
	r.fabric, err = fabric.New(fabric.Options{
		Protocol: r.cfg.Target.Protocol(),
		Observer: r.observer(),
		Seed:     r.cfg.Seed,
	})
	if err != nil {
		return err
	}
	members := make([]target.Member, r.cfg.Nodes)
	for i, name := range r.cfg.Names() {
		members[i] = target.Member{
			Name:       name,
			PeerAddr:   r.subnet.Addr(byte(memberHost+i+1), peerPort),
			ClientAddr: r.subnet.Addr(byte(memberHost+i+1), clientPort),
			Peers:      make(map[string]string),
			DataDir:    r.dir.Path(results.NodesDir, name, "data"),
		}
	}
	for i := range members {
		for j := range members {
			if i == j {
				continue
			}
			members[i].Peers[members[j].Name], err = r.fabric.Listen(members[i].Name, members[j].Name, fabric.ListenOptions{
				Addr:    r.subnet.Addr(byte(fabricHost+i+1), linkPort+j+1),
				Backend: members[j].PeerAddr,
				Decode:  r.cfg.Target.Protocol() != nil,
			})
			if err != nil {
				return fmt.Errorf("lay out the link %s > %s: %w", members[i].Name, members[j].Name, err)
			}
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
	return err
}
