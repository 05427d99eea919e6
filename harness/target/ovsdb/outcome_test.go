package ovsdb

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

// failing is the answer in which the operation at i failed so.
func failing(i int, why string) answer {
	a := answer{sent: true, guarded: true}
	for range i {
		a.results = append(a.results, &result{})
	}
	a.results = append(a.results, &result{failure: failure{Error: why}}, nil)
	return a
}

func TestOutcome(t *testing.T) {
	lost := func(err error) answer { return answer{sent: true, guarded: true, err: err} }
	plain := failing(0, timedOut)
	plain.guarded = false
	for _, c := range []struct {
		name string
		f    history.F
		a    answer
		want history.OpType
	}{
		{"it happened", history.FPut, answer{sent: true, guarded: true, results: []*result{{}, {}}}, history.OK},
		{"no connection", history.FPut, answer{err: errors.New("connection refused")}, history.Fail},
		{"deadline while connecting", history.FPut, answer{err: context.DeadlineExceeded}, history.Fail},
		{"deadline", history.FPut, lost(context.DeadlineExceeded), history.Info},
		{"canceled", history.FAdd, lost(context.Canceled), history.Info},
		{"connection lost", history.FPut, lost(io.ErrUnexpectedEOF), history.Info},
		{"connection ended", history.FCas, lost(io.EOF), history.Info},
		{"connection lost, of a read", history.FGet, lost(io.EOF), history.Fail},
		{"deadline of a read", history.FRead, lost(context.DeadlineExceeded), history.Fail},
		{"it has not joined yet", history.FPut, lost(&refusal{failure{Error: "unknown database"}}), history.Fail},
		{"refused otherwise", history.FPut, lost(&refusal{failure{Error: "canceled"}}), history.Info},
		{"another answer", history.FPut, lost(errGarbled), history.Info},
		{"its own row is there", history.FPut, failing(0, timedOut), history.OK},
		{"its own row is there, of a cas", history.FCas, failing(0, timedOut), history.OK},
		{"another's row is there: it has none of its own", history.FAdd, plain, history.Info},
		{"the condition of a cas", history.FCas, failing(1, timedOut), history.Fail},
		{"the condition of an append", history.FAppend, failing(1, timedOut), history.Fail},
		{"a condition of what has none", history.FPut, failing(1, timedOut), history.Info},
		{"still in progress", history.FPut, failing(3, "cluster error"), history.Info},
		{"operation still in progress, of a cas", history.FCas, failing(1, "operation still in progress"), history.Info},
		{"timed out when it was committed", history.FCas, failing(4, timedOut), history.Info},
		{"timeout of the cluster", history.FAdd, failing(3, "timeout"), history.Info},
		{"constraint violation, perhaps by itself", history.FPut, failing(3, "constraint violation"), history.Info},
		{"syntax", history.FAdd, failing(0, "syntax error"), history.Info},
		{"failed, of a read", history.FGet, failing(2, "cluster error"), history.Fail},
	} {
		require.Equal(t, c.want, outcome(c.f, &c.a), c.name)
		require.NotEmpty(t, c.a.reason().Error())
	}
}
