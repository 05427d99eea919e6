package jepsen_test

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"olympos.io/encoding/edn"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/jepsen"
)

// store is a system of one register, set and list a key, that errs now and then.
type store struct {
	rand     *rand.Rand
	errs     bool
	values   map[string]string
	lists    map[string][]string
	written  int
	reported []*history.Event
}

func (s *store) record(op history.Op) {
	n := uint64(len(s.reported))
	s.reported = append(s.reported, &history.Event{Seq: n, At: time.Duration(n) * time.Millisecond, Op: &op})
}

func (s *store) value() string {
	s.written++
	return []string{"", "v-", "a b\"", "-"}[s.rand.IntN(4)] + strconv.Itoa(s.written)
}

// run does operations that next makes, some of them at once, and answers them as
// it should, or with what was there before if it errs.
func (s *store) run(n int, next func() history.Op) []*history.Event {
	s.reported = append(s.reported, &history.Event{Run: &history.Run{What: history.RunBegin, Format: history.Format}})
	s.reported = append(s.reported, &history.Event{Seq: 1, Fault: &history.Fault{Step: 1, What: history.FaultInject, Text: `kill "n1"`}})
	process, open := 0, []history.Op(nil)
	for i := 0; i < n || len(open) > 0; {
		if i < n && (len(open) == 0 || s.rand.IntN(2) == 0) {
			i++
			op := next()
			op.Process, op.Type, op.Node = process, history.Invoke, "n1"
			process++
			s.record(op)
			open = append(open, op)
			continue
		}
		at := s.rand.IntN(len(open))
		op := open[at]
		open = append(open[:at], open[at+1:]...)
		op.Type = []history.OpType{history.OK, history.OK, history.OK, history.Fail, history.Info}[s.rand.IntN(5)]
		if op.Type == history.OK || op.Type == history.Info && s.rand.IntN(2) == 0 {
			s.apply(&op)
		}
		if op.Type != history.OK && op.F != history.FCas {
			op.Got, op.List, op.Saw, op.Error = "", nil, false, "no answer"
		}
		s.record(op)
	}
	s.reported = append(s.reported, &history.Event{Seq: uint64(len(s.reported)), Run: &history.Run{What: history.RunEnd}})
	return s.reported
}

func (s *store) apply(op *history.Op) {
	if op.F == history.FTxn {
		txn := append([]history.Micro(nil), op.Txn...)
		for i := range txn {
			m := &txn[i]
			single := history.Op{Type: op.Type, F: m.F, Key: m.Key, Arg: m.Arg}
			s.apply(&single)
			if op.Type == history.OK {
				m.Got, m.List, m.Saw = single.Got, single.List, single.Saw
			}
		}
		op.Txn = txn
		return
	}
	old, list := s.values[op.Key], s.lists[op.Key]
	stale := s.errs && s.rand.IntN(10) == 0
	switch op.F {
	case history.FGet:
		op.Got, op.Saw = old, true
		if stale {
			op.Got = ""
		}
	case history.FRead:
		op.List, op.Saw = append([]string(nil), list...), true
		if stale {
			op.List = op.List[:len(op.List)/2]
		}
	case history.FPut:
		s.values[op.Key] = op.Arg
	case history.FDelete:
		s.values[op.Key] = ""
	case history.FCas:
		if old == op.Old || stale {
			s.values[op.Key] = op.Arg
		} else if op.Type == history.OK {
			op.Type, op.Got, op.Saw = history.Fail, old, true
		}
	case history.FAppend, history.FAdd:
		if !stale {
			s.lists[op.Key] = append(list, op.Arg)
		}
	}
}

// next makes an operation of the model.
func (s *store) next(m jepsen.Model) history.Op {
	key := "k" + strconv.Itoa(s.rand.IntN(2))
	write := s.rand.IntN(2) == 0
	switch m {
	case jepsen.Set:
		if write {
			return history.Op{F: history.FAdd, Key: key, Arg: s.value()}
		}
		return history.Op{F: history.FRead, Key: key}
	case jepsen.ListAppend:
		op := history.Op{F: history.FTxn}
		for range 1 + s.rand.IntN(3) {
			if s.rand.IntN(2) == 0 {
				op.Txn = append(op.Txn, history.Micro{F: history.FAppend, Key: key, Arg: s.value()})
			} else {
				op.Txn = append(op.Txn, history.Micro{F: history.FRead, Key: "k" + strconv.Itoa(s.rand.IntN(2))})
			}
		}
		return op
	case jepsen.MultiRegister:
		return history.Op{F: history.FTxn, Txn: []history.Micro{
			{F: history.FGet, Key: key}, {F: []history.F{history.FPut, history.FDelete}[s.rand.IntN(8)/7], Key: "k1"}, {F: history.FPut, Key: "k0", Arg: s.value()},
		}}
	}
	switch s.rand.IntN(9) {
	case 0:
		return history.Op{F: history.FDelete, Key: key}
	case 1, 2:
		return history.Op{F: history.FCas, Key: key, Old: s.values[key], Arg: s.value()}
	case 3, 4:
		return history.Op{F: history.FPut, Key: key, Arg: s.value()}
	}
	return history.Op{F: history.FGet, Key: key}
}

func ranged(events []*history.Event) iter.Seq2[*history.Event, error] {
	return func(yield func(*history.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// What is exported and read again gets the verdict that it had, with the same
// rules broken; and another reader of EDN takes it for EDN.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, m := range []jepsen.Model{jepsen.CasRegister, jepsen.MultiRegister, jepsen.Set, jepsen.ListAppend} {
		verdicts, ops := make(map[checker.Verdict]int), 30
		if m == jepsen.MultiRegister {
			ops = 14 // what is wrong is found by searches
		}
		for seed := range uint64(40) {
			s := &store{rand: rand.New(rand.NewPCG(seed, 1)), errs: seed%2 == 0, values: map[string]string{}, lists: map[string][]string{}}
			events := s.run(ops, func() history.Op { return s.next(m) })
			want, err := checker.Run(checker.Clients(checker.Options{}), ranged(events))
			require.NoError(t, err)

			survey, err := jepsen.Look(ranged(events))
			require.NoError(t, err)
			var out bytes.Buffer
			done, err := jepsen.Export(&out, ranged(events), survey, "")
			require.NoError(t, err)
			require.Equal(t, jepsen.Exported{Model: m, Ops: int64(ops), Faults: 1}, done)
			decoded := edn.NewDecoder(strings.NewReader(out.String()))
			entries := 0
			for ; ; entries++ {
				var entry map[edn.Keyword]any
				if err := decoded.Decode(&entry); errors.Is(err, io.EOF) {
					break
				} else {
					require.NoError(t, err, out.String())
				}
				require.EqualValues(t, entries, entry["index"])
			}
			require.Equal(t, len(events)-2, entries)

			got, h := judge(t, out.String(), jepsen.Options{Model: m})
			require.Equal(t, want.Verdict, got.Verdict, "seed %d\n%s\n%s\n%s", seed, want, got, out.String())
			require.Equal(t, want.Breaches(), got.Breaches())
			require.EqualValues(t, 1, h.Facts().Skipped)
			verdicts[got.Verdict]++
		}
		require.Greater(t, verdicts[checker.Valid], 10, m)
		require.Greater(t, verdicts[checker.Invalid], 5, m)
		require.Zero(t, verdicts[checker.Unknown], m)
	}
}

// A run of several models needs a choice, and one that no model has is refused.
func TestExportChoice(t *testing.T) {
	t.Parallel()
	op := func(op history.Op) *history.Event {
		op.Type = history.Invoke
		return &history.Event{Op: &op}
	}
	export := func(m jepsen.Model, events ...*history.Event) error {
		survey, err := jepsen.Look(ranged(events))
		require.NoError(t, err)
		_, err = jepsen.Export(io.Discard, ranged(events), survey, m)
		return err
	}
	get, add := op(history.Op{F: history.FGet, Key: "r"}), op(history.Op{F: history.FAdd, Key: "s", Arg: "1"})
	both := op(history.Op{F: history.FTxn, Txn: []history.Micro{{F: history.FPut, Key: "r", Arg: "1"}, {F: history.FAppend, Key: "l", Arg: "1"}}})
	deeds := op(history.Op{F: history.FTxn, Txn: []history.Micro{{F: history.FPut, Key: "r", Arg: "1"}}})
	cas := op(history.Op{F: history.FCas, Key: "r", Arg: "1"})
	require.NoError(t, export("", get))
	require.NoError(t, export(jepsen.CasRegister, get))
	require.NoError(t, export(jepsen.Set, get, add))
	require.ErrorContains(t, export("", get, add), "register, set: choose one with --model")
	require.ErrorContains(t, export(jepsen.ListAppend, get), "it has no operations of the model list-append, only of register")
	require.ErrorContains(t, export("", both), "transactions on registers and lists at once")
	require.ErrorContains(t, export("", deeds, cas), "cas and transactions on registers")
	require.ErrorContains(t, export(""), "its clients did nothing")
}
