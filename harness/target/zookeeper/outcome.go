package zookeeper

import (
	"errors"

	"github.com/go-zookeeper/zk"

	"github.com/usurper/usurper/harness/history"
)

// withoutEffect are the answers with which a server says that a write changed nothing:
// the transaction that it made of it is an error. Missing on purpose: session expired
// and moved, which the client library also says by itself; closing; unknown and system
// errors.
var withoutEffect = []error{
	zk.ErrNoNode, zk.ErrNodeExists, zk.ErrBadVersion, zk.ErrNotEmpty,
	zk.ErrNoAuth, zk.ErrInvalidACL, zk.ErrNoChildrenForEphemerals, zk.ErrBadArguments,
}

// outcome classifies the error of an operation of which the last request that can have
// changed anything was handed to a connection if sent. A read that failed showed nothing
// and changed nothing.
func outcome(f history.F, sent bool, err error) history.OpType {
	switch {
	case err == nil:
		return history.OK
	case !sent || f == history.FGet || f == history.FRead:
		return history.Fail
	}
	for _, e := range withoutEffect {
		if errors.Is(err, e) {
			return history.Fail
		}
	}
	return history.Info
}
