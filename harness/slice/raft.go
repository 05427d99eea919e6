package slice

import (
	"maps"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// member is what is remembered of one member: numbers of events, 0 for none.
type member struct {
	inc             uint64
	last            uint32 // the last deed of its trace that is more than an entry
	log             uint32 // the last that changed its log
	run             run    // the entries of one term and leader that its log ends with
	commit          uint32
	started, exited uint32
	startedInc      uint64
	signal          uint32
}

// run is entries that a member took one after the other from one leader, all of one
// term: what the last of them needs of its log before is what the first needs.
type run struct {
	first uint32
	peer  string
	term  uint64
}

// of names a member in a term.
type of struct {
	node string
	term uint64
}

// ballot is a vote on its way from a voter to a candidate.
type ballot struct {
	decided, sent, tapSent, delivered, tapDelivered uint32
	granted                                         bool
}

// own is a leader's entries of a term, as it proposed them, or its commits.
type own struct {
	leader string
	mixed  bool // of two leaders: nobody's
	upTo   []uint64
	seqs   []uint32
}

func (o *own) add(leader string, upTo uint64, seq uint32) {
	if o.leader == "" {
		o.leader = leader
	}
	o.mixed = o.mixed || o.leader != leader
	if n := len(o.upTo); n == 0 || upTo > o.upTo[n-1] {
		o.upTo, o.seqs = append(o.upTo, upTo), append(o.seqs, seq)
	}
}

// reaches returns the first that goes as far as index, 0 if none does.
func (o *own) reaches(index uint64) uint32 {
	if o == nil || o.mixed {
		return 0
	}
	if i, _ := slices.BinarySearch(o.upTo, index); i < len(o.upTo) {
		return o.seqs[i]
	}
	return 0
}

// reached is an acknowledgement up to an index.
type reached struct {
	seq   uint32
	index uint64
}

// elections is what joins deeds of different members.
type elections struct {
	members   map[string]*member
	stood     map[of]uint32
	led       map[of]uint32
	ballots   map[of]map[string]*ballot // by candidate and voter
	asked     map[[2]of]uint32          // requests that were delivered, by candidate and voter, whose term is 0, or 1 for pre-votes
	proposed  map[uint64]*own           // by the entries' term
	committed map[uint64]*own           // by leaders, by term
	acked     map[of]map[string]reached // by leader and member
	messages  map[uint64]uint32         // the last stage of each
	told      bool                      // there was a message
}

func newElections() elections {
	return elections{
		members: make(map[string]*member), stood: make(map[of]uint32), led: make(map[of]uint32),
		ballots: make(map[of]map[string]*ballot), asked: make(map[[2]of]uint32), proposed: make(map[uint64]*own),
		committed: make(map[uint64]*own), acked: make(map[of]map[string]reached), messages: make(map[uint64]uint32),
	}
}

func (x *elections) member(name string) *member {
	m := x.members[name]
	if m == nil {
		m = &member{}
		x.members[strings.Clone(name)] = m
	}
	return m
}

func (x *elections) ballot(candidate string, term uint64, voter string) *ballot {
	key := of{candidate, term}
	if x.ballots[key] == nil {
		x.ballots[key] = make(map[string]*ballot)
	}
	b := x.ballots[key][voter]
	if b == nil {
		b = &ballot{}
		x.ballots[key][strings.Clone(voter)] = b
	}
	return b
}

// raft takes a deed.
func (b *builder) raft(seq uint32, r *history.Raft) {
	switch {
	case r.Group != "": // whose terms mean nothing in the main one: joined to nothing
	case r.What == history.RaftMessage:
		b.message(seq, r)
	case r.Source == history.Trace:
		b.trace(seq, r)
	case r.Source == history.Tap:
		b.tap(seq, r)
	}
}

// trace takes what a member tells itself. Its events are in order.
func (b *builder) trace(seq uint32, r *history.Raft) {
	x, g := &b.elections, &b.graph
	m := x.member(r.Node)
	if r.What == history.RaftStart || r.Inc != m.inc {
		g.add(m.last, Recovers)
		g.add(m.log, Recovers)
		if m.startedInc == r.Inc {
			g.add(m.started, Starts)
		}
		m.inc, m.commit, m.run = r.Inc, 0, run{}
	} else {
		g.add(m.last, Before)
	}
	switch r.What {
	case history.RaftAppend:
		if m.run.first > 0 && m.run.term == r.EntryTerm && m.run.peer == r.Peer {
			g.add(m.run.first, Log)
		} else {
			g.add(m.log, Log)
			m.run = run{seq, strings.Clone(r.Peer), r.EntryTerm}
		}
	case history.RaftCommit, history.RaftApply, history.RaftSnapshot, history.RaftTruncate,
		history.RaftCandidate, history.RaftLeader, history.RaftVote, history.RaftPreVote:
		g.add(m.log, Log)
	}
	b.joins(seq, m, r)
	switch r.What {
	case history.RaftTruncate, history.RaftInstall:
		m.log, m.run = seq, run{}
	case history.RaftAppend:
		m.log = seq
	case history.RaftCommit:
		m.commit = seq
	}
	switch r.What {
	case history.RaftAppend, history.RaftCommit, history.RaftApply, history.RaftSnapshot, history.RaftEnd:
	default:
		m.last = seq
	}
}

// joins adds what a deed of one member's needs of another's.
func (b *builder) joins(seq uint32, m *member, r *history.Raft) {
	x, g := &b.elections, &b.graph
	switch r.What {
	case history.RaftCandidate:
		x.stood[of{strings.Clone(r.Node), r.Term}] = seq
	case history.RaftVote:
		b.vote(seq, r)
	case history.RaftPreVote:
		g.add(x.asked[[2]of{{r.Peer, r.PeerTerm}, {r.Node, 1}}], Asks)
	case history.RaftLeader:
		b.wins(seq, r)
	case history.RaftFollower, history.RaftTruncate, history.RaftInstall:
		b.heeds(r)
	case history.RaftAppend:
		if r.Peer == r.Node {
			ownOf(x.proposed, r.EntryTerm).add(strings.Clone(r.Node), r.To, seq)
			return
		}
		b.heeds(r)
		if o := x.proposed[r.EntryTerm]; o != nil && o.leader != r.Node {
			g.add(o.reaches(r.To), Proposes)
		}
	case history.RaftCommit:
		b.commit(seq, r)
	case history.RaftApply, history.RaftSnapshot:
		g.add(m.commit, Before)
	}
}

// heeds joins a member to the leader whose word it took.
func (b *builder) heeds(r *history.Raft) {
	if r.Peer != "" && r.Peer != r.Node {
		b.graph.add(b.elections.led[of{r.Peer, r.Term}], Leads)
	}
}

func (b *builder) vote(seq uint32, r *history.Raft) {
	if r.Peer == r.Node {
		return // part of standing
	}
	x := &b.elections
	b.asks(r, r.PeerTerm)
	v := x.ballot(strings.Clone(r.Peer), r.PeerTerm, r.Node)
	v.decided, v.granted = seq, v.granted || r.Granted
}

// asks joins the event that began last, a vote, to the request that came, or where nobody
// tells of messages to the candidacy.
func (b *builder) asks(r *history.Raft, term uint64) {
	x := &b.elections
	if asked := x.asked[[2]of{{r.Peer, term}, {r.Node, 0}}]; asked > 0 {
		b.graph.add(asked, Asks)
	} else {
		b.graph.add(x.stood[of{r.Peer, term}], Asks)
	}
}

// wins joins a leader to the votes that can have counted: those that are known to have
// come to it, and where nobody tells of messages those that were granted.
func (b *builder) wins(seq uint32, r *history.Raft) {
	x, g := &b.elections, &b.graph
	g.add(x.stood[of{r.Node, r.Term}], Before)
	voters := x.ballots[of{r.Node, r.Term}]
	for _, name := range sorted(voters) {
		switch v := voters[name]; {
		case !v.granted:
		case v.delivered > 0:
			g.add(v.delivered, Counts)
		case v.tapDelivered > 0:
			g.add(v.tapDelivered, Counts)
		case v.sent == 0 && v.tapSent == 0:
			g.add(v.decided, Counts)
		}
	}
	key := of{strings.Clone(r.Node), r.Term}
	if x.led[key] == 0 {
		x.led[key] = seq
	}
}

// commit joins what a member knows committed to the leader's commit, and that to who
// acknowledged it.
func (b *builder) commit(seq uint32, r *history.Raft) {
	x, g := &b.elections, &b.graph
	if !r.Lead {
		g.add(x.committed[r.Term].reaches(r.Index), Commits)
		return
	}
	for _, name := range sorted(x.acked[of{r.Node, r.Term}]) {
		if ack := x.acked[of{r.Node, r.Term}][name]; ack.index >= r.Index {
			g.add(ack.seq, Acks)
		}
	}
	ownOf(x.committed, r.Term).add(strings.Clone(r.Node), r.Index, seq)
}

// tap takes what was seen on the wire. Of one member it is in no order.
func (b *builder) tap(seq uint32, r *history.Raft) {
	x, g := &b.elections, &b.graph
	key := of{strings.Clone(r.Node), r.Term}
	switch r.What {
	case history.RaftCandidate:
		g.add(x.stood[key], Wire)
		if x.stood[key] == 0 {
			x.stood[key] = seq
		}
	case history.RaftVote:
		v := x.ballot(strings.Clone(r.Peer), r.Term, r.Node)
		if r.Stage == history.Sent {
			if v.decided > 0 {
				g.add(v.decided, Answers)
			} else {
				b.asks(r, r.Term)
			}
			v.tapSent, v.granted = seq, v.granted || r.Granted
			return
		}
		g.add(v.tapSent, Carries)
		if r.Stage == history.Delivered {
			v.tapDelivered = seq
		}
	case history.RaftLeader:
		g.add(x.led[key], Wire)
		b.wins(seq, r)
	case history.RaftAck:
		g.add(x.led[of{r.Peer, r.Term}], Leads)
		to := of{strings.Clone(r.Peer), r.Term}
		if x.acked[to] == nil {
			x.acked[to] = make(map[string]reached)
		}
		x.acked[to][strings.Clone(r.Node)] = reached{seq, r.Index}
	case history.RaftCommit:
		b.commit(seq, r)
	}
}

// message takes a stage of a message.
func (b *builder) message(seq uint32, r *history.Raft) {
	x, g := &b.elections, &b.graph
	x.told = true
	if r.Stage == history.Sent {
		b.sent(seq, r)
	} else {
		g.add(x.messages[r.ID], Carries)
	}
	x.messages[r.ID] = seq
	switch r.Stage {
	case history.HeldBack, history.Dropped:
		b.underFault(r.Node, true)
		b.underFault(r.Peer, true)
	case history.Delivered:
		delete(x.messages, r.ID)
		switch r.Class {
		case "vote":
			x.asked[[2]of{{strings.Clone(r.Node), r.Term}, {strings.Clone(r.Peer), 0}}] = seq
		case "prevote":
			x.asked[[2]of{{strings.Clone(r.Node), r.Term}, {strings.Clone(r.Peer), 1}}] = seq
		case "vote-response":
			x.ballot(strings.Clone(r.Peer), r.Term, r.Node).delivered = seq
		}
	}
}

func (b *builder) sent(seq uint32, r *history.Raft) {
	x, g := &b.elections, &b.graph
	switch r.Class {
	case "vote":
		g.add(x.stood[of{r.Node, r.Term}], Before)
	case "vote-response":
		v := x.ballot(strings.Clone(r.Peer), r.Term, r.Node)
		if v.decided > 0 && v.granted == r.Granted {
			g.add(v.decided, Answers)
		}
		v.sent, v.granted = seq, v.granted || r.Granted
	case "timeout-now":
		g.add(x.led[of{r.Node, r.Term}], Before)
	}
}

func ownOf(all map[uint64]*own, term uint64) *own {
	if all[term] == nil {
		all[term] = &own{}
	}
	return all[term]
}

// sorted returns the keys in order.
func sorted[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
