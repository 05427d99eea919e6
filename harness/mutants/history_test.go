package mutants

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
)

// story is a history while it is being damaged: each line with what it says.
type story struct {
	lines  lines
	events []history.Event
}

func read(text []byte) *story {
	s := &story{lines: split(text)}
	s.events = make([]history.Event, len(s.lines))
	for i, line := range s.lines {
		if json.Unmarshal(line, &s.events[i]) != nil {
			return nil
		}
	}
	return s
}

// told is the history with its events numbered anew, in the order of their times.
func (s *story) told() []byte {
	var out bytes.Buffer
	var times []int64
	objects := make([]map[string]json.RawMessage, len(s.lines))
	for i, line := range s.lines {
		if json.Unmarshal(line, &objects[i]) != nil {
			return s.lines.join()
		}
		at, _ := strconv.ParseInt(string(objects[i]["t"]), 10, 64)
		times = append(times, at)
	}
	slices.Sort(times)
	for i, o := range objects {
		o["n"] = json.RawMessage(strconv.Itoa(i))
		o["t"] = json.RawMessage(strconv.FormatInt(times[i], 10))
		b, _ := json.Marshal(o)
		out.Write(append(b, '\n'))
	}
	return out.Bytes()
}

// pick returns an event for which ok holds, -1 if there is none.
func (s *story) pick(r *rand.Rand, ok func(i int, e *history.Event) bool) int {
	return s.lines.pick(r, func(i int) bool { return ok(i, &s.events[i]) })
}

// edit changes the fields of the event in line i.
func (s *story) edit(i int, kind string, do func(fields map[string]any)) {
	var o map[string]map[string]any
	rest := map[string]json.RawMessage{}
	_ = json.Unmarshal(s.lines[i], &rest)
	d := json.NewDecoder(bytes.NewReader([]byte(`{"x":` + string(rest[kind]) + `}`)))
	d.UseNumber()
	if d.Decode(&o) != nil {
		return
	}
	do(o["x"])
	rest[kind], _ = json.Marshal(o["x"])
	s.lines[i], _ = json.Marshal(rest)
}

// tell is a mutator that works on events.
func tell(name string, does meaning, do func(r *rand.Rand, s *story) bool) mutator {
	return mutator{name, does, func(r *rand.Rand, text []byte) []byte {
		s := read(text)
		if s == nil || !do(r, s) {
			return nil
		}
		return s.told()
	}}
}

func traced(e *history.Event) bool { return e.Raft != nil && e.Raft.Source == history.Trace }

func answered(e *history.Event) bool { return e.Op != nil && e.Op.Type == history.OK }

// histories are those of clean runs that are kept.
func histories(t *testing.T) subject {
	texts := make(map[string][]byte)
	for _, name := range []string{"clean-register", "clean-set", "clean-append", "clean-lock"} {
		f, err := os.Open(filepath.Join("..", "..", "results", "corpus", name, "history.jsonl.gz"))
		require.NoError(t, err)
		z, err := gzip.NewReader(f)
		require.NoError(t, err)
		texts[name], err = io.ReadAll(z)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	return subject{texts: texts, judge: judgeHistory, mutators: slices.Concat(anywhere(), inTraces(), inOperations(), inRuns(), inFields())}
}

func judgeHistory(t testing.TB, text []byte) (bool, error) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return false, err
	}
	report, err := engine.CheckFile(path)
	return err == nil && report.Verdict == checker.Valid, err
}

func inTraces() []mutator {
	return []mutator{
		tell("two events of different members in another order", kept, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(i int, e *history.Event) bool {
				return i > 0 && traced(e) && traced(&s.events[i-1]) && e.Raft.Node != s.events[i-1].Raft.Node
			})
			if i < 0 {
				return false
			}
			s.lines[i], s.lines[i-1] = s.lines[i-1], s.lines[i]
			return true
		}),
		tell("two events of one member in another order", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(i int, e *history.Event) bool {
				return i > 0 && traced(e) && traced(&s.events[i-1]) && e.Raft.Node == s.events[i-1].Raft.Node
			})
			if i < 0 {
				return false
			}
			s.lines[i], s.lines[i-1] = s.lines[i-1], s.lines[i]
			return true
		}),
		tell("an event of a trace removed", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool { return traced(e) })
			s.lines = s.lines.without(i)
			return true
		}),
		tell("an event of a trace twice", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool { return traced(e) })
			s.lines = s.lines.twice(i)
			return true
		}),
		tell("another leads", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool { return traced(e) && e.Raft.What == history.RaftLeader })
			s.edit(i, "raft", func(f map[string]any) {
				f["node"] = map[string]string{"n1": "n2", "n2": "n3", "n3": "n1"}[s.events[i].Raft.Node]
			})
			return true
		}),
		tell("a vote for another", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool {
				return traced(e) && e.Raft.What == history.RaftVote && e.Raft.Granted && e.Raft.Peer != e.Raft.Node
			})
			if i < 0 {
				return false
			}
			s.edit(i, "raft", func(f map[string]any) {
				for _, name := range []string{"n1", "n2", "n3"} {
					if name != s.events[i].Raft.Node && name != s.events[i].Raft.Peer {
						f["peer"] = name
					}
				}
			})
			return true
		}),
		tell("a commit of what is not there", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool { return traced(e) && e.Raft.What == history.RaftCommit })
			s.edit(i, "raft", func(f map[string]any) { f["index"] = s.events[i].Raft.Index + 5000 })
			return true
		}),
		tell("an entry is another", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool { return traced(e) && e.Raft.Hash != 0 })
			s.edit(i, "raft", func(f map[string]any) { f["hash"] = s.events[i].Raft.Hash ^ 1 })
			return true
		}),
	}
}

func inOperations() []mutator {
	return []mutator{
		tell("a value that nobody wrote was read", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool { return answered(e) && e.Op.F == history.FGet && e.Op.Saw })
			if i < 0 {
				return false
			}
			s.edit(i, "op", func(f map[string]any) { f["got"] = "nobody wrote this" })
			return true
		}),
		tell("a collection shows what nobody added", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool { return answered(e) && e.Op.F == history.FRead })
			if i < 0 {
				return false
			}
			s.edit(i, "op", func(f map[string]any) { f["list"] = append(slices.Clone(s.events[i].Op.List), "nobody added this") })
			return true
		}),
		tell("a collection shows a value no more", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool {
				return answered(e) && e.Op.F == history.FRead && e.Op.Final && len(e.Op.List) > 1
			})
			if i < 0 {
				return false
			}
			s.edit(i, "op", func(f map[string]any) { f["list"] = s.events[i].Op.List[1:] })
			return true
		}),
		tell("an answer before its question", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool { return answered(e) })
			for j := i - 1; j > 0; j-- {
				if o := s.events[j].Op; o != nil && o.Process == s.events[i].Op.Process {
					s.lines = s.lines.moved(i, j)
					return true
				}
			}
			return false
		}),
		tell("a question twice", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool { return e.Op != nil && e.Op.Type == history.Invoke })
			s.lines = s.lines.twice(i)
			return true
		}),
		tell("an answer twice", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool { return answered(e) })
			s.lines = s.lines.twice(i)
			return true
		}),
		tell("an operation on a member that the run lacks", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool { return answered(e) && e.Op.Node != "" })
			s.edit(i, "op", func(f map[string]any) { f["node"] = "n9" })
			return true
		}),
		tell("a failure instead of a success that was seen", unsaid, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool { return answered(e) && e.Op.F == history.FPut })
			if i < 0 {
				return false
			}
			s.edit(i, "op", func(f map[string]any) { f["type"] = "fail" })
			return true
		}),
		tell("nobody knows how it ended", kept, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool { return answered(e) && e.Op.F == history.FPut })
			if i < 0 {
				return false
			}
			s.edit(i, "op", func(f map[string]any) { f["type"] = "info" })
			for j := i + 1; j < len(s.events); j++ { // its process has gone, another goes on
				if o := s.events[j].Op; o != nil && o.Process == s.events[i].Op.Process {
					s.edit(j, "op", func(f map[string]any) { f["process"] = o.Process + 100_000 })
				}
			}
			return true
		}),
	}
}

func inRuns() []mutator {
	run := func(what history.RunWhat) func(int, *history.Event) bool {
		return func(_ int, e *history.Event) bool { return e.Run != nil && e.Run.What == what }
	}
	remove := func(name string, ok func(int, *history.Event) bool) mutator {
		return tell(name, broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, ok)
			if i < 0 {
				return false
			}
			s.lines = s.lines.without(i)
			return true
		})
	}
	return []mutator{
		remove("no begin", run(history.RunBegin)),
		remove("no end", run(history.RunEnd)),
		remove("a fault without its end", func(_ int, e *history.Event) bool {
			return e.Fault != nil && e.Fault.What == history.FaultHeal && !e.Fault.Optional
		}),
		tell("a fault that did not bite", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, func(_ int, e *history.Event) bool {
				return e.Fault != nil && e.Fault.What == history.FaultHeal && !e.Fault.Optional && e.Fault.Bit
			})
			if i < 0 {
				return false
			}
			s.edit(i, "fault", func(f map[string]any) { delete(f, "bit") })
			return true
		}),
		tell("a connection that was not decoded", broken, func(r *rand.Rand, s *story) bool {
			i := s.pick(r, run(history.RunPhase))
			s.edit(i, "run", func(f map[string]any) { clear(f); f["what"], f["node"], f["text"] = "untap", "n1", "lost" })
			return true
		}),
	}
}

// inFields are mutators of the text of a line that its meaning outlives.
func inFields() []mutator {
	return []mutator{
		{"the fields of a line in another order", kept, func(r *rand.Rand, text []byte) []byte {
			l := split(text)
			i := 1 + r.IntN(len(l)-1)
			var o map[string]json.RawMessage
			if json.Unmarshal(l[i], &o) != nil {
				return nil
			}
			l[i], _ = json.Marshal(o) // by name
			return l.join()
		}},
		{"a field twice, the same", kept, func(r *rand.Rand, text []byte) []byte {
			l := split(text)
			i := 1 + r.IntN(len(l)-1)
			l[i] = append([]byte(`{"n":`+strconv.Itoa(i)+`,`), l[i][1:]...)
			return l.join()
		}},
		{"spaces between the fields", kept, func(r *rand.Rand, text []byte) []byte {
			l := split(text)
			i := 1 + r.IntN(len(l)-1)
			l[i] = bytes.Replace(l[i], []byte(`,"t":`), []byte(` ,  "t" : `), 1)
			return l.join()
		}},
	}
}
