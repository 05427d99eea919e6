package etcd

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// server is a key-value server that keeps one revision of each key. fails, if
// set, answers instead.
type server struct {
	pb.UnimplementedKVServer
	pb.UnimplementedMaintenanceServer
	pb.UnimplementedLeaseServer
	status *pb.StatusResponse
	txn    func(*pb.TxnRequest) (*pb.TxnResponse, error) // answers instead, if set
	hash   func(*pb.HashKVRequest) (*pb.HashKVResponse, error)

	mu       sync.Mutex
	keys     map[string]*mvccpb.KeyValue
	revision int64
	asked    []string
	ranges   []*pb.RangeRequest
	fails    func(method string) error
	before   func(method string) // called without the lock
}

func serve(t *testing.T) (*server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{keys: map[string]*mvccpb.KeyValue{}, revision: 1}
	g := grpc.NewServer()
	pb.RegisterKVServer(g, s)
	pb.RegisterMaintenanceServer(g, s)
	pb.RegisterLeaseServer(g, s)
	var gone sync.WaitGroup
	gone.Go(func() { g.Serve(l) })
	t.Cleanup(func() {
		g.Stop()
		gone.Wait()
	})
	return s, l.Addr().String()
}

func (s *server) ask(method string) error {
	if s.before != nil {
		s.before(method)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, method)
	if s.fails != nil {
		return s.fails(method)
	}
	return nil
}

func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

func (s *server) set(key, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setLocked(key, value)
}

func (s *server) setLocked(key, value string) {
	s.revision++
	s.keys[key] = &mvccpb.KeyValue{Key: []byte(key), Value: []byte(value), ModRevision: s.revision}
}

func (s *server) rangeLocked(key []byte) *pb.RangeResponse {
	r := &pb.RangeResponse{}
	if kv, ok := s.keys[string(key)]; ok {
		r.Kvs = append(r.Kvs, kv)
	}
	return r
}

func (s *server) Range(_ context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	if err := s.ask("range"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ranges = append(s.ranges, r)
	return s.rangeLocked(r.Key), nil
}

func (s *server) Put(_ context.Context, r *pb.PutRequest) (*pb.PutResponse, error) {
	if err := s.ask("put"); err != nil {
		return nil, err
	}
	s.set(string(r.Key), string(r.Value))
	return &pb.PutResponse{}, nil
}

func (s *server) DeleteRange(_ context.Context, r *pb.DeleteRangeRequest) (*pb.DeleteRangeResponse, error) {
	if err := s.ask("delete"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, string(r.Key))
	return &pb.DeleteRangeResponse{}, nil
}

func (s *server) Txn(_ context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	if err := s.ask("txn"); err != nil {
		return nil, err
	}
	if s.txn != nil {
		return s.txn(r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	is := r.Compare[0]
	kv, ok := s.keys[string(is.Key)]
	var holds bool
	switch is.Target {
	case pb.Compare_VALUE:
		holds = ok && string(kv.Value) == string(is.GetValue())
	case pb.Compare_MOD:
		holds = ok && is.GetModRevision() == kv.ModRevision || !ok && is.GetModRevision() == 0
	}
	if holds {
		put := r.Success[0].GetRequestPut()
		s.setLocked(string(put.Key), string(put.Value))
		return &pb.TxnResponse{Succeeded: true, Responses: []*pb.ResponseOp{{Response: &pb.ResponseOp_ResponsePut{ResponsePut: &pb.PutResponse{}}}}}, nil
	}
	got := s.rangeLocked(r.Failure[0].GetRequestRange().Key)
	return &pb.TxnResponse{Responses: []*pb.ResponseOp{{Response: &pb.ResponseOp_ResponseRange{ResponseRange: got}}}}, nil
}

func (s *server) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	if s.status == nil {
		return nil, errors.New("not now")
	}
	return s.status, nil
}

// patience is for what ends by itself.
const patience = time.Minute

func ask(t *testing.T, c *client, op history.Op) history.Op {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	op.Type, op.Key = history.Invoke, "k"
	done, hint := c.Do(ctx, op)
	require.Empty(t, hint)
	return done
}

// dial returns a client that is connected: a request that finds no connection fails at
// once, which on a busy machine the first would.
func dial(t *testing.T, addr string, serializable bool) *client {
	t.Helper()
	c := dialNobody(t, addr, serializable)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn := c.conn
	for state := conn.GetState(); state != connectivity.Ready; state = conn.GetState() {
		conn.Connect()
		require.True(t, conn.WaitForStateChange(ctx, state), "it is %s still", state)
	}
	return c
}

// dialNobody returns a client of where no member is.
func dialNobody(t *testing.T, addr string, serializable bool) *client {
	t.Helper()
	c, err := newClient(target.Member{Name: "n1", ClientAddr: addr}, serializable)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestClientOperations(t *testing.T) {
	s, addr := serve(t)
	c := dial(t, addr, false)
	for _, step := range []struct {
		op   history.Op
		want history.OpType
		got  string
		list []string
		saw  bool
	}{
		{history.Op{F: history.FGet}, history.OK, "", nil, true},
		{history.Op{F: history.FCas, Old: "x", Arg: "y"}, history.Fail, "", nil, true},
		{history.Op{F: history.FCas, Old: "", Arg: "a"}, history.OK, "", nil, false},
		{history.Op{F: history.FCas, Old: "", Arg: "b"}, history.Fail, "a", nil, true},
		{history.Op{F: history.FCas, Old: "a", Arg: "b"}, history.OK, "", nil, false},
		{history.Op{F: history.FGet}, history.OK, "b", nil, true},
		{history.Op{F: history.FPut, Arg: "c"}, history.OK, "", nil, false},
		{history.Op{F: history.FCas, Old: "b", Arg: "d"}, history.Fail, "c", nil, true},
		{history.Op{F: history.FDelete}, history.OK, "", nil, false},
		{history.Op{F: history.FRead}, history.OK, "", nil, true},
		{history.Op{F: history.FAppend, Arg: "1"}, history.OK, "", nil, false},
		{history.Op{F: history.FAdd, Arg: "2"}, history.OK, "", nil, false},
		{history.Op{F: history.FRead}, history.OK, "", []string{"1", "2"}, true},
		{history.Op{F: "juggle"}, history.Fail, "", nil, false},
	} {
		done := ask(t, c, step.op)
		require.Equal(t, step.want, done.Type, "%+v", done)
		require.Equal(t, step.got, done.Got, "%+v", done)
		require.Equal(t, step.list, done.List, "%+v", done)
		require.Equal(t, step.saw, done.Saw, "%+v", done)
	}
	for _, r := range s.ranges {
		require.False(t, r.Serializable)
	}
}

func TestSerializableReads(t *testing.T) {
	s, addr := serve(t)
	c := dial(t, addr, true)
	ask(t, c, history.Op{F: history.FGet})
	ask(t, c, history.Op{F: history.FRead})
	ask(t, c, history.Op{F: history.FAppend, Arg: "1"})
	require.Len(t, s.ranges, 3)
	require.True(t, s.ranges[0].Serializable)
	require.True(t, s.ranges[1].Serializable)
	require.False(t, s.ranges[2].Serializable, "what an append reads is not a read of the history")
}

// A list that is written between the two halves of an append stays as it is.
func TestAppendLosesTheRace(t *testing.T) {
	s, addr := serve(t)
	c := dial(t, addr, false)
	s.set("k", "1")
	s.before = func(method string) {
		if method == "txn" {
			s.set("k", "1\nother")
		}
	}
	done := ask(t, c, history.Op{F: history.FAppend, Arg: "2"})
	require.Equal(t, history.Fail, done.Type)
	require.Equal(t, []string{"1", "other"}, done.List)
	require.True(t, done.Saw)
}

// The official client repeats reads, and some writes, after errors like these.
func TestEachRequestIsSentExactlyOnce(t *testing.T) {
	s, addr := serve(t)
	c := dial(t, addr, false)
	for _, err := range []error{
		status.Error(codes.Unavailable, "there is no address available"),
		status.Error(codes.Unavailable, "there is no connection available"),
		rpctypes.ErrGRPCLeaderChanged, rpctypes.ErrGRPCTimeout, rpctypes.ErrGRPCStopped,
		status.Error(codes.Unknown, "what?"),
	} {
		s.fails = func(string) error { return err }
		for f, want := range map[history.F]history.OpType{
			history.FGet: history.Fail, history.FRead: history.Fail, history.FPut: history.Info,
			history.FCas: history.Info, history.FDelete: history.Info, history.FAppend: history.Fail,
		} {
			before := len(s.requests())
			done := ask(t, c, history.Op{F: f, Arg: "a", Old: "b"})
			require.Equal(t, want, done.Type, "%s: %v", f, err)
			require.NotEmpty(t, done.Error)
			require.Len(t, s.requests(), before+1, "%s: %v", f, err)
		}
	}
	s.fails = func(method string) error {
		if method == "txn" {
			return rpctypes.ErrGRPCTimeout
		}
		return nil
	}
	require.Equal(t, history.Info, ask(t, c, history.Op{F: history.FAppend, Arg: "a"}).Type)
}

func TestRefusedIsADefiniteFailure(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.Close()
	c := dialNobody(t, l.Addr().String(), false)
	for _, f := range []history.F{history.FPut, history.FCas, history.FAppend, history.FGet} {
		done := ask(t, c, history.Op{F: f, Arg: "a"})
		require.Equal(t, history.Fail, done.Type, "%+v", done)
		require.Contains(t, done.Error, "refused")
	}
}

// A member that takes a request and vanishes leaves its fate unknown; so does
// one that never answers.
func TestUnanswered(t *testing.T) {
	s, addr := serve(t)
	come, hold := make(chan struct{}, 99), make(chan struct{})
	defer close(hold)
	s.before = func(string) { come <- struct{}{}; <-hold }
	c := dial(t, addr, false)
	for f, want := range map[history.F]history.OpType{history.FPut: history.Info, history.FGet: history.Fail, history.FAppend: history.Fail} {
		for wait := 100 * time.Millisecond; ; wait *= 2 { // until it is enough to ask
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			done, _ := c.Do(ctx, history.Op{Type: history.Invoke, F: f, Key: "k", Arg: "v"})
			cancel()
			if len(come) > 0 {
				<-come
				require.Equal(t, want, done.Type, "%+v", done)
				break
			}
			require.Less(t, wait, patience)
		}
	}
}

// What speaks no HTTP/2 never gets a request.
func TestGarbageForAServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var gone sync.WaitGroup
	gone.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Write([]byte("220 mail.example.org ESMTP\r\n"))
			conn.Close()
		}
	})
	t.Cleanup(func() {
		l.Close()
		gone.Wait()
	})
	c := dialNobody(t, l.Addr().String(), false)
	require.NotEqual(t, history.OK, ask(t, c, history.Op{F: history.FPut, Arg: "a"}).Type)
}
