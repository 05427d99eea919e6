package workload

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

// system is a linearizable store in memory that applies a request id once. Its
// members n1 … n5 are all leaders unless trouble says otherwise.
type system struct {
	mu      sync.Mutex
	values  map[string]string
	lists   map[string][]string
	answers map[string]history.Op // by request
	sends   map[string]int        // by request
	asked   map[string]int        // by member

	// trouble, if not nil, decides what becomes of a request: apply it or not,
	// and what to answer. The zero fate is to apply it and to say so.
	trouble func(node string, op history.Op) fate
	// refused members cannot be dialled.
	refused map[string]bool
}

type fate struct {
	lost   bool           // it is not applied
	answer history.OpType // what the client is told, "" for the truth
	hint   string
}

func newSystem() *system {
	return &system{
		values: map[string]string{}, lists: map[string][]string{}, answers: map[string]history.Op{},
		sends: map[string]int{}, asked: map[string]int{}, refused: map[string]bool{},
	}
}

type fakeClient struct {
	s    *system
	node string
}

func (s *system) dial(node string) (Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused[node] {
		return nil, errors.New("connection refused")
	}
	return &fakeClient{s, node}, nil
}

func (*fakeClient) Close() error { return nil }

func (c *fakeClient) Do(_ context.Context, op history.Op) (history.Op, string) {
	s := c.s
	runtime.Gosched() // others get on meanwhile, as on a network
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[c.node]++
	if op.Request != "" {
		s.sends[op.Request]++
	}
	var f fate
	if s.trouble != nil {
		f = s.trouble(c.node, op)
	}
	done := op
	if !f.lost {
		done = s.apply(op)
	}
	if f.answer != "" {
		done = op
		done.Type, done.Error = f.answer, "trouble"
	}
	return done, f.hint
}

func (s *system) apply(op history.Op) history.Op {
	if old, ok := s.answers[op.Request]; ok && op.Request != "" {
		return old
	}
	op.Type = history.OK
	switch op.F {
	case history.FGet:
		op.Got, op.Saw = s.values[op.Key], true
	case history.FPut:
		s.values[op.Key] = op.Arg
	case history.FDelete:
		delete(s.values, op.Key)
	case history.FCas:
		if s.values[op.Key] != op.Old {
			op.Type, op.Got, op.Saw = history.Fail, s.values[op.Key], true
		} else {
			s.values[op.Key] = op.Arg
		}
	case history.FAdd, history.FAppend:
		s.lists[op.Key] = append(s.lists[op.Key], op.Arg)
	case history.FRead:
		op.List, op.Saw = slices.Clone(s.lists[op.Key]), true
	case history.FTxn:
		op.Txn = slices.Clone(op.Txn)
		for i := range op.Txn {
			m := &op.Txn[i]
			one := s.apply(history.Op{F: m.F, Key: m.Key, Arg: m.Arg})
			m.Got, m.Saw, m.List = one.Got, one.Saw, one.List
		}
	}
	s.answers[op.Request] = op
	return op
}

// log is the history of a test.
type log struct {
	mu  sync.Mutex
	ops []*history.Op
}

func (l *log) record(e history.Event) { l.append(e) }

// append returns how many events there are.
func (l *log) append(e history.Event) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ops = append(l.ops, e.Op)
	return len(l.ops)
}

// recorded returns how many events there are while more may come.
func (l *log) recorded() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ops)
}

// pair is an operation with both its ends.
type pair struct{ invoke, done *history.Op }

// pairs checks that every operation has both ends, in order, under a process
// that does nothing else meanwhile and nothing after an info, and returns them
// in order of completion.
func (l *log) pairs(t *testing.T) []pair {
	t.Helper()
	open := map[int]*history.Op{}
	retired := map[int]bool{}
	var out []pair
	for _, op := range l.ops {
		require.False(t, retired[op.Process], "process %d acts after an info", op.Process)
		before := open[op.Process]
		if op.Type == history.Invoke {
			require.Nil(t, before, "process %d has two operations open", op.Process)
			require.Empty(t, op.Error)
			open[op.Process] = op
			continue
		}
		require.NotNil(t, before, "process %d completes what it did not begin", op.Process)
		delete(open, op.Process)
		retired[op.Process] = op.Type == history.Info
		asked := *op
		asked.Type, asked.Got, asked.Saw, asked.List, asked.Sends, asked.Error = history.Invoke, "", false, nil, 0, ""
		asked.Txn = slices.Clone(op.Txn)
		for i := range asked.Txn {
			asked.Txn[i].Got, asked.Txn[i].Saw, asked.Txn[i].List = "", false, nil
		}
		require.Equal(t, *before, asked, "a completion repeats its invocation")
		out = append(out, pair{before, op})
	}
	require.Empty(t, open, "operations without completion")
	return out
}

func byKey(pairs []pair) map[string][]pair {
	keys := map[string][]pair{}
	for _, p := range pairs {
		keys[p.done.Key] = append(keys[p.done.Key], p)
	}
	return keys
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
