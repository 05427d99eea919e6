package reference

import (
	"context"
	"errors"
	"io"
	"net/http"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/node"
)

func TestOutcome(t *testing.T) {
	answered := func(a node.Answer) exchange { return exchange{sent: true, status: http.StatusOK, answer: a} }
	for _, c := range []struct {
		name string
		x    exchange
		f    history.F
		want history.OpType
	}{
		{"refused before anything was sent", exchange{err: syscall.ECONNREFUSED}, history.FPut, history.Fail},
		{"dial timed out", exchange{err: context.DeadlineExceeded}, history.FPut, history.Fail},
		{"deadline after sending", exchange{sent: true, err: context.DeadlineExceeded}, history.FPut, history.Info},
		{"reset after sending", exchange{sent: true, err: syscall.ECONNRESET}, history.FPut, history.Info},
		{"closed after sending", exchange{sent: true, err: io.EOF}, history.FPut, history.Info},
		{"reset, and only a part was sent", exchange{sent: true, err: syscall.EPIPE}, history.FCas, history.Info},
		{"answer cut short", exchange{sent: true, status: 200, err: io.ErrUnexpectedEOF}, history.FPut, history.Info},
		{"body is garbage", exchange{sent: true, status: 200, err: errors.New("invalid character")}, history.FPut, history.Info},
		{"no status 200", exchange{sent: true, status: 503}, history.FPut, history.Info},
		{"a bad request, so it says", exchange{sent: true, status: 400}, history.FPut, history.Info},
		{"ok", answered(node.Answer{Outcome: node.OK}), history.FPut, history.OK},
		{"ok with an error text", answered(node.Answer{Outcome: node.OK, Error: "?"}), history.FPut, history.OK},
		{"not the leader", answered(node.Answer{Outcome: node.Fail, Error: "not the leader"}), history.FPut, history.Fail},
		{"cas found another value", answered(node.Answer{Outcome: node.Fail, Saw: true, Got: "c1-1"}), history.FCas, history.Fail},
		{"deposed", answered(node.Answer{Outcome: node.Info, Error: "deposed"}), history.FPut, history.Info},
		{"no outcome", answered(node.Answer{}), history.FPut, history.Info},
		{"unknown outcome", answered(node.Answer{Outcome: "maybe"}), history.FPut, history.Info},
		{"read", answered(node.Answer{Outcome: node.OK, Saw: true}), history.FGet, history.OK},
		{"read without a value", answered(node.Answer{Outcome: node.OK}), history.FGet, history.Info},
		{"list without a value", answered(node.Answer{Outcome: node.OK}), history.FRead, history.Info},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, reason := c.x.outcome(c.f)
			require.Equal(t, c.want, got)
			if got == history.OK {
				require.NoError(t, reason)
			}
		})
	}
}
