package model_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/model"
	"github.com/usurper/usurper/checker/set"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

const (
	enqueue history.F = "enqueue"
	dequeue history.F = "dequeue"
	depth   history.F = "depth"
)

// fifo is a queue of at most three elements. A dequeue without a value found it
// empty.
func fifo() model.Model[[]string] {
	return model.Model[[]string]{
		Name: "fifo",
		Ops:  []history.F{enqueue, dequeue, depth},
		Init: func(string) []string { return nil },
		Step: func(q []string, op *history.Op) [][]string {
			answered := op.Type == history.OK
			switch {
			case op.F == enqueue && len(q) < 3:
				return [][]string{slices.Concat(q, []string{op.Arg})}
			case op.F == dequeue && len(q) == 0 && (!answered || op.Got == ""):
				return [][]string{q}
			case op.F == dequeue && len(q) > 0 && (!answered || op.Got == q[0]):
				return [][]string{q[1:]}
			case op.F == depth && (!answered || op.Got == strconv.Itoa(len(q))):
				return [][]string{q}
			}
			return nil
		},
	}
}

// withItems can leave out elements, from histories in which nobody asks for the
// depth.
func withItems(m model.Model[[]string]) model.Model[[]string] {
	m.Item = func(op *history.Op) (element string, ok bool) {
		if op.F == enqueue {
			return op.Arg, true
		}
		return op.Got, op.Type == history.OK
	}
	return m
}

// moves makes a history of lines such as "1 enqueue a", "1 ok", "2 dequeue",
// "2 ok a", "3 info": a process, and what it asks or is answered.
func moves(t *testing.T, key, lines string) *tape.Tape {
	t.Helper()
	h := tape.New(history.Run{})
	play(t, h, key, lines)
	return h
}

func play(t *testing.T, h *tape.Tape, key, lines string) {
	t.Helper()
	open := make(map[int]history.Op)
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		words := append(strings.Fields(line), "")
		process, err := strconv.Atoi(words[0])
		require.NoError(t, err)
		op := history.Op{Process: process, Type: history.Invoke, F: history.F(words[1]), Key: key, Arg: words[2]}
		switch what := history.OpType(words[1]); what {
		case history.OK, history.Fail, history.Info:
			op = open[process]
			op.Type = what
			if what == history.OK && op.F != enqueue {
				op.Got, op.Saw = words[2], true
			}
		default:
			open[process] = op
		}
		h.Op(op)
	}
}

func TestModel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, lines string
		want        verdict.Verdict
	}{
		{"in order", "1 enqueue a\n1 ok\n2 enqueue b\n2 ok\n3 dequeue\n3 ok a\n3 dequeue\n3 ok b", verdict.Valid},
		{"out of order", "1 enqueue a\n1 ok\n2 enqueue b\n2 ok\n3 dequeue\n3 ok b", verdict.Invalid},
		{"at once, any order", "1 enqueue a\n2 enqueue b\n1 ok\n2 ok\n3 dequeue\n3 ok b\n3 dequeue\n3 ok a", verdict.Valid},
		{"the same twice", "1 enqueue a\n1 ok\n2 dequeue\n3 dequeue\n2 ok a\n3 ok a", verdict.Invalid},
		{"empty too early", "1 enqueue a\n1 ok\n2 dequeue\n2 ok", verdict.Invalid},
		{"empty in time", "1 enqueue a\n2 dequeue\n2 ok\n1 ok", verdict.Valid},
		{"before it was there", "2 dequeue\n2 ok a\n1 enqueue a\n1 ok", verdict.Invalid},
		{"unanswered, seen", "1 enqueue a\n1 info\n2 dequeue\n2 ok a", verdict.Valid},
		{"unanswered, seen later", "1 enqueue a\n1 info\n2 dequeue\n2 ok\n2 dequeue\n2 ok a", verdict.Valid},
		{"unanswered, seen twice", "1 enqueue a\n1 info\n2 dequeue\n2 ok a\n2 dequeue\n2 ok a", verdict.Invalid},
		{"never ended, seen", "1 enqueue a\n2 dequeue\n2 ok a", verdict.Valid},
		{"a dequeue without an answer took it", "1 enqueue a\n1 ok\n2 dequeue\n2 info\n3 dequeue\n3 ok", verdict.Valid},
		{"a dequeue without an answer took one, not two", "1 enqueue a\n1 ok\n1 enqueue b\n1 ok\n2 dequeue\n2 info\n3 dequeue\n3 ok", verdict.Invalid},
		{"unanswered, not possible any more", "1 enqueue a\n1 ok\n1 enqueue b\n1 ok\n1 enqueue c\n1 ok\n2 enqueue d\n2 info", verdict.Valid},
		{"failed, seen", "1 enqueue a\n1 fail\n2 dequeue\n2 ok a", verdict.Invalid},
		{"failed, not seen", "1 enqueue a\n1 fail\n2 dequeue\n2 ok", verdict.Valid},
		{"full", "1 enqueue a\n1 ok\n1 enqueue b\n1 ok\n1 enqueue c\n1 ok\n1 enqueue d\n1 ok", verdict.Invalid},
		{"nothing succeeded", "1 enqueue a\n1 info\n2 dequeue\n2 fail", verdict.Unknown},
		{"two at a time", "1 enqueue a\n1 enqueue b\n1 ok", verdict.Unknown},
		{"an end without a beginning", "1 enqueue a\n1 ok\n1 ok", verdict.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := moves(t, "q", c.lines)
			require.Equal(t, c.want, h.Judge(fifo().Checker(verdict.Options{})).Verdict)
			require.Equal(t, c.want, h.Judge(withItems(fifo()).Checker(verdict.Options{})).Verdict)
		})
	}
}

// TestModelExact compares the checker with a search that tries every order, and
// for operations without an answer also that they never happened.
func TestModelExact(t *testing.T) {
	t.Parallel()
	verdicts := make(map[verdict.Verdict]int)
	for seed := range uint64(3000) {
		h, ops := randomQueue(rand.New(rand.NewPCG(seed, 9)))
		want := verdict.Invalid
		if fits(fifo(), nil, ops) {
			want = verdict.Valid
		}
		got := h.Judge(fifo().Checker(verdict.Options{}))
		require.Equal(t, want, got.Verdict, "seed %d: %s", seed, got.Summary)
		verdicts[want]++
	}
	require.Greater(t, verdicts[verdict.Valid], 300)
	require.Greater(t, verdicts[verdict.Invalid], 300)
}

// queued is an operation with its interval, for the oracle.
type queued struct {
	op        history.Op
	call, ret int // ret 0: no answer
}

// randomQueue makes a short history that begins with a success, of clients of a
// queue that mostly answers as it should.
func randomQueue(r *rand.Rand) (*tape.Tape, []queued) {
	h := tape.New(history.Run{})
	var q []string
	ops := []queued{{op: history.Op{F: depth, Type: history.OK, Got: "0", Saw: true}, call: 1, ret: 2}}
	h.Op(history.Op{Type: history.Invoke, F: depth})
	h.Op(ops[0].op)
	open := make(map[int]int)
	for begun := 1; begun < 7 || len(open) > 0; {
		if begun < 7 && (len(open) == 0 || r.IntN(2) == 0) {
			op := history.Op{Process: begun, Type: history.Invoke, F: []history.F{enqueue, dequeue, dequeue, enqueue, depth}[r.IntN(5)]}
			if op.F == enqueue {
				op.Arg = strconv.Itoa(begun % 4)
			}
			open[begun] = len(ops)
			ops = append(ops, queued{op: op, call: len(h.Events)})
			h.Op(op)
			begun++
			continue
		}
		process := slices.Sorted(func(yield func(int) bool) {
			for p := range open {
				if !yield(p) {
					return
				}
			}
		})[r.IntN(len(open))]
		o := &ops[open[process]]
		delete(open, process)
		o.op.Type = []history.OpType{history.OK, history.OK, history.OK, history.Info, history.Fail}[r.IntN(5)]
		if o.op.Type == history.OK || o.op.Type == history.Info && r.IntN(2) == 0 {
			q = serve(&o.op, q)
		}
		if o.op.Type == history.OK {
			o.ret = len(h.Events)
			if r.IntN(6) == 0 && o.op.F == dequeue {
				o.op.Got = strconv.Itoa(r.IntN(4))
			}
		}
		h.Op(o.op)
	}
	return h, slices.DeleteFunc(ops, func(o queued) bool { return o.op.Type == history.Fail })
}

// serve answers as a queue does.
func serve(op *history.Op, q []string) []string {
	answered := op.Type == history.OK
	switch {
	case op.F == enqueue:
		return append(q, op.Arg)
	case op.F == depth && answered:
		op.Got, op.Saw = strconv.Itoa(len(q)), true
	case op.F == dequeue && len(q) > 0:
		if answered {
			op.Got, op.Saw = q[0], true
		}
		return q[1:]
	case op.F == dequeue && answered:
		op.Saw = true
	}
	return q
}

// fits tries every order.
func fits(m model.Model[[]string], q []string, ops []queued) bool {
	if !slices.ContainsFunc(ops, func(o queued) bool { return o.ret != 0 }) {
		return true // the others need not have happened
	}
	for i, o := range ops {
		first := !slices.ContainsFunc(ops, func(p queued) bool { return p.ret != 0 && p.ret < o.call })
		if !first {
			continue
		}
		op := o.op
		if o.ret == 0 {
			op.Type = history.Info
		}
		rest := slices.Delete(slices.Clone(ops), i, i+1)
		for _, next := range m.Step(q, &op) {
			if fits(m, next, rest) {
				return true
			}
		}
	}
	return false
}

// An explanation holds what contradicts itself, and no more, if elements can be
// left out.
func TestModelExplains(t *testing.T) {
	t.Parallel()
	const lines = `
1 enqueue a
1 ok
2 dequeue
2 ok a
1 enqueue b
3 enqueue c
3 ok
1 ok
2 dequeue
2 ok c
3 enqueue d
3 ok
2 dequeue
2 ok d
2 dequeue
2 ok b`
	h := moves(t, "q", lines)
	result := h.Judge(withItems(fifo()).Checker(verdict.Options{}))
	require.Equal(t, verdict.Invalid, result.Verdict)
	require.Len(t, result.Violations, 1)
	v := result.Violations[0]
	require.Equal(t, "not linearizable", v.Rule)
	require.Equal(t, `key q: no order of these 3 operations agrees with what they returned and when; `+
		`without the last, client 2's dequeue q = "d", there is one, which leaves [b d]`, v.Text)
	text := checker.Report{Results: []verdict.Result{result}}.String()
	require.Contains(t, text, `client 1  |-enqueue "b"-|`)
	require.Contains(t, text, `|-dequeue = "d"-|`)
	require.NotContains(t, text, `"c"`)

	whole := h.Judge(fifo().Checker(verdict.Options{}))
	require.Contains(t, whole.Summary, "of these 7 operations", "the shortest beginning, if no element can be left out")
}

// Where the budget ends, the verdict says which keys are decided, and how far the
// others are; and it says the same every time.
func TestModelBudget(t *testing.T) {
	t.Parallel()
	h := tape.New(history.Run{})
	play(t, h, "q0", "1 enqueue a\n1 ok\n1 dequeue\n1 ok a")
	var hard strings.Builder
	for i := range 3 {
		fmt.Fprintf(&hard, "9 enqueue e%d\n9 ok\n9 dequeue\n9 ok e%d\n", i, i)
	}
	for i := range 9 {
		fmt.Fprintf(&hard, "%d depth\n", 10+i)
	}
	for i := range 9 {
		fmt.Fprintf(&hard, "%d ok 0\n", 10+i)
	}
	hard.WriteString("9 enqueue x\n9 ok\n9 dequeue\n9 ok")
	play(t, h, "q1", hard.String())
	play(t, h, "q2", "1 enqueue a\n1 ok\n1 dequeue\n1 ok a")

	for limit, o := range map[string]verdict.Options{"steps": {Steps: 500}, "memory": {SearchMemory: 20_000}} {
		first := h.Judge(fifo().Checker(o))
		require.Equal(t, verdict.Unknown, first.Verdict, limit)
		require.Equal(t, "2 of 3 keys decided (q0, q2); not decided (q1)", first.Summary)
		require.Regexp(t, "^key q1: its first [0-9]+ answers have an order, up to 0.0[0-9]+s; "+
			"of all its 17 operations, the search for an order exceeded its "+limit+" ", first.Unknowns[1])
		require.Equal(t, first, h.Judge(fifo().Checker(o)))
	}
	require.Equal(t, verdict.Invalid, h.Judge(fifo().Checker(verdict.Options{})).Verdict)
	late := h.Judge(fifo().Checker(verdict.Options{Wall: 1}))
	require.Equal(t, verdict.Unknown, late.Verdict)
	require.Contains(t, late.Summary, "0 of 3 keys decided")
	require.Contains(t, late.Unknowns[1], "the time for all searches was used up (1ns of wall clock;")
}

// A system may choose: which element a bag gives is its own business.
func TestModelMayChoose(t *testing.T) {
	t.Parallel()
	bag := model.Model[string]{
		Name: "bag",
		Ops:  []history.F{enqueue, dequeue},
		Init: func(string) string { return "" },
		Step: func(bag string, op *history.Op) []string {
			var out []string
			if op.F == enqueue {
				b := strings.Split(bag+op.Arg, "")
				slices.Sort(b)
				return []string{strings.Join(b, "")}
			}
			for i, e := range bag {
				if op.Type == history.Info || op.Got == string(e) {
					out = append(out, bag[:i]+bag[i+1:])
				}
			}
			return out
		},
	}
	filled := "1 enqueue a\n1 ok\n1 enqueue b\n1 ok\n1 enqueue c\n1 ok\n2 dequeue\n2 info\n"
	for answers, want := range map[string]verdict.Verdict{
		"3 dequeue\n3 ok c\n3 dequeue\n3 ok a":                    verdict.Valid,
		"3 dequeue\n3 ok c\n3 dequeue\n3 ok a\n3 dequeue\n3 ok b": verdict.Valid,
		"3 dequeue\n3 ok c\n3 dequeue\n3 ok c":                    verdict.Invalid,
		"3 dequeue\n3 ok d":                                       verdict.Invalid,
		"3 dequeue\n3 ok c\n1 enqueue c\n1 ok\n3 dequeue\n3 ok c": verdict.Valid,
	} {
		require.Equal(t, want, moves(t, "b", filled+answers).Judge(bag.Checker(verdict.Options{})).Verdict, answers)
	}
}

// A model that panics decides nothing, wherever it is called from, and ends
// nothing but its own judgement.
func TestModelPanics(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*model.Model[[]string]){
		"step":  func(m *model.Model[[]string]) { m.Step = func([]string, *history.Op) [][]string { panic("no idea") } },
		"equal": func(m *model.Model[[]string]) { m.Equal = func(_, _ []string) bool { panic("no idea") } },
		"hash":  func(m *model.Model[[]string]) { m.Hash = func([]string) uint64 { panic("no idea") } },
		"item":  func(m *model.Model[[]string]) { m.Item = func(*history.Op) (string, bool) { panic("no idea") } },
	} {
		m := fifo()
		spoil(&m)
		h := moves(t, "q", "1 depth\n2 depth\n3 dequeue\n1 ok 0\n2 ok 0\n3 ok a")
		run := checker.NewRunner([]verdict.Checker{m.Checker(verdict.Options{}), set.New()})
		for i := range h.Events {
			run.Event(&h.Events[i])
		}
		report := run.Finish()
		require.Equal(t, verdict.Unknown, report.Verdict, name)
		require.Contains(t, report.Results[0].Summary, "no idea", name)
	}
	require.PanicsWithValue(t, `checker: model "half": Name, Ops, Init and Step are required`, func() {
		model.Model[int]{Name: "half"}.Checker(verdict.Options{})
	})
}

// What nobody judges is never valid.
func TestUnjudged(t *testing.T) {
	t.Parallel()
	lines := "1 enqueue a\n1 ok\n1 dequeue\n1 ok a"
	judge := func(h *tape.Tape, own bool) checker.Report {
		checkers := func() []verdict.Checker {
			if own {
				return []verdict.Checker{set.New(), fifo().Checker(verdict.Options{})}
			}
			return []verdict.Checker{set.New()}
		}
		file := h.AsFile()
		report, err := checker.Run(checkers(), history.NewReader("h", bytes.NewReader(file)).Events())
		require.NoError(t, err)
		again, err := checker.RunBatches(checkers(), history.NewReader("h", bytes.NewReader(file)).Batches())
		require.NoError(t, err)
		require.Equal(t, report, again)
		return report
	}
	h := moves(t, "q", lines)
	require.Equal(t, verdict.Valid, judge(h, true).Verdict)
	report := judge(h, false)
	require.Equal(t, verdict.Unknown, report.Verdict)
	require.Equal(t, "no checker judges 2 operations (dequeue, enqueue)", report.Problem)

	h.Events[0].Run.Checkers = []string{"fifo"}
	require.Equal(t, verdict.Valid, judge(h, true).Verdict)
	report = judge(h, false)
	require.Equal(t, verdict.Unknown, report.Verdict)
	require.Equal(t, "the run has checkers of its own that judge nothing here: fifo, for 2 operations (dequeue, enqueue); its go test judges it whole", report.Problem)
}
