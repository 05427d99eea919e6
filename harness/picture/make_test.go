package picture_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/picture"
)

// made draws the lines of a history.
func made(t *testing.T, source picture.Source, lines ...string) picture.Picture {
	t.Helper()
	h := history.NewReader("made", strings.NewReader(numbered(lines)))
	source.Batches, source.Cut = h.Batches(), h.Truncated
	p, err := picture.Make(source)
	require.NoError(t, err)
	return p
}

func numbered(lines []string) string {
	var b strings.Builder
	fmt.Fprintln(&b, `{"n":0,"t":0,"run":{"what":"begin","format":1,"nodes":["n1","n2"]}}`)
	for i, l := range lines {
		fmt.Fprintf(&b, "{\"n\":%d,%s}\n", i+1, l)
	}
	return b.String()
}

// Who is frozen stands still, though no signal says so; who is killed meanwhile is down, and
// goes on when it is started.
func TestFrozenMembersStandStill(t *testing.T) {
	const s = 1_000_000_000
	fault := func(at int, what string) string {
		return fmt.Sprintf(`"t":%d,"fault":{"step":1,"what":%q,"text":"at 1s for 5s freeze all","resolved":"at 1s for 5s freeze n1 n2","nodes":["n1","n2"]}`, at*s, what)
	}
	p := made(t, picture.Source{Length: 8 * time.Second},
		`"t":0,"proc":{"node":"n1","what":"start","inc":1}`,
		`"t":0,"proc":{"node":"n2","what":"start","inc":1}`,
		fault(1, "inject"),
		fmt.Sprintf(`"t":%d,"proc":{"node":"n2","what":"exit","inc":1,"expected":true}`, 2*s),
		fmt.Sprintf(`"t":%d,"proc":{"node":"n2","what":"start","inc":2}`, 3*s),
		fault(6, "heal"),
		fmt.Sprintf(`"t":%d,"run":{"what":"end"}`, 8*s),
	)
	roles := make(map[string][]picture.Role)
	for _, l := range p.Lanes {
		for _, stay := range l.Stays {
			roles[l.Member] = append(roles[l.Member], stay.Role)
		}
	}
	require.Equal(t, map[string][]picture.Role{
		"n1": {picture.Unknown, picture.Paused, picture.Unknown},
		"n2": {picture.Unknown, picture.Paused, picture.Down, picture.Unknown},
	}, roles)
	require.Equal(t, "freeze", p.Bands[0].Kind)
}

// A single slow operation among many is not lost in the columns.
func TestSpikeSurvives(t *testing.T) {
	var lines []string
	for i := range 5000 {
		took := 1_000_000
		if i == 4321 {
			took = 90_000_000
		}
		begun := i * 100_000_000
		lines = append(lines,
			fmt.Sprintf(`"t":%d,"op":{"process":1,"type":"invoke","f":"get","key":"k"}`, begun),
			fmt.Sprintf(`"t":%d,"op":{"process":1,"type":"ok","f":"get","key":"k"}`, begun+took))
	}
	p := made(t, picture.Source{Length: 500 * time.Second}, lines...)
	c := p.Clients
	require.LessOrEqual(t, len(c.OK), 2500)
	require.Equal(t, [3]int{5000, 0, 0}, c.Total)
	at := int(432_190_000_000 / c.Width)
	require.EqualValues(t, 90_000_000, c.Max[at])
	require.EqualValues(t, 90_000_000, slices.Max(c.Max))
	for i, n := range c.OK {
		switch {
		case n == 0:
			require.EqualValues(t, -1, c.Max[i])
		case i != at:
			require.EqualValues(t, 1_000_000, c.Least[i])
			require.EqualValues(t, 1_000_000, c.P95[i])
		}
	}
	for _, column := range [][]int64{c.P50, c.P95, c.Max, c.Least} {
		require.Len(t, column, len(c.OK))
	}
}

// A run that takes much longer than anybody thought has no more columns for that, and a
// moment that there cannot be takes no memory.
func TestColumnsAreBounded(t *testing.T) {
	var lines []string
	for i := range 100 {
		took := 1_000_000 * (1 + i%10)
		lines = append(lines,
			fmt.Sprintf(`"t":%d,"op":{"process":1,"type":"invoke","f":"get","key":"k"}`, i*1_000_000_000),
			fmt.Sprintf(`"t":%d,"op":{"process":1,"type":"ok","f":"get","key":"k"}`, i*1_000_000_000+took))
	}
	lines = append(lines, fmt.Sprintf(`"t":%d,"op":{"process":1,"type":"invoke","f":"get","key":"k"}`, 1<<60), fmt.Sprintf(`"t":%d,"op":{"process":1,"type":"fail","f":"get","key":"k"}`, 1<<60+1))
	p := made(t, picture.Source{Length: time.Second}, lines...)
	c := p.Clients
	require.Less(t, len(c.OK), 60_000)
	require.Equal(t, [3]int{100, 1, 0}, c.Total)
	require.Equal(t, 100, c.OK[0])
	require.Equal(t, 1, c.Fail[len(c.Fail)-1])
	require.EqualValues(t, len(c.OK)-1, (1<<60)/c.Width)
	require.EqualValues(t, 10_000_000, c.Max[0])
	require.EqualValues(t, 1_000_000, c.Least[0])
	require.Contains(t, strings.Join(p.Missing, "; "), "columns")
	for _, column := range [][]int64{c.P50, c.P95, c.Max, c.Least} {
		require.Len(t, column, len(c.OK))
	}
	require.Len(t, c.Info, len(c.OK))
}

// However often the machine stalls, and whatever cannot be read, a picture has so much of
// it, and says what it left out.
func TestEndlessTroubleIsBounded(t *testing.T) {
	var lines []string
	for i := range 30_000 {
		now := 1_000_000 * (i*i/1000 + 100*i)
		lines = append(lines,
			fmt.Sprintf(`"t":%d,"run":{"what":"stall","stall":30000000}`, now),
			fmt.Sprintf(`"t":%d,"run":{"what":"untap","text":"no frame"}`, now),
			fmt.Sprintf(`"t":%d,"run":{"what":"phase","phase":"another"}`, now))
	}
	p := made(t, picture.Source{}, lines...)
	require.LessOrEqual(t, len(p.Stalls), 2000)
	require.Greater(t, len(p.Stalls), 100)
	for i := 1; i < len(p.Stalls); i++ {
		require.Less(t, p.Stalls[i-1].To, p.Stalls[i].From)
	}
	require.Equal(t, p.End, p.Stalls[len(p.Stalls)-1].To)
	require.Greater(t, p.Stalls[0].To, p.Stalls[0].From)
	require.LessOrEqual(t, len(p.Phases), 200)
	require.Less(t, len(p.Missing), 30)
	require.Contains(t, p.Missing, "and 29980 others like these: a trace or a connection that could not be read on")
	require.Contains(t, strings.Join(p.Missing, "; "), "stalls of the harness within the same 5.12s are drawn as one")
}

// Elections without end give a picture of a bounded size, in which no lane has a gap and
// a leader is seen however short its time was.
func TestStormIsFolded(t *testing.T) {
	var lines []string
	now := 0
	for term := range 20_000 {
		for _, what := range []string{"follower", "candidate", "vote"} {
			now += 5_000_000
			lines = append(lines, fmt.Sprintf(`"t":%d,"raft":{"src":"trace","node":"n1","inc":1,"seq":%d,"what":%q,"term":%d,"peer":"n2","pterm":%d}`, now, len(lines)+1, what, term+1, term+1))
		}
		if term == 7777 {
			lines = append(lines, fmt.Sprintf(`"t":%d,"raft":{"src":"trace","node":"n1","inc":1,"seq":%d,"what":"leader","term":7778}`, now+1, len(lines)+1))
		}
	}
	p := made(t, picture.Source{Length: time.Duration(now)}, lines...)
	lane := p.Lanes[0]
	require.Equal(t, "n1", lane.Member)
	require.Less(t, len(lane.Stays), 1100)
	require.Less(t, len(lane.Deeds), 1200)
	all, led := 0, 0
	for i, s := range lane.Stays {
		all += 1 + s.Folded
		if s.Role == picture.Leader {
			led++
		}
		if i > 0 {
			require.Equal(t, lane.Stays[i-1].To, s.From)
		}
	}
	require.Equal(t, 1, led)
	require.Equal(t, 40_001, all)
	require.Equal(t, 40_001, len(lane.Deeds)+lane.Folded)
}

// An operation that was asked for before a window and answered behind it is in it, as is
// one that was never answered.
func TestWindowHasAllOperations(t *testing.T) {
	lines := []string{
		`"t":1000000000,"op":{"process":1,"type":"invoke","f":"put","key":"k","arg":"long"}`,
		`"t":1100000000,"op":{"process":2,"type":"invoke","f":"put","key":"k","arg":"early"}`,
		`"t":1200000000,"op":{"process":2,"type":"ok","f":"put","key":"k","arg":"early"}`,
		`"t":9000000000,"op":{"process":3,"type":"invoke","f":"put","key":"k","arg":"never"}`,
		`"t":9100000000,"op":{"process":4,"type":"invoke","f":"get","key":"k"}`,
		`"t":9200000000,"op":{"process":4,"type":"info","f":"get","key":"k","error":"timeout"}`,
		`"t":10000000000,"raft":{"src":"trace","node":"n1","inc":1,"seq":1,"what":"leader","term":1}`,
		`"t":20000000000,"op":{"process":1,"type":"ok","f":"put","key":"k","arg":"long"}`,
		`"t":21000000000,"op":{"process":5,"type":"invoke","f":"put","key":"k","arg":"late"}`,
		`"t":22000000000,"op":{"process":5,"type":"fail","f":"put","key":"k","arg":"late","error":"no"}`,
	}
	proof := history.Event{Seq: 7, At: 10 * time.Second, Raft: &history.Raft{Source: history.Trace, Node: "n1", What: history.RaftLeader, Term: 1}}
	report := checker.Report{Results: []checker.Result{{Checker: "election", Verdict: checker.Invalid, Violations: []checker.Violation{{Rule: "r", Text: "n1 led", Events: []history.Event{proof}}}}}}
	p := made(t, picture.Source{Report: report}, lines...)
	require.Len(t, p.Windows, 1)
	w := p.Windows[0]
	require.Equal(t, picture.Span{From: 8 * time.Second, To: 12 * time.Second}, w.Span)
	var got []string
	for _, o := range w.Operations {
		got = append(got, fmt.Sprintf("%d %s %q %s %v", o.Client, o.Call, o.Answer, o.To, o.Open))
	}
	require.Equal(t, []string{
		`1 put "long" "" 20s false`,
		`3 put "never" "no answer" 22s true`,
		`4 get "no answer: timeout" 9.2s true`,
	}, got)
	require.Equal(t, 0, p.Proofs[0].Window)
	require.Equal(t, []string{"k"}, p.Clients.Keys)
}

// Messages of elections are in a window from their sending to what became of them.
func TestMessages(t *testing.T) {
	message := func(at, id int, stage string) string {
		return fmt.Sprintf(`"t":%d,"raft":{"src":"fabric","node":"n1","seq":%d,"what":"message","stage":%q,"term":2,"peer":"n2","id":%d,"class":"vote"}`, at*1_000_000, at, stage, id)
	}
	lines := []string{
		message(100, 1, "sent"), message(200, 1, "delivered"), // long before
		message(7900, 2, "sent"), message(7901, 2, "held"), message(8100, 2, "delivered"),
		message(9000, 3, "sent"), message(9001, 3, "dropped"),
		message(9100, 4, "sent"), message(9101, 4, "dropped"), message(9105, 4, "delivered"),
		message(9200, 5, "sent"), message(9201, 5, "held"),
		message(9300, 6, "sent"),
		`"t":10000000000,"raft":{"src":"trace","node":"n1","inc":1,"seq":1,"what":"leader","term":2}`,
		`"t":12500000000,"run":{"what":"messages","messages":6,"left":3}`,
		`"t":12600000000,"run":{"what":"end"}`,
	}
	proof := history.Event{Seq: 14, At: 10 * time.Second, Raft: &history.Raft{Source: history.Trace, Node: "n1", What: history.RaftLeader, Term: 2}}
	report := checker.Report{Results: []checker.Result{{Checker: "election", Verdict: checker.Invalid, Violations: []checker.Violation{{Rule: "r", Text: "n1 led", Events: []history.Event{proof}}}}}}
	p := made(t, picture.Source{Report: report}, lines...)
	var got []string
	for _, m := range p.Windows[0].Messages {
		got = append(got, fmt.Sprint(m.Sent, " ", m.Delivered, " ", m.From, ">", m.To, " ", m.Class, " ", m.Fate))
	}
	require.Equal(t, []string{
		"7.9s 8.1s n1>n2 vote held", // and came
		"9s -1ns n1>n2 vote dropped",
		"9.1s 9.105s n1>n2 vote delivered",
		"9.2s -1ns n1>n2 vote held",
		"9.3s -1ns n1>n2 vote in flight",
	}, got)
	require.Contains(t, p.Missing, "of 9 messages of elections the history tells of 6: the others are not shown")
}

// everything is an event of each kind, of which all that can be a text is s.
func everything(s string) []history.Event {
	many := slices.Repeat([]string{s}, 100)
	return []history.Event{
		{Raft: &history.Raft{Source: history.Source(s), Node: s, What: history.RaftWhat(s), Stage: history.Stage(s), Peer: s, Reason: history.Reason(s), Vote: s, Class: s, Voters: many}},
		{Proc: &history.Proc{Node: s, What: history.ProcWhat(s), Signal: s, Text: s}},
		{Run: &history.Run{What: history.RunWhat(s), Node: s, Text: s, Nodes: many, Target: s}},
		{Claim: &history.Claim{Node: s, Role: s}},
		{Fault: &history.Fault{What: history.FaultWhat(s), Nodes: many, Text: s, Resolved: s, Reason: s, Evidence: map[string]int64{s: 1}}},
		{State: &history.State{Node: s}},
	}
}

// Whatever members, plans and clients write, texts are short and can be printed.
func TestHostileTexts(t *testing.T) {
	bad, err := json.Marshal("</script>\x00\u202e\n\x1b[31m" + strings.Repeat("long ", 200_000))
	require.NoError(t, err)
	lines := []string{
		`"t":1000000,"proc":{"node":"n1","what":"start","inc":1}`,
		`"t":2000000,"fault":{"step":1,"what":"inject","text":` + string(bad) + `,"resolved":` + string(bad) + `,"nodes":["n1"]}`,
		`"t":3000000,"fault":{"step":1,"what":"skipped","text":` + string(bad) + `,"reason":` + string(bad) + `}`,
		`"t":4000000,"run":{"what":"log","node":"n1","text":` + string(bad) + `}`,
		`"t":5000000,"run":{"what":"phase","phase":` + string(bad) + `}`,
		`"t":6000000,"raft":{"src":"trace","node":"n1","inc":1,"seq":1,"what":"vote","peer":"n2","reason":` + string(bad) + `}`,
		`"t":7000000,"op":{"process":1,"type":"invoke","f":"put","key":` + string(bad) + `,"arg":` + string(bad) + `,"node":"n1"}`,
		`"t":8000000,"op":{"process":1,"type":"fail","f":"put","key":` + string(bad) + `,"arg":` + string(bad) + `,"error":` + string(bad) + `}`,
		`"t":9000000,"claim":{"node":"n2","role":` + string(bad) + `}`,
	}
	var said string
	require.NoError(t, json.Unmarshal(bad, &said))
	report := checker.Report{Results: []checker.Result{{Checker: said, Verdict: checker.Invalid, Summary: said, Unknowns: []string{said}, Told: said}}}
	report.Results[0].Violations = []checker.Violation{{Rule: said, Text: said, Events: []history.Event{{Seq: 7, At: 7 * time.Millisecond, Op: &history.Op{Key: said, Arg: said, F: history.FPut, Type: history.Invoke}}}}}
	for i, e := range everything(said) { // as of a checker of one's own
		e.Seq, e.At = uint64(i), time.Millisecond
		report.Results[0].Violations = append(report.Results[0].Violations, checker.Violation{Rule: "another", Text: said, Events: []history.Event{e}})
	}
	report.Run.Workload = said
	p := made(t, picture.Source{Title: said, Command: said, Versions: []string{said}, Plan: said, Missing: []string{said}, Report: report}, lines...)
	encoded, err := json.Marshal(p)
	require.NoError(t, err)
	require.Less(t, len(encoded), 300_000)
	require.Equal(t, everything(said)[0].Raft, report.Results[0].Violations[1].Events[0].Raft, "of the report itself nothing is cut")
	var all any
	require.NoError(t, json.Unmarshal(encoded, &all))
	texts(all, "", func(path, s string) {
		if path == "/plan" {
			s = strings.ReplaceAll(s, "\n", "")
			require.Less(t, len(s), 70_000)
		} else {
			require.Less(t, len(s), 2200, path)
		}
		for _, r := range s {
			require.True(t, unicode.IsPrint(r), "%s: %U in %.80q", path, r, s)
		}
	})
}

// texts calls f with every text in decoded JSON, and where it is.
func texts(x any, path string, f func(path, s string)) {
	switch x := x.(type) {
	case string:
		f(path, x)
	case []any:
		for _, y := range x {
			texts(y, path, f)
		}
	case map[string]any:
		for k, y := range x {
			f(path, k)
			texts(y, path+"/"+k, f)
		}
	}
}

// After an error of the history there is the picture of what was before it.
func TestBrokenHistory(t *testing.T) {
	batches := func() iter.Seq2[*history.Batch, error] {
		h := history.NewReader("h", bytes.NewReader([]byte(numbered([]string{`"t":5000000,"proc":{"node":"n1","what":"start","inc":1}`})+"{\n{\n")))
		return h.Batches()
	}
	p, err := picture.Make(picture.Source{Batches: batches()})
	var syntax *history.SyntaxError
	require.True(t, errors.As(err, &syntax))
	require.Equal(t, 3, syntax.Line)
	require.Equal(t, 5*time.Millisecond, p.End)
	require.Contains(t, strings.Join(p.Missing, "\n"), "the history cannot be read to its end: it is drawn up to 0.005s: h:3: ")
}
