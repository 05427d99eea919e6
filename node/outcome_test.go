package node

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/kv"
)

func TestClassify(t *testing.T) {
	tests := []struct {
		name        string
		err         error
		write, read Outcome
	}{
		{"done", nil, OK, OK},
		{"bad request", ErrBadRequest, Fail, Fail},
		{"never taken up", ErrOverloaded, Fail, Fail},
		{"stopped before it was taken up", errRefusedStop, Fail, Fail},
		{"refused before append", ErrNotLeader, Fail, Fail},
		{"decided by the state machine", ErrRefused, Fail, Fail},
		{"another entry is committed there", ErrOverwritten, Fail, Fail},
		{"answer forgotten", ErrSuperseded, Info, Fail},
		{"deposed after append", ErrDeposed, Info, Fail},
		{"deadline", ErrTimeout, Info, Fail},
		{"stopped under way", ErrStopped, Info, Fail},
		{"anything else", errors.New("surprise"), Info, Fail},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.write, Classify(tt.err, true))
			require.Equal(t, tt.read, Classify(tt.err, false))
			if tt.err != nil {
				wrapped := fmt.Errorf("put: %w", tt.err)
				require.Equal(t, tt.write, Classify(wrapped, true))
			}
		})
	}
}

func TestNewCall(t *testing.T) {
	for _, op := range []Op{
		{F: "get"},
		{F: "steal", Key: "k"},
		{Key: "k"},
		{F: "put", Key: "k", Request: "c1"},
		{F: "put", Key: "k", Request: "/7"},
		{F: "put", Key: "k", Request: "c1/x"},
		{F: "put", Key: "k", Timeout: "soon"},
		{F: "put", Key: "k", Timeout: "-1s"},
	} {
		_, err := newCall(op)
		require.ErrorIs(t, err, ErrBadRequest, "%+v", op)
	}
	c, err := newCall(Op{F: "cas", Key: "k", Arg: "2", Old: "1", Request: "host/c1/7"})
	require.NoError(t, err)
	require.True(t, c.write)
	got, err := kv.Decode(c.data)
	require.NoError(t, err)
	require.Equal(t, kv.Command{Op: kv.OpCas, Key: "k", Arg: "2", Old: "1", Client: "host/c1", Seq: 7}, got)

	c, err = newCall(Op{F: "read", Key: "k"})
	require.NoError(t, err)
	require.False(t, c.write)
}

func TestAnswers(t *testing.T) {
	get, read := &Op{F: "get"}, &Op{F: "read"}
	text := kv.Value{Found: true, String: "v"}
	list := kv.Value{Found: true, IsList: true, List: []string{"a"}}
	tests := []struct {
		name string
		got  Answer
		want Answer
	}{
		{"get", valueAnswer(get, text), Answer{Outcome: OK, Saw: true, Found: true, Got: "v"}},
		{"get nothing", valueAnswer(get, kv.Value{}), Answer{Outcome: OK, Saw: true}},
		{"get empty", valueAnswer(get, kv.Value{Found: true}), Answer{Outcome: OK, Saw: true, Found: true}},
		{"get list", valueAnswer(get, list), Answer{Outcome: Fail}},
		{"read", valueAnswer(read, list), Answer{Outcome: OK, Saw: true, Found: true, List: []string{"a"}}},
		{"read nothing", valueAnswer(read, kv.Value{}), Answer{Outcome: OK, Saw: true}},
		{"read text", valueAnswer(read, text), Answer{Outcome: Fail}},
		{"done", resultAnswer(kv.Result{Done: true}), Answer{Outcome: OK}},
		{"mismatch", resultAnswer(kv.Result{Refusal: kv.Mismatch, Saw: true, Found: true, Got: "v"}),
			Answer{Outcome: Fail, Saw: true, Found: true, Got: "v"}},
		{"wrong type", resultAnswer(kv.Result{Refusal: kv.WrongType}), Answer{Outcome: Fail}},
		{"superseded", resultAnswer(kv.Result{Refusal: kv.Superseded}), Answer{Outcome: Info}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want.Outcome != OK, tt.got.Error != "", "an error for all but ok")
			tt.got.Error = ""
			require.Equal(t, tt.want, tt.got)
		})
	}
}

func TestElectionTimer(t *testing.T) {
	draw := func(seed uint64, id string, inc uint64) []int {
		next := electionTimer(30, seed, id, inc)
		var ds []int
		for range 100 {
			d := next()
			require.GreaterOrEqual(t, d, 30)
			require.Less(t, d, 60)
			ds = append(ds, d)
		}
		return ds
	}
	want := draw(7, "n1", 1)
	require.Equal(t, want, draw(7, "n1", 1), "the seed fixes the draws")
	require.NotEqual(t, want, draw(8, "n1", 1))
	require.NotEqual(t, want, draw(7, "n2", 1), "members differ")
	require.NotEqual(t, want, draw(7, "n1", 2), "processes differ")
}

func TestInboxIsBounded(t *testing.T) {
	in := newInbox()
	for range maxCalls {
		require.NoError(t, in.submit(&call{}))
	}
	require.ErrorIs(t, in.submit(&call{write: true}), ErrOverloaded)
	w := in.take(work{})
	require.Len(t, w.reads, maxCalls)
	require.NoError(t, in.submit(&call{write: true}))
	require.Len(t, in.close().writes, 1)
	require.ErrorIs(t, in.submit(&call{}), errRefusedStop)
}
