package picture_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/picture"
)

// The picture tells the truth: what is read back from its JSON is what a second reading
// of the history gives, which knows nothing but JSON lines, and asks of each moment what
// was so then.
func TestTruthOfSavedRuns(t *testing.T) {
	runs, err := filepath.Glob(filepath.Join("..", "..", "results", "corpus", "*", "history.jsonl.gz"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(runs), 20)
	others, err := filepath.Glob(filepath.Join("testdata", "*.jsonl.gz"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(others), 2)
	for i, path := range append(others, runs...) {
		if testing.Short() && i >= 20 {
			break
		}
		t.Run(strings.TrimSuffix(path, ".jsonl.gz"), func(t *testing.T) {
			p, err := draw(t, path)
			require.NoError(t, err)
			tellsTruth(t, p, unpacked(t, path))
		})
	}
}

// unpacked returns the lines of a saved history.
func unpacked(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	raw, err := io.ReadAll(z)
	require.NoError(t, err)
	return raw
}

// What these runs are there for is in them: members of etcd that are removed and come
// back, seen from the wire, and in the corpus snapshots that are taken and installed.
func TestTruthIsOfManyThings(t *testing.T) {
	members := string(unpacked(t, filepath.Join("testdata", "etcd-members.jsonl.gz")))
	for _, part := range []string{`"target":"etcd"`, `"tapped":true`, `"resolved":"at 5s for 2s remove n`, `"resolved":"at 10s replace n`, `"src":"harness"`} {
		require.Contains(t, members, part)
	}
	p, err := draw(t, filepath.Join("testdata", "etcd-members.jsonl.gz"))
	require.NoError(t, err)
	require.Len(t, p.Lanes, 3)
	require.NotContains(t, strings.Join(p.Missing, "\n"), "have no lane", "a change of members that is nobody's has none")
	var roles []picture.Role
	for _, l := range p.Lanes {
		for _, s := range l.Stays {
			roles = append(roles, s.Role)
		}
	}
	require.Contains(t, roles, picture.Removed)
	require.Contains(t, string(unpacked(t, filepath.Join("..", "..", "results", "corpus", "install-drops-vote", "history.jsonl.gz"))), `"what":"install"`)
}

// A history that was cut short, within a line or behind it, is told as far as it goes.
func TestTruthOfCutRuns(t *testing.T) {
	for _, path := range []string{filepath.Join("testdata", "etcd-members.jsonl.gz"), filepath.Join("..", "..", "results", "corpus", "stale-log-vote", "history.jsonl.gz")} {
		whole := unpacked(t, path)
		for part := range 5 {
			raw := whole[:len(whole)*(part+1)/6]
			if part == 4 {
				raw = raw[:bytes.LastIndexByte(raw, '\n')+1]
			}
			h := history.NewReader("cut", bytes.NewReader(raw))
			report, err := checker.RunBatches(checker.All(checker.Options{}), h.Batches())
			require.NoError(t, err)
			h = history.NewReader("cut", bytes.NewReader(raw))
			p, err := picture.Make(picture.Source{Report: report, Batches: h.Batches(), Cut: h.Truncated})
			require.NoError(t, err)
			require.Contains(t, strings.Join(p.Missing, "\n"), map[bool]string{true: "was cut short: it is drawn up to", false: "the history has no end"}[h.Truncated()])
			tellsTruth(t, p, raw[:bytes.LastIndexByte(raw, '\n')+1])
		}
	}
}

// The same of histories that are drawn at random, in which what seldom comes by is common:
// members that are removed, paused and killed, traces that come late, and histories that
// only taps, or only members' answers, tell of.
func TestTruthOfDrawnRuns(t *testing.T) {
	for seed := range uint64(60) {
		raw := invented(rand.New(rand.NewPCG(seed, 13)))
		h := history.NewReader("invented", bytes.NewReader(raw))
		p, err := picture.Make(picture.Source{Report: accused(t, raw, seed), Batches: h.Batches(), Cut: h.Truncated})
		require.NoError(t, err, "seed %d", seed)
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { tellsTruth(t, p, raw) })
	}
}

// line is a line of a history, as JSON has it.
type line = map[string]any

func tellsTruth(t *testing.T, p picture.Picture, raw []byte) {
	t.Helper()
	encoded, err := json.Marshal(p)
	require.NoError(t, err)
	var seen line
	require.NoError(t, json.Unmarshal(encoded, &seen))
	var lines []line
	in := bufio.NewScanner(bytes.NewReader(raw))
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var l line
		require.NoError(t, json.Unmarshal(in.Bytes(), &l))
		lines = append(lines, l)
	}
	require.NoError(t, in.Err())
	end := at(lines[len(lines)-1])
	require.EqualValues(t, end, number(seen, "end"))
	proofsAreTrue(t, seen, lines)
	for _, l := range lines {
		if r, ok := payload(l, "raft"); ok && word(r, "group") != "" { // of another Raft: its terms are others
			delete(l, "raft")
		}
	}
	rolesAreTrue(t, seen, lines, end)
	faultsAreTrue(t, seen, lines, end)
	cutsAreTrue(t, seen, lines)
	leaderlessIsTrue(t, seen, lines, end)
	stallsAreTrue(t, seen, lines)
	columnsAreTrue(t, seen, lines)
	windowsAreTrue(t, seen, lines, end)
}

// number, word and list read JSON; what is not there is 0, "" and empty.
func number(l line, key string) int64 {
	n, _ := l[key].(float64)
	return int64(n)
}

func word(l line, key string) string {
	s, _ := l[key].(string)
	return s
}

func list(l line, key string) []line {
	var out []line
	all, _ := l[key].([]any)
	for _, x := range all {
		out = append(out, x.(line))
	}
	return out
}

func inList(l line, key, want string) bool {
	all, _ := l[key].([]any)
	return slices.Contains(all, any(want))
}

func at(l line) int64 { return number(l, "t") }

func payload(l line, kind string) (line, bool) {
	p, ok := l[kind].(line)
	return p, ok
}

// rolesAreTrue holds the lanes to what the second reading says at the middle of every
// stretch between two moments at which either of them knows of a change.
func rolesAreTrue(t *testing.T, seen line, lines []line, end int64) {
	t.Helper()
	who := tellerOf(lines)
	for _, lane := range list(seen, "lanes") {
		member := word(lane, "member")
		moments := []int64{0, end}
		for _, l := range lines {
			moments = append(moments, at(l))
		}
		stays := list(lane, "stays")
		for i, s := range stays {
			moments = append(moments, number(s, "from"), number(s, "to"))
			if i > 0 {
				require.Equal(t, number(stays[i-1], "to"), number(s, "from"), "%s has a gap", member)
			}
		}
		slices.Sort(moments)
		moments = slices.Compact(moments)
		tale := taleOf(lines, member, who)
		for i := 1; i < len(moments); i++ {
			middle := (moments[i-1] + moments[i]) / 2
			if moments[i]-moments[i-1] < 2 {
				continue
			}
			want, got := tale.when(middle), "nothing"
			for _, s := range stays {
				if number(s, "from") <= middle && middle < number(s, "to") {
					got = fmt.Sprintf("%s %d %s", word(s, "role"), number(s, "term"), word(s, "by"))
				}
			}
			require.Equal(t, want, got, "%s at %s", member, time.Duration(middle))
		}
	}
}

// tellerOf says whose word on roles counts.
func tellerOf(lines []line) string {
	found := make(map[string]bool)
	for _, l := range lines {
		if r, ok := payload(l, "raft"); ok {
			switch what, src := word(r, "what"), word(r, "src"); {
			case src == "trace" && (what == "follower" || what == "candidate" || what == "leader"):
				found["trace"] = true
			case src == "tap" && word(r, "stage") == "sent" && what != "prevote" && what != "commit" && what != "regress":
				found["tap"] = true
			}
		}
		if c, ok := payload(l, "claim"); ok && word(c, "role") != "" {
			found["said by itself"] = true
		}
	}
	for _, who := range []string{"trace", "tap", "said by itself"} {
		if found[who] {
			return who
		}
	}
	return ""
}

// entry is that something was so of a member from a moment on.
type entry struct {
	at    int64
	value string
	term  int64
}

// tale is what a history tells of one member, each thing by itself.
type tale struct {
	first                              int64
	runs, stands, part, leaving, inner []entry // "up" or "down"; "still" or "goes"; its role; …
	who                                string
}

// taleOf reads what the lines tell of a member.
func taleOf(lines []line, member, who string) *tale {
	s := &tale{first: -1, who: who}
	inc, up, belonged := int64(0), true, false
	begin := func(at, which int64) {
		inc, up = which, true
		s.runs = append(s.runs, entry{at: at, value: "up"})
		s.stands = append(s.stands, entry{at: at, value: "goes"})
		s.part = append(s.part, entry{at: at, value: "unknown"})
		s.inner = append(s.inner, entry{at: at, value: "voter"})
	}
	for _, l := range lines {
		now := at(l)
		if f, ok := payload(l, "fault"); ok && word(f, "what") == "skipped" && inList(f, "nodes", member) {
			text := word(f, "resolved")
			if text == "" {
				text = word(f, "text")
			}
			if text = " " + text; strings.Contains(text, " remove ") || strings.Contains(text, " replace ") {
				s.leaving = append(s.leaving, entry{at: now, value: "stays"})
			}
		}
		of := func(kind string) (line, bool) {
			p, ok := payload(l, kind)
			ok = ok && word(p, "node") == member
			if ok && s.first < 0 && !slices.Contains([]string{"append", "commit", "apply", "message"}, word(p, "what")) {
				s.first = now
			}
			return p, ok
		}
		if p, ok := of("proc"); ok {
			which := number(p, "inc")
			switch word(p, "what") {
			case "start":
				begin(now, which)
			case "exit":
				if which >= inc {
					inc, up = which, false
					s.runs = append(s.runs, entry{at: now, value: "down"})
				}
			case "signal":
				if word(p, "signal") == "stopped (signal)" {
					s.stands = append(s.stands, entry{at: now, value: "still"})
				} else if word(p, "signal") == "continued" {
					s.stands = append(s.stands, entry{at: now, value: "goes"})
				}
			}
		}
		if c, ok := of("claim"); ok && word(c, "role") != "" && who == "said by itself" {
			if which := number(c, "inc"); which == 0 || which > inc || which == inc && up {
				s.part = append(s.part, entry{now, word(c, "role"), number(c, "term")})
			}
		}
		r, ok := of("raft")
		if !ok {
			continue
		}
		what, term, which := word(r, "what"), number(r, "term"), number(r, "inc")
		switch src := word(r, "src"); {
		case src == "harness" && which == 0 && !inList(r, "voters", member):
			s.leaving = append(s.leaving, entry{at: now, value: "leaves"})
		case src == "harness":
			s.leaving = append(s.leaving, entry{at: now, value: "stays"})
		case src == "trace" && (which < inc || which == inc && !up):
		case src == "trace" && slices.Contains([]string{"append", "commit", "apply"}, what):
		case src == "trace":
			if which > inc {
				begin(now, which)
			}
			if who != "trace" {
				break
			}
			switch what {
			case "start":
				s.part = append(s.part, entry{now, "unknown", term})
			case "follower", "candidate", "leader":
				s.part = append(s.part, entry{now, what, term})
			case "config":
				belongs := inList(r, "voters", member) || inList(r, "outgoing", member) || inList(r, "learners", member)
				switch {
				case inList(r, "learners", member):
					s.inner = append(s.inner, entry{at: now, value: "learner"})
				case belongs || !belonged && s.last(s.inner) != "outside":
					s.inner = append(s.inner, entry{at: now, value: "voter"})
				default:
					s.inner = append(s.inner, entry{at: now, value: "outside"})
				}
				belonged = belongs
			}
		case src == "tap" && who == "tap" && word(r, "stage") == "sent" && up:
			s.wire(now, r)
		}
	}
	return s
}

func (s *tale) last(of []entry) string {
	if len(of) == 0 {
		return ""
	}
	return of[len(of)-1].value
}

// wire takes what the member sent.
func (s *tale) wire(now int64, r line) {
	term, before := number(r, "term"), int64(0)
	if n := len(s.part); n > 0 {
		before = s.part[n-1].term
	}
	role := map[string]string{"candidate": "candidate", "leader": "leader", "ack": "follower"}[word(r, "what")]
	if granted, _ := r["granted"].(bool); word(r, "what") == "vote" && word(r, "peer") != word(r, "node") && (granted || term > before) {
		role = "follower"
	}
	if role != "" && term >= before {
		s.part = append(s.part, entry{now, role, term})
	}
}

// when says what the member was at a moment.
func (s *tale) when(at int64) string {
	if s.first < 0 || at < s.first {
		return "nothing"
	}
	of := func(all []entry, otherwise string) entry {
		found := entry{value: otherwise}
		for _, e := range all {
			if e.at <= at {
				found = e
			}
		}
		return found
	}
	down, part, inner := of(s.runs, "up").value == "down", of(s.part, "unknown"), of(s.inner, "voter").value
	switch {
	case down && of(s.leaving, "stays").value == "leaves", inner == "outside":
		return "removed 0 "
	case down:
		return "down 0 "
	case of(s.stands, "goes").value == "still":
		return fmt.Sprintf("paused %d ", part.term)
	case part.value == "unknown":
		return fmt.Sprintf("unknown %d ", part.term)
	case part.value == "follower" && inner == "learner":
		part.value = "learner"
	}
	return fmt.Sprintf("%s %d %s", part.value, part.term, s.who)
}

// faultsAreTrue holds the bands to the events of faults: each inject goes with the next
// event of its step.
func faultsAreTrue(t *testing.T, seen line, lines []line, end int64) {
	t.Helper()
	var want, got []string
	for i, l := range lines {
		f, ok := payload(l, "fault")
		if !ok {
			continue
		}
		begins := word(f, "what") == "inject"
		begun := false // by an event before
		for _, b := range lines[:i] {
			if o, ok := payload(b, "fault"); ok && number(o, "step") == number(f, "step") {
				begun = word(o, "what") == "inject"
			}
		}
		if !begins && begun {
			continue
		}
		to, outcome := at(l), became(f)
		if begins {
			to, outcome = end, "not healed"
			for _, a := range lines[i+1:] {
				if o, ok := payload(a, "fault"); ok && number(o, "step") == number(f, "step") {
					to, outcome = at(a), became(o)
					break
				}
			}
		}
		want = append(want, fmt.Sprintf("%d %d %d %s", number(f, "step"), at(l), to, outcome))
	}
	for _, b := range list(seen, "bands") {
		got = append(got, fmt.Sprintf("%d %d %d %s", number(b, "step"), number(b, "from"), number(b, "to"), word(b, "outcome")))
	}
	require.Equal(t, want, got)
}

// became says what became of a fault by its end.
func became(f line) string {
	bit, _ := f["bit"].(bool)
	switch what := word(f, "what"); {
	case what == "heal" && bit:
		return "bit"
	case what == "heal":
		return "did not bite"
	default:
		return strings.ReplaceAll(what, "-", " ")
	}
}
