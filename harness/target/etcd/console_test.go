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
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/usurper/usurper/harness/target"
)

// attended is a member of which only the operator's side is there.
type attended struct {
	pb.UnimplementedMaintenanceServer
	pb.UnimplementedClusterServer
	begun  chan struct{} // a value for each defragmentation that has begun
	finish chan error    // how one that has begun ends
	silent bool          // it reads, and answers no question
	asked  chan struct{} // a value for each question, if not nil
}

func (a *attended) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	return &pb.StatusResponse{DbSize: 7}, nil
}

func (a *attended) MemberList(ctx context.Context, _ *pb.MemberListRequest) (*pb.MemberListResponse, error) {
	if a.silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if a.asked != nil {
		defer func() { a.asked <- struct{}{} }()
	}
	return &pb.MemberListResponse{}, nil
}

func (a *attended) Defragment(ctx context.Context, _ *pb.DefragmentRequest) (*pb.DefragmentResponse, error) {
	a.begun <- struct{}{}
	select {
	case err := <-a.finish:
		return &pb.DefragmentResponse{}, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// attend serves a member at an address, until the returned function is called.
func (a *attended) attend(t *testing.T, addr string) (die func()) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	server := grpc.NewServer()
	pb.RegisterMaintenanceServer(server, a)
	pb.RegisterClusterServer(server, a)
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(l) })
	die = sync.OnceFunc(func() { server.Stop(); serving.Wait() })
	t.Cleanup(die)
	return die
}

func newAttended() *attended {
	return &attended{begun: make(chan struct{}, 9), finish: make(chan error, 9)}
}

// visit returns a console of the member at an address.
func visit(t *testing.T, addr string) target.Console {
	t.Helper()
	m := member()
	m.ClientAddr = addr
	c, err := newTarget(t, Options{Version: "3.6.16"}).Attend(m)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func TestConsole(t *testing.T) {
	addr := freeAddr(t)
	c := visit(t, addr)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	_, err := c.Operate(ctx, "defragment")
	require.ErrorIs(t, err, target.ErrUnreached, "nobody is there")

	a := newAttended()
	die := a.attend(t, addr)
	a.finish <- nil
	require.Eventually(t, func() bool { // it connects by itself
		evidence, err := c.Operate(ctx, "defragment")
		return err == nil && evidence["defragmented"] == 1 && evidence["db-bytes-after"] == 7
	}, 30*time.Second, 10*time.Millisecond)

	a.finish <- status.Error(codes.FailedPrecondition, "etcdserver: not now")
	_, err = c.Operate(ctx, "defragment")
	require.ErrorIs(t, err, target.ErrRefused)
	require.ErrorContains(t, err, "not now")

	a.finish <- status.Error(codes.Unavailable, "etcdserver: request timed out")
	_, err = c.Operate(ctx, "defragment")
	require.ErrorContains(t, err, "timed out")
	for _, known := range []error{target.ErrRefused, target.ErrUnreached, target.ErrStruck} {
		require.NotErrorIs(t, err, known, "nobody knows what was done")
	}

	die()
	// Struck once the question after the request has been answered: whether that
	// answer still reaches the console is a race, so there is more than one try.
	for tries := 0; ; tries++ {
		a := newAttended()
		a.asked = make(chan struct{}, 99)
		die := a.attend(t, addr)
		reached(t, c)
		for len(a.asked) > 0 {
			<-a.asked
		}
		go func() {
			<-a.begun
			<-a.asked
			die()
		}()
		evidence, err := c.Operate(ctx, "defragment")
		if errors.Is(err, target.ErrStruck) {
			require.Equal(t, int64(1), evidence["begun"])
			require.Equal(t, int64(1), evidence["struck"])
			return
		}
		require.Nil(t, evidence)
		require.NoError(t, ctx.Err(), "%d tries", tries)
	}
}

// reached waits until the console is connected: a member without keys refuses to
// compact.
func reached(t *testing.T, c target.Console) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := c.Operate(t.Context(), "compact")
		return errors.Is(err, target.ErrRefused)
	}, 30*time.Second, 5*time.Millisecond)
}

// A member that is given a request and shows no sign of having read it, since it is
// paused, has begun nothing that anybody knows of.
func TestConsoleOfAPausedMember(t *testing.T) {
	addr := freeAddr(t)
	a := newAttended()
	a.silent = true
	a.attend(t, addr)
	c := visit(t, addr)
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		evidence, err := c.Operate(ctx, "defragment")
		require.Error(t, err)
		require.Nil(t, evidence)
		require.NotErrorIs(t, err, target.ErrStruck)
		return len(a.begun) > 0
	}, 30*time.Second, 10*time.Millisecond)
}
