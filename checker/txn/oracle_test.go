package txn_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
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

// agreesWithOrders compares the checker with the oracle on one history.
func agreesWithOrders(t require.TestingT, h *tape.Tape, what any) (legal bool, result verdict.Result) {
	legal = serializable(h.Events)
	result = h.Judge(newTransactions())
	got := result.Verdict != verdict.Invalid // unknown if nothing was read
	if legal != got {
		var b []string
		for i := range h.Events {
			b = append(b, verdict.Describe(&h.Events[i]))
		}
		require.Equal(t, legal, got, "%v: %+v\n%s", what, result, b)
	}
	return legal, result
}

// The checker says invalid just where no order exists, whatever the history, and
// what it shows then has no order by itself.
func TestTransactionsAgreeWithAllOrders(t *testing.T) {
	count := uint64(80_000)
	if testing.Short() {
		count = 20_000
	}
	legal, rules := 0, map[string]int{}
	for i := range count {
		next := tape.Seeded(i)
		ok, result := agreesWithOrders(t, tape.DrawTxns(next, 2+int(i%4), i%3 == 1, int(i%4)), i)
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
	require.Greater(t, legal, int(count/4))
	require.Less(t, legal, int(count*3/4))
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
		agreesWithOrders(t, tape.DrawTxns(tape.Scripted(b), 5, wild, 2), b)
	})
}
