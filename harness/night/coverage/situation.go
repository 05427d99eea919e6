package coverage

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"github.com/usurper/usurper/harness/history"
)

// The situations that must come up somewhere in a night, by name.
const (
	LeaderCutOff      = "leader-cut-off-in-write"
	TwoCandidates     = "two-candidates"
	WonAfterSplit     = "won-after-split-vote"
	RestartInVote     = "restart-in-vote"
	KilledUncommitted = "leader-killed-uncommitted"
	AllDown           = "all-down"
	QuorumLost        = "quorum-lost-in-use"
	Overwritten       = "entries-overwritten"
	Inherited         = "uncommitted-inherited"
	StaleRefused      = "stale-candidate-refused"
	SecondRefused     = "second-candidate-refused"
	DeposedResumes    = "deposed-leader-resumes"
	DeposedAnswers    = "deposed-leader-answers"
	NeedsSnapshot     = "snapshot-needed"
	DownInSnapshot    = "down-in-need-of-snapshot"
	ChangeLeaderless  = "change-without-leader"
	UnknownTook       = "unknown-write-took-effect"
)

// Situation is something that a night is to have seen somewhere.
type Situation struct {
	Name  string
	Short string // one line: when it counts as seen
	needs tells
}

// Situations lists them all.
func Situations() []Situation {
	return []Situation{
		{LeaderCutOff, "a leader was cut off from a majority, by one fault that bit, with a write under way there", tellLeaders | tellClients},
		{TwoCandidates, "two members stood in one term", tellVotes},
		{WonAfterSplit, "two stood in a term that nobody won, and the next term that was led was a later one", tellVotes | tellLeaders},
		{RestartInVote, "a member that stood or had voted went down and came back before anybody led that term", tellVotes | tellProcesses},
		{KilledUncommitted, "a leader went down with an entry in its log that it did not know committed", tellTraces | tellProcesses},
		{AllDown, "no member had a process, before everything was healed", tellProcesses},
		{QuorumLost, "a client asked while less than a majority ran, before everything was healed", tellProcesses | tellClients},
		{Overwritten, "a member threw away entries that its leader did not have", tellTraces},
		{Inherited, "a leader was elected with entries of earlier terms that nobody had been told to know committed", tellTraces},
		{StaleRefused, "a candidate was refused since its log was behind", tellVotes | tellTraces},
		{SecondRefused, "a candidate was refused by somebody who had voted for another", tellVotes | tellTraces},
		{DeposedResumes, "a leader that stood still went on once another had been elected, still leading in its own eyes", tellLeaders | tellProcesses},
		{DeposedAnswers, "a client asked a deposed leader once another had been elected, and it ended, ok or fail", tellLeaders | tellClients},
		{NeedsSnapshot, "a member was so far behind that only a snapshot helped it, or installed one", tellSnapshots},
		{DownInSnapshot, "a member went down that only a snapshot could help", tellSnapshots | tellProcesses},
		{ChangeLeaderless, "nobody led, or somebody stood in a later term, while the membership changed", tellChanges | tellLeaders},
		{UnknownTook, "a write that ended unknown was read later", tellClients},
	}
}

// situations is what is kept to notice them.
type situations struct {
	seen map[string]bool

	ops    map[int]open // by process
	lost   [256]uint64  // writes that ended unknown, by hash, the newest
	losses int

	split    uint64 // the latest term in which two stood
	splitWon uint64 // the term led next; 0 for none
	splitOf  uint64
	heir     heir
}

// open is an operation under way.
type open struct {
	node  int
	since uint64 // the event by which it began
	write uint64 // what it writes, by hash; 0 for nothing
}

// maxOps bounds the operations under way that are followed.
const maxOps = 1 << 16

// heir is the latest leader that came with entries of earlier terms which nobody was
// known to have committed.
type heir struct{ term, last uint64 }

func newSituations() situations {
	return situations{seen: make(map[string]bool), ops: make(map[int]open)}
}

// sees notes a situation; those of starting up and stopping do not count.
func (w *watch) sees(name string) { w.seen[name] = true }

// writes tells whether an operation may change something.
func writes(f history.F) bool { return f != history.FGet && f != history.FRead }

// op takes a half of an operation.
func (w *watch) op(op *history.Op) {
	if op.Type == history.Invoke {
		w.invoked(op)
		return
	}
	o, ok := w.ops[op.Process]
	if !ok {
		return
	}
	delete(w.ops, op.Process)
	if o.node >= 0 && o.write != 0 {
		w.members[o.node].writes--
	}
	switch op.Type {
	case history.Info:
		if o.write != 0 {
			w.lost[w.losses%len(w.lost)] = o.write
			w.losses++
		}
	case history.OK:
		w.answered(o)
		w.read(op)
	case history.Fail:
		w.answered(o)
	}
}

// answered notes that somebody has said what became of an operation.
func (w *watch) answered(o open) {
	if o.node < 0 {
		return
	}
	if m := &w.members[o.node]; m.deposedAt > 0 && m.deposedAt < o.since && w.role(o.node) == Deposed {
		w.sees(DeposedAnswers)
	}
}

func (w *watch) invoked(op *history.Op) {
	w.tells |= tellClients
	i, asked := w.lookup(op.Node)
	if w.running && w.tells&tellProcesses != 0 && w.ran() <= len(w.members)/2 {
		w.sees(QuorumLost)
	}
	if len(w.ops) >= maxOps {
		return
	}
	if !asked {
		i = -1
	}
	o := open{node: i, since: w.seq}
	if writes(op.F) {
		o.write = written(op.Key, op.Arg)
		if op.F == history.FTxn {
			o.write = 1 // not followed
		}
		if asked {
			w.members[i].writes++
			for _, s := range w.open {
				s.writes = s.writes || s.boxed == i
			}
		}
	}
	if old, open := w.ops[op.Process]; open && old.node >= 0 && old.write != 0 {
		w.members[old.node].writes--
	}
	w.ops[op.Process] = o
}

// written is a write of a value to a key, by hash; never 0.
func written(key, value string) uint64 {
	return bits.RotateLeft64(xxhash.Sum64String(key), 17) ^ xxhash.Sum64String(value) | 2
}

// read looks for what writes that ended unknown have left.
func (w *watch) read(op *history.Op) {
	if w.losses == 0 || w.seen[UnknownTook] {
		return
	}
	w.found(op.F, op.Key, op.Got, op.List)
	for i := range op.Txn {
		w.found(op.Txn[i].F, op.Txn[i].Key, op.Txn[i].Got, op.Txn[i].List)
	}
}

func (w *watch) found(f history.F, key, got string, list []string) {
	if writes(f) {
		return
	}
	for _, hash := range w.lost {
		if hash == 0 {
			break
		}
		if got != "" && hash == written(key, got) {
			w.sees(UnknownTook)
		}
		for _, v := range list {
			if hash == written(key, v) {
				w.sees(UnknownTook)
			}
		}
	}
}

// ran returns how many members have a process that does not stand still.
func (w *watch) ran() int {
	n := 0
	for i := range w.members {
		if m := &w.members[i]; !m.gone && !m.paused {
			n++
		}
	}
	return n
}

// dies notes in what a member was when its process ended.
func (w *watch) dies(i int, m *member) {
	if !w.running {
		return
	}
	m.mourn(w)
	m.dead = dead{m.inc, m.leads > 0, m.own, m.commit}
	m.diedInTerm = 0
	if term := max(m.stands, m.voted); term > w.led {
		m.diedInTerm = term
	}
	if lead := w.leader(); w.unhelped(m, lead) {
		w.sees(DownInSnapshot)
	}
}

// fell notes that there is a process less.
func (w *watch) fell() {
	if !w.running {
		return
	}
	for i := range w.members {
		if !w.members[i].gone {
			return
		}
	}
	w.sees(AllDown)
}

// restarted notes that a member has a new process.
func (w *watch) restarted(m *member) {
	if m.diedInTerm > w.led {
		w.sees(RestartInVote)
	}
	m.diedInTerm = 0
}

// dead is a process that has ended. What it wrote last may be told of later.
type dead struct {
	inc         uint64
	led         bool
	own, commit uint64
}

func (d *dead) log(r *history.Raft) {
	switch {
	case r.Inc != d.inc:
	case r.What == history.RaftAppend && r.Peer == r.Node:
		d.own = max(d.own, r.To)
	case r.What == history.RaftCommit:
		d.commit = max(d.commit, r.Index)
	}
}

// mourn looks at the log of a leader that went down, once all of its trace is there.
func (m *member) mourn(w *watch) {
	if m.dead.led && m.dead.own > m.dead.commit {
		w.sees(KilledUncommitted)
	}
	m.dead = dead{}
}

// stood notes who stands.
func (w *watch) stood(i int, term uint64) {
	for j := range w.members {
		if j != i && w.members[j].stood == term {
			w.sees(TwoCandidates)
			if term > w.led {
				w.split = max(w.split, term)
			}
		}
	}
	w.members[i].stood = max(w.members[i].stood, term)
}

// won notes that a member is told to have won, before anything else is made of that.
func (w *watch) won(i int, r *history.Raft) {
	if r.Term == w.splitOf { // told late: it was won after all
		w.splitWon, w.splitOf = 0, 0
	}
	if r.Term == w.split {
		w.split = 0
	}
	if w.split > w.led && w.split < r.Term {
		w.splitWon, w.splitOf, w.split = r.Term, w.split, 0
	}
	if r.Source == history.Trace && r.Last.Index > w.known && r.Last.Term < r.Term && r.Term > w.heir.term {
		w.inherited()
		w.heir = heir{r.Term, r.Last.Index}
	}
}

// inherits takes a commit: one of an earlier term that is told late takes back what
// was thought to be inherited.
func (w *watch) inherits(r *history.Raft) {
	if w.heir.term > 0 && r.Term < w.heir.term && r.Index >= w.heir.last {
		w.heir.term = 0
	}
}

func (w *watch) inherited() {
	if w.heir.term > 0 {
		w.sees(Inherited)
	}
}

// refused notes why a candidate was.
func (w *watch) refused(r *history.Raft) {
	switch {
	case r.Granted || r.Peer == r.Node:
	case r.Reason == history.ReasonVoted:
		w.sees(SecondRefused)
	case r.Reason == history.ReasonStaleLog,
		r.Reason == history.ReasonUnspecified && r.Last != (history.Pos{}) && r.PeerLast.Less(r.Last) && r.PeerTerm >= r.Term:
		w.sees(StaleRefused)
	}
}

// box notes whether a fault cuts the leader off from a majority.
func (w *watch) box(s *strike) {
	lead := w.leader()
	if lead < 0 || len(s.cut) == 0 {
		return
	}
	var lost uint64
	for _, l := range s.cut {
		if l[0] == lead {
			lost |= 1 << l[1]
		}
		if l[1] == lead {
			lost |= 1 << l[0]
		}
	}
	if len(w.members)-bits.OnesCount64(lost) <= len(w.members)/2 {
		s.boxed, s.writes = lead, w.members[lead].writes > 0
	}
}

// unboxed notes that a fault has bitten.
func (w *watch) unboxed(s *strike) {
	if s.boxed >= 0 && s.writes {
		w.sees(LeaderCutOff)
	}
}

// look looks at the cluster as it is now, while clients and faults are at work.
func (w *watch) look() {
	lead := w.leader()
	for i := range w.members {
		if w.unhelped(&w.members[i], lead) {
			w.sees(NeedsSnapshot)
		}
	}
	if w.tells&tellLeaders != 0 && (lead < 0 || w.electing()) && w.changing() {
		w.sees(ChangeLeaderless)
	}
}

// judge counts the situations that could be seen, and those that were.
func (w *watch) judge() {
	for i := range w.members {
		w.members[i].mourn(w)
	}
	if w.splitWon > 0 {
		w.sees(WonAfterSplit)
	}
	w.inherited()
	for _, s := range Situations() {
		if w.tells&s.needs != s.needs {
			continue
		}
		seen := Seen{Could: 1}
		if w.seen[s.Name] {
			seen.Runs, seen.First = 1, w.name
		}
		w.tally.Situations[s.Name] = seen
	}
}
