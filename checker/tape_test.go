package checker_test

import (
	"encoding/binary"
	"hash/fnv"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

const (
	electionTimeout = 200 * time.Millisecond
	tick            = time.Millisecond // between two events of a tape
)

// tape is a history under construction. Its members keep logs, so that hashes
// and positions come out right unless a test wants them wrong.
type tape struct {
	events []history.Event
	now    time.Duration
	seq    map[string]uint64
	inc    map[string]uint64
	logs   map[string][]uint64 // terms
	nodes  []string
}

// traced is a tape of a run whose members write traces.
func traced(nodes ...string) *tape {
	return newTape(history.Run{Traced: true, Nodes: nodes})
}

// tapped is a tape of a run whose links are decoded.
func tapped(nodes ...string) *tape {
	return newTape(history.Run{Tapped: true, Nodes: nodes})
}

func newTape(r history.Run) *tape {
	if len(r.Nodes) == 0 {
		r.Nodes = []string{"n1", "n2", "n3"}
	}
	t := &tape{
		seq: make(map[string]uint64), inc: make(map[string]uint64), logs: make(map[string][]uint64), nodes: r.Nodes,
	}
	r.What, r.Format, r.Election = history.RunBegin, history.Format, electionTimeout
	t.run(r)
	return t
}

func (t *tape) add(e history.Event) {
	t.now += tick
	e.Seq, e.At = uint64(len(t.events)), t.now
	t.events = append(t.events, e)
}

func (t *tape) run(r history.Run)     { t.add(history.Event{Run: &r}) }
func (t *tape) phase(name string)     { t.run(history.Run{What: history.RunPhase, Phase: name}) }
func (t *tape) end()                  { t.run(history.Run{What: history.RunEnd}) }
func (t *tape) wait(d time.Duration)  { t.now += d }
func (t *tape) proc(p history.Proc)   { t.add(history.Event{Proc: &p}) }
func (t *tape) fault(f history.Fault) { t.add(history.Event{Fault: &f}) }
func (t *tape) op(op history.Op)      { t.add(history.Event{Op: &op}) }

func (t *tape) trace(node string, r history.Raft) {
	r.Source, r.Node, r.Inc = history.Trace, node, max(t.inc[node], 1)
	t.seq[node]++
	r.Seq = t.seq[node]
	t.add(history.Event{Raft: &r})
}

func (t *tape) tap(node string, r history.Raft) {
	r.Source, r.Node, r.Stage = history.Tap, node, history.Sent
	t.seq["tap "+node]++
	r.Seq = t.seq["tap "+node]
	t.add(history.Event{Raft: &r})
}

func pos(term, index uint64) history.Pos { return history.Pos{Term: term, Index: index} }

// last is where the node's log ends.
func (t *tape) last(node string) history.Pos {
	log := t.logs[node]
	if len(log) == 0 {
		return history.Pos{}
	}
	return pos(log[len(log)-1], uint64(len(log)))
}

// hash is the chain hash of a log of these terms.
func hash(terms []uint64) uint64 {
	if len(terms) == 0 {
		return 0
	}
	h := fnv.New64a()
	var b [8]byte
	for _, t := range terms {
		binary.LittleEndian.PutUint64(b[:], t)
		h.Write(b[:])
	}
	return h.Sum64()
}

// start brings every node up with an empty log.
func (t *tape) start() {
	for _, n := range t.nodes {
		t.restart(n, 0, "")
	}
}

// restart brings a new process of the node up on the log that it has.
func (t *tape) restart(node string, term uint64, vote string) {
	t.restartKnowing(node, term, vote, 0)
}

// restartKnowing is restart with a recovered commit index.
func (t *tape) restartKnowing(node string, term uint64, vote string, commit uint64) {
	t.inc[node]++
	t.seq[node] = 0
	t.trace(node, history.Raft{
		What: history.RaftStart, Term: term, Vote: vote, Last: t.last(node), Hash: hash(t.logs[node]), Commit: commit,
	})
}

func (t *tape) follow(node, leader string, term uint64) {
	t.trace(node, history.Raft{What: history.RaftFollower, Term: term, Peer: leader})
}

func (t *tape) stand(node string, term uint64) {
	t.trace(node, history.Raft{What: history.RaftCandidate, Term: term, Last: t.last(node)})
	t.trace(node, history.Raft{
		What: history.RaftVote, Term: term, PeerTerm: term, Peer: node, Granted: true, Reason: history.ReasonSelf,
		Last: t.last(node), PeerLast: t.last(node),
	})
}

// grant makes node vote for the candidate, with the logs that both have.
func (t *tape) grant(node, candidate string, term uint64) {
	t.trace(node, history.Raft{
		What: history.RaftVote, Term: term, PeerTerm: term, Peer: candidate, Granted: true,
		Reason: history.ReasonGranted, Last: t.last(node), PeerLast: t.last(candidate),
	})
}

func (t *tape) refuse(node, candidate string, term uint64, why history.Reason) {
	t.trace(node, history.Raft{
		What: history.RaftVote, Term: term, PeerTerm: term, Peer: candidate, Reason: why,
		Last: t.last(node), PeerLast: t.last(candidate),
	})
}

func (t *tape) lead(node string, term uint64) {
	t.trace(node, history.Raft{What: history.RaftLeader, Term: term, Last: t.last(node), Hash: hash(t.logs[node])})
}

// elect lets node win term with the votes of the others.
func (t *tape) elect(node string, term uint64, voters ...string) {
	t.stand(node, term)
	for _, v := range voters {
		t.grant(v, node, term)
	}
	t.lead(node, term)
}

// put appends count entries of term entry to the node's log, in term.
func (t *tape) put(node, leader string, term, entry uint64, count int) {
	from := uint64(len(t.logs[node])) + 1
	var hashes []byte
	for range count {
		t.logs[node] = append(t.logs[node], entry)
		hashes = binary.LittleEndian.AppendUint64(hashes, hash(t.logs[node]))
	}
	t.trace(node, history.Raft{
		What: history.RaftAppend, Term: term, Peer: leader, From: from, To: from + uint64(count) - 1,
		EntryTerm: entry, Hashes: hashes,
	})
}

func (t *tape) truncate(node, leader string, term, index uint64) {
	t.logs[node] = slices.Clone(t.logs[node][:index-1])
	t.trace(node, history.Raft{What: history.RaftTruncate, Term: term, Peer: leader, Index: index})
}

func (t *tape) commit(node string, term, index uint64, leads bool) {
	log := t.logs[node]
	t.trace(node, history.Raft{
		What: history.RaftCommit, Term: term, Index: index, EntryTerm: log[index-1], Hash: hash(log[:index]), Lead: leads,
	})
}

func (t *tape) apply(node string, term, index, digest uint64) {
	t.trace(node, history.Raft{What: history.RaftApply, Term: term, Index: index, Digest: digest})
}

func (t *tape) all() iter.Seq2[*history.Event, error] {
	return func(yield func(*history.Event, error) bool) {
		for i := range t.events {
			if !yield(&t.events[i], nil) {
				return
			}
		}
	}
}

// judge runs one checker over the tape.
func (t *tape) judge(c checker.Checker) checker.Result {
	for i := range t.events {
		c.Event(&t.events[i])
	}
	return c.Finish()
}

// row is a line of a table: a history and what a checker must say of it.
type row struct {
	name  string
	build func() *tape
	want  checker.Verdict
	rule  string // with Invalid: the rule that must be among the violations
}

// verdicts checks a table. A history that is not invalid must not become so when
// it is cut short anywhere.
func verdicts(t *testing.T, construct func() checker.Checker, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			h := r.build()
			got := h.judge(construct())
			require.Equal(t, r.want, got.Verdict, "%+v", got)
			if r.want == checker.Invalid {
				var rules []string
				for _, v := range got.Violations {
					rules = append(rules, v.Rule)
					require.NotEmpty(t, v.Events, "a violation needs its proof")
					require.NotEmpty(t, v.Text)
					for i := range v.Events {
						require.NotEmpty(t, checker.Describe(&v.Events[i]))
					}
				}
				require.Contains(t, rules, r.rule)
				return
			}
			for n := range h.events {
				cut := &tape{events: h.events[:n]}
				got := cut.judge(construct())
				require.NotEqual(t, checker.Invalid, got.Verdict, "cut after %d events: %+v", n, got)
			}
		})
	}
}
