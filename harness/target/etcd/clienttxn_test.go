package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

func three() history.Op {
	return history.Op{F: history.FTxn, Txn: []history.Micro{
		{F: history.FPut, Key: "a", Arg: "1"}, {F: history.FGet, Key: "b"}, {F: history.FDelete, Key: "c"},
	}}
}

// perform carries out an operation as it is, unlike ask.
func perform(t *testing.T, c *client, op history.Op) history.Op {
	op.Type = history.Invoke
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done, _ := c.Do(ctx, op)
	return done
}

func answersOf(responses ...*pb.ResponseOp) *pb.TxnResponse {
	return &pb.TxnResponse{Header: &pb.ResponseHeader{Revision: 5000}, Succeeded: true, Responses: responses}
}

func putDone() *pb.ResponseOp {
	return &pb.ResponseOp{Response: &pb.ResponseOp_ResponsePut{ResponsePut: &pb.PutResponse{}}}
}

func deleted() *pb.ResponseOp {
	return &pb.ResponseOp{Response: &pb.ResponseOp_ResponseDeleteRange{ResponseDeleteRange: &pb.DeleteRangeResponse{}}}
}

func found(key, value string) *pb.ResponseOp {
	kvs := []*mvccpb.KeyValue{{Key: []byte(key), Value: []byte(value), ModRevision: 3}}
	return &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{ResponseRange: &pb.RangeResponse{Kvs: kvs}}}
}

func TestTxn(t *testing.T) {
	s, addr := serve(t)
	c := dial(t, addr, true)
	s.txn = func(r *pb.TxnRequest) (*pb.TxnResponse, error) {
		assert.Empty(t, r.Compare)
		assert.Len(t, r.Success, 3)
		assert.Equal(t, "a", string(r.Success[0].GetRequestPut().Key))
		assert.Equal(t, "1", string(r.Success[0].GetRequestPut().Value))
		assert.Equal(t, "b", string(r.Success[1].GetRequestRange().Key))
		assert.Equal(t, "c", string(r.Success[2].GetRequestDeleteRange().Key))
		return answersOf(putDone(), found("b", "7"), deleted()), nil
	}
	asked := three()
	done := perform(t, c, asked)
	require.Equal(t, history.OK, done.Type, "%+v", done)
	require.Equal(t, history.Micro{F: history.FGet, Key: "b", Got: "7", Saw: true}, done.Txn[1])
	require.Empty(t, asked.Txn[1].Got, "what was asked stays as it is")
	require.Equal(t, []string{"txn"}, s.requests())
}

func TestTxnOnACondition(t *testing.T) {
	s, addr := serve(t)
	c := dial(t, addr, false)
	op := three()
	op.Key = "bulk-"
	s.txn = func(r *pb.TxnRequest) (*pb.TxnResponse, error) {
		assert.Len(t, r.Compare, 1)
		assert.Equal(t, "bulk-", string(r.Compare[0].Key))
		assert.Equal(t, "bulk.", string(r.Compare[0].RangeEnd))
		return &pb.TxnResponse{}, nil
	}
	done := perform(t, c, op)
	require.Equal(t, history.Fail, done.Type)
	require.Contains(t, done.Error, `"bulk-"`)
	s.txn = func(*pb.TxnRequest) (*pb.TxnResponse, error) { return &pb.TxnResponse{}, nil }
	require.Equal(t, history.Info, perform(t, c, three()).Type, "without a condition it cannot fail")
}

func TestTxnGarbledAnswers(t *testing.T) {
	s, addr := serve(t)
	c := dial(t, addr, false)
	for name, responses := range map[string][]*pb.ResponseOp{
		"too few":      {putDone(), found("b", "7")},
		"out of order": {found("b", "7"), putDone(), deleted()},
		"another key":  {putDone(), found("x", "7"), deleted()},
		"empty":        {putDone(), {}, deleted()},
	} {
		s.txn = func(*pb.TxnRequest) (*pb.TxnResponse, error) { return answersOf(responses...), nil }
		done := perform(t, c, three())
		require.Equal(t, history.Info, done.Type, name)
		require.False(t, done.Txn[1].Saw, name)
	}
	bad := history.Op{F: history.FTxn, Txn: []history.Micro{{F: history.FCas, Key: "k"}}}
	before := len(s.requests())
	require.Equal(t, history.Fail, perform(t, c, bad).Type)
	require.Len(t, s.requests(), before, "nothing is sent")
}

func TestEndOf(t *testing.T) {
	require.Equal(t, "b", string(endOf("a")))
	require.Equal(t, "b", string(endOf("a\xff")))
	require.Equal(t, "\x00", string(endOf("\xff\xff")))
}

// maintenance answers what an audit asks.
func TestAuditOfAMember(t *testing.T) {
	s, addr := serve(t)
	tgt, err := New(Options{Binary: "etcd", Version: "3.6.1"})
	require.NoError(t, err)
	m := target.Member{Name: "n1", ClientAddr: addr}

	s.status = &pb.StatusResponse{Header: &pb.ResponseHeader{Revision: 9}, RaftAppliedIndex: 12}
	p, err := tgt.Position(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, target.Position{Revision: 9, Applied: 12}, p)
	s.status = &pb.StatusResponse{}
	_, err = tgt.Position(t.Context(), m)
	require.ErrorContains(t, err, "no revision")

	s.hash = func(r *pb.HashKVRequest) (*pb.HashKVResponse, error) {
		assert.EqualValues(t, 8, r.Revision)
		return &pb.HashKVResponse{Hash: 77, CompactRevision: -1}, nil
	}
	d, err := tgt.Digest(t.Context(), m, 8)
	require.NoError(t, err)
	require.Equal(t, target.Digest{Hash: 77}, d, "it has compacted nothing")
	s.hash = func(*pb.HashKVRequest) (*pb.HashKVResponse, error) { return nil, rpctypes.ErrGRPCFutureRev }
	_, err = tgt.Digest(t.Context(), m, 8)
	require.ErrorContains(t, err, "digest of n1")
}

func TestPageOfAMember(t *testing.T) {
	s, addr := serve(t)
	tgt, err := New(Options{Binary: "etcd", Version: "3.6.1"})
	require.NoError(t, err)
	m := target.Member{Name: "n1", ClientAddr: addr}
	s.set("k\x00", "old") // what the server returns for the first key after k
	page, err := tgt.Page(t.Context(), m, 8, "k")
	require.NoError(t, err)
	require.Len(t, page, 1)
	require.Equal(t, "k\x00", page[0].Key)
	r := s.ranges[0]
	require.True(t, r.Serializable, "the member itself is asked")
	require.EqualValues(t, 8, r.Revision)

	s.fails = func(string) error { return errors.New("not now") }
	_, err = tgt.Page(t.Context(), m, 8, "k")
	require.ErrorContains(t, err, fmt.Sprintf("after key %q at revision 8", "k"))
}

func TestLeasesAndCompaction(t *testing.T) {
	s, addr := serve(t)
	c := dial(t, addr, false)
	require.Equal(t, history.Fail, perform(t, c, history.Op{F: history.FCompact, Arg: "10"}).Type, "it has seen no revision")
	s.txn = func(*pb.TxnRequest) (*pb.TxnResponse, error) {
		return answersOf(putDone(), found("b", ""), deleted()), nil
	}
	require.Equal(t, history.OK, perform(t, c, three()).Type)
	require.Equal(t, history.OK, perform(t, c, history.Op{F: history.FCompact, Arg: "1000"}).Type)
	require.Equal(t, history.OK, perform(t, c, history.Op{F: history.FGrant, Key: "l", Arg: "1500ms"}).Type)
	require.Equal(t, history.Fail, perform(t, c, history.Op{F: history.FGrant, Key: "l", Arg: "soon"}).Type)
	require.Equal(t, history.OK, perform(t, c, history.Op{F: history.FAttach, Key: "k", Arg: "v", Old: "l"}).Type)
	require.Equal(t, history.OK, perform(t, c, history.Op{F: history.FRevoke, Key: "l"}).Type)
	require.Equal(t, "txn compact 4000 grant 2 put revoke", strings.Join(s.requests(), " "))
}

func (s *server) Compact(_ context.Context, r *pb.CompactionRequest) (*pb.CompactionResponse, error) {
	return &pb.CompactionResponse{}, s.ask(fmt.Sprintf("compact %d", r.Revision))
}

func (s *server) LeaseGrant(_ context.Context, r *pb.LeaseGrantRequest) (*pb.LeaseGrantResponse, error) {
	return &pb.LeaseGrantResponse{ID: r.ID, TTL: r.TTL}, s.ask(fmt.Sprintf("grant %d", r.TTL))
}

func (s *server) LeaseRevoke(context.Context, *pb.LeaseRevokeRequest) (*pb.LeaseRevokeResponse, error) {
	return &pb.LeaseRevokeResponse{}, s.ask("revoke")
}

func (s *server) HashKV(_ context.Context, r *pb.HashKVRequest) (*pb.HashKVResponse, error) {
	return s.hash(r)
}
