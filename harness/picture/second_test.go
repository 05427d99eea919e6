package picture_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// accused is a report that takes some events of a history for the proof of something, so
// that there are windows about them.
func accused(t *testing.T, raw []byte, seed uint64) checker.Report {
	t.Helper()
	report := checker.Report{Verdict: checker.Invalid}
	h := history.NewReader("accused", bytes.NewReader(raw))
	for e, err := range h.Events() {
		require.NoError(t, err)
		report.Run.Length = e.At
		if (e.Seq+seed)%150 != 75 {
			continue
		}
		report.Results = append(report.Results, checker.Result{Checker: fmt.Sprint("checker ", e.Seq), Verdict: checker.Invalid,
			Violations: []checker.Violation{{Rule: "a rule", Text: "it is broken", Events: []history.Event{*e}}}})
	}
	if seed%3 == 0 {
		report.Run.Length = 0 // as of a run under way
	}
	return report
}

// cutsAreTrue holds the links to the words of the faults that the bands are of.
func cutsAreTrue(t *testing.T, seen line, lines []line) {
	t.Helper()
	var want, got []string
	for _, b := range list(seen, "bands") {
		outcome := word(b, "outcome")
		if outcome == "no target" || outcome == "not fired" || outcome == "not started" || outcome == "skipped" && number(b, "from") == number(b, "to") {
			continue
		}
		f, _ := payload(lines[number(b, "seq")], "fault")
		kind, links := linksIn(word(f, "resolved"), membersOf(lines))
		for _, l := range links {
			want = append(want, fmt.Sprintf("%d %d %d %s %s", number(b, "step"), number(b, "from"), number(b, "to"), kind, l))
		}
	}
	for _, c := range list(seen, "cuts") {
		got = append(got, fmt.Sprintf("%d %d %d %s %s>%s", number(c, "step"), number(c, "from"), number(c, "to"), word(c, "kind"), word(c, "src"), word(c, "dst")))
	}
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(t, want, got)
}

// membersOf are those that the beginning names: others are none.
func membersOf(lines []line) []string {
	var out []string
	begin, _ := payload(lines[0], "run")
	all, _ := begin["nodes"].([]any)
	for _, n := range all {
		out = append(out, n.(string))
	}
	return out
}

// linksIn reads, word by word, which links a fault acts on, as from>to.
func linksIn(resolved string, members []string) (kind string, links []string) {
	words := strings.Fields(resolved)
	at := slices.IndexFunc(words, func(w string) bool {
		return slices.Contains(strings.Fields("isolate partition cut refuse drop delay reorder throttle hold duplicate"), w)
	})
	if at < 0 {
		return "", nil
	}
	kind, words = words[at], words[at+1:]
	cross := func(from, to []string) {
		for _, a := range from {
			for _, b := range to {
				if l := a + ">" + b; a != b && !slices.Contains(links, l) {
					links = append(links, l)
				}
			}
		}
	}
	switch kind {
	case "isolate":
		cross(words, members)
		cross(members, words)
		return "cut", links
	case "partition":
		sides := strings.Split(strings.Join(words, " "), "|")
		for i, a := range sides {
			for k, b := range sides {
				if i != k {
					cross(strings.Fields(a), strings.Fields(b))
				}
			}
		}
		return "cut", links
	}
	arrow := slices.IndexFunc(words, func(w string) bool { return w == ">" || w == "<>" })
	from := slices.DeleteFunc(slices.Clone(words[:arrow]), func(w string) bool { return w[0] != 'n' || len(w) != 2 })
	cross(from, words[arrow+1:])
	if words[arrow] == "<>" {
		cross(words[arrow+1:], from)
	}
	return kind, links
}

// between calls f with the middle of each stretch between two moments.
func between(moments []int64, f func(middle int64)) {
	slices.Sort(moments)
	moments = slices.Compact(moments)
	for i := 1; i < len(moments); i++ {
		if moments[i]-moments[i-1] > 1 {
			f((moments[i-1] + moments[i]) / 2)
		}
	}
}

func covers(spans []line, at int64) bool {
	return slices.ContainsFunc(spans, func(s line) bool { return number(s, "from") <= at && at < number(s, "to") })
}

// leaderlessIsTrue asks of each moment whether anybody led.
func leaderlessIsTrue(t *testing.T, seen line, lines []line, end int64) {
	t.Helper()
	who, stop, first := tellerOf(lines), end, int64(-1)
	moments := []int64{0}
	for _, l := range lines {
		if r, ok := payload(l, "run"); ok && word(r, "what") == "phase" && word(r, "phase") == "stop" {
			stop = at(l)
		}
	}
	gaps := list(seen, "leaderless")
	for _, s := range gaps {
		require.Less(t, number(s, "from"), number(s, "to"))
		moments = append(moments, number(s, "from"), number(s, "to"))
	}
	var tales []*tale
	for _, lane := range list(seen, "lanes") {
		tale := taleOf(lines, word(lane, "member"), who)
		for _, all := range [][]entry{tale.runs, tale.stands, tale.part, tale.leaving, tale.inner} {
			for _, e := range all {
				moments = append(moments, e.at)
			}
		}
		if tale.first >= 0 && (first < 0 || tale.first < first) {
			first = tale.first
		}
		tales = append(tales, tale)
	}
	if who == "" {
		require.Empty(t, gaps)
		return
	}
	between(append(moments, first, stop, end), func(middle int64) {
		led := slices.ContainsFunc(tales, func(s *tale) bool { return strings.HasPrefix(s.when(middle), "leader ") })
		require.Equal(t, !led && middle >= first && middle < stop, covers(gaps, middle), "at %s", time.Duration(middle))
	})
}

func stallsAreTrue(t *testing.T, seen line, lines []line) {
	t.Helper()
	var want []line
	moments := []int64{0}
	note := func(s line) { moments = append(moments, number(s, "from"), number(s, "to")) }
	for _, l := range lines {
		if r, ok := payload(l, "run"); ok && word(r, "what") == "stall" {
			want = append(want, line{"from": float64(max(0, at(l)-number(r, "stall"))), "to": float64(at(l))})
			note(want[len(want)-1])
		}
	}
	got := list(seen, "stalls")
	for _, s := range got {
		note(s)
	}
	between(moments, func(middle int64) {
		require.Equal(t, covers(want, middle), covers(got, middle), "at %s", time.Duration(middle))
	})
}

// call is an operation as the lines have it: end is -1 if it has no answer.
type called struct {
	begun, end   int64
	asked        line
	answer       string
	client, from int64 // from is the number of its line
}

// calls pairs the lines of operations.
func calls(lines []line) (all []called, loose []line) {
	open := make(map[int64]int)
	for _, l := range lines {
		op, ok := payload(l, "op")
		if !ok {
			continue
		}
		p := number(op, "process")
		if word(op, "type") == "invoke" {
			open[p] = len(all)
			all = append(all, called{begun: at(l), end: -1, asked: op, client: p, from: number(l, "n")})
			continue
		}
		if i, known := open[p]; known {
			all[i].end, all[i].answer = at(l), word(op, "type")
			delete(open, p)
			continue
		}
		loose = append(loose, l)
	}
	return all, loose
}

// columnsAreTrue counts anew what ended in each column, and ranks how long it took.
func columnsAreTrue(t *testing.T, seen line, lines []line) {
	t.Helper()
	c := seen["clients"].(line)
	width := number(c, "width")
	numbers := func(key string) []int64 {
		var out []int64
		for _, n := range c[key].([]any) {
			out = append(out, int64(n.(float64)))
		}
		return out
	}
	counts := map[string][]int64{"ok": numbers("ok"), "fail": numbers("fail"), "info": numbers("info")}
	took := make(map[int64][]int64)
	all, loose := calls(lines)
	for _, op := range all {
		if op.end < 0 {
			continue
		}
		counts[op.answer][op.end/width]--
		if op.answer == "ok" {
			took[op.end/width] = append(took[op.end/width], op.end-op.begun)
		}
	}
	for _, l := range loose {
		counts[word(l["op"].(line), "type")][at(l)/width]--
	}
	for what, left := range counts {
		require.Zero(t, slices.Max(append(left, 0)), what)
		require.Zero(t, slices.Min(append(left, 0)), what)
	}
	p50, p95, most, least := numbers("p50"), numbers("p95"), numbers("max"), numbers("least")
	for i := range p50 {
		of := took[int64(i)]
		if len(of) == 0 {
			require.Equal(t, []int64{-1, -1, -1, -1}, []int64{p50[i], p95[i], most[i], least[i]})
			continue
		}
		require.Equal(t, []int64{slices.Min(of), slices.Max(of)}, []int64{least[i], most[i]})
		for share, q := range map[int]int64{50: p50[i], 95: p95[i]} {
			require.Contains(t, of, q)
			less, upTo := 0, 0
			for _, d := range of {
				if d < q {
					less++
				}
				if d <= q {
					upTo++
				}
			}
			require.LessOrEqual(t, less*100, share*len(of))
			require.GreaterOrEqual(t, upTo*100, share*len(of))
		}
	}
}

// windowsAreTrue holds a window to all operations and messages that were under way in it.
func windowsAreTrue(t *testing.T, seen line, lines []line, end int64) {
	t.Helper()
	all, _ := calls(lines)
	for _, w := range list(seen, "windows") {
		if number(w, "left") > 0 {
			continue // it says so
		}
		from, to := number(w, "from"), number(w, "to")
		var want, got []string
		shown := make(map[int64]bool)
		for _, o := range list(w, "operations") {
			shown[number(o, "seq")] = true
			open, _ := o["open"].(bool)
			got = append(got, fmt.Sprintf("%d %d %d %d %s %s %v", number(o, "seq"), number(o, "from"), number(o, "to"), number(o, "client"), word(o, "node"), word(o, "outcome"), open))
		}
		for _, c := range all {
			if c.begun >= to && !shown[c.from] || c.end >= 0 && c.end < from && !shown[c.from] {
				continue // of the proof's, some are from before
			}
			over, outcome, open := c.end, c.answer, c.answer == "info"
			if c.end < 0 {
				over, outcome, open = end, "info", true
			}
			want = append(want, fmt.Sprintf("%d %d %d %d %s %s %v", c.from, c.begun, over, c.client, word(c.asked, "node"), outcome, open))
		}
		require.Equal(t, want, got)
		messagesAreTrue(t, w, lines, end)
	}
}

func messagesAreTrue(t *testing.T, window line, lines []line, end int64) {
	t.Helper()
	type letter struct {
		seq, sent, delivered int64
		fate, words          string
	}
	known := make(map[int64]*letter)
	var letters []*letter
	for _, l := range lines {
		r, ok := payload(l, "raft")
		if !ok || word(r, "what") != "message" {
			continue
		}
		id := number(r, "id")
		switch one, stage := known[id], word(r, "stage"); {
		case stage == "sent":
			words := fmt.Sprintf("%s>%s %s %d", word(r, "node"), word(r, "peer"), word(r, "class"), number(r, "term"))
			known[id] = &letter{seq: number(l, "n"), sent: at(l), delivered: -1, fate: "in flight", words: words}
			letters = append(letters, known[id])
		case one == nil || one.delivered >= 0:
		case stage == "delivered":
			if one.delivered = at(l); one.fate != "held" {
				one.fate = "delivered"
			}
		case stage == "dropped":
			one.fate = "dropped"
		default:
			one.fate = "held"
		}
	}
	var want, got []string
	for _, m := range letters {
		over := cmp.Or(max(m.delivered, 0), end)
		if m.fate == "dropped" {
			over = m.sent
		}
		if m.sent < number(window, "to") && over >= number(window, "from") {
			want = append(want, fmt.Sprintf("%d %d %d %s %s", m.seq, m.sent, m.delivered, m.words, m.fate))
		}
	}
	for _, m := range list(window, "messages") {
		got = append(got, fmt.Sprintf("%d %d %d %s>%s %s %d %s", number(m, "seq"), number(m, "sent"), number(m, "delivered"),
			word(m, "src"), word(m, "dst"), word(m, "class"), number(m, "term"), word(m, "fate")))
	}
	require.Equal(t, want, got)
}
