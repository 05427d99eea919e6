package etcd

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/stats"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
)

// separator stands between the values of a list, which is one key's value.
const separator = "\n"

// client asks one member by etcd's own calls, and each time once. etcd's official client
// would ask again by itself after some errors, reads up to a hundred times, and costs more
// than that. Of gRPC's own retries only those remain of which it is certain that no server
// has seen the first attempt.
//
// A list is one value, its elements separated by line ends. An append reads the
// list and writes it again in a transaction that does nothing if the key was
// written in between: two requests, of which only the second changes anything.
type client struct {
	conn         *grpc.ClientConn
	kv           pb.KVClient
	lease        pb.LeaseClient
	serializable bool
	revision     atomic.Int64 // the highest that an answer told
}

func newClient(m target.Member, serializable bool) (*client, error) {
	conn, err := reach(m,
		grpc.WithStatsHandler(watchSending{}),
		// A member that is back must not wait for gRPC's backoff of minutes.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 250 * time.Millisecond},
			MinConnectTimeout: time.Second,
		}))
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, kv: pb.NewKVClient(conn), lease: pb.NewLeaseClient(conn), serializable: serializable}, nil
}

var _ workload.Client = (*client)(nil)

// Do carries out op. It gives no hint: members pass writes on to their leader.
func (c *client) Do(ctx context.Context, op history.Op) (done history.Op, hint string) {
	done = op
	done.Type = history.Invoke
	var sent atomic.Bool
	err := c.do(context.WithValue(ctx, sending{}, &sent), &done)
	if done.Type == history.Invoke {
		done.Type = outcome(op.F, sent.Load(), err)
	}
	if err != nil {
		done.Error = err.Error()
	}
	return done, ""
}

// Close closes the connection.
func (c *client) Close() error { return c.conn.Close() }

// do sends the request and sets in op what it showed. It sets op's type to Fail
// where that does not follow from the error.
func (c *client) do(ctx context.Context, op *history.Op) error {
	switch op.F {
	case history.FGet:
		value, _, err := c.get(ctx, op.Key, c.serializable)
		op.Got, op.Saw = value, err == nil
		return err
	case history.FRead:
		value, _, err := c.get(ctx, op.Key, c.serializable)
		op.List, op.Saw = split(value), err == nil
		return err
	case history.FPut:
		resp, err := c.kv.Put(ctx, &pb.PutRequest{Key: []byte(op.Key), Value: []byte(op.Arg)})
		c.seen(resp.GetHeader())
		return err
	case history.FDelete:
		_, err := c.kv.DeleteRange(ctx, &pb.DeleteRangeRequest{Key: []byte(op.Key)})
		return err
	case history.FCas:
		return c.cas(ctx, op)
	case history.FAppend, history.FAdd:
		return c.append(ctx, op)
	case history.FTxn:
		if ofLists(op.Txn) {
			return c.listTxn(ctx, op)
		}
		return c.txn(ctx, op)
	case history.FGrant:
		return c.grant(ctx, op)
	case history.FAttach:
		return c.attach(ctx, op)
	case history.FRevoke:
		return c.revoke(ctx, op)
	case history.FCompact:
		return c.compact(ctx, op)
	}
	op.Type = history.Fail
	return fmt.Errorf("etcd client: operation %q is not one of its own", op.F)
}

// get returns a key's value, "" if it has none, and its modification revision.
func (c *client) get(ctx context.Context, key string, serializable bool) (string, int64, error) {
	resp, err := c.kv.Range(ctx, &pb.RangeRequest{Key: []byte(key), Serializable: serializable})
	if err != nil {
		return "", 0, err
	}
	return only(resp, key)
}

// only returns the value and revision of the one key that was asked for.
func only(resp *pb.RangeResponse, key string) (string, int64, error) {
	kvs := resp.GetKvs()
	switch {
	case resp == nil || len(kvs) > 1 || len(kvs) == 1 && string(kvs[0].Key) != key:
		return "", 0, errGarbled
	case len(kvs) == 0:
		return "", 0, nil
	}
	return string(kvs[0].Value), kvs[0].ModRevision, nil
}

// cas swaps the value in one transaction, which otherwise reads it. A key that
// does not exist has no value to compare, but no revision either.
func (c *client) cas(ctx context.Context, op *history.Op) error {
	is := &pb.Compare{
		Key: []byte(op.Key), Target: pb.Compare_VALUE, Result: pb.Compare_EQUAL,
		TargetUnion: &pb.Compare_Value{Value: []byte(op.Old)},
	}
	if op.Old == "" {
		is = unchanged(op.Key, 0)
	}
	seen, err := c.putIf(ctx, op, is, op.Arg)
	if op.Type == history.Fail && err == nil {
		op.Got, op.Saw = seen, true
	}
	return err
}

// append writes the list with the value at its end, unless it has changed since
// it was read.
func (c *client) append(ctx context.Context, op *history.Op) error {
	value, revision, err := c.get(ctx, op.Key, false)
	if err != nil {
		op.Type = history.Fail // nothing but a read was sent
		return fmt.Errorf("read before append: %w", err)
	}
	if value != "" {
		value += separator
	}
	if sent, ok := ctx.Value(sending{}).(*atomic.Bool); ok {
		sent.Store(false) // the read does not count
	}
	seen, err := c.putIf(ctx, op, unchanged(op.Key, revision), value+op.Arg)
	if op.Type == history.Fail && err == nil {
		op.List, op.Saw = split(seen), true
	}
	return err
}

// putIf puts value at op's key if the comparison holds; otherwise it sets op to
// Fail and returns the value there.
func (c *client) putIf(ctx context.Context, op *history.Op, is *pb.Compare, value string) (seen string, err error) {
	key := []byte(op.Key)
	put := &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: key, Value: []byte(value)}}}
	get := &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: key}}}
	resp, err := c.kv.Txn(ctx, &pb.TxnRequest{Compare: []*pb.Compare{is}, Success: []*pb.RequestOp{put}, Failure: []*pb.RequestOp{get}})
	switch {
	case err != nil:
		return "", err
	case len(resp.Responses) != 1 || resp.Succeeded && resp.Responses[0].GetResponsePut() == nil:
		return "", errGarbled
	case resp.Succeeded:
		return "", nil
	}
	seen, _, err = only(resp.Responses[0].GetResponseRange(), op.Key)
	if err == nil {
		op.Type = history.Fail
	}
	return seen, err
}

// unchanged compares a key's last modification, which is 0 if there is no key.
func unchanged(key string, revision int64) *pb.Compare {
	return &pb.Compare{
		Key: []byte(key), Target: pb.Compare_MOD, Result: pb.Compare_EQUAL,
		TargetUnion: &pb.Compare_ModRevision{ModRevision: revision},
	}
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, separator)
}

// sending is the key of the context value, an *atomic.Bool, that tells whether a
// write has been handed to a connection.
type sending struct{}

// watchSending notes when a request begins to leave.
type watchSending struct{}

func (watchSending) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (watchSending) HandleRPC(ctx context.Context, s stats.RPCStats) {
	switch s.(type) {
	case *stats.OutHeader, *stats.OutPayload:
		if sent, ok := ctx.Value(sending{}).(*atomic.Bool); ok {
			sent.Store(true)
		}
	}
}

func (watchSending) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (watchSending) HandleConn(context.Context, stats.ConnStats) {}
