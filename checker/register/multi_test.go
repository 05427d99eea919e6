package register_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/register"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// deal is a transaction with its interval, for the oracle.
type deal struct {
	call, ret int // ret 0: no answer
	txn       []history.Micro
}

// TestMultiRegisterExact compares the checker with one that tries every order.
func TestMultiRegisterExact(t *testing.T) {
	t.Parallel()
	verdicts := make(map[verdict.Verdict]int)
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 3))
		h, deals := randomDeals(r)
		want := verdict.Invalid
		if ordered(deals, map[string]string{}) {
			want = verdict.Valid
		}
		got := h.Judge(register.NewMulti(verdict.Options{}))
		require.Equal(t, want, got.Verdict, "seed %d: %s\n%v", seed, got.Summary, deals)
		if want == verdict.Valid {
			all := judgeAll(h)
			require.Equal(t, verdict.Valid, all, "seed %d", seed)
		}
		verdicts[got.Verdict]++
	}
	require.Greater(t, verdicts[verdict.Valid], 400)
	require.Greater(t, verdicts[verdict.Invalid], 400)
}

// judgeAll gives the verdict of all that look at transactions on registers.
func judgeAll(h *tape.Tape) verdict.Verdict {
	run := checker.NewRunner(checker.Clients(verdict.Options{}, "linearizable", "registers", "transactions"))
	for i := range h.Events {
		run.Event(&h.Events[i])
	}
	report := run.Finish()
	return report.Verdict
}

// randomDeals makes a short history of transactions on two registers, which most
// often return what a store would have returned. The values repeat.
func randomDeals(r *rand.Rand) (*tape.Tape, []deal) {
	h := tape.New(history.Run{})
	store := map[string]string{}
	var open []history.Op
	var deals []deal
	at := make(map[int]int) // by process
	for begun := 0; begun < 5 || len(open) > 0; {
		if begun < 5 && (len(open) == 0 || r.IntN(2) == 0) {
			op := history.Op{Process: begun, Type: history.Invoke, F: history.FTxn}
			for range 2 + r.IntN(2) {
				m := history.Micro{F: history.FGet, Key: strconv.Itoa(r.IntN(2))}
				switch r.IntN(5) {
				case 0, 1:
					m.F, m.Arg = history.FPut, strconv.Itoa(r.IntN(4))
				case 2:
					m.F = history.FDelete
				}
				op.Txn = append(op.Txn, m)
			}
			at[begun] = len(deals)
			deals = append(deals, deal{call: len(h.Events), txn: slices.Clone(op.Txn)})
			begun++
			h.Op(op)
			open = append(open, op)
			continue
		}
		n := r.IntN(len(open))
		op := open[n]
		open = slices.Delete(open, n, n+1)
		op.Txn = slices.Clone(op.Txn)
		op.Type = []history.OpType{history.OK, history.OK, history.OK, history.Info, history.Fail}[r.IntN(5)]
		d := &deals[at[op.Process]]
		if op.Type == history.Fail {
			d.txn = nil
		} else if op.Type == history.OK || r.IntN(2) == 0 {
			do(op.Txn, store)
		}
		if op.Type == history.OK {
			if r.IntN(8) == 0 {
				op.Txn[0].Got = strconv.Itoa(r.IntN(4))
			}
			d.ret, d.txn = len(h.Events), op.Txn
		} else {
			for i := range op.Txn {
				op.Txn[i].Got, op.Txn[i].Saw = "", false
			}
		}
		h.Op(op)
	}
	return h, deals
}

// do does a transaction.
func do(txn []history.Micro, store map[string]string) {
	for i := range txn {
		m := &txn[i]
		if m.F == history.FGet {
			m.Got, m.Saw = store[m.Key], true
		} else {
			store[m.Key] = m.Arg
		}
	}
}

// ordered tries every order of the transactions that agrees with time.
func ordered(left []deal, store map[string]string) bool {
	done := true
	for i, d := range left {
		if len(d.txn) == 0 || d.ret == 0 && d.txn == nil {
			continue
		}
		done = done && d.ret == 0
		first := !slices.ContainsFunc(left, func(o deal) bool { return o.txn != nil && o.ret != 0 && o.ret < d.call })
		if !first {
			continue
		}
		next := map[string]string{"0": store["0"], "1": store["1"]}
		fits := true
		for _, m := range d.txn {
			switch {
			case m.F != history.FGet:
				next[m.Key] = m.Arg
			case m.Saw && next[m.Key] != m.Got:
				fits = false
			}
		}
		rest := slices.Clone(left)
		rest[i].txn = nil
		if fits && ordered(rest, next) {
			return true
		}
	}
	return done
}

// Registers that other operations use too are not judged, and a search that
// exceeds its budget has no verdict.
func TestMultiRegisterUnknown(t *testing.T) {
	t.Parallel()
	txn := history.Op{F: history.FTxn, Txn: []history.Micro{{F: history.FPut, Key: "a", Arg: "1"}, {F: history.FPut, Key: "b", Arg: "1"}}}
	h := tape.New(history.Run{})
	h.Do(1, history.OK, txn)
	require.Equal(t, verdict.Valid, h.Judge(register.NewMulti(verdict.Options{})).Verdict)
	h.Do(1, history.OK, history.Op{F: history.FCas, Key: "b", Old: "1", Arg: "2"})
	got := h.Judge(register.NewMulti(verdict.Options{}))
	require.Equal(t, verdict.Unknown, got.Verdict)
	require.Contains(t, got.Summary, "key b is also used outside of transactions")

	h = tape.New(history.Run{})
	for range 20 {
		h.Do(1, history.OK, txn)
	}
	got = h.Judge(register.NewMulti(verdict.Options{Steps: 3}))
	require.Equal(t, verdict.Unknown, got.Verdict)
	require.Contains(t, got.Summary, "the group of a, b: of 20 operations none decided: the search for an order exceeded its steps")

	h = tape.New(history.Run{})
	h.Do(1, history.OK, history.Op{F: history.FTxn, Txn: txn.Txn[:1]})
	require.Contains(t, h.Judge(register.NewMulti(verdict.Options{})).Summary, "not checked")
}

// A history in which nothing was answered, or of which the end is missing, proves
// nothing; nor does a set that nobody read.
func TestClients(t *testing.T) {
	t.Parallel()
	judge := func(build func(h *tape.Tape)) checker.Report {
		h := tape.New(history.Run{})
		build(h)
		run := checker.NewRunner(checker.Clients(verdict.Options{}))
		for i := range h.Events {
			run.Event(&h.Events[i])
		}
		return run.Finish()
	}
	for name, row := range map[string]struct {
		build func(h *tape.Tape)
		want  verdict.Verdict
		says  string
	}{
		"read":          {func(h *tape.Tape) { h.Do(1, history.OK, tape.Add("a")); h.Do(1, history.OK, tape.Read("a")); h.End() }, verdict.Valid, "of 2 operations 2 succeeded"},
		"read too soon": {func(h *tape.Tape) { h.Do(1, history.OK, tape.Read()); h.Do(1, history.OK, tape.Add("a")); h.End() }, verdict.Valid, "; 1 acknowledged after the last read began"},
		"lost":          {func(h *tape.Tape) { h.Do(1, history.OK, tape.Add("a")); h.Do(1, history.OK, tape.Read()); h.End() }, verdict.Invalid, "a"},
		"never read":    {func(h *tape.Tape) { h.Do(1, history.OK, tape.Add("a")); h.End() }, verdict.Unknown, "key s was never read: what became of 1 acknowledged addition is not known"},
		"cut":           {func(h *tape.Tape) { h.Do(1, history.OK, tape.Add("a")); h.Do(1, history.OK, tape.Read("a")) }, verdict.Unknown, "cut short"},
		"nothing":       {func(h *tape.Tape) { h.End() }, verdict.Unknown, "no operation was tried"},
		"no success":    {func(h *tape.Tape) { h.Do(1, history.Fail, tape.Read()); h.End() }, verdict.Unknown, "none of 1 operation succeeded"},
	} {
		report := judge(row.build)
		require.Equal(t, row.want, report.Verdict, "%s: %s", name, report)
		require.Contains(t, report.String(), row.says, name)
	}
}
