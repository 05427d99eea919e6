package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// minutes writes a run of ten minutes with so many operations of ten clients on single
// values, while every four seconds the leader is cut off or killed, or what it says is
// delayed. Some two writes at a time every member takes and knows committed, which makes
// about as many events an operation as a real run has. One read lies.
type minutes struct {
	out    *json.Encoder
	r      *rand.Rand
	n      uint64
	now    time.Duration
	nodes  []string
	leader int
	term   uint64
	inc    []uint64
	seq    []uint64
	voted  []string // in the term
	terms  []uint64
	held   string
	past   []string // what the key held
	open   []history.Op
	lied   bool
	steps  int

	// The log, which is the same on all members whenever one of them is asked about it.
	last    history.Pos
	hash    uint64
	commit  uint64
	pending int // writes that are not in it yet
}

const (
	tenMinutes = 10 * time.Minute
	turn       = 4 * time.Second
)

func writeMinutes(out io.Writer, operations int) error {
	m := &minutes{
		out: json.NewEncoder(out), r: rand.New(rand.NewPCG(13, 13)), nodes: []string{"n1", "n2", "n3", "n4", "n5"},
		inc: make([]uint64, 5), seq: make([]uint64, 5), voted: make([]string, 5), terms: make([]uint64, 5),
	}
	m.run(history.Run{
		What: history.RunBegin, Format: history.Format, Target: "made up", Workload: "register", Nodes: m.nodes, Traced: true,
		Election: 150 * time.Millisecond, Heartbeat: 30 * time.Millisecond, Steps: int(tenMinutes / turn),
	})
	for i := range m.nodes {
		m.start(i)
	}
	m.elect(0)
	m.phase(history.PhaseReady)
	m.phase(history.PhaseFaults)
	gap := (tenMinutes - tenMinutes/8) / time.Duration(2*operations) // faults take the rest
	next := turn
	for asked := 0; asked < operations || len(m.open) > 0; {
		m.now += gap
		if m.now > next && asked < operations {
			m.trouble()
			next += turn
		}
		if asked < operations && len(m.open) < 10 && (len(m.open) < 5 || m.r.IntN(2) == 0) {
			m.ask(asked, operations)
			asked++
		} else {
			m.answer()
		}
	}
	m.replicate()
	m.phase(history.PhaseHealed)
	m.phase(history.PhaseFinal)
	m.phase(history.PhaseStop)
	for i, n := range m.nodes {
		m.trace(i, history.Raft{What: history.RaftEnd, Term: m.terms[i]})
		m.proc(history.Proc{Node: n, What: history.ProcExit, Inc: m.inc[i], Expected: true})
	}
	m.run(history.Run{What: history.RunEnd})
	return nil
}

func (m *minutes) add(e history.Event) {
	m.now += time.Microsecond
	e.Seq, e.At = m.n, m.now
	m.n++
	if err := m.out.Encode(&e); err != nil {
		panic(fmt.Sprintf("write event %d: %v", e.Seq, err))
	}
}

func (m *minutes) run(r history.Run)     { m.add(history.Event{Run: &r}) }
func (m *minutes) phase(name string)     { m.run(history.Run{What: history.RunPhase, Phase: name}) }
func (m *minutes) proc(p history.Proc)   { m.add(history.Event{Proc: &p}) }
func (m *minutes) op(op history.Op)      { m.add(history.Event{Op: &op}) }
func (m *minutes) fault(f history.Fault) { m.add(history.Event{Fault: &f}) }

func (m *minutes) trace(i int, r history.Raft) {
	m.seq[i]++
	r.Source, r.Node, r.Inc, r.Seq = history.Trace, m.nodes[i], m.inc[i], m.seq[i]
	m.add(history.Event{Raft: &r})
}

func (m *minutes) start(i int) {
	m.inc[i]++
	m.seq[i] = 0
	m.proc(history.Proc{Node: m.nodes[i], What: history.ProcStart, Inc: m.inc[i], Pid: 1000 + int(m.n)})
	m.trace(i, history.Raft{What: history.RaftStart, Term: m.terms[i], Vote: m.voted[i], Last: m.last, Hash: m.hash, Commit: m.commit})
	m.trace(i, history.Raft{What: history.RaftConfig, Voters: m.nodes})
	m.trace(i, history.Raft{What: history.RaftFollower, Term: m.terms[i]})
	m.proc(history.Proc{Node: m.nodes[i], What: history.ProcReady, Inc: m.inc[i]})
}

// elect lets a member win the next term with the votes of all but those left out.
func (m *minutes) elect(winner int, out ...int) {
	m.term++
	m.terms[winner], m.voted[winner] = m.term, m.nodes[winner]
	m.trace(winner, history.Raft{What: history.RaftCandidate, Term: m.term, Last: m.last, Heard: 200 * time.Millisecond, Known: true})
	m.vote(winner, winner, history.ReasonSelf)
	for i := range m.nodes {
		if i == winner || len(out) > 0 && i == out[0] {
			continue
		}
		m.now += time.Millisecond
		m.follow(i, winner)
		m.voted[i] = m.nodes[winner]
		m.vote(i, winner, history.ReasonGranted)
	}
	m.trace(winner, history.Raft{What: history.RaftLeader, Term: m.term, Last: m.last, Hash: m.hash})
	m.leader = winner
}

func (m *minutes) vote(i, candidate int, why history.Reason) {
	m.trace(i, history.Raft{
		What: history.RaftVote, Term: m.term, PeerTerm: m.term, Peer: m.nodes[candidate], Granted: true, Reason: why,
		Last: m.last, PeerLast: m.last,
	})
}

// replicate lets all members take what is pending, and know it committed.
func (m *minutes) replicate() {
	if m.pending == 0 {
		return
	}
	from := m.last.Index + 1
	var hashes []byte
	for range m.pending {
		m.last = history.Pos{Term: m.term, Index: m.last.Index + 1}
		m.hash = m.hash*6364136223846793005 + m.last.Index
		hashes = binary.LittleEndian.AppendUint64(hashes, m.hash)
	}
	m.pending = 0
	m.everyone(history.Raft{What: history.RaftAppend, Term: m.term, Peer: m.nodes[m.leader], From: from, To: m.last.Index, EntryTerm: m.term, Hashes: hashes})
	m.commit = m.last.Index
	m.everyone(history.Raft{What: history.RaftCommit, Term: m.term, Index: m.commit, EntryTerm: m.term, Hash: m.hash})
}

// everyone does something, the leader first.
func (m *minutes) everyone(r history.Raft) {
	for k := range m.nodes {
		i := (m.leader + k) % len(m.nodes)
		r.Lead = r.What == history.RaftCommit && k == 0
		m.trace(i, r)
	}
}

func (m *minutes) follow(i, leader int) {
	if m.terms[i] < m.term {
		m.terms[i], m.voted[i] = m.term, ""
		m.trace(i, history.Raft{What: history.RaftFollower, Term: m.term, Peer: m.nodes[leader]})
	}
}

// trouble is a fault of the leader, from inject to heal.
func (m *minutes) trouble() {
	m.replicate()
	old := m.leader
	who, next := m.nodes[old], (old+1+m.r.IntN(4))%5
	m.steps++
	at := fmt.Sprintf("at %s for 1s ", (time.Duration(m.steps) * turn))
	f := history.Fault{Step: m.steps, What: history.FaultInject, Nodes: []string{who}}
	switch m.steps % 3 {
	case 0:
		f.Text, f.Resolved = at+"isolate leader", at+"isolate "+who
	case 1:
		f.Text, f.Resolved = at+"kill leader", at+"kill "+who
	case 2:
		f.Text, f.Resolved = at+"delay 80ms±40ms leader > *", at+"delay 80ms±40ms "+who+" > n1 n2 n3 n4 n5"
	}
	m.fault(f)
	if m.steps%3 == 1 {
		m.proc(history.Proc{Node: who, What: history.ProcExit, Inc: m.inc[old], Signal: "killed", Expected: true})
	}
	if m.steps%3 != 2 {
		m.now += 200 * time.Millisecond
		m.elect(next, old)
	}
	m.now += 300 * time.Millisecond
	f.What, f.Bit, f.Evidence = history.FaultHeal, true, map[string]int64{"bytes-held": 10_000, "pids-gone": 1}
	if m.steps%3 == 1 {
		m.start(old)
	}
	m.fault(f)
	m.follow(old, m.leader)
}

func (m *minutes) ask(asked, of int) {
	const values = 2000 // of one key
	process := 0
	for used := true; used; {
		used = false
		for i := range m.open {
			if m.open[i].Process == process {
				process, used = process+1, true
			}
		}
	}
	op := history.Op{Process: process, Type: history.Invoke, Key: "r" + strconv.Itoa(asked/values), Node: m.nodes[m.r.IntN(5)], F: history.FGet}
	if asked%values == 0 {
		m.held, m.past = "", nil
	}
	if m.r.IntN(2) == 0 {
		op.F, op.Arg = history.FPut, fmt.Sprintf("c%d-%d", process, asked)
	}
	m.op(op)
	if op.F == history.FPut {
		m.held = op.Arg
		m.past = append(m.past, op.Arg)
		if m.pending++; m.pending == 2 {
			m.replicate()
		}
	} else {
		op.Got, op.Saw = m.held, true
		if !m.lied && asked > of*2/3 && len(m.past) > 40 {
			m.lied, op.Got = true, m.past[len(m.past)-30]
		}
	}
	m.open = append(m.open, op)
}

func (m *minutes) answer() {
	if len(m.open) == 0 {
		return
	}
	i := m.r.IntN(len(m.open))
	op := m.open[i]
	m.open = append(m.open[:i], m.open[i+1:]...)
	op.Type = history.OK
	if m.r.IntN(200) == 0 && op.F == history.FGet {
		op.Type, op.Error, op.Got, op.Saw = history.Fail, "not the leader", "", false
	}
	m.op(op)
}
