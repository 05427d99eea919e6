package jepsen_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/jepsen"
)

// both writes an operation and its completion.
func both(process, f, asked, got string) string {
	op := "{:process " + process + ", :f " + f
	return op + ", :type :invoke, :value " + asked + "}\n" + op + ", :type :ok, :value " + got + "}\n"
}

// Histories as Jepsen, Knossos and Elle have written them over the years, each with
// the verdict that it deserves.
func TestDialects(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, text string
		model      jepsen.Model
		verdict    checker.Verdict
		says       string
	}{
		{"byte order mark", "\xef\xbb\xbf[" + both("0", ":read", "nil", "nil") + "]", jepsen.Register, checker.Valid, ""},
		{"no time, no index", `{:index -1, :time -1, :type :invoke, :process 0, :f :write, :value 1}
{:index -1, :time -1, :type :ok, :process 0, :f :write, :value 1}`, jepsen.Register, checker.Valid, ""},
		{"an index from the second on", `{:type :invoke, :process 0, :f :write, :value 1} {:index 0, :type :ok, :process 0, :f :write, :value 1}`, jepsen.Register, checker.Valid, ""},
		{"independent tuples", both("0", ":write", "#jepsen.independent.Tuple[1 3]", "#clojure.lang.MapEntry[1 3]") +
			both("1", ":read", "[1 nil]", "[1 3]") + both("2", ":read", "[2 nil]", "[2 nil]"), jepsen.Register, checker.Valid, "3 operations on 2 keys"},
		{"tuples alone", both("0", ":write", "#jepsen.independent/tuple [1 3]", "[1 3]") +
			both("1", ":write", "[2 4]", "[2 4]"), jepsen.Register, checker.Valid, "on 2 keys"},
		{"tuples of cas", both("0", ":cas", "[1 [nil 3]]", "[1 [nil 3]]") + both("0", ":cas", "[2 [nil 3]]", "[2 [nil 3]]"),
			jepsen.CasRegister, checker.Valid, "on 2 keys"},
		{"writes that complete without a value", both("0", ":write", "1", "nil") + both("0", ":cas", "[1 2]", "nil") + both("1", ":read", "nil", "2"),
			jepsen.CasRegister, checker.Valid, ""},
		{"and are lost", both("0", ":write", "[1 1]", "[1 nil]") + both("1", ":read", "[1 nil]", "[1 nil]"), jepsen.Register, checker.Invalid, `held nothing after "1"`},
		{"additions that complete without a value", both("0", ":add", "1", "nil") + both("1", ":read", "nil", "#{}"),
			jepsen.Set, checker.Invalid, `adding "1" was acknowledged`},
		{"a set of pairs", both("0", ":add", "[0 1]", "[0 1]") + both("1", ":read", "nil", "#{[0 1]}"), jepsen.Set, checker.Valid, ""},
		{"sets by key", both("0", ":add", "[7 1]", "[7 1]") + both("1", ":read", "[7 nil]", "[7 #{1}]"), jepsen.Set, checker.Valid, ""},
		{"a sorted set", both("0", ":add", "1", "1") + both("0", ":add", "2", "2") + both("1", ":read", "nil", "#my/sorted-set (1 2)"), jepsen.Set, checker.Valid, ""},
		{"an element added twice", both("0", ":add", "1", "1") + both("0", ":add", "1", "1") + both("1", ":read", "nil", "#{}"), jepsen.Set, checker.Invalid, `"1"`},
		{"ratios", both("0", ":write", "1/2", "2/4") + both("0", ":read", "nil", "1/2"), jepsen.Register, checker.Valid, ""},
		{"big numbers", both("0", ":write", "123456789012345678901", "123456789012345678901N") + both("0", ":read", "nil", "123456789012345678901N"), jepsen.Register, checker.Valid, ""},
		{"doubles are no integers", both("0", ":write", "1", "1") + both("0", ":read", "nil", "1.0"), jepsen.Register, checker.Invalid, `"1.0"`},
		{"characters", both("0", ":write", `\a`, `\a`) + both("0", ":read", "nil", `\newline`), jepsen.Register, checker.Invalid, ""},
		{"instants", both("0", ":write", `#inst "2024-01-01T00:00:00.000-00:00"`, `#inst "2024-01-01T00:00:00.000-00:00"`), jepsen.Register, checker.Valid, ""},
		{"extra keys, comments, discards", `; begins
{:process 0 :type :invoke :f :write :value :foo/bar :jepsen/extra #_ 3 "x" :a.b/c {1 2}} #_{:not "read"}
{:process 0 :type :ok :f :write :value :foo/bar :error [:timeout {:cause #error {:via [{:at [a "b" 3]}]}} #object[foo 0x1 "x)"]]} ; ends`,
			jepsen.Register, checker.Valid, ""},
		{"a nemesis that says anything", `{:process :nemesis :type :invoke :f :start :value #object["x" "[ )"]}` + both("0", ":read", "nil", "nil") +
			`{:process :nemesis :type :info :f :start :value {:n1 #{:n2 "x"}}}`, jepsen.Register, checker.Valid, ""},
		{"reads of lists in short", both("0", ":txn", "[[:r 3] [:append 3 1] [:r 3]]", "[[:r 3 nil] [:append 3 1] [:r 3 [1]]]"), jepsen.ListAppend, checker.Valid, ""},
		{"a list without its own append", both("0", ":txn", "[[:append 0 6] [:r 0 nil]]", "[[:append 0 6] [:r 0 nil]]"), jepsen.ListAppend, checker.Invalid, "internal"},
		{"registers by name", both("0", ":txn", "[[:write :x 1] [:write :y 1]]", "[[:write :x 1] [:write :y 1]]") +
			both("1", ":txn", "[[:read :x nil] [:read :y nil]]", "[[:read :x 1] [:read :y nil]]"), jepsen.MultiRegister, checker.Invalid, ":y"},
		{"transactions that only read", both("0", ":txn", "[[:r 1 nil] [:r 2 nil]]", "[[:r 1 nil] [:r 2 nil]]"), jepsen.MultiRegister, checker.Valid, ""},
		{"a log of 2021", "INFO [2021-04-21 11:10:54,512] jepsen worker 4 - jepsen.util 4\t:invoke\t:txn\t[[:append 8 3]]\n" +
			"INFO [2021-04-21 11:10:54,513] jepsen worker 4 - jepsen.util 4\t:ok\t:txn\t[[:append 8 3]]\n" +
			"INFO [2021-04-21 11:10:55,512] jepsen worker 4 - jepsen.util 4\t:invoke\t:txn\t[[:r 8 nil]]\n" +
			"INFO [2021-04-21 11:10:55,513] jepsen worker 4 - jepsen.util 4\t:ok\t:txn\t[[:r 8 [1 3]]]\n", jepsen.ListAppend, checker.Invalid, "garbage-read"},
		{"a log of 2018", "2018-05-17 18:43:50,123{GMT}\tINFO\t[jepsen worker 1] jepsen.util: 1\t:invoke\t:read\t[5 nil]\n" +
			"2018-05-17 18:43:50,124{GMT}\tINFO\t[jepsen nemesis] jepsen.util: :nemesis\t:info\t:start\t\"cut off {:n5 #{:n3\"\n" +
			"2018-05-17 18:43:50,125{GMT}\tINFO\t[jepsen worker 1] jepsen.util: 1\t:ok\t:read\t[5 nil]\n", jepsen.Register, checker.Valid, ""},
		{"a log of 2014", "INFO  jepsen.util - 7\t:invoke\t:write\t3\nINFO  jepsen.util - 7\t:info\t:write\t:timed-out\n" +
			"INFO  jepsen.util - 8\t:invoke\t:read\tnil\nINFO  jepsen.util - 8\t:ok\t:read\t3\n", jepsen.Register, checker.Valid, ""},
		{"history.txt", "0         :invoke             :read               nil\n0         :ok                 :read               3\n", jepsen.Register, checker.Invalid, `"3"`},
	} {
		report, h := judge(t, row.text, jepsen.Options{})
		require.Equal(t, row.verdict, report.Verdict, "%s: %s", row.name, report)
		require.Equal(t, row.model, h.Facts().Model, row.name)
		require.Contains(t, report.String(), row.says, row.name)
	}
}

// What is no history of a known model is not judged as if it were.
func TestForeignHistories(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, text, says string }{
		{"another model's word", both("0", ":enqueue", "1", "1") + both("0", ":push", "1", "1"), "history.edn:3: unknown function :push: no model has it; they have :read, :write"},
		{"a counter of texts", both("0", ":read", "nil", "1") + both("0", ":add", "x", "x"), "history.edn:3: the value of an :add to a counter is 'x: it must be a whole number"},
		{"a bank of texts", both("0", ":transfer", "{:from 1 :to 2 :amount 1}", "nil") + both("0", ":read", "nil", "{1 :x}"), "history.edn:4: an :ok read returns the balance :x of account 1"},
		{"a vector of texts", both("0", ":transfer", "{:from 1 :to 2 :amount 1}", "nil") + both("0", ":read", "nil", "[1 :x]"), "history.edn:4: an :ok read returns the balance :x of account 1"},
		{"a bank that tells none", both("0", ":transfer", "{:from 1 :to 2 :amount 1}", "nil") + both("0", ":read", "nil", "#{1}"), "history.edn:4: an :ok read of all accounts returns #{1}"},
		{"a set with removals", both("0", ":add", "1", "1") + both("0", ":remove", "1", "1"), "history.edn:3: unknown function :remove: no model has it"},
		{"another model's function", both("0", ":add", "1", "1") + both("0", ":write", "1", "1"), "history.edn:3: unknown function :write: the operations of the model set are :add, :read"},
		{"predicates", both("0", ":txn", "[[:rp :true nil]]", "[[:rp :true {:x 1}]]"), "history.edn:1: unknown function :rp in a transaction"},
		{"an append of nothing", both("0", ":txn", "[[:append 1]]", "nil"), "history.edn:1: [:append 1] in a transaction: it has no value"},
		{"a read that does not tell", both("0", ":txn", "[[:append 1 2] [:r 1]]", "[[:append 1 2] [:r 1]]"), "history.edn:2: operation 2 of a transaction completes as [:r 1], without what it read"},
		{"a set that was read as nothing", both("0", ":add", "1", "1") + both("0", ":read", "nil", "nil"), "history.edn:4: an :ok read of everything returns nil"},
		{"times in fractions", "{:process 0, :type :invoke, :f :read, :time 1.5}", "history.edn:1: :time 1.5: use a whole number"},
		{"a log whose process is cut", "INFO jepsen.util - 1\t:invoke\t:read\tnil\nINFO jepsen.util - x1\t:ok\t:read\t3\n", "history.edn:2: process x1: clients are numbers"},
	} {
		_, err := check(row.text)
		require.ErrorContains(t, err, row.says, row.name)
	}
	_, err := jepsen.New("h", strings.NewReader(""), jepsen.Options{Initial: "1 2"})
	require.ErrorContains(t, err, "more than one value")
}
