package slice_test

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/slice"
)

// of makes the slice of some events of a tape.
func of(t *testing.T, h *tape.Tape, limit int, proof ...int) slice.Slice {
	t.Helper()
	var events []history.Event
	for _, i := range proof {
		events = append(events, h.Events[i])
	}
	s, err := slice.Make(h.All, events, limit)
	require.NoError(t, err)
	sound(t, &s, limit)
	return s
}

// sound checks what holds of every slice: it has its proof, no more than the limit, and
// joins nothing to what it does not have, nor to itself.
func sound(t require.TestingT, s *slice.Slice, limit int) {
	in := map[uint64]bool{}
	proof := 0
	for i := range s.Events {
		require.False(t, in[s.Events[i].Seq], "twice")
		in[s.Events[i].Seq] = true
		if s.Events[i].Proof {
			proof++
		}
		if i > 0 {
			require.GreaterOrEqual(t, s.Events[i].Distance, s.Events[i-1].Distance)
		}
	}
	require.LessOrEqual(t, len(s.Events), max(limit, proof))
	for _, e := range s.Edges {
		require.True(t, in[e.From] && in[e.To])
		require.Less(t, e.From, e.To, "the cause was recorded first")
		require.NotEmpty(t, e.How.String())
	}
}

// edges are the edges of a slice in words.
func edges(h *tape.Tape, s slice.Slice) []string {
	var out []string
	for _, e := range s.Edges {
		out = append(out, fmt.Sprintf("%s <- %s: %s", brief(&h.Events[e.To]), brief(&h.Events[e.From]), e.How))
	}
	return out
}

func brief(e *history.Event) string {
	switch {
	case e.Raft != nil && e.Raft.What == history.RaftMessage:
		return fmt.Sprint(e.Raft.Node, ">", e.Raft.Peer, " ", e.Raft.Class, " ", e.Raft.Stage)
	case e.Raft != nil:
		return strings.TrimSpace(fmt.Sprint(e.Raft.Node, " ", e.Raft.What, e.Raft.Term, " ", e.Raft.Peer))
	case e.Op != nil:
		return fmt.Sprint("client", e.Op.Process, " ", e.Op.Type, " ", e.Op.F, " ", e.Op.Key)
	case e.Proc != nil:
		return fmt.Sprint(e.Proc.Node, " ", e.Proc.What)
	case e.Fault != nil:
		return fmt.Sprint("fault ", e.Fault.What)
	}
	return e.Kind()
}

func last(h *tape.Tape) int { return len(h.Events) - 1 }

func TestVotesLeadToALeader(t *testing.T) {
	t.Parallel()
	h := tape.Started("n1", "n2", "n3", "n4", "n5")
	h.Stand("n4", 2)
	h.Grant("n2", "n4", 2)
	h.Refuse("n1", "n4", 2, history.ReasonStaleLog)
	h.Elect("n5", 1, "n3") // of another term
	h.Lead("n4", 2)
	s := of(t, h, 100, last(h))
	got := edges(h, s)
	require.Contains(t, got, "n4 leader2 <- n2 vote2 n4: a vote that can have counted")
	require.Contains(t, got, "n2 vote2 n4 <- n4 candidate2: it was asked")
	require.Contains(t, got, "n4 candidate2 <- n4 start0: earlier in the same process")
	for _, e := range got {
		require.NotContains(t, e, "n5")
		require.NotContains(t, e, "n1 vote", "a refused vote makes no leader")
	}
	require.Equal(t, 1, strings.Count(s.Text(200), "> "), "one event is the proof")
}

func TestProcessesRecover(t *testing.T) {
	t.Parallel()
	h := tape.Traced("n1", "n2", "n3")
	h.Start()
	h.Stand("n3", 2)
	h.Grant("n1", "n3", 2)
	h.Fault(history.Fault{Step: 1, What: history.FaultInject, Text: "kill n1", Nodes: []string{"n1"}})
	h.Proc(history.Proc{Node: "n1", What: history.ProcExit, Inc: 1, Expected: true})
	h.Proc(history.Proc{Node: "n1", What: history.ProcStart, Inc: 2})
	h.Restart("n1", 1, "")
	h.Stand("n2", 2)
	h.Grant("n1", "n2", 2)
	s := of(t, h, 100, last(h), 6)
	got := edges(h, s)
	for _, want := range []string{
		"n1 vote2 n2 <- n1 start1: earlier in the same process",
		"n1 start1 <- n1 vote2 n3: the process before it, whose disk it took over",
		"n1 start1 <- n1 start: the process was started",
		"n1 start <- n1 exit: earlier in the same process",
		"n1 exit <- fault inject: a fault in force",
	} {
		require.Contains(t, got, want)
	}
}

func TestEntriesComeFromTheirLeader(t *testing.T) {
	t.Parallel()
	h := tape.Started("n1", "n2", "n3")
	h.Elect("n1", 1, "n2")
	h.Put("n1", "n1", 1, 1, 3)
	h.Put("n2", "n1", 1, 1, 3)
	h.Commit("n1", 1, 3, true)
	h.Put("n3", "n1", 1, 1, 3)
	h.Commit("n2", 1, 3, false)
	s := of(t, h, 100, last(h))
	got := edges(h, s)
	for _, want := range []string{
		"n2 commit1 <- n1 commit1: it was committed there", "n2 commit1 <- n2 append1 n1: its log came from there",
		"n2 append1 n1 <- n1 append1 n1: the entry was proposed there", "n2 append1 n1 <- n1 leader1: the leader whose word it took",
	} {
		require.Contains(t, got, want)
	}
	require.NotContains(t, strings.Join(got, "\n"), "n3")
	require.Positive(t, s.Others+s.Between)
}

func TestClients(t *testing.T) {
	t.Parallel()
	h := tape.Started("n1", "n2", "n3")
	h.Elect("n1", 1, "n2")
	put := func(process int, key, value string) history.Op {
		return history.Op{Process: process, F: history.FPut, Key: key, Arg: value, Node: "n1"}
	}
	h.Do(1, history.OK, put(1, "x", "a"))
	h.Do(2, history.OK, put(2, "y", "b")) // on another key
	h.Do(1, history.OK, put(1, "x", "c"))
	h.Do(3, history.OK, history.Op{F: history.FGet, Key: "x", Got: "a", Saw: true, Node: "n2"})
	n := last(h)
	s := of(t, h, 100, n, n-2)
	got := edges(h, s)
	for _, want := range []string{
		"client3 ok get x <- client1 invoke put x: the value was written there",
		"client3 ok get x <- client3 invoke get x: it was asked",
		"client3 invoke get x <- client1 ok put x: it was over before this was asked",
		"client1 ok put x <- n1 leader1: whom the client asked, as it was then",
		"client1 invoke put x <- client1 ok put x: the same client before",
	} {
		require.Contains(t, got, want)
	}
	require.NotContains(t, s.Text(100), `"y"`)
	require.Contains(t, strings.Join(s.Unknown, " "), "Which entry an operation became is not told")
}

// A value that was written twice joins nothing.
func TestNoEdgeThatIsNotShown(t *testing.T) {
	t.Parallel()
	h := tape.Tapped("n1", "n2", "n3")
	op := history.Op{F: history.FPut, Key: "x", Arg: "a"}
	h.Do(1, history.OK, op)
	h.Do(2, history.OK, op)
	h.Do(3, history.OK, history.Op{F: history.FGet, Key: "x", Got: "a", Saw: true})
	require.NotContains(t, strings.Join(edges(h, of(t, h, 100, last(h))), "\n"), "written")
}

func TestLimit(t *testing.T) {
	t.Parallel()
	h := tape.Started("n1", "n2", "n3")
	for term := uint64(1); term < 200; term++ {
		h.Elect("n1", term, "n2")
		h.Put("n1", "n1", term, term, 1)
	}
	s := of(t, h, 10, last(h))
	require.Len(t, s.Events, 10)
	require.Equal(t, len(h.Events), len(s.Events)+s.Further+s.Between+s.Others, "each is somewhere, but the begin, which is among the others")
	require.Contains(t, s.Text(120), "Left out: ")
	few := of(t, h, 0, last(h), 5, 9)
	require.Len(t, few.Events, 3, "the proof is all there")
}

var node = regexp.MustCompile(`^    (e\d+|left)\["[^"<>&\\` + "`" + `{}\[\]|]*"\]$`)
var arrow = regexp.MustCompile(`^    e\d+ -->\|"[a-z, ]+"\| e\d+$`)

// mermaid holds a diagram to the little of the language that it may use.
func mermaid(t require.TestingT, text string) (nodes int) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	require.Equal(t, "flowchart TD", lines[0])
	known := map[string]bool{}
	for _, line := range lines[1:] {
		switch {
		case node.MatchString(line):
			id, _, _ := strings.Cut(strings.TrimSpace(line), "[")
			require.False(t, known[id])
			known[id] = true
			if id != "left" {
				nodes++
			}
		case arrow.MatchString(line):
			from, to, _ := strings.Cut(strings.TrimSpace(line), " -->")
			require.True(t, known[from])
			require.True(t, known[to[strings.LastIndexByte(to, ' ')+1:]])
		case strings.HasPrefix(line, "    class e"), strings.HasPrefix(line, "    classDef proof "):
		default:
			require.Fail(t, "not of the language", "%q", line)
		}
	}
	return nodes
}

func TestMermaidTakesHostileText(t *testing.T) {
	t.Parallel()
	for _, evil := range []string{`"]; end`, "end", "a\nb --> c", "</script><b>", "#quot;", "`md`", "%%{init: {}}%%", "|x|", "\x1b[31m", strings.Repeat("long ", 1000), "\xff", "é { } ( )"} {
		h := tape.Tapped("n1", "n2", "n3")
		h.Do(1, history.Fail, history.Op{F: history.FPut, Key: evil, Arg: evil, Error: evil, Node: evil})
		h.Run(history.Run{What: history.RunLog, Node: evil, Text: evil})
		s := of(t, h, 10, last(h), last(h)-1)
		require.Equal(t, 3, mermaid(t, s.Mermaid()))
		require.NotContains(t, s.Text(80), "\x1b")
	}
}

// Members, clients and faults of any name lead to a diagram that Mermaid takes: it refuses
// what has more than 50,000 characters, or 500 arrows.
func TestMermaidOfHostileNames(t *testing.T) {
	t.Parallel()
	for _, evil := range []string{"</script>", `"`, "\n", "\x00\x1b\u202e", strings.Repeat(`"#;é`, 1<<18), "end", "", "\xff\xfe"} {
		names := []string{evil + "1", evil + "2", evil + "3"}
		h := tape.Started(names...)
		proof := []int{}
		for i := range 30 {
			h.Fault(history.Fault{Step: i, What: history.FaultInject, Text: evil, Resolved: evil, Nodes: names[:1], Traffic: true})
			h.Do(i%5, history.OK, history.Op{F: history.FPut, Key: evil, Arg: fmt.Sprint(evil, i), Node: names[i%3]})
			proof = append(proof, last(h)-1, last(h))
		}
		h.Elect(names[0], 2, names[1])
		s := of(t, h, slice.MermaidEvents, append(proof[2:], last(h))...)
		text := s.Mermaid()
		require.LessOrEqual(t, mermaid(t, text), slice.MermaidEvents)
		require.Less(t, len(text), 50_000)
		require.Less(t, strings.Count(text, " -->|"), 500)
		require.Contains(t, text, "arrows.", "what is not drawn is counted")
		require.Less(t, len(s.Text(80)), 1<<18)
	}
}

func TestMermaidIsBounded(t *testing.T) {
	t.Parallel()
	h := tape.Started("n1", "n2", "n3")
	for term := uint64(1); term < 100; term++ {
		h.Elect("n1", term, "n2")
	}
	s := of(t, h, 1000, last(h))
	require.Greater(t, len(s.Events), slice.MermaidEvents)
	require.Equal(t, slice.MermaidEvents, mermaid(t, s.Mermaid()))
	require.Contains(t, s.Mermaid(), fmt.Sprintf(`left["Left out: %d events that can`, len(s.Events)-slice.MermaidEvents+s.Further))
	require.NotContains(t, s.Mermaid(), "…", "what is left out is told whole")
	require.NotContains(t, s.Mermaid(), " 0 ")
}

// Of every kept run that breaks a rule the slice has the proof, and of what clients did
// only what is about its keys; several are made as each alone.
func TestCorpus(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../results/corpus/*/history.jsonl.gz")
	require.NoError(t, err)
	broken := 0
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		if strings.HasPrefix(name, "clean-") || testing.Short() && name != "stale-read" {
			continue
		}
		read := func() iter.Seq2[*history.Event, error] { return history.Read(file) }
		report, err := checker.Run(checker.All(verdict.Options{}), read())
		require.NoError(t, err)
		var proofs [][]history.Event
		for _, b := range report.Breaches() {
			v, _ := report.Violation(b)
			proofs = append(proofs, v.Events)
		}
		all, err := slice.All(read, append(proofs, nil), slice.TextEvents)
		require.NoError(t, err)
		require.Empty(t, all[len(proofs)].Events, "of no proof")
		for i, b := range report.Breaches() {
			v, _ := report.Violation(b)
			s, err := slice.Make(read, v.Events, slice.TextEvents)
			require.NoError(t, err)
			require.Equal(t, s, all[i], "%s: %s", name, b)
			broken++
			sound(t, &s, slice.TextEvents)
			keys, proof := map[string]bool{}, 0
			for i := range v.Events {
				if op := v.Events[i].Op; op != nil {
					keys[op.Key] = true
					for _, m := range op.Txn {
						keys[m.Key] = true
					}
				}
			}
			for i := range s.Events {
				if s.Events[i].Proof {
					proof++
				}
				if op := s.Events[i].Op; op != nil && len(op.Txn) == 0 {
					require.True(t, keys[op.Key], "%s: %s is about %q", name, b, op.Key)
				}
			}
			require.Equal(t, len(v.Events), proof, "%s: %s", name, b)
			if v.Events[0].Run == nil { // who logged a line is known of a member's first process only
				require.Greater(t, len(s.Events), proof, "%s: %s: nothing led to it", name, b)
			}
			require.LessOrEqual(t, mermaid(t, s.Mermaid()), slice.MermaidEvents)
			require.NotEmpty(t, s.Text(100))
		}
	}
	require.Positive(t, broken)
}

func TestMakeSaysWhatFailed(t *testing.T) {
	t.Parallel()
	bad := func() iter.Seq2[*history.Event, error] {
		return func(yield func(*history.Event, error) bool) { yield(nil, os.ErrInvalid) }
	}
	_, err := slice.Make(bad, []history.Event{{Seq: 1}}, 10)
	require.ErrorIs(t, err, os.ErrInvalid)
	none, err := slice.Make(bad, nil, 10)
	require.NoError(t, err)
	require.Empty(t, none.Events)
}

// BenchmarkMillion is a run of a million events, whose last is the proof.
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	read := func() iter.Seq2[*history.Event, error] {
		return func(yield func(*history.Event, error) bool) {
			e := history.Event{Run: &history.Run{What: history.RunBegin, Traced: true, Nodes: []string{"n1", "n2", "n3"}}}
			if !yield(&e, nil) {
				return
			}
			var r history.Raft
			for i := uint64(1); i <= n; i++ {
				r = history.Raft{Source: history.Trace, Node: fmt.Sprint("n", i%3+1), Inc: 1, Seq: i/3 + 1, What: history.RaftAppend, Term: 1, Peer: "n1", From: i / 3, To: i / 3, EntryTerm: 1}
				if i%1000 == 0 || i == n {
					r.What = history.RaftLeader
				}
				e = history.Event{Seq: i, At: time.Duration(i), Raft: &r}
				if !yield(&e, nil) {
					return
				}
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		s, err := slice.Make(read, []history.Event{{Seq: n}}, slice.TextEvents)
		if err != nil || len(s.Events) == 0 {
			b.Fatal(err, len(s.Events))
		}
	}
}
