package zookeeper

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/go-zookeeper/zk"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

func TestOutcome(t *testing.T) {
	for _, tc := range []struct {
		name string
		f    history.F
		sent bool
		err  error
		want history.OpType
	}{
		{"answered", history.FPut, true, nil, history.OK},
		{"never sent", history.FPut, false, zk.ErrConnectionClosed, history.Fail},
		{"never sent, flushed by the library", history.FCas, false, zk.ErrNoServer, history.Fail},
		{"connection closed after it was sent", history.FPut, true, zk.ErrConnectionClosed, history.Info},
		{"session expired after it was sent", history.FCas, true, zk.ErrSessionExpired, history.Info},
		{"session moved", history.FPut, true, zk.ErrSessionMoved, history.Info},
		{"the client is closing", history.FAdd, true, zk.ErrClosing, history.Info},
		{"the server is closing", history.FAdd, true, errors.New("unknown error: -116"), history.Info},
		{"another version", history.FCas, true, zk.ErrBadVersion, history.Fail},
		{"another version, told in words", history.FCas, true, fmt.Errorf("cas: %w", zk.ErrBadVersion), history.Fail},
		{"there is one", history.FPut, true, zk.ErrNodeExists, history.Fail},
		{"there is none", history.FDelete, true, zk.ErrNoNode, history.Fail},
		{"what the library does not know", history.FPut, true, zk.ErrAPIError, history.Info},
		{"a system error", history.FPut, true, errors.New("unknown error: -1"), history.Info},
		{"the network", history.FAppend, true, net.ErrClosed, history.Info},
		{"a read that was not answered", history.FGet, true, zk.ErrConnectionClosed, history.Fail},
		{"a read of a list", history.FRead, true, zk.ErrSessionExpired, history.Fail},
	} {
		require.Equal(t, tc.want, outcome(tc.f, tc.sent, tc.err), tc.name)
	}
}
