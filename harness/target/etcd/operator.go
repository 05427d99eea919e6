package etcd

import (
	"context"
	"errors"
	"fmt"
	"io"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/usurper/usurper/harness/target"
)

var _ target.Operator = (*Target)(nil)

// Operate implements target.Operator by etcd's own calls. What was done is known
// from the answer alone: none is asked twice.
func (t *Target) Operate(ctx context.Context, m target.Member, operation string, args ...string) (map[string]int64, error) {
	switch operation {
	case "arm", "disarm":
		return failpoint(ctx, m.FailpointAddr, operation, args)
	case "defragment", "compact", "snapshot-save", "move-leader":
	default:
		return nil, fmt.Errorf("etcd: %s: %w", operation, target.ErrUnsupported)
	}
	conn, err := reach(m)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	switch operation {
	case "defragment":
		return defragment(ctx, conn)
	case "compact":
		return compact(ctx, conn)
	case "snapshot-save":
		return snapshot(ctx, conn)
	}
	if len(args) != 1 {
		return nil, fmt.Errorf("move-leader: %w: to one member, not %d", target.ErrRefused, len(args))
	}
	return moveLeader(ctx, conn, t.peerURL(advertised(m, args[0])))
}

// reach returns a connection to one member, on which no request is sent twice. It
// connects when it is first used.
func reach(m target.Member) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient("passthrough:///"+m.ClientAddr,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", m.Name, err)
	}
	return conn, nil
}

// defragment tells the size of the database file before and after.
func defragment(ctx context.Context, conn *grpc.ClientConn) (map[string]int64, error) {
	c := pb.NewMaintenanceClient(conn)
	before, err := c.Status(ctx, &pb.StatusRequest{})
	if err != nil {
		return nil, err
	}
	if _, err := c.Defragment(ctx, &pb.DefragmentRequest{}); err != nil {
		return nil, err
	}
	after, err := c.Status(ctx, &pb.StatusRequest{})
	if err != nil {
		return nil, err
	}
	return map[string]int64{"db-bytes-before": before.DbSize, "db-bytes-after": after.DbSize}, nil
}

// compact compacts up to the newest revision that the member knows, and waits
// until its database is rid of what came before.
func compact(ctx context.Context, conn *grpc.ClientConn) (map[string]int64, error) {
	status, err := pb.NewMaintenanceClient(conn).Status(ctx, &pb.StatusRequest{})
	if err != nil {
		return nil, err
	}
	revision := status.GetHeader().GetRevision()
	_, err = pb.NewKVClient(conn).Compact(ctx, &pb.CompactionRequest{Revision: revision, Physical: true})
	if err != nil {
		return nil, err
	}
	return map[string]int64{"compacted-revision": revision}, nil
}

// snapshot reads a whole snapshot and keeps nothing of it.
func snapshot(ctx context.Context, conn *grpc.ClientConn) (map[string]int64, error) {
	stream, err := pb.NewMaintenanceClient(conn).Snapshot(ctx, &pb.SnapshotRequest{})
	if err != nil {
		return nil, err
	}
	var bytes int64
	left := uint64(1)
	for {
		part, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF) && left == 0:
			return map[string]int64{"snapshot-bytes": bytes}, nil
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("the snapshot ended after %d bytes, %d before its end", bytes, left)
		case err != nil:
			return nil, fmt.Errorf("after %d bytes of the snapshot: %w", bytes, err)
		}
		bytes += int64(len(part.GetBlob()))
		left = part.GetRemainingBytes()
	}
}

// moveLeader passes the lead on to the member at a peer URL. The answer comes once
// that one leads.
func moveLeader(ctx context.Context, conn *grpc.ClientConn, peerURL string) (map[string]int64, error) {
	members, err := list(ctx, conn)
	if err != nil {
		return nil, err
	}
	to := at(members, peerURL)
	if to == nil {
		return nil, fmt.Errorf("move-leader: %w: no member is at %s", target.ErrRefused, peerURL)
	}
	c := pb.NewMaintenanceClient(conn)
	if _, err := c.MoveLeader(ctx, &pb.MoveLeaderRequest{TargetID: to.ID}); err != nil {
		return nil, err
	}
	status, err := c.Status(ctx, &pb.StatusRequest{})
	if err != nil {
		return nil, err
	}
	if status.Leader != to.ID {
		return nil, fmt.Errorf("%s was to lead, but %x does", to.Name, status.Leader)
	}
	return map[string]int64{"moved": 1, "leader-id": int64(to.ID)}, nil
}
