package etcd

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/usurper/usurper/harness/history"
)

// lists is what a server needs for transactions of lists. fails and overtake, if
// set, are called with each request, counted from 1, and its number.
type lists struct {
	mu       sync.Mutex
	values   map[string]string
	revision map[string]int64
	requests []*pb.TxnRequest
	fails    func(n int) error
	overtake func(n int, l *lists)
	garble   func(n int, r *pb.TxnResponse)
}

func (l *lists) put(key, value string) {
	l.values[key] = value
	l.revision[key] += 10
}

func (l *lists) txn(r *pb.TxnRequest) (*pb.TxnResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = append(l.requests, r)
	n := len(l.requests)
	if l.overtake != nil {
		l.overtake(n, l)
	}
	if l.fails != nil && l.fails(n) != nil {
		return nil, l.fails(n)
	}
	resp := &pb.TxnResponse{Succeeded: true}
	for _, is := range r.Compare {
		resp.Succeeded = resp.Succeeded && l.revision[string(is.Key)] == is.GetModRevision()
	}
	if !resp.Succeeded {
		return resp, nil
	}
	for _, op := range r.Success {
		if put := op.GetRequestPut(); put != nil {
			l.put(string(put.Key), string(put.Value))
			resp.Responses = append(resp.Responses, putDone())
			continue
		}
		key := string(op.GetRequestRange().Key)
		got := &pb.RangeResponse{}
		if l.revision[key] > 0 {
			got.Kvs = []*mvccpb.KeyValue{{Key: []byte(key), Value: []byte(l.values[key]), ModRevision: l.revision[key]}}
		}
		resp.Responses = append(resp.Responses, &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{ResponseRange: got}})
	}
	if l.garble != nil {
		l.garble(n, resp)
	}
	return resp, nil
}

func serveLists(t *testing.T, serializable bool) (*lists, *client) {
	s, addr := serve(t)
	l := &lists{values: map[string]string{}, revision: map[string]int64{}}
	s.txn = l.txn
	l.put("x", "1\n2")
	return l, dial(t, addr, serializable)
}

func ofKeys(texts ...string) history.Op {
	op := history.Op{F: history.FTxn}
	for _, text := range texts {
		words := strings.Fields(text)
		m := history.Micro{F: history.F(words[0]), Key: words[1]}
		if len(words) > 2 {
			m.Arg = words[2]
		}
		op.Txn = append(op.Txn, m)
	}
	return op
}

func TestListTxn(t *testing.T) {
	l, c := serveLists(t, true)
	asked := ofKeys("read x", "append x 3", "read y", "append y 4", "append x 5", "read x", "read z")
	done := perform(t, c, asked)
	require.Equal(t, history.OK, done.Type, "%+v", done)
	require.Nil(t, asked.Txn[0].List, "what was asked stays as it is")
	for i, want := range map[int][]string{0: {"1", "2"}, 2: nil, 5: {"1", "2", "3", "5"}, 6: nil} {
		require.True(t, done.Txn[i].Saw)
		require.Equal(t, want, done.Txn[i].List, "deed %d", i)
	}
	require.Equal(t, map[string]string{"x": "1\n2\n3\n5", "y": "4"}, l.values)
	require.Len(t, l.requests, 2)
	require.Len(t, l.requests[0].Success, 3, "each list once")
	for _, op := range l.requests[0].Success {
		require.False(t, op.GetRequestRange().Serializable)
	}
	require.Len(t, l.requests[1].Compare, 3, "also of a list that is only read")
	require.Len(t, l.requests[1].Success, 2)
}

func TestListTxnThatOnlyReads(t *testing.T) {
	for _, serializable := range []bool{false, true} {
		l, c := serveLists(t, serializable)
		done := perform(t, c, ofKeys("read x", "read y", "read x"))
		require.Equal(t, history.OK, done.Type, "%+v", done)
		require.Equal(t, []string{"1", "2"}, done.Txn[2].List)
		require.Len(t, l.requests, 1)
		for _, op := range l.requests[0].Success {
			require.Equal(t, serializable, op.GetRequestRange().Serializable)
		}
	}
}

// A list that changes between the two requests leaves all as it is, even if the
// transaction only reads it.
func TestListTxnIsOvertaken(t *testing.T) {
	l, c := serveLists(t, false)
	l.overtake = func(n int, l *lists) {
		if n == 2 {
			l.put("x", "1\n2\nother")
		}
	}
	done := perform(t, c, ofKeys("read x", "append y 1"))
	require.Equal(t, history.Fail, done.Type)
	require.True(t, done.Saw, "the member is to be asked again")
	require.NotContains(t, l.values, "y")
	require.Nil(t, done.Txn[0].List, "what did not happen read nothing")
}

func TestListTxnOutcomes(t *testing.T) {
	at := func(which int, err error) func(*lists) {
		return func(l *lists) {
			l.fails = func(n int) error {
				if n == which {
					return err
				}
				return nil
			}
		}
	}
	short := func(which int) func(*lists) {
		return func(l *lists) {
			l.garble = func(n int, r *pb.TxnResponse) {
				if n == which {
					r.Responses = r.Responses[1:]
				}
			}
		}
	}
	for _, row := range []struct {
		name     string
		op       history.Op
		trouble  func(*lists)
		want     history.OpType
		requests int
	}{
		{"a reader without an answer", ofKeys("read x"), at(1, rpctypes.ErrGRPCTimeout), history.Fail, 1},
		{"no answer to the read", ofKeys("append x 3"), at(1, rpctypes.ErrGRPCTimeout), history.Fail, 1},
		{"no answer to the write", ofKeys("append x 3"), at(2, rpctypes.ErrGRPCTimeout), history.Info, 2},
		{"the write is turned away", ofKeys("append x 3"), at(2, rpctypes.ErrGRPCRequestTooManyRequests), history.Fail, 2},
		{"a garbled read", ofKeys("append x 3"), short(1), history.Fail, 1},
		{"a garbled write", ofKeys("append x 3"), short(2), history.Info, 2},
		{"a deed of another kind", ofKeys("append x 3", "put y 1"), func(*lists) {}, history.Fail, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			l, c := serveLists(t, false)
			row.trouble(l)
			done := perform(t, c, row.op)
			require.Equal(t, row.want, done.Type, "%+v", done)
			require.NotEmpty(t, done.Error)
			require.False(t, done.Txn[0].Saw)
			require.Len(t, l.requests, row.requests, "each is sent once")
		})
	}
}

func TestListTxnRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listener.Close()
	done := perform(t, dialNobody(t, listener.Addr().String(), false), ofKeys("append x 1"))
	require.Equal(t, history.Fail, done.Type, "%+v", done)
}
