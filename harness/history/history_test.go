package history_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

func begin() history.Event {
	return history.Event{Run: &history.Run{What: history.RunBegin, Format: history.Format, Target: "test", Nodes: []string{"n1", "n2", "n3", "n4", "n5"}}}
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	rec, err := history.Create(path)
	require.NoError(t, err)
	want := []history.Event{
		begin(),
		{Op: &history.Op{Process: 3, Type: history.Invoke, F: history.FCas, Key: "k1", Old: "a", Arg: "b"}},
		{Op: &history.Op{Process: 3, Type: history.Fail, F: history.FCas, Key: "k1", Old: "a", Arg: "b", Got: "c", Saw: true}},
		{Fault: &history.Fault{Step: 1, What: history.FaultHeal, Bit: true, Evidence: map[string]int64{"bytes-held": 7}}},
		{Raft: &history.Raft{Source: history.Trace, Node: "n1", Inc: 1, Seq: 9, What: history.RaftLeader, Term: 1<<64 - 1, Last: history.Pos{Term: 1, Index: 2}}},
		{Proc: &history.Proc{Node: "n1", What: history.ProcExit, Code: 1, Text: "a\nb"}},
	}
	for _, e := range want {
		rec.Record(e)
	}
	require.NoError(t, rec.Close())
	require.NoError(t, rec.Close(), "a second close does nothing")

	r, err := history.Open(path)
	require.NoError(t, err)
	defer r.Close()
	var last time.Duration
	for i := range want {
		got, err := r.Next()
		require.NoError(t, err)
		require.EqualValues(t, i, got.Seq)
		require.GreaterOrEqual(t, got.At, last)
		last = got.At
		got.Seq, got.At = 0, 0
		require.Equal(t, want[i], *got)
	}
	_, err = r.Next()
	require.ErrorIs(t, err, io.EOF)
	require.False(t, r.Truncated())

	_, err = history.Create(path)
	require.Error(t, err, "a history is never overwritten")
}

// A harness that is killed leaves every event that came before a fault, without
// a Close.
func TestFaultsReachTheFileAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	rec, err := history.Create(path)
	require.NoError(t, err)
	defer rec.Close()
	rec.Record(begin())
	rec.Record(history.Event{Op: &history.Op{Type: history.Invoke, F: history.FGet}})
	rec.Record(history.Event{Fault: &history.Fault{Step: 1, What: history.FaultInject}})
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 3, bytes.Count(b, []byte("\n")))
}

// What follows the event that spoils a run proves nothing, and is not there.
func TestNothingFollowsWhatSpoilsARun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	rec, err := history.Create(path)
	require.NoError(t, err)
	rec.Record(begin())
	rec.Record(history.Event{Run: &history.Run{What: history.RunSpoilt, Text: "a disk lied"}})
	rec.Record(history.Event{Run: &history.Run{What: history.RunEnd}})
	require.NoError(t, rec.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(text), "\n"))
	require.Contains(t, string(text), "a disk lied")
}

func TestReaderSaysWhereAndWhy(t *testing.T) {
	const first = `{"n":0,"t":0,"run":{"what":"begin","format":1}}` + "\n"
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", "h:1: the history is empty"},
		{"no begin", `{"n":0,"t":0,"run":{"what":"end"}}` + "\n", `h:1: a history starts with`},
		{"newer", `{"n":0,"t":0,"run":{"what":"begin","format":99}}` + "\n", "h:1: history has format 99, this usurper reads up to 1"},
		{"not json", first + "hello\n", "h:2: not an event"},
		{"gap", first + `{"n":2,"t":0,"run":{"what":"end"}}` + "\n", "h:2: event 2 where event 1 belongs"},
		{"no payload", first + `{"n":1,"t":0}` + "\n", "h:2: event has none of"},
		{"op type", first + `{"n":1,"t":0,"op":{"process":1,"type":"maybe","f":"get"}}` + "\n", `h:2: operation type "maybe"`},
		{"two begins", first + strings.Replace(first, `"n":0`, `"n":1`, 1), `h:2: a second "begin"`},
		{"only a torn line", `{"n":0,"t":0,"ru`, "h:1: not an event"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := history.NewReader("h", strings.NewReader(c.in))
			var err error
			for err == nil {
				_, err = r.Next()
			}
			require.ErrorContains(t, err, c.want)
			var se *history.SyntaxError
			require.True(t, errors.As(err, &se))
		})
	}
}

func TestTornLastLineIsLeftOut(t *testing.T) {
	whole := `{"n":0,"t":0,"run":{"what":"begin","format":1}}` + "\n" + `{"n":1,"t":5,"run":{"what":"end"}}` + "\n"
	first := strings.IndexByte(whole, '\n') + 1
	for cut := first + 1; cut < len(whole)-1; cut++ {
		r := history.NewReader("h", strings.NewReader(whole[:cut]))
		_, err := r.Next()
		require.NoError(t, err)
		_, err = r.Next()
		require.ErrorIs(t, err, io.EOF, "cut at %d", cut)
		require.True(t, r.Truncated(), "cut at %d", cut)
	}
	r := history.NewReader("h", strings.NewReader(whole[:len(whole)-1])) // only its newline is missing
	for range 2 {
		_, err := r.Next()
		require.NoError(t, err)
	}
}

func TestLongLines(t *testing.T) {
	var out closer
	rec := history.NewRecorder(&out)
	rec.Record(begin())
	list := make([]string, 100_000)
	for i := range list {
		list[i] = "value"
	}
	rec.Record(history.Event{Op: &history.Op{Type: history.OK, F: history.FRead, List: list}})
	require.NoError(t, rec.Close())
	r := history.NewReader("h", &out)
	_, err := r.Next()
	require.NoError(t, err)
	e, err := r.Next()
	require.NoError(t, err)
	require.Len(t, e.Op.List, len(list))
}

// Sequence numbers have no gaps and every watcher sees what it wants, with many
// writers.
func TestConcurrentWriters(t *testing.T) {
	var out closer
	rec := history.NewRecorder(&out)
	rec.Record(begin())
	events, cancel := rec.Watch(10_000, func(e *history.Event) bool { return e.Raft != nil })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				rec.Record(history.Event{Raft: &history.Raft{Source: history.Tap, Node: "n1", What: history.RaftAck}})
				rec.Record(history.Event{Op: &history.Op{Type: history.Invoke, F: history.FGet}})
			}
		})
	}
	wg.Wait()
	cancel()
	cancel()
	seen := 0
	for range events {
		seen++
	}
	require.Equal(t, 8*200, seen)
	require.NoError(t, rec.Close())
	n := 0
	for _, err := range history.NewReader("h", &out).Events() {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 1+2*8*200, n)
}

func TestSlowWatcherLosesTheOldest(t *testing.T) {
	rec := history.NewRecorder(&closer{})
	defer rec.Close()
	events, cancel := rec.Watch(2, func(*history.Event) bool { return true })
	rec.Record(begin())
	for i := range 5 {
		rec.Record(history.Event{Fault: &history.Fault{Step: i + 1}})
	}
	cancel()
	require.Equal(t, 4, (<-events).Fault.Step)
	require.Equal(t, 5, (<-events).Fault.Step)
}

func TestFullDiskIsReportedOnce(t *testing.T) {
	rec := history.NewRecorder(fullDisk{})
	rec.Record(begin())
	<-rec.Failed()
	rec.Record(begin())
	require.ErrorContains(t, rec.Err(), "write history")
	require.Error(t, rec.Close())
}

type closer struct{ bytes.Buffer }

func (c *closer) Close() error { return nil }

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }
func (fullDisk) Close() error              { return nil }

func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"n":0,"t":0,"run":{"what":"begin","format":1}}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		want := told(history.NewReader("h", bytes.NewReader(b)))
		for name, r := range slowly(b) {
			require.Equal(t, want, told(history.NewReader("h", r)), name)
		}
	})
}

func TestBatches(t *testing.T) {
	in := lines(1000)
	in = append(in, "oops\n"...)
	want := slices.Collect(func(yield func(string) bool) {
		for e, err := range history.NewReader("h", bytes.NewReader(in)).Events() {
			if err != nil {
				yield(err.Error())
				return
			}
			b, _ := json.Marshal(e)
			yield(string(b))
		}
	})
	var got []string
	for batch, err := range history.NewReader("h", bytes.NewReader(in)).Batches() {
		if err != nil {
			got = append(got, err.Error())
			break
		}
		for _, e := range batch.Events {
			b, _ := json.Marshal(e)
			got = append(got, string(b))
		}
		batch.Release()
	}
	require.Len(t, got, 1001)
	require.Equal(t, want, got)
}
