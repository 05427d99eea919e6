package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"

	"github.com/usurper/usurper/harness/target"
)

var _ target.Membership = (*Target)(nil)

// askWait is how long one member may take to answer before the next is asked.
const askWait = 3 * time.Second

// Remove implements target.Membership. etcd itself refuses a removal that would
// leave too few members that have been in touch for five seconds.
func (t *Target) Remove(ctx context.Context, m target.Member, others []target.Member) (map[string]int64, error) {
	var evidence map[string]int64
	err := askAny(ctx, others, func(ctx context.Context, conn *grpc.ClientConn) error {
		members, err := list(ctx, conn)
		if err != nil {
			return refusal(err) // nothing but a question was sent
		}
		member := at(members, t.peerURL(advertised(m, m.Name)))
		if member == nil {
			return fmt.Errorf("%w: %s is no member", target.ErrRefused, m.Name)
		}
		resp, err := pb.NewClusterClient(conn).MemberRemove(ctx, &pb.MemberRemoveRequest{ID: member.ID})
		if err != nil {
			return classified(err)
		}
		evidence = map[string]int64{"removed": 1, "removed-id": int64(member.ID), "members-left": int64(len(resp.Members))}
		return nil
	})
	return evidence, err
}

// Belongs implements target.Membership: a member that has told its name is still
// the one that was started first.
func (t *Target) Belongs(ctx context.Context, m target.Member, others []target.Member) (belongs bool, err error) {
	err = askAny(ctx, others, func(ctx context.Context, conn *grpc.ClientConn) error {
		members, err := list(ctx, conn)
		if err != nil {
			return refusal(err)
		}
		member := at(members, t.peerURL(advertised(m, m.Name)))
		belongs = member != nil && member.Name != ""
		return nil
	})
	return belongs, err
}

// Add implements target.Membership. One that was admitted and has not been started
// is not admitted again.
func (t *Target) Add(ctx context.Context, m target.Member, others []target.Member) (names []string, evidence map[string]int64, err error) {
	peerURL := t.peerURL(advertised(m, m.Name))
	err = askAny(ctx, others, func(ctx context.Context, conn *grpc.ClientConn) error {
		members, err := list(ctx, conn)
		if err != nil {
			return refusal(err)
		}
		added := at(members, peerURL)
		if added == nil {
			resp, err := pb.NewClusterClient(conn).MemberAdd(ctx, &pb.MemberAddRequest{PeerURLs: []string{peerURL}})
			if err != nil {
				return classified(err)
			}
			added, members = resp.Member, resp.Members
		}
		if added == nil {
			return fmt.Errorf("%s was added without an id", m.Name)
		}
		t.learn(added.ID, m.Name)
		names = t.namesOf(m, members)
		evidence = map[string]int64{"added-id": int64(added.ID), "members": int64(len(members))}
		return nil
	})
	return names, evidence, err
}

// askAny asks one member after the other until it is known what came of it: it was
// done, was refused, or a member that may have done it does not answer.
func askAny(ctx context.Context, members []target.Member, do func(context.Context, *grpc.ClientConn) error) error {
	var errs []error
	for _, m := range members {
		conn, err := reach(m)
		if err != nil {
			return err
		}
		wait, cancel := context.WithTimeoutCause(ctx, askWait, fmt.Errorf("no answer within %s", askWait))
		err = do(wait, conn)
		cancel()
		conn.Close()
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("%s answers: %w", m.Name, err))
		if !errors.Is(err, target.ErrRefused) {
			break
		}
	}
	return errors.Join(errs...)
}

// refusal marks an error after which certainly nothing was done.
func refusal(err error) error { return fmt.Errorf("%w: %w", target.ErrRefused, err) }

// classified tells refusals from errors that leave open what was done.
func classified(err error) error {
	for _, known := range []error{
		rpctypes.ErrGRPCUnhealthy, rpctypes.ErrGRPCMemberNotEnoughStarted, rpctypes.ErrGRPCMemberExist,
		rpctypes.ErrGRPCPeerURLExist, rpctypes.ErrGRPCMemberNotFound, rpctypes.ErrGRPCMemberBadURLs,
	} {
		if rpctypes.ErrorDesc(err) == rpctypes.ErrorDesc(known) {
			return refusal(err)
		}
	}
	return err
}

// list returns the members as a majority knows them.
func list(ctx context.Context, conn *grpc.ClientConn) ([]*pb.Member, error) {
	resp, err := pb.NewClusterClient(conn).MemberList(ctx, &pb.MemberListRequest{Linearizable: true})
	if err != nil {
		return nil, fmt.Errorf("list the members: %w", err)
	}
	return resp.Members, nil
}

// at returns the member at a peer URL, or nil.
func at(members []*pb.Member, peerURL string) *pb.Member {
	i := slices.IndexFunc(members, func(m *pb.Member) bool { return slices.Contains(m.PeerURLs, peerURL) })
	if i < 0 {
		return nil
	}
	return members[i]
}

// namesOf names the members by their addresses: a new one has not told its name.
func (t *Target) namesOf(m target.Member, members []*pb.Member) []string {
	var names []string
	for name, addr := range m.Advertised {
		if at(members, t.peerURL(addr)) != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// learn notes the name of a member that was added later: its id does not follow
// from its address.
func (t *Target) learn(id uint64, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.added == nil {
		t.added = make(map[uint64]string)
	}
	t.added[id] = name
}

func (t *Target) addedLater(id uint64) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.added[id]
}
