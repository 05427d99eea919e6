package checker

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

func TestTimeline(t *testing.T) {
	event := func(seq uint64, process int, kind history.OpType, op history.Op) history.Event {
		op.Process, op.Type, op.Key = process, kind, "x"
		return history.Event{Seq: seq, Op: &op}
	}
	put := history.Op{F: history.FPut, Arg: "b"}
	events := []history.Event{
		event(1, 1, history.Invoke, history.Op{F: history.FPut, Arg: "a"}),
		event(2, 1, history.OK, history.Op{F: history.FPut, Arg: "a"}),
		event(3, 10, history.Invoke, put),
		event(4, 2, history.Invoke, history.Op{F: history.FGet}),
		event(5, 2, history.OK, history.Op{F: history.FGet, Got: "b", Saw: true}),
		event(6, 1, history.Invoke, history.Op{F: history.FCas, Old: "z", Arg: "c"}),
		event(7, 1, history.Fail, history.Op{F: history.FCas, Old: "z", Arg: "c", Got: "a", Saw: true}),
		event(8, 10, history.Info, put),
	}
	got := strings.Join(timeline(events, 76), "\n")
	want := `
client 1   |-put = "a"-|
client 10               |-put = "b"-…
client 2                 |-get = "b"-|
client 1                              |-cas from "z" to "c" fails, saw "a"-|`
	require.Equal(t, strings.TrimPrefix(want, "\n"), got)
	require.Nil(t, timeline(events, 75), "no room")
	require.Nil(t, timeline(nil, 76))
}
