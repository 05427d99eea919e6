package etcd

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"

	"github.com/usurper/usurper/harness/target"
)

const (
	// pageKeys is how many keys a page has: of values of a MiB it stays below
	// maxAnswer. etcd itself bounds no answer.
	pageKeys  = 128
	maxAnswer = 256 << 20
)

var _ target.Auditable = (*Target)(nil)

// Position asks m for its revision and its applied index, which etcd reads one
// after the other.
func (*Target) Position(ctx context.Context, m target.Member) (target.Position, error) {
	conn, err := reach(m)
	if err != nil {
		return target.Position{}, fmt.Errorf("position of %s: %w", m.Name, err)
	}
	defer conn.Close()
	resp, err := pb.NewMaintenanceClient(conn).Status(ctx, &pb.StatusRequest{})
	if err != nil {
		return target.Position{}, fmt.Errorf("position of %s: %w", m.Name, err)
	}
	if resp.GetHeader().GetRevision() <= 0 || resp.RaftAppliedIndex == 0 {
		return target.Position{}, fmt.Errorf("position of %s: it tells no revision or no applied index", m.Name)
	}
	return target.Position{Revision: uint64(resp.Header.Revision), Applied: resp.RaftAppliedIndex}, nil
}

// Digest asks m for the hash of its keys, with their past, at a revision.
func (*Target) Digest(ctx context.Context, m target.Member, revision uint64) (target.Digest, error) {
	conn, err := reach(m)
	if err != nil {
		return target.Digest{}, fmt.Errorf("digest of %s: %w", m.Name, err)
	}
	defer conn.Close()
	resp, err := pb.NewMaintenanceClient(conn).HashKV(ctx, &pb.HashKVRequest{Revision: int64(revision)})
	if err != nil {
		return target.Digest{}, fmt.Errorf("digest of %s: %w", m.Name, err)
	}
	// One that has compacted nothing says -1 or 0, depending on its version and on
	// whether it was restarted.
	return target.Digest{Hash: uint64(resp.Hash), Compacted: uint64(max(resp.CompactRevision, 0))}, nil
}

// Page reads a page of m's keys from m itself, whatever the others know.
func (*Target) Page(ctx context.Context, m target.Member, revision uint64, after string) ([]target.Entry, error) {
	conn, err := reach(m)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", m.Name, err)
	}
	defer conn.Close()
	resp, err := pb.NewKVClient(conn).Range(ctx, &pb.RangeRequest{
		Key: []byte(after + "\x00"), RangeEnd: []byte{0}, // from there to the last
		Revision: int64(revision), Limit: pageKeys, Serializable: true,
	}, grpc.MaxCallRecvMsgSize(maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read %s after key %q at revision %d: %w", m.Name, after, revision, err)
	}
	entries := make([]target.Entry, len(resp.Kvs))
	for i, kv := range resp.Kvs {
		rest := fnv.New64a()
		binary.Write(rest, binary.LittleEndian, [...]int64{kv.CreateRevision, kv.Version, kv.Lease}) // never fails
		entries[i] = target.Entry{Key: string(kv.Key), Value: string(kv.Value), Revision: uint64(kv.ModRevision), Rest: rest.Sum64()}
		if entries[i].Key <= after {
			return nil, fmt.Errorf("read %s after key %q: %w", m.Name, after, errGarbled)
		}
		after = entries[i].Key
	}
	return entries, nil
}
