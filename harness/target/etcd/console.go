package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/usurper/usurper/harness/target"
)

var _ target.Attended = (*Target)(nil)

// console is an administrator's connection to one member, which stands before it is
// needed: what is then asked for begins at once, so that it can be struck in the
// midst of it and not on its way there.
type console struct {
	target *Target
	member target.Member
	conn   *grpc.ClientConn
	stop   context.CancelFunc
	kept   sync.WaitGroup
}

// Attend implements target.Attended.
func (t *Target) Attend(m target.Member) (target.Console, error) {
	conn, err := reach(m,
		grpc.WithIdleTimeout(0),
		grpc.WithStatsHandler(watchHanding{}),
		grpc.WithConnectParams(grpc.ConnectParams{ // a member that is back is to be there again soon
			Backoff:           backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 100 * time.Millisecond},
			MinConnectTimeout: time.Second,
		}))
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &console{target: t, member: m, conn: conn, stop: stop}
	c.kept.Go(func() { c.keep(ctx) })
	return c, nil
}

// keep connects again whenever the connection is gone.
func (c *console) keep(ctx context.Context) {
	for {
		state := c.conn.GetState()
		if state == connectivity.Idle {
			c.conn.Connect()
		}
		if !c.conn.WaitForStateChange(ctx, state) {
			return
		}
	}
}

// Close ends the connection.
func (c *console) Close() error {
	c.stop()
	c.kept.Wait()
	return c.conn.Close()
}

// handed is the key of a channel that is closed once a request has been handed to the
// connection as a whole.
type handed struct{}

// watchHanding closes the channel of a request.
type watchHanding struct{}

func (watchHanding) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (watchHanding) HandleRPC(ctx context.Context, s stats.RPCStats) {
	if _, payload := s.(*stats.OutPayload); payload {
		if over, ok := ctx.Value(handed{}).(context.CancelFunc); ok {
			over()
		}
	}
}

func (watchHanding) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (watchHanding) HandleConn(context.Context, stats.ConnStats) {}

// asked is the error of a question that comes before an operation: whatever it is, the
// operation was not begun.
func asked(err error) error {
	switch {
	case err == nil:
		return nil
	case isAnswer(err):
		return refusal(err)
	}
	return fmt.Errorf("%w: %w", target.ErrUnreached, err)
}

// begin sends a request, and a question after it on the same connection. Members read
// what comes on a connection in order: once the question is answered, the member has
// begun, whatever becomes of it then. The question is one that etcd answers from its
// memory, also while its database is locked.
func (c *console) begin(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sent, over := context.WithCancel(ctx)
	var asking sync.WaitGroup
	var done atomic.Bool
	begun := false
	asking.Go(func() {
		if <-sent.Done(); !done.Load() {
			_, err := pb.NewClusterClient(c.conn).MemberList(ctx, &pb.MemberListRequest{})
			begun = err == nil
		}
	})
	err := do(context.WithValue(ctx, handed{}, over))
	if sent.Err() == nil { // it was never handed over
		done.Store(true)
		over()
	}
	if err != nil && !isAnswer(err) {
		time.AfterFunc(answerWait, cancel)
	}
	asking.Wait()
	switch {
	case err == nil:
		return nil
	case isAnswer(err) && isRefusal(err):
		return refusal(err)
	case isAnswer(err):
		return err
	case begun:
		return fmt.Errorf("%w: %w", target.ErrStruck, err)
	case done.Load():
		return fmt.Errorf("%w: %w", target.ErrUnreached, err)
	}
	return fmt.Errorf("sent, and not known to have been begun: %w", err)
}

// answerWait is how long an answer to the question may take when the request has
// failed: it may be on its way.
const answerWait = 50 * time.Millisecond

// isAnswer tells whether an error is what the member said, and not what became of the
// connection to it, or of our patience.
func isAnswer(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	s, ok := statusOf(err)
	if !ok {
		return false
	}
	switch s.Code() {
	case codes.Unavailable, codes.Canceled, codes.DeadlineExceeded, codes.Internal:
		return strings.HasPrefix(s.Message(), "etcdserver: ")
	}
	return true
}

// isRefusal tells whether an answer means that nothing was done.
func isRefusal(err error) bool {
	s, _ := statusOf(err)
	switch s.Code() {
	case codes.FailedPrecondition, codes.InvalidArgument, codes.OutOfRange, codes.NotFound, codes.PermissionDenied,
		codes.Unauthenticated, codes.Unimplemented, codes.ResourceExhausted:
		return true
	}
	return false
}

// statusOf finds gRPC's status in an error.
func statusOf(err error) (*status.Status, bool) {
	var s interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &s) {
		return nil, false
	}
	return s.GRPCStatus(), true
}
