package jepsen_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/jepsen"
)

// judge checks a history that must be readable.
func judge(t *testing.T, text string, o jepsen.Options) (checker.Report, *jepsen.History) {
	t.Helper()
	h, err := jepsen.New("history.edn", strings.NewReader(text), o)
	require.NoError(t, err)
	report, err := jepsen.Check(h, checker.Options{})
	require.NoError(t, err)
	return report, h
}

// Histories of every model and of every way in which Jepsen wrote them.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		file    string
		model   jepsen.Model
		verdict checker.Verdict
		says    string // in the first violation, or what is unknown
	}{
		{"register-valid.edn", jepsen.Register, checker.Valid, ""},
		{"register-invalid.edn", jepsen.Register, checker.Invalid, "register"},
		{"cas-valid.edn", jepsen.CasRegister, checker.Valid, ""},
		{"cas-invalid.edn", jepsen.CasRegister, checker.Invalid, `"0"`},
		{"multi-register-valid.edn", jepsen.MultiRegister, checker.Valid, ""},
		{"multi-register-invalid.edn", jepsen.MultiRegister, checker.Invalid, "no order of these 2 operations"},
		{"set-valid.edn", jepsen.Set, checker.Valid, ""},
		{"set-invalid.edn", jepsen.Set, checker.Invalid, `"0"`},
		{"set-unknown.edn", jepsen.Set, checker.Unknown, "key set was never read"},
		{"list-append-valid.edn", jepsen.ListAppend, checker.Valid, ""},
		{"list-append-invalid.edn", jepsen.ListAppend, checker.Invalid, "G2-item"},
		{"valid.log", jepsen.CasRegister, checker.Valid, ""},
		{"invalid.log", jepsen.Register, checker.Invalid, `"4"`},
		{"valid.txt", jepsen.CasRegister, checker.Valid, ""},
	} {
		t.Run(row.file, func(t *testing.T) {
			t.Parallel()
			h, err := jepsen.Open(filepath.Join("testdata", row.file), jepsen.Options{})
			require.NoError(t, err)
			defer h.Close()
			report, err := jepsen.Check(h, checker.Options{})
			require.NoError(t, err)
			require.Equal(t, row.verdict, report.Verdict, report.String())
			require.Contains(t, report.String(), row.says)
			require.Equal(t, row.model, h.Facts().Model)
			require.True(t, h.Facts().Guessed)
			require.Empty(t, h.Cut())
		})
	}
}

// One history, however it is written, is one history.
func TestForms(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/cas-invalid.edn")
	require.NoError(t, err)
	maps := string(b)
	want, _ := judge(t, maps, jepsen.Options{})
	require.Equal(t, checker.Invalid, want.Verdict)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(b)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for name, text := range map[string]string{
		"vector":   "\n[" + maps + "]\n",
		"list":     "(" + maps + ")",
		"one line": strings.ReplaceAll(strings.SplitN(maps, "\n", 2)[1], "\n", ", "),
		"records":  strings.ReplaceAll(maps, "{", "#jepsen.history.Op {"),
		"gzip":     packed.String(),
		"discards": strings.ReplaceAll(maps, "{", "#_ {:a [1 #{2}]} {:extra #my/tag {:x \\} }, "),
		"crlf":     strings.ReplaceAll(maps, "\n", "\r\n"),
		"no end":   strings.TrimSpace(maps),
	} {
		got, _ := judge(t, text, jepsen.Options{})
		require.Equal(t, want, got, name)
	}
}

// A history that is cut short is judged up to the cut, and never found valid.
func TestCut(t *testing.T) {
	t.Parallel()
	valid, err := os.ReadFile("testdata/register-valid.edn")
	require.NoError(t, err)
	invalid, err := os.ReadFile("testdata/register-invalid.edn")
	require.NoError(t, err)
	log, err := os.ReadFile("testdata/valid.log")
	require.NoError(t, err)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(invalid)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for _, row := range []struct {
		name, text string
		verdict    checker.Verdict
		says       string
	}{
		{"in a map", string(valid[:len(valid)-10]), checker.Unknown, "line 10: the file ends within the form that begins there"},
		{"in the vector", string(valid[:len(valid)-2]), checker.Unknown, "the file ends, but the [ of line 2 is not closed"},
		{"after a violation", string(invalid) + "{:type :inv", checker.Invalid, "line 8: the file ends within"},
		{"in a string", string(invalid) + `{:type :info, :process :nemesis, :value "cut`, checker.Invalid, "line 8: the file ends within"},
		{"in a line of a log", string(log[:len(log)-1]), checker.Unknown, "line 12: the last line has no end"},
		{"in the compressed file", packed.String()[:packed.Len()/2], checker.Unknown, "line "},
		{"empty", "", checker.Unknown, ""},
	} {
		report, h := judge(t, row.text, jepsen.Options{})
		require.Equal(t, row.verdict, report.Verdict, "%s: %s", row.name, report)
		require.Contains(t, h.Cut(), row.says, row.name)
		if row.says != "" {
			require.Contains(t, report.Problem, row.says+"", row.name)
		}
	}
}

// Every register starts with the initial value.
func TestInitial(t *testing.T) {
	t.Parallel()
	const reads = `{:process 0, :type :invoke, :f :read, :value [K nil]} {:process 0, :type :ok, :f :read, :value [K 0]}`
	text := strings.ReplaceAll(reads, "K", "1") + strings.ReplaceAll(reads, "K", "2")
	report, _ := judge(t, text, jepsen.Options{Initial: "0"})
	require.Equal(t, checker.Valid, report.Verdict, report.String())
	report, _ = judge(t, text, jepsen.Options{})
	require.Equal(t, checker.Invalid, report.Verdict, report.String())
	report, _ = judge(t, text, jepsen.Options{Initial: `"0"`})
	require.Equal(t, checker.Invalid, report.Verdict, report.String())

	const txn = `{:process 0, :type :invoke, :f :txn, :value [[:r 1 nil] [:w 2 5]]} {:process 0, :type :ok, :f :txn, :value [[:r 1 0] [:w 2 5]]}`
	report, _ = judge(t, txn, jepsen.Options{Initial: "0"})
	require.Equal(t, checker.Valid, report.Verdict, report.String())
	report, _ = judge(t, txn, jepsen.Options{})
	require.Equal(t, checker.Invalid, report.Verdict, report.String())
}

// Whether values have keys shows in the operations; when it does not, one can say.
func TestKeyed(t *testing.T) {
	t.Parallel()
	const plain = `{:process 0, :type :invoke, :f :write, :value [1 2]} {:process 0, :type :ok, :f :write, :value [1 2]}
{:process 0, :type :invoke, :f :read, :value nil} {:process 0, :type :ok, :f :read, :value [1 2]}`
	report, h := judge(t, plain, jepsen.Options{})
	require.Equal(t, checker.Valid, report.Verdict, report.String())
	require.False(t, h.Facts().Keyed)
	keyed := strings.Replace(plain, ":value nil", ":value [1 nil]", 1)
	report, h = judge(t, keyed, jepsen.Options{})
	require.Equal(t, checker.Valid, report.Verdict, report.String())
	require.True(t, h.Facts().Keyed)
	report, _ = judge(t, keyed, jepsen.Options{Keyed: jepsen.KeyedNo})
	require.Equal(t, checker.Valid, report.Verdict, report.String())
	require.Equal(t, "on 1 key", report.Results[0].Summary[len("2 operations "):])
}

// Bad input gets a file, a line and a reason, and no verdict.
func TestBadInput(t *testing.T) {
	t.Parallel()
	const (
		invoke = "{:process 0, :type :invoke, :f :write, :value 1, :time 10}\n"
		ok     = "{:process 0, :type :ok, :f :write, :value 1, :time 20}\n"
		info   = "{:process 0, :type :info, :f :write, :value 1, :time 20}\n"
	)
	for _, row := range []struct{ name, text, says string }{
		{"unbalanced", invoke + "{:process 0, :type :ok, :f :write, :value [1 2}", "history.edn:2: unbalanced: } where ] belongs, for the [ of line 2"},
		{"too many brackets", invoke + ok + "}", "history.edn:3: unbalanced: } without its opening bracket"},
		{"vector and more", "[" + invoke + ok + "]]", "history.edn:3 (form 2): more after the end of the vector"},
		{"map not closed", invoke[:len(invoke)-2] + "\n" + ok + ok, `history.edn:1: line 2: '{' where a key such as :type belongs: is the map that begins on line 1 closed?`},
		{"completed twice", invoke + ok + ok, "history.edn:3: process 0 completes an operation twice: the first time on line 2"},
		{"completed after info", invoke + info + ok, "history.edn:3: process 0 completes an operation twice"},
		{"never invoked", ok, "history.edn:1: process 0 completes an operation that it never invoked"},
		{"invoked twice", invoke + invoke, "history.edn:2: process 0 invokes an operation while that of line 1 is open"},
		{"retired", invoke + info + strings.Replace(invoke, "10", "30", 1), "history.edn:3: process 0 acts again: the :info of line 2 was its last"},
		{"another f", invoke + strings.Replace(ok, ":write", ":read", 1), "history.edn:2: process 0 completes :read, but what it invoked on line 1 is :write"},
		{"another value", invoke + strings.Replace(ok, ":value 1", ":value 2", 1), "history.edn:2: a :write completes with the value 2"},
		{"time backwards", invoke + strings.Replace(ok, "20", "5", 1), "history.edn:2: time goes backwards: :time 5 after 10 on line 1"},
		{"index again", "{:index 1, :process 0, :type :invoke, :f :read}\n{:index 1, :process 0, :type :ok, :f :read}", "history.edn:2: :index 1 after :index 1"},
		{"unknown type", strings.Replace(invoke, ":invoke", ":started", 1), "history.edn:1: unknown type :started: it is :invoke, :ok, :fail or :info"},
		{"unknown function", invoke + ok + strings.Replace(invoke, ":write", ":drain", 1)[:40] + "}", "history.edn:3: "},
		{"no process", "{:type :invoke, :f :read}", "history.edn:1: an operation without :process"},
		{"no function", "{:type :invoke, :process 1}", "history.edn:1: an operation without :f"},
		{"key twice", "{:type :invoke, :type :ok}", "history.edn:1: the key :type is there twice"},
		{"odd process", `{:process "a", :type :invoke, :f :read}`, `history.edn:1: process a: clients are numbers`},
		{"odd number", strings.Replace(invoke, ":value 1", ":value 1x", 1), `history.edn:1: "1x" is no number`},
		{"no operation", invoke + "3", "history.edn:2: '3' where an operation belongs"},
		{"not a pair", "{:process 0, :type :invoke, :f :cas, :value 3}", "history.edn:1: the value of a :cas is 3: it must be [old new]"},
		{"odd micro", "{:process 0, :type :invoke, :f :txn, :value [[:append 1 2] [:w 1 2]]}", "history.edn:1: unknown function :w in a transaction"},
		{"set twice", "{:process 0, :type :invoke, :f :add, :value 1}{:process 0, :type :ok, :f :add, :value 1}\n{:process 0, :type :invoke, :f :read}{:process 0, :type :ok, :f :read, :value #{1 1}}",
			"history.edn:2 (form 4): a set that holds 1 twice"},
		{"byte 0", "{:process 0, :type :invoke, :f :write, :value [\x00]}", "history.edn:1: a byte 0 where a form belongs"},
		{"log type", "INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:okay\t:read\tnil\n", "history.edn:2: unknown type :okay"},
		{"log value", "INFO  jepsen.util - 0\t:invoke\t:write\t[1\n", "history.edn:1: unbalanced: the value does not end on its line"},
		{"log invoked twice", "INFO  jepsen.util - 0 :invoke :read nil\nINFO  jepsen.util - 0 :invoke :read nil\n", "history.edn:2: process 0 invokes an operation while that of line 1 is open"},
	} {
		_, err := check(row.text)
		var bad *jepsen.InputError
		require.ErrorAs(t, err, &bad, row.name)
		require.ErrorContains(t, err, row.says, row.name)
	}
	_, err := jepsen.New("history.edn", strings.NewReader(invoke), jepsen.Options{Initial: "[1"})
	require.ErrorContains(t, err, `initial value "[1"`)
	_, err = jepsen.New("history.edn", strings.NewReader(invoke), jepsen.Options{Initial: "1", Model: jepsen.Set})
	require.ErrorContains(t, err, "an initial value is for registers and counters")
}

func check(text string) (checker.Report, error) {
	h, err := jepsen.New("history.edn", strings.NewReader(text), jepsen.Options{})
	if err != nil {
		return checker.Report{}, err
	}
	return jepsen.Check(h, checker.Options{Steps: 10_000})
}

// Times that go backwards can be passed over; the file's order counts anyway.
func TestIgnoreTimes(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/register-invalid.edn")
	require.NoError(t, err)
	text := strings.Replace(string(b), ":time 6000000", ":time 1", 1)
	_, err = check(text)
	require.ErrorContains(t, err, "pass --ignore-times")
	report, _ := judge(t, text, jepsen.Options{IgnoreTimes: true})
	require.Equal(t, checker.Invalid, report.Verdict)
}

// Whatever a file holds, there is a verdict or an error, never both.
func FuzzCheck(f *testing.F) {
	files, err := filepath.Glob("testdata/*.*")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, text string) {
		report, err := check(text)
		require.Equal(t, err == nil, report.Verdict != "")
	})
}
