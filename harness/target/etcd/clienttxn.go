package etcd

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/usurper/usurper/harness/history"
)

// txn carries out a transaction in one request.
func (c *client) txn(ctx context.Context, op *history.Op) error {
	req := &pb.TxnRequest{}
	if op.Key != "" {
		req.Compare = []*pb.Compare{allExist(op.Key)}
	}
	for i := range op.Txn {
		r, err := request(&op.Txn[i])
		if err != nil {
			op.Type = history.Fail
			return err
		}
		req.Success = append(req.Success, r)
	}
	resp, err := c.kv.Txn(ctx, req)
	if err != nil {
		return err
	}
	c.seen(resp.GetHeader())
	if !resp.Succeeded {
		if op.Key == "" || len(resp.Responses) > 0 {
			return errGarbled
		}
		op.Type = history.Fail
		return fmt.Errorf("there is no key that begins with %q", op.Key)
	}
	if len(resp.Responses) != len(op.Txn) {
		return errGarbled
	}
	read := make([]history.Micro, len(op.Txn)) // what was asked belongs to the caller
	copy(read, op.Txn)
	for i, r := range resp.Responses {
		if err := answered(&read[i], r); err != nil {
			return err
		}
	}
	op.Txn = read
	return nil
}

// allExist compares every key of a prefix, which takes the server as long as
// there are keys. No key at all fails the comparison.
func allExist(prefix string) *pb.Compare {
	return &pb.Compare{
		Key: []byte(prefix), RangeEnd: endOf(prefix), Target: pb.Compare_VERSION, Result: pb.Compare_GREATER,
		TargetUnion: &pb.Compare_Version{Version: 0},
	}
}

// endOf returns the first key after all that begin with the prefix.
func endOf(prefix string) []byte {
	end := []byte(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < math.MaxUint8 {
			end[i]++
			return end[:i+1]
		}
	}
	return []byte{0} // which stands for no end
}

func request(m *history.Micro) (*pb.RequestOp, error) {
	key := []byte(m.Key)
	switch m.F {
	case history.FGet:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: key}}}, nil
	case history.FPut:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: key, Value: []byte(m.Arg)}}}, nil
	case history.FDelete:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: &pb.DeleteRangeRequest{Key: key}}}, nil
	}
	return nil, fmt.Errorf("etcd client: %q is nothing that a transaction does", m.F)
}

// answered takes the answer to one deed of a transaction.
func answered(m *history.Micro, r *pb.ResponseOp) (err error) {
	ok := false
	switch m.F {
	case history.FGet:
		m.Got, _, err = only(r.GetResponseRange(), m.Key)
		m.Saw, ok = err == nil, true
	case history.FPut:
		ok = r.GetResponsePut() != nil
	case history.FDelete:
		ok = r.GetResponseDeleteRange() != nil
	}
	if !ok {
		return errGarbled
	}
	return err
}

// leaseOf returns the id of a lease by its name: a number above 0.
func leaseOf(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	return int64(h.Sum64()>>1) | 1
}

// grant grants a lease for a time that is rounded up to whole seconds.
func (c *client) grant(ctx context.Context, op *history.Op) error {
	ttl, err := time.ParseDuration(op.Arg)
	if err != nil || ttl <= 0 {
		op.Type = history.Fail
		return fmt.Errorf("etcd client: a lease of %q: must be a time", op.Arg)
	}
	resp, err := c.lease.LeaseGrant(ctx, &pb.LeaseGrantRequest{ID: leaseOf(op.Key), TTL: int64((ttl + time.Second - 1) / time.Second)})
	if err != nil {
		return err
	}
	c.seen(resp.GetHeader())
	return nil
}

func (c *client) attach(ctx context.Context, op *history.Op) error {
	resp, err := c.kv.Put(ctx, &pb.PutRequest{Key: []byte(op.Key), Value: []byte(op.Arg), Lease: leaseOf(op.Old)})
	if err != nil {
		return err
	}
	c.seen(resp.GetHeader())
	return nil
}

func (c *client) revoke(ctx context.Context, op *history.Op) error {
	resp, err := c.lease.LeaseRevoke(ctx, &pb.LeaseRevokeRequest{ID: leaseOf(op.Key)})
	if err != nil {
		return err
	}
	c.seen(resp.GetHeader())
	return nil
}

// compact makes all members forget all but the newest revisions, counted from
// the highest that the client has seen.
func (c *client) compact(ctx context.Context, op *history.Op) error {
	keep, err := strconv.ParseInt(op.Arg, 10, 64)
	newest := c.revision.Load()
	if err != nil || newest <= keep {
		op.Type = history.Fail
		return fmt.Errorf("etcd client: all but %q of %d revisions: there is nothing to forget", op.Arg, newest)
	}
	_, err = c.kv.Compact(ctx, &pb.CompactionRequest{Revision: newest - keep})
	return err
}

// seen notes how far the store had come when it answered.
func (c *client) seen(h *pb.ResponseHeader) { raise(&c.revision, h.GetRevision()) }

func raise(at *atomic.Int64, to int64) {
	for old := at.Load(); to > old && !at.CompareAndSwap(old, to); old = at.Load() {
	}
}
