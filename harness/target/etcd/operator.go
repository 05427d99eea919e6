package etcd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/usurper/usurper/harness/target"
)

var _ target.Operator = (*Target)(nil)

// Operate implements target.Operator over a connection of its own.
func (t *Target) Operate(ctx context.Context, m target.Member, operation string, args ...string) (map[string]int64, error) {
	c, err := t.Attend(m)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Operate(ctx, operation, args...)
}

// Operate carries out an operation by etcd's own calls. What was done is known from
// the answer alone: none is asked twice.
func (c *console) Operate(ctx context.Context, operation string, args ...string) (map[string]int64, error) {
	switch operation {
	case "arm", "disarm":
		return failpoint(ctx, c.member.FailpointAddr, operation, args)
	case "defragment":
		return c.defragment(ctx)
	case "compact":
		return c.compact(ctx)
	case "snapshot-save":
		return c.snapshot(ctx)
	case "move-leader":
		if len(args) != 1 {
			return nil, fmt.Errorf("move-leader: %w: to one member, not %d", target.ErrRefused, len(args))
		}
		return c.moveLeader(ctx, c.target.peerURL(advertised(c.member, args[0])))
	}
	return nil, fmt.Errorf("etcd: %s: %w", operation, target.ErrUnsupported)
}

// reach returns a connection to one member, on which no request is sent twice. It
// connects when it is first used.
func reach(m target.Member, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient("passthrough:///"+m.ClientAddr, append(more,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())...)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", m.Name, err)
	}
	return conn, nil
}

// status asks the member before an operation.
func (c *console) status(ctx context.Context) (*pb.StatusResponse, error) {
	resp, err := pb.NewMaintenanceClient(c.conn).Status(ctx, &pb.StatusRequest{})
	return resp, asked(err)
}

// struck adds to evidence that an operation was begun and got no answer.
func struck(evidence map[string]int64, err error) (map[string]int64, error) {
	if !errors.Is(err, target.ErrStruck) {
		return nil, err
	}
	maps.Copy(evidence, map[string]int64{"begun": 1, "struck": 1})
	return evidence, err
}

// defragment tells the size of the database file before and after, unless the member
// is gone before it has told.
func (c *console) defragment(ctx context.Context) (map[string]int64, error) {
	asking, enough := context.WithCancel(ctx)
	defer enough()
	var asked sync.WaitGroup
	var before *pb.StatusResponse
	asked.Go(func() { // beside it: it is to begin at once
		before, _ = pb.NewMaintenanceClient(c.conn).Status(asking, &pb.StatusRequest{})
	})
	err := c.begin(ctx, func(ctx context.Context) error {
		_, err := pb.NewMaintenanceClient(c.conn).Defragment(ctx, &pb.DefragmentRequest{})
		return err
	})
	if err != nil {
		time.AfterFunc(answerWait, enough)
	}
	asked.Wait()
	evidence := map[string]int64{"defragmented": 1}
	if before != nil {
		evidence["db-bytes-before"] = before.DbSize
	}
	if err != nil {
		delete(evidence, "defragmented")
		return struck(evidence, err)
	}
	if after, err := c.status(ctx); err == nil {
		evidence["db-bytes-after"] = after.DbSize
	}
	return evidence, nil
}

// compact compacts up to the newest revision that the member knows, and waits
// until its database is rid of what came before.
func (c *console) compact(ctx context.Context) (map[string]int64, error) {
	status, err := c.status(ctx)
	if err != nil {
		return nil, err
	}
	revision := status.GetHeader().GetRevision()
	evidence := map[string]int64{"compacted-revision": revision}
	err = c.begin(ctx, func(ctx context.Context) error {
		_, err := pb.NewKVClient(c.conn).Compact(ctx, &pb.CompactionRequest{Revision: revision, Physical: true})
		return err
	})
	if err != nil {
		return struck(evidence, err)
	}
	return evidence, nil
}

// snapshot reads a whole snapshot and keeps nothing of it.
func (c *console) snapshot(ctx context.Context) (map[string]int64, error) {
	var bytes int64
	err := c.begin(ctx, func(ctx context.Context) error {
		stream, err := pb.NewMaintenanceClient(c.conn).Snapshot(ctx, &pb.SnapshotRequest{})
		if err != nil {
			return err
		}
		left := uint64(1)
		for {
			part, err := stream.Recv()
			switch {
			case errors.Is(err, io.EOF) && left == 0:
				return nil
			case errors.Is(err, io.EOF):
				return fmt.Errorf("the snapshot ended after %d bytes, %d before its end", bytes, left)
			case err != nil:
				return fmt.Errorf("after %d bytes of the snapshot: %w", bytes, err)
			}
			bytes += int64(len(part.GetBlob()))
			left = part.GetRemainingBytes()
		}
	})
	evidence := map[string]int64{"snapshot-bytes": bytes}
	if err != nil {
		return struck(evidence, err)
	}
	return evidence, nil
}

// moveLeader passes the lead on to the member at a peer URL. The answer comes once
// that one leads.
func (c *console) moveLeader(ctx context.Context, peerURL string) (map[string]int64, error) {
	members, err := list(ctx, c.conn)
	if err := asked(err); err != nil {
		return nil, err
	}
	to := at(members, peerURL)
	if to == nil {
		return nil, fmt.Errorf("move-leader: %w: no member is at %s", target.ErrRefused, peerURL)
	}
	evidence := map[string]int64{"leader-id": int64(to.ID)}
	err = c.begin(ctx, func(ctx context.Context) error {
		_, err := pb.NewMaintenanceClient(c.conn).MoveLeader(ctx, &pb.MoveLeaderRequest{TargetID: to.ID})
		return err
	})
	if err != nil {
		return struck(evidence, err)
	}
	evidence["moved"] = 1
	if status, err := c.status(ctx); err == nil && status.Leader != to.ID {
		return nil, fmt.Errorf("%s was to lead, but %x does", to.Name, status.Leader)
	}
	return evidence, nil
}
