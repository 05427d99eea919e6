package jepsen_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/jepsen"
)

// said writes operations: "0 :enqueue 5" is asked and answered with what was asked,
// "0 :dequeue nil = 5" with 5; "0 :f v fails" and "0 :f v ?" end so; "0 :f v ..." goes
// on, to be answered by "0 :f = v".
func said(lines ...string) string {
	var b strings.Builder
	write := func(process, kind, f, value string) {
		b.WriteString("{:process " + process + ", :type :" + kind + ", :f " + f + ", :value " + value + "}\n")
	}
	for _, line := range lines {
		process, rest, _ := strings.Cut(line, " ")
		f, rest, _ := strings.Cut(rest, " ")
		if got, ok := strings.CutPrefix(rest, "= "); ok {
			write(process, "ok", f, got)
			continue
		}
		asked, got, answered := strings.Cut(rest, " = ")
		kind := "ok"
		for suffix, k := range map[string]string{" fails": "fail", " ?": "info", " ...": ""} {
			if v, ok := strings.CutSuffix(asked, suffix); ok {
				asked, kind = v, k
			}
		}
		if !answered {
			got = asked
		}
		if write(process, "invoke", f, asked); kind != "" {
			write(process, kind, f, got)
		}
	}
	return b.String()
}

// unwrapped is a report without its line ends.
func unwrapped(r checker.Report) string { return strings.Join(strings.Fields(r.String()), " ") }

// Every model of an object: what it must reject, and the nearest that is legal.
func TestObjects(t *testing.T) {
	t.Parallel()
	const (
		valid, invalid, unknown = checker.Valid, checker.Invalid, checker.Unknown
		mutex, fenced           = jepsen.Mutex, jepsen.FencedLock
		queue, fifo, total      = jepsen.Queue, jepsen.FifoQueue, jepsen.TotalQueue
	)
	for _, row := range []struct {
		name    string
		model   jepsen.Model // "": guessed
		lines   []string
		verdict checker.Verdict
		says    string
	}{
		{"two holders", "", []string{"0 :acquire nil", "1 :acquire nil"}, invalid, "nobody began to give it back; that it is a mutex, and no semaphore, is a guess"},
		{"two holders, told", mutex, []string{"0 :acquire nil", "1 :acquire nil"}, invalid, "nobody began to give it back"},
		{"one holder twice", mutex, []string{"0 :acquire nil", "0 :acquire nil"}, invalid, "the last of 2"},
		{"one holder twice, perhaps by right", "", []string{"0 :acquire nil", "0 :acquire nil", "0 :release nil", "0 :release nil", "1 :acquire nil"}, unknown, "--model mutex"},
		{"one holder twice with one token", "", []string{"0 :acquire nil = {:fence 4}", "0 :acquire nil = {:fence 4}", "0 :release nil", "0 :release nil", "1 :acquire nil = {:fence 5}"}, unknown, "fenced-lock"},
		{"one holder twice, lost sight of", "", []string{"0 :acquire nil", "0 :acquire nil", "0 :release nil ?", "5 :release nil", "5 :release nil"}, unknown, "--model mutex"},
		{"given back once more than taken, for certain", mutex, []string{"0 :acquire nil", "0 :release nil ?", "5 :acquire nil", "5 :release nil", "5 :release nil"}, invalid, "gave it back by"},
		{"given back once more than taken, perhaps by right", "", []string{"0 :acquire nil", "0 :release nil ?", "5 :acquire nil", "5 :release nil", "5 :release nil"}, unknown, "--model mutex"},
		{"two holders, and one lost sight of", "", []string{"0 :acquire nil", "0 :release nil ?", "1 :acquire nil", "2 :acquire nil"}, invalid, "the last of 3"},
		{"one holder twice, and another", "", []string{"0 :acquire nil", "0 :acquire nil", "0 :release nil", "1 :acquire nil"}, invalid, "took it by"},
		{"given back by another", "", []string{"0 :acquire nil", "2 :release nil", "1 :acquire nil"}, valid, "taken twice"},
		{"given back without an answer", "", []string{"0 :acquire nil", "2 :release nil ?", "1 :acquire nil"}, valid, ""},
		{"given back in vain", "", []string{"0 :acquire nil", "2 :release nil fails", "1 :acquire nil"}, invalid, "the last of 2"},
		{"given back by nobody who had it", "", []string{"0 :acquire nil", "0 :release nil", "1 :release nil"}, invalid, "gave it back by"},
		{"taken without an answer", "", []string{"0 :acquire nil", "0 :release nil", "3 :acquire nil ?", "1 :release nil"}, valid, ""},
		{"a token that does not grow", "", []string{"0 :acquire nil = {:client \"a\" :fence 4}", "0 :release nil", "1 :acquire nil = {:client \"b\" :fence 3}"}, invalid, "smaller token 3"},
		{"a token that grows", "", []string{"0 :acquire nil = {:client \"a\" :fence 4}", "0 :release nil", "1 :acquire nil = {:client \"b\" :fence 5}"}, valid, ""},
		{"no token", "", []string{"0 :acquire nil = {:fence 4}", "0 :release nil", "1 :acquire nil = {:fence 0}", "1 :release nil"}, valid, ""},
		{"tokens alone", fenced, []string{"0 :acquire nil = 4", "0 :release nil", "1 :acquire nil = 4"}, invalid, "both got token 4"},
		{"numbers that are no tokens", mutex, []string{"0 :acquire nil = 4", "0 :release nil", "1 :acquire nil = 4"}, valid, ""},

		{"never enqueued", "", []string{"0 :enqueue 1", "1 :dequeue nil = 2"}, invalid, `nobody had asked`},
		{"enqueued", "", []string{"0 :enqueue 2", "1 :dequeue nil = 2"}, valid, ""},
		{"enqueue that failed", queue, []string{"0 :enqueue 2 fails", "1 :dequeue nil = 2"}, invalid, "had failed"},
		{"enqueue without an answer", "", []string{"0 :enqueue 2 ?", "1 :dequeue nil = 2"}, valid, ""},
		{"twice", queue, []string{"0 :enqueue 2", "1 :dequeue nil = 2", "1 :dequeue nil = 2"}, invalid, "2nd time"},
		{"twice, perhaps by right", "", []string{"0 :enqueue 2", "1 :dequeue nil = 2", "1 :dequeue nil = 2"}, unknown, "--model total-queue or queue"},
		{"twice, and one from nowhere", "", []string{"0 :enqueue 2", "1 :dequeue nil = 2", "1 :dequeue nil = 2", "1 :dequeue nil = 3"}, invalid, "nobody had asked"},
		{"empty for ever", "", []string{"0 :enqueue 2", "1 :dequeue nil"}, invalid, "never came out"},
		{"twice and enqueued twice", "", []string{"0 :enqueue 2", "0 :enqueue 2 ?", "1 :dequeue nil = 2", "1 :dequeue nil = 2"}, valid, ""},
		{"empty though it was not, perhaps by right", "", []string{"0 :enqueue 2", "1 :dequeue nil", "1 :dequeue nil = 2"}, unknown, "--model total-queue"},
		{"empty though it was not", queue, []string{"0 :enqueue 2", "1 :dequeue nil", "1 :dequeue nil = 2"}, invalid, "at no moment"},
		{"empty meanwhile", "", []string{"0 :enqueue 2 ...", "1 :dequeue nil", "0 :enqueue = 2", "1 :dequeue nil = 2"}, valid, ""},
		{"empty by a dequeue that crashed", "", []string{"0 :enqueue 2", "3 :dequeue nil ?", "1 :dequeue nil"}, valid, ""},
		{"any order", "", []string{"0 :enqueue 1", "0 :enqueue 2", "1 :dequeue nil = 2", "1 :dequeue nil = 1"}, valid, ""},
		{"out of order", fifo, []string{"0 :enqueue 1", "0 :enqueue 2", "1 :dequeue nil = 2", "1 :dequeue nil = 1"}, invalid, "came out"},
		{"in order", fifo, []string{"0 :enqueue 1", "0 :enqueue 2", "1 :dequeue nil = 1", "1 :dequeue nil = 2"}, valid, ""},
		{"passed over", fifo, []string{"0 :enqueue 1", "0 :enqueue 2", "1 :dequeue nil = 2"}, invalid, "nobody had taken the first"},
		{"taken by one that crashed", fifo, []string{"0 :enqueue 1", "0 :enqueue 2", "3 :dequeue nil ?", "1 :dequeue nil = 2"}, valid, ""},
		{"a repeated element out of order", fifo, []string{"0 :enqueue 1", "0 :enqueue 2", "0 :enqueue 1", "1 :dequeue nil = 2", "1 :dequeue nil = 1"}, invalid, ""},

		{"lost", "", []string{"0 :enqueue 1", "0 :enqueue 2", "1 :dequeue nil = 1", "0 :drain nil = []"}, invalid, "never came out"},
		{"drained", "", []string{"0 :enqueue 1", "0 :enqueue 2", "1 :dequeue nil = 1", "0 :drain nil = [2]"}, valid, ""},
		{"lost to a dequeue that crashed", "", []string{"0 :enqueue 1", "0 :enqueue 2", "3 :dequeue nil ?", "1 :dequeue nil = 1", "0 :drain nil = []"}, valid, ""},
		{"two lost to one that crashed", "", []string{"0 :enqueue 1", "0 :enqueue 2", "3 :dequeue nil ?", "0 :drain nil = []"}, invalid, "only 1 dequeue"},
		{"not drained", total, []string{"0 :enqueue 1", "0 :enqueue 2", "1 :dequeue nil = 1"}, unknown, "nobody drained"},
		{"drained too early", total, []string{"0 :drain nil = []", "0 :enqueue 2", "1 :enqueue 1", "1 :dequeue nil = 1"}, unknown, "nobody drained"},
		{"again", total, []string{"0 :enqueue 1", "1 :dequeue nil = 1", "1 :dequeue nil = 1"}, valid, "1 of them again"},
		{"once each", queue, []string{"0 :enqueue 1", "1 :dequeue nil = 1", "1 :drain nil = [1]"}, invalid, "2nd time"},
		{"from nowhere", total, []string{"0 :enqueue 1", "1 :drain nil = [1 2]"}, invalid, "nobody had asked"},
		{"failed, and there all the same", total, []string{"0 :enqueue 1 fails", "1 :drain nil = [1]"}, valid, ""},

		{"a failed increment", "", []string{"1 :read nil ...", "2 :add 1 fails", "1 :read = 1"}, invalid, "at most 0"},
		{"an increment without an answer", "", []string{"1 :read nil ...", "2 :add 1 ?", "1 :read = 1"}, valid, ""},
		{"a lost increment", "", []string{"1 :add 2", "2 :add 2", "3 :read nil = 2"}, invalid, "at least 4"},
		{"backwards", "", []string{"1 :add 1 ?", "2 :read nil = 1", "2 :read nil = 0"}, invalid, "certainly came between"},
		{"meanwhile", "", []string{"1 :add 1 ...", "2 :read nil = 0", "2 :read nil = 1", "1 :add = 1"}, valid, ""},
		{"both ways", "", []string{"1 :add 5", "2 :add -3", "2 :read nil = 2"}, valid, ""},

		{"money made", "", []string{"0 :transfer {:from 1 :to 2 :amount 3}", "1 :read nil = {1 5 2 5}", "1 :read nil = {1 5 2 6}"}, invalid, "total of 10"},
		{"money moved", "", []string{"0 :transfer {:from 1 :to 2 :amount 3}", "1 :read nil = {1 5 2 5}", "1 :read nil = {1 2 2 8}"}, valid, "each with the total 10"},
		{"below zero", "", []string{"0 :transfer {:from 1 :to 2 :amount 3}", "1 :read nil = {1 -1 2 11}"}, invalid, "read -1 on account 1"},
		{"money made, in vectors", "", []string{"0 :transfer {:from 0 :to 1 :amount 3}", "1 :read nil = [5 5]", "1 :read nil = [5 6]"}, invalid, "total of 10"},
		{"money moved, in vectors", "", []string{"0 :transfer {:from 0 :to 1 :amount 3}", "1 :read nil = [5 5]", "1 :read nil = [2 8]"}, valid, "each with the total 10"},
		{"no balance", "", []string{"0 :transfer {:from 1 :to 2 :amount 3}", "1 :read nil = {1 5 2 5}", "1 :read nil = {1 10 2 nil}"}, invalid, "account 2 has no balance"},
		{"a balance of nothing", "", []string{"0 :transfer {:from 1 :to 2 :amount 3}", "1 :read nil = {1 5 2 5}", "1 :read nil = {1 10 2 0}"}, valid, ""},
		{"no account yet", "", []string{"1 :read nil = {}", "0 :transfer {:from 1 :to 2 :amount 3}", "1 :read nil = {1 5 2 5}"}, valid, "1 read"},
		{"no account any more", "", []string{"0 :transfer {:from 1 :to 2 :amount 3}", "1 :read nil = {1 5 2 5}", "1 :read nil = {}"}, invalid, "read 0 by"},
		{"never an account", "", []string{"0 :transfer {:from 1 :to 2 :amount 3}", "1 :read nil = {}"}, unknown, "nothing to judge"},
		{"no read", "", []string{"0 :transfer {:from 1 :to 2 :amount 3}"}, unknown, "nothing to judge"},
	} {
		report, h := judge(t, said(row.lines...), jepsen.Options{Model: row.model})
		require.Equal(t, row.verdict, report.Verdict, "%s: %s", row.name, report)
		require.Contains(t, unwrapped(report), row.says, row.name)
		if row.model != "" {
			require.Equal(t, row.model, h.Facts().Model, row.name)
		}
	}
}

// What a model can be told besides.
func TestObjectsAsTold(t *testing.T) {
	t.Parallel()
	bank := said("0 :transfer {:from 1 :to 2 :amount 3}", "1 :read nil = {1 -1 2 11}")
	total := int64(10)
	report, _ := judge(t, bank, jepsen.Options{NegativeBalances: true, Total: &total})
	require.Equal(t, checker.Valid, report.Verdict, report.String())
	total = 11
	report, _ = judge(t, bank, jepsen.Options{NegativeBalances: true, Total: &total})
	require.Equal(t, checker.Invalid, report.Verdict)
	require.Contains(t, unwrapped(report), "a total of 10 by 0.004s, and there is 11")

	report, _ = judge(t, said("0 :add 1", "0 :read nil = 8"), jepsen.Options{Initial: "7"})
	require.Equal(t, checker.Valid, report.Verdict, report.String())

	keyed := said("0 :enqueue [7 1]", "0 :enqueue [8 1]", "0 :dequeue [7 nil] = [7 1]", "0 :dequeue [8 nil] = [8 1]")
	report, _ = judge(t, keyed, jepsen.Options{})
	require.Equal(t, checker.Valid, report.Verdict, report.String())
	require.Contains(t, report.String(), "on 2 queues")

	text := func(got string) string {
		return `{:process 0, :type :invoke, :f :put, :key "k", :value "a"}{:process 0, :type :ok, :f :put, :key "k", :value "a"}
{:process 0, :type :invoke, :f :append, :key "k", :value "b c"}{:process 0, :type :ok, :f :append, :key "k", :value "b c"}
{:process 1, :type :invoke, :f :get, :key "k", :value nil}{:process 1, :type :ok, :f :get, :key "k", :value "` + got + `"}`
	}
	report, h := judge(t, text("ab c"), jepsen.Options{})
	require.Equal(t, checker.Valid, report.Verdict, report.String())
	require.Equal(t, jepsen.PutAppendGet, h.Facts().Model)
	report, _ = judge(t, text("b c"), jepsen.Options{})
	require.Equal(t, checker.Invalid, report.Verdict, report.String())

	for name, want := range map[string]string{"mutx": "did you mean mutex?", "xyz": `unknown model "xyz": use auto or one of register, `} {
		_, err := jepsen.ParseModel(name)
		require.ErrorContains(t, err, want)
	}
	m, err := jepsen.ParseModel("unordered-queue")
	require.NoError(t, err)
	require.Equal(t, jepsen.Queue, m)
}
