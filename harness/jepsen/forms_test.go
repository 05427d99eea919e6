package jepsen_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/jepsen"
)

// The same meaning in the words of other programs.
func TestOtherForms(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, text string
		model      jepsen.Model
		verdict    checker.Verdict
		says       string
	}{
		{"functions and types as strings", `{:process 3 :type "invoke" :f "write" :value 7}{:process 3 :type "ok" :f "write" :value 7}` + both("4", `"read"`, "nil", "7"),
			jepsen.Register, checker.Valid, ""},
		{"and the lie", `{:process 3 :type "invoke" :f "write" :value 7}{:process 3 :type "ok" :f "write" :value 7}` + both("4", `"read"`, "nil", "8"),
			jepsen.Register, checker.Invalid, `"8"`},
		{"lines of JSON", `{"process": 0, "type": "invoke", "f": "write", "value": "a\/\u00e4", "time": 5, "index": 0}
{"process":0,"type":"ok","f":"write","value":"a/ä","time":6,"index":1}
{"type":"info","process":"nemesis","f":"kill","value":{"n1":[true,null]}}
{"type":"invoke","process":1,"f":"read","value":null}
{"type":"ok","process":1,"f":"read","value":"a/ä","error":["x",1]}`, jepsen.Register, checker.Valid, "2 operations"},
		{"an array of JSON", `[{"process":0,"type":"invoke","f":"cas","value":[1,2]}, {"process":0,"type":"ok","f":"cas","value":[1,2]}]`,
			jepsen.CasRegister, checker.Invalid, `"1"`},
		{"keywords as JSON has them", `{"process":"0","type":":invoke","f":":write","value":3,"index":"0"}{"process":"0","type":":ok","f":":write","value":3,"index":"1"}
{"process":":nemesis","type":":info","f":":start","value":null}{"process":1,"type":":invoke","f":":read","value":null}{"process":1,"type":":ok","f":":read","value":4}`,
			jepsen.Register, checker.Invalid, `"4"`},
		{"large numbers of JSON", `{"process":0,"type":"invoke","f":"write","value":1000000000000000000000}{"process":0,"type":"ok","f":"write","value":1e21}
{"process":1,"type":"invoke","f":"read","value":null}{"process":1,"type":"ok","f":"read","value":1E+21}`, jepsen.Register, checker.Valid, ""},
		{"and another", `{"process":0,"type":"invoke","f":"write","value":1000000000000000000001}{"process":0,"type":"ok","f":"write","value":1000000000000000000001}
{"process":1,"type":"invoke","f":"read","value":null}{"process":1,"type":"ok","f":"read","value":1e21}`, jepsen.Register, checker.Invalid, "1000000000000000000000"},
		{"whole numbers of JSON", `{"process":0,"type":"invoke","f":"write","value":3}{"process":0,"type":"ok","f":"write","value":3.0}`, jepsen.Register, checker.Valid, ""},
		{"transactions in JSON", `{"process":0,"type":"invoke","f":"txn","value":[["append","x",1],["r","x",null]]}
{"process":0,"type":"ok","f":"txn","value":[["append","x",1],["r","x",[2,1]]]}`, jepsen.ListAppend, checker.Invalid, `garbage-read`},
		{"an example of Elle's", "[{:type :ok, :value [[:append :a 5] [:r :b [6]]]}\n{:type :ok, :value [[:append :a 7] [:append :b 6]]}\n{:type :ok, :value [[:r :a [5 7]]]}]",
			jepsen.ListAppend, checker.Invalid, "G1c"},
		{"that is legal in another order than its own", "[{:type :ok, :value [[:r :a [5 7]]]}\n{:type :ok, :value [[:append :a 7]]}\n{:type :ok, :value [[:append :a 5]]}]",
			jepsen.ListAppend, checker.Valid, ""},
		{"with processes, and a read of what failed", "{:process 0, :type :fail, :value [[:append :a 5]]}\n{:process 0, :type :ok, :value [[:r :a [5]]]}",
			jepsen.ListAppend, checker.Invalid, "G1a"},
		{"registers in short", "{:type :ok, :value [[:w :a 5] [:w :b 5]]}\n{:type :ok, :value [[:r :a 5] [:r :b nil]]}", jepsen.MultiRegister, checker.Invalid, ":b"},
		{"with invocations", "{:index 0 :type :invoke :value [[:append 2 1]]}{:index 1 :type :info :value [[:append 2 1]]}{:index 2 :type :invoke :value [[:r 2 nil]]}{:index 3 :type :ok :value [[:r 2 [1]]]}",
			jepsen.ListAppend, checker.Valid, ""},
	} {
		report, h := judge(t, row.text, jepsen.Options{})
		require.Equal(t, row.verdict, report.Verdict, "%s: %s", row.name, report)
		require.Equal(t, row.model, h.Facts().Model, row.name)
		require.Contains(t, unwrapped(report), row.says, row.name)
		require.Equal(t, !strings.Contains(row.text, "invoke"), h.Facts().Short, row.name)
		require.Equal(t, h.Facts().Short, strings.Contains(h.Facts().String(), "nothing rests on time"), row.name)
	}
	for _, row := range []struct{ name, text, says string }{
		{"who completes", "{:type :invoke :value [[:append 2 1]]}\n{:type :invoke :value [[:append 2 2]]}", "history.edn:2: an operation without :process begins while that of line 1 is open"},
		{"some with a process", "{:type :invoke :value [[:append 2 1]]}\n{:type :ok :process 1 :value [[:append 2 1]]}", "history.edn:2: an operation without :process, where others have one"},
		{"symbols in JSON", `{"process":0,"type":"invoke","f":"write","value":abc}`, "history.edn:1: abc where a value of JSON belongs"},
		{"comments in JSON", `{"process":0,"type":"invoke","f":"read"};` + "\n", `history.edn:1 (form 2): ';' where an operation belongs, an object`},
		{"no process in JSON", `{"process":null,"type":"invoke","f":"read","value":null}`, "history.edn:1: process null"},
	} {
		_, err := check(row.text)
		require.ErrorContains(t, err, row.says, row.name)
	}
}

// What a file is tells its beginning; what it cannot be is said with what to do.
func TestPacked(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/cas-invalid.edn")
	require.NoError(t, err)
	var packed bytes.Buffer
	z, err := zstd.NewWriter(&packed)
	require.NoError(t, err)
	_, err = z.Write(text)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	report, h := judge(t, packed.String(), jepsen.Options{})
	require.Equal(t, checker.Invalid, report.Verdict)
	require.NoError(t, h.Close())
	want, _ := judge(t, string(text), jepsen.Options{})
	require.Equal(t, want.String(), report.String())

	for name, row := range map[string]struct{ text, says string }{
		"run.zip":              {"PK\x03\x04rest", "unpack it (unzip run.zip) and give the history.edn in it"},
		"history.edn":          {"PK\x03\x04rest", "it is a zip archive"},
		"store/42/test.jepsen": {"JEPSEN\x00\x00\x00\x00\x00\x01", `give the history.edn in the same directory, or write one in the project of the test: lein run`},
		"a/test.jepsen":        {"", `"a")))' > history.edn`},
	} {
		_, err := jepsen.New(name, strings.NewReader(row.text), jepsen.Options{})
		require.ErrorIs(t, err, jepsen.ErrNotText, name)
		require.ErrorContains(t, err, row.says, name)
	}
	cut, err := jepsen.New("cut.zst", bytes.NewReader(packed.Bytes()[:packed.Len()-20]), jepsen.Options{})
	require.NoError(t, err)
	report, err = jepsen.Check(cut, checker.Options{})
	require.NoError(t, err)
	require.Equal(t, checker.Unknown, report.Verdict)
	require.NotEmpty(t, cut.Cut())
}
