package finding_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/finding"
)

const corpus = "../../../results/corpus"

// judged returns the report on each kept run that broke a rule, by its name.
func judged(t *testing.T) map[string]checker.Report {
	t.Helper()
	files, err := filepath.Glob(corpus + "/*/history.jsonl.gz")
	require.NoError(t, err)
	reports := make(map[string]checker.Report)
	for _, file := range files {
		h, err := history.Open(file)
		require.NoError(t, err)
		report, err := checker.Run(checker.All(verdict.Options{}), h.Events())
		require.NoError(t, err)
		require.NoError(t, h.Close())
		if report.Verdict == checker.Invalid {
			reports[filepath.Base(filepath.Dir(file))] = report
		}
	}
	require.NotEmpty(t, reports)
	return reports
}

// Whatever the members are called and the terms are, a proof has one shape, and none
// of the run's numbers is in it.
func TestShapeHasNoNames(t *testing.T) {
	t.Parallel()
	number := regexp.MustCompile(`[0-9]{2}|\bn[0-9]|c[0-9]`)
	for name, report := range judged(t) {
		for _, result := range report.Results {
			for _, v := range result.Violations {
				shape := finding.Shape(v)
				require.NotEmpty(t, shape, "%s: %s", name, v.Text)
				require.NotRegexp(t, number, shape, name)
				require.Equal(t, shape, finding.Shape(renamed(v)), name)
			}
		}
	}
}

// renamed is a violation of another run.
func renamed(v checker.Violation) checker.Violation {
	name := func(s string) string {
		if s == "" {
			return s
		}
		return map[string]string{"n1": "n4", "n2": "n5", "n3": "n1", "n4": "n2", "n5": "n3"}[s]
	}
	events := make([]history.Event, len(v.Events))
	for i, e := range v.Events {
		e.At *= 3
		e.Seq += 1000
		if e.Raft != nil {
			r := *e.Raft
			r.Node, r.Peer, r.Term, r.Index, r.From, r.To = name(r.Node), name(r.Peer), r.Term+41, r.Index+7, r.From+7, r.To+7
			e.Raft = &r
		}
		if e.Op != nil {
			o := *e.Op
			o.Process, o.Key = o.Process+17, "elsewhere"
			e.Op = &o
		}
		events[i] = e
	}
	v.Events = events
	return v
}

func TestShape(t *testing.T) {
	t.Parallel()
	raft := func(node string, what history.RaftWhat, term uint64, peer string) history.Event {
		return history.Event{Raft: &history.Raft{Node: node, What: what, Term: term, Peer: peer}}
	}
	op := func(process int, kind history.OpType, f history.F, arg, got string) history.Event {
		return history.Event{Op: &history.Op{Process: process, Type: kind, F: f, Arg: arg, Got: got, Saw: got != ""}}
	}
	log := func(text string) history.Event {
		return history.Event{Run: &history.Run{What: history.RunLog, Node: "n3", Text: text}}
	}
	for _, row := range []struct {
		want   string
		events []history.Event
	}{
		{"a:vote(1)", []history.Event{raft("n2", history.RaftCandidate, 5, ""), raft("n2", history.RaftVote, 5, "n1")}},
		{"a:leader(1)", []history.Event{raft("n9", history.RaftLeader, 9, ""), raft("n1", history.RaftCommit, 2, "")}},
		{"a:start(1)", []history.Event{raft("n9", history.RaftApply, 9, ""), raft("n9", history.RaftStart, 2, ""), raft("n1", history.RaftSnapshot, 3, "")}},
		{"log", []history.Event{raft("n9", history.RaftApply, 9, ""), raft("n1", history.RaftSnapshot, 3, "")}},
		{"a:leader(1)+vote(1) b:vote(1,a)", []history.Event{
			raft("n3", history.RaftVote, 2, "n1"), raft("n1", history.RaftCandidate, 2, ""),
			raft("n4", history.RaftVote, 2, "n1"), raft("n1", history.RaftLeader, 2, ""),
		}},
		{"clients", []history.Event{
			op(1, history.Invoke, history.FPut, "x", ""), op(1, history.OK, history.FPut, "x", ""),
			op(2, history.Invoke, history.FGet, "", ""), op(2, history.OK, history.FGet, "", "y"),
		}},
		{"clients failed", []history.Event{
			op(1, history.Invoke, history.FCas, "x", ""), op(1, history.Fail, history.FCas, "x", "w"),
			op(2, history.Invoke, history.FGet, "", ""), op(2, history.OK, history.FGet, "", "x"),
		}},
		{"a:log[# panic: index out of range # with length #]", []history.Event{
			log("12:04:05.1 panic: index out of range [5] with length 3"),
		}},
	} {
		require.Equal(t, row.want, finding.Shape(checker.Violation{Events: row.events}))
	}
}

// Different rules are never one finding, and the kept runs of one rule are few.
func TestSignaturesOfTheCorpus(t *testing.T) {
	t.Parallel()
	rules := make(map[string]string)
	shapes := make(map[string]map[string]bool)
	for name, report := range judged(t) {
		breaches := finding.Breaches(report)
		require.NotEmpty(t, breaches, name)
		for i, b := range breaches {
			rule := b.Checker + ": " + b.Rule
			sig := finding.Signature{Target: "reference", Checker: b.Checker, Rule: b.Rule, Shape: b.Shape}
			if known, ok := rules[sig.ID()]; ok {
				require.Equal(t, known, rule)
			}
			rules[sig.ID()] = rule
			if shapes[rule] == nil {
				shapes[rule] = make(map[string]bool)
			}
			shapes[rule][b.Shape] = true
			for _, o := range breaches[:i] {
				require.NotEqual(t, [2]string{o.Checker, o.Rule}, [2]string{b.Checker, b.Rule}, "each once")
			}
		}
	}
	for rule, all := range shapes {
		require.LessOrEqual(t, len(all), 3, "%s: %v", rule, all)
	}
}

// Whoever is broken first in the order of causes is what the run is a finding for.
func TestPrimary(t *testing.T) {
	t.Parallel()
	broken := func(names ...string) (all []entry.Breach) {
		for _, n := range names {
			all = append(all, entry.Breach{Checker: n, Rule: "of " + n})
		}
		return all
	}
	require.Equal(t, -1, finding.Primary(nil))
	for _, row := range []struct{ all, want string }{
		{"linearizable", "linearizable"},
		{"stale-log logs linearizable votes", "votes"},
		{"linearizable set", "set"},
		{"linearizable my-own", "linearizable"}, // of equals the first
		{"availability my-own", "my-own"},
		{"linearizable node-logs", "node-logs"},
		{"availability divergence", "divergence"},
	} {
		all := broken(strings.Fields(row.all)...)
		require.Equal(t, row.want, all[finding.Primary(all)].Checker, row.all)
	}
	all := broken("set", "linearizable")
	all[1].Shape = "failed read"
	require.Equal(t, 1, finding.Primary(all), "who saw what failed knows more")
	sig, ok := finding.SignatureOf(entry.Entry{Class: entry.Invalid, Breaches: broken("set", "votes"), Axes: map[string]string{"target": "etcd"}})
	require.True(t, ok)
	require.Equal(t, "etcd, votes: of votes", sig.String())
	require.Regexp(t, `^votes-[0-9a-f]{8}$`, sig.ID())
	_, ok = finding.SignatureOf(entry.Entry{Class: entry.Invalid, Breaches: broken("set"), Control: "red"})
	require.False(t, ok, "a control is no finding")
	require.NotEqual(t, sig.ID(), finding.Signature{Target: "reference", Checker: "votes", Rule: "of votes"}.ID(), "another system, another finding")
}
