package etcd

import (
	"errors"
	"slices"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/usurper/usurper/harness/history"
)

// errDropped is what etcd says, in raft's words, when it had no leader to give a
// proposal to and forgot it.
const errDropped = "raft proposal dropped"

// beforeProposal are the answers that etcd gives only before it proposes a
// write: nothing of it has entered any log, nor will. Missing on purpose: no
// space, which a member also answers after it has applied a write; no leader and
// leader changed, which say nothing about a proposal that is under way; every
// timeout; stopped.
var beforeProposal = []error{
	rpctypes.ErrGRPCEmptyKey,
	rpctypes.ErrGRPCTooManyOps,
	rpctypes.ErrGRPCDuplicateKey,
	rpctypes.ErrGRPCRequestTooLarge,
	rpctypes.ErrGRPCRequestTooManyRequests,
	rpctypes.ErrGRPCNotCapable,
	rpctypes.ErrGRPCNotSupportedForLearner,
}

// withoutEffect are the answers that etcd gives when carrying out a lease's grant
// or revocation, a put to a lease, or a compaction, which then changes nothing.
var withoutEffect = []error{
	rpctypes.ErrGRPCCompacted,
	rpctypes.ErrGRPCFutureRev,
	rpctypes.ErrGRPCLeaseExist,
	rpctypes.ErrGRPCLeaseNotFound,
	rpctypes.ErrGRPCLeaseTTLTooLarge,
}

// tied are the operations that depend on leases and revisions: withoutEffect is
// an answer to them.
var tied = []history.F{history.FGrant, history.FAttach, history.FRevoke, history.FCompact}

// outcome classifies the error of one request, which was written to a connection
// if sent. A read that failed showed nothing and changed nothing.
func outcome(f history.F, sent bool, err error) history.OpType {
	switch {
	case err == nil:
		return history.OK
	case !sent || f == history.FGet || f == history.FRead:
		return history.Fail
	}
	s, ok := status.FromError(err)
	if !ok {
		return history.Info
	}
	for _, e := range beforeProposal {
		if s.Message() == rpctypes.ErrorDesc(e) && (s.Code() == status.Code(e) || s.Code() == codes.Unavailable) {
			return history.Fail // older servers call some of them unavailable
		}
	}
	for _, e := range withoutEffect {
		if s.Message() == rpctypes.ErrorDesc(e) && s.Code() == status.Code(e) && slices.Contains(tied, f) {
			return history.Fail
		}
	}
	if s.Code() == codes.Unknown && s.Message() == errDropped {
		return history.Fail
	}
	return history.Info
}

// errGarbled is why an answer is not believed.
var errGarbled = errors.New("the answer does not fit the request")
