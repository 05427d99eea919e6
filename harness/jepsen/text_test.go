package jepsen_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/jepsen"
)

// places are histories in which one value is written and another one is read: valid
// if and only if they are equal.
func places(wrote, read string) map[string]string {
	of := func(f, put, got string) string { return both("0", f, put, put) + both("1", ":read", "nil", got) }
	txn := func(put, asked, got string) string {
		return both("0", ":txn", "[["+put+"]]", "[["+put+"]]") + both("1", ":txn", "[[:r "+asked+" nil]]", "[[:r "+asked+" "+got+"]]")
	}
	nested := func(v string) string { return fmt.Sprintf("[1 {%s #{(%s)}}]", v, v) }
	return map[string]string{
		"register":   of(":write", wrote, read),
		"nested":     of(":write", nested(wrote), nested(read)),
		"cas":        both("0", ":cas", "[nil "+wrote+"]", "[nil "+wrote+"]") + both("1", ":read", "nil", read),
		"in a set":   of(":add", wrote, "#{"+read+"}"),
		"in a list":  txn(":append 1 "+wrote, "1", "["+read+"]"),
		"by its key": txn(":w "+wrote+" 1", read, "1"),
		"in a txn":   txn(":w 1 "+wrote, "1", read),
	}
}

// Values are equal just where Clojure has them equal.
func TestEquality(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		a, b  string
		equal bool
	}{
		{`"\ud83d\ude00"`, `"😀"`, true},
		{`"a\uD83D\uDE00b"`, `"a😀b"`, true},
		{`"\ud83d\ude00"`, `"\ud83d\ude01"`, false},
		{`"\ud800"`, `"\ud801"`, false},
		{`"\ud800"`, `"\uD800"`, true},
		{`"\ud800"`, `"\ufffd"`, false},
		{`"\ud800"`, `"\\ud800"`, false},
		{`"\ud800\ud800\udc00"`, "\"\\ud800\U00010000\"", true},
		{`"\udc00\ud800"`, `"\ud800\udc00"`, false},
		{`"\ud800-\udc00"`, `"\ud800\udc00"`, false},
		{`"\ufffd"`, `"` + "\ufffd" + `"`, true},
		{"-0.0", "0.0", true},
		{"-0e5", "0.0", true},
		{"-0.0", "0", false},
		{"-0.5", "0.5", false},
		{"-0", "0", true},
		{"-0.0M", "0M", true},
		{"1.50M", "1.5M", true},
		{"1e3M", "1000M", true},
		{"-1e-999999999M", "-10e-1000000000M", true},
		{"1.5M", "-1.5M", false},
		{"1.0M", "1.0", false},
		{"1M", "1", false},
		{`\a`, `\u0061`, true},
		{`\newline`, `\u000A`, true},
		{`\o101`, `\A`, true},
		{`\u`, `\u0075`, true},
		{`\é`, `\e`, false},
		{`\ud800`, `\ud801`, false},
	} {
		for name, text := range places(row.a, row.b) {
			want := checker.Invalid
			if row.equal {
				want = checker.Valid
			}
			report, _ := judge(t, text, jepsen.Options{Keyed: jepsen.KeyedNo})
			require.Equal(t, want, report.Verdict, "%s and %s, %s: %s", row.a, row.b, name, report)
		}
	}
}

// What does not tell which value it was is not judged as if it did.
func TestUnreadableValues(t *testing.T) {
	t.Parallel()
	const java, object = "no UTF-8 (byte 0x", "as Clojure prints what it cannot write down"
	for _, row := range []struct{ good, bad, says string }{
		{`"a"`, "\"\xff\"", java + "ff"},
		{"\"\xff\"", `"a"`, java},
		{`"a"`, "\"ab\xed\xa0\x80\"", java + "ed"},
		{"k", "k\xc3", java},
		{":k", ":k\xc3", java},
		{`\a`, "\\\xff", java},
		{"#t 1", "#t\xff 1", java},
		{"1", `#object["[J" 0x3b "[J@3b"]`, object},
		{`#object["[J" 0x3b "[J@3b"]`, "1", object},
		{"1", `#<Object java.lang.Object@3b>`, object},
		{"1", `#=(java.util.ArrayList. [1])`, object},
	} {
		for name, text := range places(row.good, row.bad) {
			_, err := check(text)
			require.ErrorContains(t, err, row.says, "%q, %s", row.bad, name)
			require.ErrorContains(t, err, "history.edn:", name)
		}
	}
	_, err := check(both("0", ":add", "1", "1") + both("1", ":read", "nil", `#object["[J" 0x3b "[J@3b"]`))
	require.ErrorContains(t, err, "history.edn:4: the value has a #object")
	_, err = check("INFO  jepsen.util - 8\t:invoke\t:read\tnil\nINFO  jepsen.util - 8\t:ok\t:read\t\"\xff\"\n")
	require.ErrorContains(t, err, "history.edn:2: the value has a text that is no UTF-8")
}

// What nobody compares may be anything.
func TestUnreadableRemarks(t *testing.T) {
	t.Parallel()
	op := "{:process 0, :f :write, :value 1, :type "
	for _, end := range []string{":ok, :error \"\xff\"", ":ok, :error [:x \"\xff\"]", ":ok, :node \"\xff\"", ":ok, :x/y [\"\xff\" #object[x]]",
		":fail, :error \"\\ud800\"", ":ok, :error #object[\"[J\" 0x3b]"} {
		report, _ := judge(t, op+":invoke}\n"+op+end+"}\n"+both("1", ":read", "nil", "nil"), jepsen.Options{})
		require.NotEqual(t, checker.Unknown, report.Verdict, "%q", end)
	}
	text := "{:process 0, :f :write, :type :invoke, :value 1}\n{:process 0, :f :write, :type :info, :value #object[a 0x1 \"\xff\"]}\n" + both("1", ":read", "nil", "1")
	report, _ := judge(t, text, jepsen.Options{})
	require.Equal(t, checker.Valid, report.Verdict, report)
}
