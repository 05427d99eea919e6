package history_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/usurper/usurper/harness/history"
)

// Each run draws the same cases, so that a change is to blame for what fails, and
// rapid leaves no files: the seed is the failure. -rapid.seed=0 draws others.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.seed": "1", "rapid.nofailfile": "true", "rapid.checks": "300"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// events draws histories with every kind of event and every field that there is.
func events() *rapid.Generator[[]history.Event] {
	op := rapid.Make[history.Op]()
	kinds := []func(*rapid.T) history.Event{
		func(t *rapid.T) history.Event {
			o := op.Draw(t, "op")
			o.Type = rapid.SampledFrom([]history.OpType{history.Invoke, history.OK, history.Fail, history.Info}).Draw(t, "type")
			return history.Event{Op: &o}
		},
		func(t *rapid.T) history.Event {
			raft := rapid.Make[history.Raft]().Draw(t, "raft")
			return history.Event{Raft: &raft}
		},
		func(t *rapid.T) history.Event {
			fault := rapid.Make[history.Fault]().Draw(t, "fault")
			return history.Event{Fault: &fault}
		},
		func(t *rapid.T) history.Event {
			proc := rapid.Make[history.Proc]().Draw(t, "proc")
			return history.Event{Proc: &proc}
		},
		func(t *rapid.T) history.Event {
			run := rapid.Make[history.Run]().Draw(t, "run")
			run.What = rapid.SampledFrom([]history.RunWhat{history.RunNote, history.RunStall, history.RunEnd}).Draw(t, "what")
			return history.Event{Run: &run}
		},
		func(t *rapid.T) history.Event {
			state := rapid.Make[history.State]().Draw(t, "state")
			return history.Event{State: &state}
		},
		func(t *rapid.T) history.Event {
			claim := rapid.Make[history.Claim]().Draw(t, "claim")
			return history.Event{Claim: &claim}
		},
	}
	event := rapid.Custom(func(t *rapid.T) history.Event {
		e := rapid.SampledFrom(kinds).Draw(t, "kind")(t)
		empty(reflect.ValueOf(&e).Elem())
		return e
	})
	return rapid.Custom(func(t *rapid.T) []history.Event {
		first := begin()
		first.Run.Nodes = nil // so that anybody may be drawn
		return append([]history.Event{first}, rapid.SliceOfN(event, 1, 5).Draw(t, "events")...)
	})
}

// empty makes nil of what is empty: a history has no word for the difference.
func empty(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			empty(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			empty(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			empty(v.Index(i))
		}
		if v.Len() == 0 {
			v.SetZero()
		}
	case reflect.Map:
		if v.Len() == 0 {
			v.SetZero()
		}
	}
}

// recorded returns the file that a recorder writes of the events, and notes in
// them the sequence numbers that it gives them.
func recorded(events []history.Event) []byte {
	var out closer
	rec := history.NewRecorder(&out)
	for i := range events {
		rec.Record(events[i])
		events[i].Seq = uint64(i)
	}
	rec.Close()
	return out.Bytes()
}

// read returns what a reader finds, without the times, and how it ended. The two
// ways to read must agree.
func read(t *rapid.T, file []byte) (events []history.Event, truncated bool, err error) {
	r := history.NewReader("h", bytes.NewReader(file))
	events = []history.Event{}
	for {
		var e *history.Event
		if e, err = r.Next(); err != nil {
			break
		}
		events = append(events, *e)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	n := 0
	for batch, broken := range history.NewReader("h", bytes.NewReader(file)).Batches() {
		if broken != nil {
			require.Equal(t, err, broken)
			break
		}
		for _, e := range batch.Events {
			require.Equal(t, text(events[n]), text(*e), "read in batches")
			n++
		}
		batch.Release()
	}
	require.Equal(t, len(events), n, "read in batches")
	for i := range events {
		events[i].At = 0
	}
	return events, r.Truncated(), err
}

func text(e history.Event) string {
	b, err := json.Marshal(e)
	return fmt.Sprint(string(b), err)
}

// Whatever a recorder writes, a reader reads.
func TestDrawnEventsRoundTrip(t *testing.T) {
	events := events()
	rapid.Check(t, func(t *rapid.T) {
		want := events.Draw(t, "events")
		got, truncated, err := read(t, recorded(want))
		require.NoError(t, err)
		require.False(t, truncated)
		require.Equal(t, want, got)
	})
}

// Of a history that ends anywhere, all whole lines are read; only the first line
// must be there. That a line lacks nothing but its end does no harm.
func TestDrawnEventsCut(t *testing.T) {
	events := events()
	rapid.Check(t, func(t *rapid.T) {
		want := events.Draw(t, "events")
		file := recorded(want)
		cut := rapid.IntRange(0, len(file)-1).Draw(t, "cut")
		whole := bytes.Count(file[:cut], []byte("\n"))
		torn := cut > 0 && file[cut-1] != '\n'
		if file[cut] == '\n' && torn {
			whole, torn = whole+1, false
		}
		got, truncated, err := read(t, file[:cut])
		if whole == 0 {
			located(t, err, 1)
			require.Empty(t, got)
			return
		}
		require.NoError(t, err)
		require.Equal(t, torn, truncated)
		require.Equal(t, want[:whole], got)
	})
}

// A byte that is not the one that was written is an error that names its line, or
// another event, now and then the same one: it does not touch any other line.
func TestDrawnEventsDamaged(t *testing.T) {
	events := events()
	var told, other, same int
	rapid.Check(t, func(t *rapid.T) {
		want := events.Draw(t, "events")
		file := recorded(want)
		at := rapid.IntRange(0, len(file)-1).Draw(t, "at")
		file[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		line := bytes.Count(file[:at], []byte("\n")) // whose events are before it
		got, _, err := read(t, file)
		require.Equal(t, want[:line], got[:line])
		switch {
		case err != nil:
			told++
			located(t, err, line+1)
		case len(got) < len(want):
			told++ // the last line lacks its end, and something else
			require.Equal(t, len(want)-1, line)
		default:
			require.Equal(t, want[line+1:], got[line+1:])
			if reflect.DeepEqual(want[line], got[line]) {
				same++
			} else {
				other++
			}
		}
	})
	t.Logf("%d told, %d other events, %d equal ones", told, other, same)
	require.Positive(t, told)
	require.Positive(t, other)
}

// located demands an error that names the file and the line.
func located(t *rapid.T, err error, line int) {
	var at *history.SyntaxError
	require.ErrorAs(t, err, &at)
	require.Equal(t, "h", at.File)
	require.Equal(t, line, at.Line)
}
