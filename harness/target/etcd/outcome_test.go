package etcd

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/usurper/usurper/harness/history"
)

func TestOutcome(t *testing.T) {
	unavailable := status.Error(codes.Unavailable, "connection error")
	for _, c := range []struct {
		name string
		f    history.F
		sent bool
		err  error
		want history.OpType
	}{
		{"ok", history.FPut, true, nil, history.OK},
		{"no connection", history.FPut, false, unavailable, history.Fail},
		{"connection lost", history.FPut, true, unavailable, history.Info},
		{"deadline while connecting", history.FPut, false, context.DeadlineExceeded, history.Fail},
		{"deadline", history.FPut, true, status.Error(codes.DeadlineExceeded, "context deadline exceeded"), history.Info},
		{"deadline, ours", history.FPut, true, context.DeadlineExceeded, history.Info},
		{"canceled", history.FPut, true, status.Error(codes.Canceled, "context canceled"), history.Info},
		{"request timed out", history.FPut, true, rpctypes.ErrGRPCTimeout, history.Info},
		{"timed out, leader failed", history.FCas, true, rpctypes.ErrGRPCTimeoutDueToLeaderFail, history.Info},
		{"timed out, connection lost", history.FCas, true, rpctypes.ErrGRPCTimeoutDueToConnectionLost, history.Info},
		{"leader changed", history.FPut, true, rpctypes.ErrGRPCLeaderChanged, history.Info},
		{"no leader", history.FPut, true, rpctypes.ErrGRPCNoLeader, history.Info},
		{"not leader", history.FPut, true, rpctypes.ErrGRPCNotLeader, history.Info},
		{"server stopped", history.FPut, true, rpctypes.ErrGRPCStopped, history.Info},
		{"no space, said after applying too", history.FPut, true, rpctypes.ErrGRPCNoSpace, history.Info},
		{"corrupt", history.FPut, true, rpctypes.ErrGRPCCorrupt, history.Info},
		{"unhealthy", history.FPut, true, rpctypes.ErrGRPCUnhealthy, history.Info},
		{"too many requests", history.FPut, true, rpctypes.ErrGRPCRequestTooManyRequests, history.Fail},
		{"request too large", history.FAppend, true, rpctypes.ErrGRPCRequestTooLarge, history.Fail},
		{"too large for gRPC", history.FAppend, true, status.Error(codes.ResourceExhausted, "grpc: received message larger than max"), history.Info},
		{"no key", history.FPut, true, rpctypes.ErrGRPCEmptyKey, history.Fail},
		{"not capable yet", history.FPut, true, rpctypes.ErrGRPCNotCapable, history.Fail},
		{"not capable yet, in 3.4", history.FPut, true, status.Error(codes.Unavailable, "etcdserver: not capable"), history.Fail},
		{"a learner", history.FPut, true, rpctypes.ErrGRPCNotSupportedForLearner, history.Fail},
		{"the right words, the wrong code", history.FPut, true, status.Error(codes.Internal, "etcdserver: not capable"), history.Info},
		{"proposal dropped", history.FPut, true, status.Error(codes.Unknown, "raft proposal dropped"), history.Fail},
		{"something unknown", history.FPut, true, status.Error(codes.Unknown, "raft: stopped"), history.Info},
		{"internal", history.FDelete, true, status.Error(codes.Internal, "panic"), history.Info},
		{"no status", history.FPut, true, errors.New("what?"), history.Info},
		{"garbled answer", history.FCas, true, errGarbled, history.Info},
		{"lease is there already", history.FGrant, true, rpctypes.ErrGRPCLeaseExist, history.Fail},
		{"lease has ended", history.FRevoke, true, rpctypes.ErrGRPCLeaseNotFound, history.Fail},
		{"put to a lease that has ended", history.FAttach, true, rpctypes.ErrGRPCLeaseNotFound, history.Fail},
		{"compacted further already", history.FCompact, true, rpctypes.ErrGRPCCompacted, history.Fail},
		{"a revision to come", history.FCompact, true, rpctypes.ErrGRPCFutureRev, history.Fail},
		{"a lease, for a put without one", history.FPut, true, rpctypes.ErrGRPCLeaseNotFound, history.Info},
		{"compacted, for a transaction", history.FTxn, true, rpctypes.ErrGRPCCompacted, history.Info},
		{"transaction, deadline", history.FTxn, true, context.DeadlineExceeded, history.Info},
		{"transaction with a key written twice", history.FTxn, true, rpctypes.ErrGRPCDuplicateKey, history.Fail},
		{"transaction of too much", history.FTxn, true, rpctypes.ErrGRPCTooManyOps, history.Fail},
		{"transaction with a garbled answer", history.FTxn, true, errGarbled, history.Info},
		{"revocation, connection lost", history.FRevoke, true, unavailable, history.Info},
		{"compaction, not sent", history.FCompact, false, unavailable, history.Fail},
		{"read, deadline", history.FGet, true, context.DeadlineExceeded, history.Fail},
		{"read, no leader", history.FRead, true, rpctypes.ErrGRPCNoLeader, history.Fail},
		{"read, garbled answer", history.FGet, true, errGarbled, history.Fail},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, outcome(c.f, c.sent, c.err)) })
	}
}
