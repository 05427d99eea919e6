package nats

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	nats "github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

const ack = `{"stream":"KV_usurper","seq":7}`

func said(data string) []reply { return []reply{{data: data}} }

// stored is how a leader answers with a message.
func stored(sequence int, header, data string) []reply {
	b := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	hdrs := ""
	if header != "" {
		hdrs = `,"hdrs":"` + b("NATS/1.0\r\n"+header+"\r\n\r\n") + `"`
	}
	return said(fmt.Sprintf(`{"message":{"subject":"x","seq":%d%s,"data":"%s"}}`, sequence, hdrs, b(data)))
}

func do(t *testing.T, s *server, o Options, confirms bool, op history.Op) history.Op {
	t.Helper()
	c := newClient(s.addr, o, confirms)
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	done, hint := c.Do(ctx, op)
	require.Empty(t, hint)
	return done
}

func TestWrites(t *testing.T) {
	for _, c := range []struct {
		op   history.Op
		want string
	}{
		{history.Op{F: history.FPut, Key: "r1", Arg: "v"}, "$KV.usurper.r1||v"},
		{history.Op{F: history.FDelete, Key: "r1"}, "$KV.usurper.r1|KV-Operation: DEL|"},
		{history.Op{F: history.FAppend, Key: "l1", Arg: "v"}, "lists.l1||v"},
		{history.Op{F: history.FAdd, Key: "s1", Arg: "v"}, "lists.s1||v"},
	} {
		s := serve(t, func(string, string, string) []reply { return said(ack) })
		require.Equal(t, history.OK, do(t, s, Options{}, true, c.op).Type)
		require.Equal(t, []string{c.want}, s.requests())
	}
}

// What becomes of a write by what is answered.
func TestOutcomeOfAWrite(t *testing.T) {
	for answer, want := range map[string]history.OpType{
		ack: history.OK,
		`{"stream":"KV_usurper","seq":7,"duplicate":true}`:                                     history.OK,
		`{"stream":"x","seq":0,"error":{"code":400,"err_code":10071,"description":"wrong"}}`:   history.Info,
		`{"stream":"x","seq":0,"error":{"code":503,"err_code":10077,"description":"store"}}`:   history.Info,
		`{"stream":"x","seq":0,"error":{"code":503,"err_code":10008,"description":"unavail"}}`: history.Info,
		`{}`: history.Info, `no json`: history.Info, ``: history.Info,
	} {
		s := serve(t, func(string, string, string) []reply { return said(answer) })
		done := do(t, s, Options{}, true, history.Op{F: history.FPut, Key: "r1", Arg: "v"})
		require.Equal(t, want, done.Type, answer)
		require.Equal(t, want == history.OK, done.Error == "", answer)
		require.Len(t, s.requests(), 1, "nothing is sent twice")
	}
	nobody := serve(t, func(string, string, string) []reply { return []reply{{header: " 503"}} })
	require.Equal(t, history.Fail, do(t, nobody, Options{}, true, history.Op{F: history.FPut, Key: "r1", Arg: "v"}).Type)
	require.Len(t, nobody.requests(), 1, "nothing is sent twice")
	broken := serve(t, func(string, string, string) []reply { return []reply{{hangUp: true}} })
	require.Equal(t, history.Info, do(t, broken, Options{}, true, history.Op{F: history.FPut, Key: "r1", Arg: "v"}).Type)
	require.Len(t, broken.requests(), 1, "nothing is sent twice")

	gone := &server{addr: "127.0.0.1:1"}
	require.Equal(t, history.Fail, do(t, gone, Options{}, true, history.Op{F: history.FPut, Key: "r1", Arg: "v"}).Type)
	require.Equal(t, history.Fail, do(t, broken, Options{}, true, history.Op{F: history.FPut, Key: "a.b", Arg: "v"}).Type)
	require.Equal(t, history.Fail, do(t, broken, Options{}, true, history.Op{F: history.FTxn, Key: "a"}).Type)
	for err, want := range map[error]history.OpType{
		nil: history.OK, nats.ErrNoResponders: history.Fail, nats.ErrMaxPayload: history.Fail, errUnsent{errors.New("x")}: history.Fail,
		nats.ErrConnectionClosed: history.Info, nats.ErrDisconnected: history.Info, context.DeadlineExceeded: history.Info, errGarbled: history.Info,
	} {
		require.Equal(t, want, outcome(err), err)
	}
}

func TestCas(t *testing.T) {
	at := stored(4, "", "old")
	op := history.Op{F: history.FCas, Key: "r1", Old: "old", Arg: "new"}
	answers := func(write string) *server {
		return serve(t, func(subject, _, _ string) []reply {
			if strings.HasPrefix(subject, "$JS.API.") {
				return at
			}
			return said(write)
		})
	}
	s := answers(ack)
	require.Equal(t, history.OK, do(t, s, Options{}, true, op).Type)
	require.Equal(t, []string{
		`$JS.API.STREAM.MSG.GET.KV_usurper||{"last_by_subj":"$KV.usurper.r1"}`,
		"$KV.usurper.r1|Nats-Expected-Last-Subject-Sequence: 4|new",
	}, s.requests())

	// A second leader may take what one refuses.
	s = answers(`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence"}}`)
	require.Equal(t, history.Info, do(t, s, Options{}, true, op).Type)
	op.Old = "other"
	s = answers(ack)
	done := do(t, s, Options{}, true, op)
	require.Equal(t, history.Fail, done.Type)
	require.False(t, done.Saw, "what it saw was not confirmed")
	require.Len(t, s.requests(), 1)
	// A deleted key has no value, but a sequence.
	at, op.Old = stored(9, "KV-Operation: DEL", ""), ""
	s = answers(ack)
	require.Equal(t, history.OK, do(t, s, Options{}, true, op).Type)
	require.Equal(t, "$KV.usurper.r1|Nats-Expected-Last-Subject-Sequence: 9|new", s.requests()[1])
	// Nor does one that never was.
	at = said(`{"error":{"code":404,"err_code":10037,"description":"no message found"}}`)
	s = answers(ack)
	require.Equal(t, history.OK, do(t, s, Options{}, true, op).Type)
	require.Equal(t, "$KV.usurper.r1|Nats-Expected-Last-Subject-Sequence: 0|new", s.requests()[1])
}

const unmet = `{"error":{"code":400,"err_code":10071,"description":"wrong last sequence"}}`

// A get counts once it is confirmed, and is made again when something came between.
func TestGetIsConfirmed(t *testing.T) {
	op := history.Op{F: history.FGet, Key: "r1"}
	refusals := 0
	answer := func(subject, _, _ string) []reply {
		switch {
		case strings.HasPrefix(subject, "$JS.API."):
			return stored(4+refusals, "", fmt.Sprint("v", refusals))
		case refusals < 2:
			refusals++
			return said(unmet)
		}
		return said(ack)
	}
	s := serve(t, answer)
	done := do(t, s, Options{}, true, op)
	require.Equal(t, []any{history.OK, true, "v2"}, []any{done.Type, done.Saw, done.Got})
	require.Len(t, s.requests(), 6)
	require.Equal(t, "$KV.usurper.confirmed|Nats-Expected-Last-Subject-Sequence-Subject: $KV.usurper.r1,Nats-Expected-Last-Subject-Sequence: 6|", s.requests()[5])

	refusals = -100
	done = do(t, serve(t, answer), Options{}, true, op)
	require.Equal(t, history.Fail, done.Type)
	require.False(t, done.Saw)

	// Where no condition can name another subject, the same is written again.
	refusals = 2
	s = serve(t, answer)
	require.Equal(t, history.OK, do(t, s, Options{}, false, op).Type)
	require.Equal(t, "$KV.usurper.r1|Nats-Expected-Last-Subject-Sequence: 6|v2", s.requests()[1])
}

func direct1(sequence, pending int, data string) reply {
	return reply{header: fmt.Sprintf("\r\nNats-Sequence: %d\r\nNats-Num-Pending: %d", sequence, pending), data: data}
}

func TestDirectReads(t *testing.T) {
	s := serve(t, func(string, string, string) []reply { return []reply{direct1(3, 0, "v")} })
	done := do(t, s, Options{DirectReads: true}, true, history.Op{F: history.FGet, Key: "r1"})
	require.Equal(t, []any{history.OK, "v"}, []any{done.Type, done.Got})
	require.Equal(t, []string{"$JS.API.DIRECT.GET.KV_usurper.$KV.usurper.r1||"}, s.requests())
	none := serve(t, func(string, string, string) []reply { return []reply{{header: " 404 Message Not Found"}} })
	done = do(t, none, Options{DirectReads: true}, true, history.Op{F: history.FGet, Key: "r1"})
	require.Equal(t, []any{history.OK, true, ""}, []any{done.Type, done.Saw, done.Got})
}

func TestRead(t *testing.T) {
	op := history.Op{F: history.FRead, Key: "l1"}
	end := func(pending int) reply {
		return reply{header: fmt.Sprintf(" 204 EOB\r\nNats-Num-Pending: %d", pending)}
	}
	s := serve(t, func(subject, _, data string) []reply {
		switch {
		case !strings.HasPrefix(subject, "$JS.API."):
			return said(ack)
		case strings.Contains(data, `"seq":1,`) || strings.Contains(data, `"seq":1}`):
			return []reply{direct1(2, 2, "a"), direct1(5, 1, "b"), end(1)}
		}
		return []reply{direct1(9, 0, "c"), end(0)}
	})
	done := do(t, s, Options{}, true, op)
	require.Equal(t, []any{history.OK, true, []string{"a", "b", "c"}}, []any{done.Type, done.Saw, done.List})
	require.Equal(t, "lists.confirmed|Nats-Expected-Last-Subject-Sequence-Subject: lists.l1,Nats-Expected-Last-Subject-Sequence: 9|", s.requests()[2])

	empty := serve(t, func(subject, _, _ string) []reply {
		if strings.HasPrefix(subject, "$JS.API.") {
			return []reply{{header: " 404 Message Not Found"}}
		}
		return said(ack)
	})
	done = do(t, empty, Options{}, true, op)
	require.Equal(t, history.OK, done.Type)
	require.Empty(t, done.List)

	// An older server is asked for one after the other; what confirmed a read before is
	// no element.
	old := serve(t, func(subject, _, data string) []reply {
		switch {
		case !strings.HasPrefix(subject, "$JS.API."):
			return said(ack)
		case strings.Contains(data, `"seq":1}`):
			return stored(2, "", "a")
		case strings.Contains(data, `"seq":3}`):
			return stored(3, "Usurper-Mark: 1", "")
		}
		return said(`{"error":{"code":404,"err_code":10037,"description":"no message found"}}`)
	})
	done = do(t, old, Options{}, false, op)
	require.Equal(t, []any{history.OK, []string{"a"}}, []any{done.Type, done.List})
	require.Equal(t, "lists.l1|Nats-Expected-Last-Subject-Sequence: 3,Usurper-Mark: 1|", old.requests()[3])

	for _, wrong := range [][]reply{{direct1(0, 0, "a")}, {{data: "a"}}, {direct1(2, 0, "a"), direct1(2, 0, "b")}, {{header: " 408 Bad"}}} {
		s := serve(t, func(string, string, string) []reply { return wrong })
		done := do(t, s, Options{}, true, op)
		require.Equal(t, history.Fail, done.Type)
		require.False(t, done.Saw)
	}
}

func TestNoAck(t *testing.T) {
	s := serve(t, func(string, string, string) []reply { return nil })
	require.Equal(t, history.OK, do(t, s, Options{NoAck: true}, true, history.Op{F: history.FPut, Key: "r1", Arg: "v"}).Type)
	require.Equal(t, []string{"$KV.usurper.r1||v"}, s.requests())
}
