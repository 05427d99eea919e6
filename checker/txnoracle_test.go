package checker_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// serial is a transaction as the oracle sees it.
type serial struct {
	call, done uint64 // done is 0 without an answer
	certain    bool   // it was acknowledged
	txn        []history.Micro
}

// serializable tries all orders: whether there is one of all acknowledged
// transactions, and any of those without an answer, that agrees with real time and
// with what they read.
func serializable(events []history.Event) bool {
	var all []*serial
	open := map[int]*serial{}
	for i := range events {
		op := events[i].Op
		switch {
		case op == nil:
		case op.Type == history.Invoke:
			open[op.Process] = &serial{call: events[i].Seq, txn: op.Txn}
			all = append(all, open[op.Process])
		case op.Type == history.OK:
			s := open[op.Process]
			s.done, s.certain, s.txn = events[i].Seq, true, op.Txn
		case op.Type == history.Fail:
			all = slices.DeleteFunc(all, func(s *serial) bool { return s == open[op.Process] })
		}
	}
	return anyOrder(all, map[string][]string{})
}

func anyOrder(rest []*serial, lists map[string][]string) bool {
	if !slices.ContainsFunc(rest, func(s *serial) bool { return s.certain }) {
		return true
	}
	for i, s := range rest {
		late := slices.ContainsFunc(rest, func(o *serial) bool { return o.certain && o.done < s.call })
		if late {
			continue
		}
		if after, ok := s.apply(lists); ok && anyOrder(slices.Delete(slices.Clone(rest), i, i+1), after) {
			return true
		}
	}
	return false
}

// apply carries the transaction out on a copy of the lists, and tells whether it
// reads what it says.
func (s *serial) apply(lists map[string][]string) (map[string][]string, bool) {
	after := make(map[string][]string, len(lists)+1)
	for k, v := range lists {
		after[k] = v
	}
	for i := range s.txn {
		m := &s.txn[i]
		if m.F == history.FAppend {
			after[m.Key] = append(slices.Clone(after[m.Key]), m.Arg)
		} else if s.certain && m.Saw && !slices.Equal(after[m.Key], m.List) {
			return nil, false
		}
	}
	return after, true
}

// errand is a transaction under way: on a true store, of which a part may go
// wrong.
type errand struct {
	process int
	op      history.Op
	step    int // how many of its deeds have taken effect
}

// drawTxns makes a history of up to most transactions. Each takes effect at one
// instant, unless wild: then its deeds take effect one by one.
func drawTxns(next choices, most int, wild bool, lies int) *tape {
	h := newTape(history.Run{})
	lists := map[string][]string{}
	var open []*errand
	begun, values := 0, 0
	for range 100 {
		switch i := next(3); {
		case i == 0 && begun < most:
			begun++
			e := &errand{process: begun, op: history.Op{F: history.FTxn}}
			for range 1 + next(3) {
				m := history.Micro{F: history.FRead, Key: string(rune('x' + next(2)))}
				if next(2) == 0 {
					values++
					m.F, m.Arg = history.FAppend, fmt.Sprint(values)
				}
				e.op.Txn = append(e.op.Txn, m)
			}
			asked := e.op
			asked.Process, asked.Type, asked.Txn = e.process, history.Invoke, slices.Clone(e.op.Txn)
			h.op(asked)
			open = append(open, e)
		case len(open) == 0:
			if begun == most {
				return h
			}
		case i == 1:
			open[next(len(open))].carryOut(lists, wild)
		default:
			i := next(len(open))
			e := open[i]
			open = slices.Delete(open, i, i+1)
			e.finish(h, next, lists, lies)
		}
	}
	return h
}

// carryOut takes effect, as a whole or one deed further.
func (e *errand) carryOut(lists map[string][]string, wild bool) {
	for e.step < len(e.op.Txn) {
		m := &e.op.Txn[e.step]
		if m.F == history.FAppend {
			lists[m.Key] = append(slices.Clone(lists[m.Key]), m.Arg)
		} else {
			m.List, m.Saw = lists[m.Key], true
		}
		if e.step++; wild {
			return
		}
	}
}

// finish answers, truly or not, or does not answer.
func (e *errand) finish(h *tape, next choices, lists map[string][]string, lies int) {
	op := e.op
	op.Process, op.Type = e.process, history.Info
	if roll := next(6); roll > 0 || e.step == 0 && next(2) == 0 {
		op.Type = history.OK
		if e.step == 0 && next(2) == 0 {
			op.Type = history.Fail
		} else {
			e.carryOut(lists, false)
		}
	}
	op.Txn = slices.Clone(e.op.Txn)
	for i := range op.Txn {
		m := &op.Txn[i]
		if op.Type != history.OK {
			m.List, m.Saw = nil, false
		} else if next(32) == 0 {
			m.List, m.Saw = nil, false // the answer does not tell
		} else if m.Saw && next(8) < lies {
			m.List = lie(next, m.List)
		}
	}
	if op.Type == history.OK && next(16) < lies {
		op.Type = history.Fail // it says so, but it happened
		for i := range op.Txn {
			op.Txn[i].List, op.Txn[i].Saw = nil, false
		}
	}
	h.op(op)
}

// lie changes a list a little.
func lie(next choices, values []string) []string {
	out := slices.Clone(values)
	n := len(out)
	switch {
	case n == 0 || next(8) == 0:
		return append(out, fmt.Sprint(1+next(6)))
	case n > 1 && next(3) == 0:
		i := next(n - 1)
		out[i], out[i+1] = out[i+1], out[i]
	case next(4) == 0:
		i := next(n)
		return slices.Delete(out, i, i+1)
	default:
		return out[:next(n)]
	}
	return out
}

// agreesWithOrders compares the checker with the oracle on one history.
func agreesWithOrders(t require.TestingT, h *tape, what any) (legal bool, result checker.Result) {
	legal = serializable(h.events)
	result = h.judge(newTransactions())
	got := result.Verdict != checker.Invalid // unknown if nothing was read
	if legal != got {
		var b []string
		for i := range h.events {
			b = append(b, checker.Describe(&h.events[i]))
		}
		require.Equal(t, legal, got, "%v: %+v\n%s", what, result, b)
	}
	return legal, result
}

// The checker says invalid just where no order exists, whatever the history, and
// what it shows then has no order by itself.
func TestTransactionsAgreeWithAllOrders(t *testing.T) {
	const count = 80_000
	legal, rules := 0, map[string]int{}
	for i := range uint64(count) {
		next := seeded(i)
		ok, result := agreesWithOrders(t, drawTxns(next, 2+int(i%4), i%3 == 1, int(i%4)), i)
		if ok {
			legal++
		}
		for _, v := range result.Violations {
			rules[v.Rule]++
			if rules[v.Rule] <= 150 && v.Rule != "garbage-read" {
				require.False(t, serializable(alone(v.Events)), "%d: %+v does not prove itself", i, v)
			}
		}
	}
	t.Log(legal, "of", count, "are legal;", rules)
	require.Greater(t, legal, count/4)
	require.Less(t, legal, count*3/4)
	for _, rule := range []string{
		"G0", "G1a", "G1b", "G1c", "G-single", "G2-item", "G0-realtime", "G1c-realtime", "G-single-realtime",
		"internal", "future-read", "incompatible-order", "duplicate-elements", "garbage-read", "lost append",
	} {
		require.Greater(t, rules[rule], 10, rule)
	}
}

// alone is a history of the evidence of a violation. Whatever it reads of others
// may have been appended at any time.
func alone(evidence []history.Event) []history.Event {
	events := slices.Clone(evidence)
	known := map[string]bool{}
	for _, e := range evidence {
		for _, m := range e.Op.Txn {
			if m.F == history.FAppend {
				known[m.Key+" "+m.Arg] = true
			}
		}
	}
	for _, e := range evidence {
		for _, m := range e.Op.Txn {
			for _, v := range m.List {
				if known[m.Key+" "+v] {
					continue
				}
				known[m.Key+" "+v] = true
				other := &history.Op{Process: 1000 + len(events), Type: history.Invoke, F: history.FTxn}
				other.Txn = []history.Micro{{F: history.FAppend, Key: m.Key, Arg: v}}
				events = append(events, history.Event{Op: other})
			}
		}
	}
	return events
}

func FuzzTransactions(f *testing.F) {
	f.Add([]byte{0, 1, 2, 0, 1, 0, 0, 1, 1, 2, 2, 2, 1, 0, 2}, false)
	f.Add([]byte{0, 2, 0, 0, 1, 1, 0, 0, 1, 2, 0, 2, 1, 1, 1, 2}, true)
	f.Fuzz(func(t *testing.T, b []byte, wild bool) {
		agreesWithOrders(t, drawTxns(scripted(b), 5, wild, 2), b)
	})
}
