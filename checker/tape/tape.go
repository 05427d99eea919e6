// Package tape makes histories for the tests of checkers: by hand, event by event,
// drawn at random, or as long as a benchmark needs; and it has slow oracles for the
// short ones. Nothing but tests uses it.
//
// Read tape.go (a run and its members), client.go and operation.go (what clients do)
// first.
package tape

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

const (
	ElectionTimeout = 200 * time.Millisecond // of every tape
	tick            = time.Millisecond       // between two events of a tape
)

// Tape is a history under construction. Its members keep logs, so that hashes
// and positions come out right unless a test wants them wrong.
type Tape struct {
	Events []history.Event // none of a Stream

	out    *json.Encoder // of a Stream
	length uint64
	now    time.Duration
	Seq    map[string]uint64
	inc    map[string]uint64
	Logs   map[string][]uint64 // terms
	Nodes  []string
}

// Traced is a tape of a run whose members write traces.
func Traced(nodes ...string) *Tape {
	return New(history.Run{Traced: true, Nodes: nodes})
}

// Started is Traced, once every member has come up with an empty log.
func Started(nodes ...string) *Tape {
	t := Traced(nodes...)
	t.Start()
	return t
}

// Tapped is a tape of a run whose links are decoded.
func Tapped(nodes ...string) *Tape {
	return New(history.Run{Tapped: true, Nodes: nodes})
}

// Stream is a tape that is written to out as the lines of a history, and not kept.
// It panics if out fails.
func Stream(out io.Writer) *Tape {
	t := &Tape{out: json.NewEncoder(out)}
	t.Run(history.Run{What: history.RunBegin, Format: history.Format})
	return t
}

// New is a tape that begins with the run event r, of n1, n2 and n3 unless it names
// others.
func New(r history.Run) *Tape {
	if len(r.Nodes) == 0 {
		r.Nodes = []string{"n1", "n2", "n3"}
	}
	t := &Tape{
		Seq: make(map[string]uint64), inc: make(map[string]uint64), Logs: make(map[string][]uint64), Nodes: r.Nodes,
	}
	r.What, r.Format, r.Election = history.RunBegin, history.Format, ElectionTimeout
	if r.Rules == nil {
		r.Rules = []history.Rule{history.FirstCome, history.Timers}
	}
	t.Run(r)
	return t
}

// Add appends an event, a tick after the one before.
func (t *Tape) Add(e history.Event) {
	t.now += tick
	e.Seq, e.At = t.length, t.now
	t.length++
	if t.out == nil {
		t.Events = append(t.Events, e)
	} else if err := t.out.Encode(&e); err != nil {
		panic(fmt.Sprintf("write event %d: %v", e.Seq, err))
	}
}

// Run adds an event of the run.
func (t *Tape) Run(r history.Run) { t.Add(history.Event{Run: &r}) }

// Phase begins a phase of the run.
func (t *Tape) Phase(name string) { t.Run(history.Run{What: history.RunPhase, Phase: name}) }

// End is the end of a whole history.
func (t *Tape) End() { t.Run(history.Run{What: history.RunEnd}) }

// Wait lets time pass.
func (t *Tape) Wait(d time.Duration) { t.now += d }

// Proc adds what happened to a process.
func (t *Tape) Proc(p history.Proc) { t.Add(history.Event{Proc: &p}) }

// Fault adds what the nemesis did.
func (t *Tape) Fault(f history.Fault) { t.Add(history.Event{Fault: &f}) }

// Op adds half an operation.
func (t *Tape) Op(op history.Op) { t.Add(history.Event{Op: &op}) }

// Trace adds what a member writes to its trace.
func (t *Tape) Trace(node string, r history.Raft) {
	r.Source, r.Node, r.Inc = history.Trace, node, max(t.inc[node], 1)
	t.Seq[node]++
	r.Seq = t.Seq[node]
	t.Add(history.Event{Raft: &r})
}

// Tap adds what a tap saw the member send.
func (t *Tape) Tap(node string, r history.Raft) {
	r.Source, r.Node, r.Stage = history.Tap, node, history.Sent
	t.Seq["tap "+node]++
	r.Seq = t.Seq["tap "+node]
	t.Add(history.Event{Raft: &r})
}

// Pos is a place in a log.
func Pos(term, index uint64) history.Pos { return history.Pos{Term: term, Index: index} }

// last is where the node's log ends.
func (t *Tape) last(node string) history.Pos {
	log := t.Logs[node]
	if len(log) == 0 {
		return history.Pos{}
	}
	return Pos(log[len(log)-1], uint64(len(log)))
}

// Hash is the chain hash of a log of these terms.
func Hash(terms []uint64) uint64 {
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

// Start brings every node up with an empty log.
func (t *Tape) Start() {
	for _, n := range t.Nodes {
		t.Restart(n, 0, "")
	}
}

// Restart brings a new process of the node up on the log that it has.
func (t *Tape) Restart(node string, term uint64, vote string) {
	t.RestartKnowing(node, term, vote, 0)
}

// RestartKnowing is restart with a recovered commit index.
func (t *Tape) RestartKnowing(node string, term uint64, vote string, commit uint64) {
	t.inc[node]++
	t.Seq[node] = 0
	t.Trace(node, history.Raft{
		What: history.RaftStart, Term: term, Vote: vote, Last: t.last(node), Hash: Hash(t.Logs[node]), Commit: commit,
	})
}

// Follow makes the node a follower of the leader.
func (t *Tape) Follow(node, leader string, term uint64) {
	t.Trace(node, history.Raft{What: history.RaftFollower, Term: term, Peer: leader})
}

// Stand makes the node a candidate, with its own vote.
func (t *Tape) Stand(node string, term uint64) {
	t.Trace(node, history.Raft{What: history.RaftCandidate, Term: term, Last: t.last(node)})
	t.Trace(node, history.Raft{
		What: history.RaftVote, Term: term, PeerTerm: term, Peer: node, Granted: true, Reason: history.ReasonSelf,
		Last: t.last(node), PeerLast: t.last(node),
	})
}

// Grant makes node vote for the candidate, with the logs that both have.
func (t *Tape) Grant(node, candidate string, term uint64) {
	t.Trace(node, history.Raft{
		What: history.RaftVote, Term: term, PeerTerm: term, Peer: candidate, Granted: true,
		Reason: history.ReasonGranted, Last: t.last(node), PeerLast: t.last(candidate),
	})
}

// Refuse makes the node refuse its vote, with the logs that both have.
func (t *Tape) Refuse(node, candidate string, term uint64, why history.Reason) {
	t.Trace(node, history.Raft{
		What: history.RaftVote, Term: term, PeerTerm: term, Peer: candidate, Reason: why,
		Last: t.last(node), PeerLast: t.last(candidate),
	})
}

// Lead makes the node the leader, with the log that it has.
func (t *Tape) Lead(node string, term uint64) {
	t.Trace(node, history.Raft{What: history.RaftLeader, Term: term, Last: t.last(node), Hash: Hash(t.Logs[node])})
}

// Elect lets node win term with the votes of the others.
func (t *Tape) Elect(node string, term uint64, voters ...string) {
	t.Stand(node, term)
	for _, v := range voters {
		t.Grant(v, node, term)
	}
	t.Lead(node, term)
}

// Put appends count entries of term entry to the node's log, in term.
func (t *Tape) Put(node, leader string, term, entry uint64, count int) {
	from := uint64(len(t.Logs[node])) + 1
	var hashes []byte
	for range count {
		t.Logs[node] = append(t.Logs[node], entry)
		hashes = binary.LittleEndian.AppendUint64(hashes, Hash(t.Logs[node]))
	}
	t.Trace(node, history.Raft{
		What: history.RaftAppend, Term: term, Peer: leader, From: from, To: from + uint64(count) - 1,
		EntryTerm: entry, Hashes: hashes,
	})
}

// Truncate removes the entries from index on from the log of the node.
func (t *Tape) Truncate(node, leader string, term, index uint64) {
	t.Logs[node] = slices.Clone(t.Logs[node][:index-1])
	t.Trace(node, history.Raft{What: history.RaftTruncate, Term: term, Peer: leader, Index: index})
}

// Commit lets the node know everything up to index committed.
func (t *Tape) Commit(node string, term, index uint64, leads bool) {
	log := t.Logs[node]
	t.Trace(node, history.Raft{
		What: history.RaftCommit, Term: term, Index: index, EntryTerm: log[index-1], Hash: Hash(log[:index]), Lead: leads,
	})
}

// Apply tells the digest of the state of the node after entry index.
func (t *Tape) Apply(node string, term, index, digest uint64) {
	t.Trace(node, history.Raft{What: history.RaftApply, Term: term, Index: index, Digest: digest})
}

// All goes over the events as a reader does.
func (t *Tape) All() iter.Seq2[*history.Event, error] {
	return func(yield func(*history.Event, error) bool) {
		for i := range t.Events {
			if !yield(&t.Events[i], nil) {
				return
			}
		}
	}
}

// Judge runs one checker over the tape.
func (t *Tape) Judge(c verdict.Checker) verdict.Result {
	for i := range t.Events {
		c.Event(&t.Events[i])
	}
	return c.Finish()
}

// On is what Build of a Row does: it does something to a tape, and returns it.
func On(h *Tape, do func(h *Tape)) func() *Tape {
	return func() *Tape {
		do(h)
		return h
	}
}

// Row is a line of a table: a history and what a checker must say of it.
type Row struct {
	Name  string
	Build func() *Tape
	Want  verdict.Verdict
	Rule  string // with Invalid: the rule that must be among the violations
}

// Verdicts checks a table. A history that is not invalid must not become so when
// it is cut short anywhere.
func Verdicts(t *testing.T, construct func() verdict.Checker, rows []Row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.Name, func(t *testing.T) {
			h := r.Build()
			got := h.Judge(construct())
			require.Equal(t, r.Want, got.Verdict, "%+v", got)
			if r.Want == verdict.Invalid {
				var rules []string
				for _, v := range got.Violations {
					rules = append(rules, v.Rule)
					require.NotEmpty(t, v.Events, "a violation needs its proof")
					require.NotEmpty(t, v.Text)
					for i := range v.Events {
						require.NotEmpty(t, verdict.Describe(&v.Events[i]))
					}
				}
				require.Contains(t, rules, r.Rule)
				return
			}
			for n := range h.Events {
				cut := &Tape{Events: h.Events[:n]}
				got := cut.Judge(construct())
				require.NotEqual(t, verdict.Invalid, got.Verdict, "cut after %d events: %+v", n, got)
			}
		})
	}
}
