package etcd

import (
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/usurper/usurper/harness/target"
)

// Status asks m for its status, over a connection of its own.
func (t *Target) Status(ctx context.Context, m target.Member) (target.Status, error) {
	conn, err := reach(m)
	if err != nil {
		return target.Status{}, fmt.Errorf("status of %s: %w", m.Name, err)
	}
	defer conn.Close()
	resp, err := pb.NewMaintenanceClient(conn).Status(ctx, &pb.StatusRequest{})
	if err != nil {
		return target.Status{}, fmt.Errorf("status of %s: %w", m.Name, err)
	}
	s, err := t.status(m, resp)
	if err != nil {
		return target.Status{}, fmt.Errorf("status of %s: %w", m.Name, err)
	}
	return s, nil
}

// status says what an answer means. Commit is the index that the member knows
// to be committed; etcd does not tell a digest in a status. It is not Atomic: the
// term is that of the last applied entry, so that a new leader may name the one
// before its own.
func (t *Target) status(m target.Member, resp *pb.StatusResponse) (target.Status, error) {
	self := resp.GetHeader().GetMemberId()
	if self == 0 {
		return target.Status{}, fmt.Errorf("%s answered without a member id: it is not etcd", m.ClientAddr)
	}
	names := t.members(m)
	if name, ok := names[self]; ok && name != m.Name {
		return target.Status{}, fmt.Errorf("%s answered as %q: another process has taken its address", m.ClientAddr, name)
	}
	s := target.Status{
		Role: "follower", Term: resp.RaftTerm,
		Commit: resp.RaftIndex, Applied: resp.RaftAppliedIndex,
	}
	switch resp.Leader {
	case 0:
		s.Role = "candidate" // or it has just lost its leader and waits
	case self:
		s.Role, s.Leader = "leader", m.Name
	default:
		if s.Leader = names[resp.Leader]; s.Leader == "" {
			s.Leader = t.addedLater(resp.Leader)
		}
	}
	return s, nil
}

// members maps the ids of the first members to their names.
func (t *Target) members(m target.Member) map[uint64]string {
	names := map[uint64]string{memberIDOf(t.peerURL(advertised(m, m.Name)), t.o.Token): m.Name}
	for name, addr := range m.Advertised {
		names[memberIDOf(t.peerURL(addr), t.o.Token)] = name
	}
	return names
}

// memberIDOf returns the id that etcd gives a member that a new cluster begins
// with: the first 8 bytes of a hash of its peer URL and the cluster's token.
func memberIDOf(peerURL, token string) uint64 {
	sum := sha1.Sum([]byte(peerURL + token))
	return binary.BigEndian.Uint64(sum[:8])
}
