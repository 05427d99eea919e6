package node

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/usurper/usurper/node/bug"
	"github.com/usurper/usurper/node/kv"
	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/node/trace"
	"github.com/usurper/usurper/node/wal"
)

// loop owns all state of a member. Only its goroutine touches it.
type loop struct {
	cfg     Config
	id      raft.ID
	log     *slog.Logger
	started time.Time
	inbox   *inbox
	send    func(...raft.Message) error

	raft  *raft.Raft
	wal   *wal.Log
	sm    *kv.Store
	trace *trace.Writer

	// held are writes that wait until they are as many as those already under
	// way, or for the next tick: batches grow with the load, two of them in
	// flight, and no member syncs for a single write while others queue behind it.
	held []*call

	spare work // the last load's slices, for the next
	datas [][]byte

	term    uint64
	applied raft.Entry // the last one; without its Data
	snap    uint64     // index of the last snapshot
	told    uint64     // the last index whose digest is in the trace
	ticks   int        // since the start
	toldAt  int        // tick of told
	synced  int        // tick of the last sync

	pending  map[uint64]proposal // by index
	reads    map[uint64][]*call  // by read round, until the raft confirms it
	lastRead uint64
	parked   []parkedRead // confirmed, until their index is applied
	replies  []reply
}

// proposal is a write in the log that waits to be committed.
type proposal struct {
	term uint64
	call *call
}

type parkedRead struct {
	index uint64
	calls []*call
}

type reply struct {
	call   *call
	answer Answer
}

const (
	// idleTicks is how long a member whose state moved on by less than
	// trace.ApplyEvery entries goes without telling its digest.
	idleTicks = 20
	// maxRest bounds how many ticks it rests when nothing happens: more than there are
	// between two heartbeats. It loses no more of them if it is stopped meanwhile.
	maxRest = 12
	// lazyTicks is how long the bug ack-before-sync leaves entries in the buffer.
	lazyTicks = 40
)

// restore builds the raft and the state machine from what was on disk, and
// writes the first trace event.
func (l *loop) restore(rec wal.Recovered) error {
	var recovered trace.Recovered
	recovered.State, recovered.Commit = rec.State, rec.Commit
	if snap := rec.Snapshot; snap != nil {
		if err := l.sm.Restore(snap.Data); err != nil {
			return fmt.Errorf("restore snapshot %d: %w", snap.Pos.Index, err)
		}
		l.applied = raft.Entry{Term: snap.Pos.Term, Index: snap.Pos.Index, Hash: snap.Hash}
		l.snap = snap.Pos.Index
		recovered.Snapshot, recovered.Digest = snap.Pos, l.sm.Digest()
	}
	recovered.Last, recovered.Hash = raft.Pos{Term: l.applied.Term, Index: l.applied.Index}, l.applied.Hash
	if n := len(rec.Entries); n > 0 {
		e := rec.Entries[n-1]
		recovered.Last, recovered.Hash = raft.Pos{Term: e.Term, Index: e.Index}, e.Hash
	}
	var err error
	if l.raft, err = l.newRaft(rec); err != nil {
		return fmt.Errorf("start raft: %w", err)
	}
	l.term, l.told = rec.State.Term, l.applied.Index
	if l.cfg.Trace == "" {
		return nil
	}
	l.trace, err = trace.Create(l.cfg.Trace, trace.Source{Node: l.id, Inc: l.cfg.Inc, Tick: l.cfg.tick()})
	if err != nil {
		return fmt.Errorf("--trace: %w", err)
	}
	l.trace.Start(recovered)
	return l.trace.Flush()
}

func (l *loop) newRaft(rec wal.Recovered) (*raft.Raft, error) {
	n := l.cfg.ticks(l.cfg.Election)
	return raft.New(raft.Config{
		ID:             l.id,
		Voters:         l.cfg.voters(),
		ElectionTicks:  n,
		HeartbeatTicks: max(1, int(l.cfg.Heartbeat/l.cfg.tick())),
		Timeout:        electionTimer(n, l.cfg.Seed, l.cfg.ID, l.cfg.Inc),
		PreVote:        l.cfg.PreVote,
		MaxBatchBytes:  l.cfg.MaxBatch,
		MaxInflight:    l.cfg.MaxInflight,
		Bug:            l.cfg.Bug,
		State:          rec.State,
		Snapshot:       rec.Snapshot,
		Entries:        rec.Entries,
	})
}

// run works until stopping or crashed is closed or something fails. Requests
// still open are answered unless it crashed.
func (l *loop) run(ticks Ticks, stopping, crashed <-chan struct{}) error {
	for {
		due := false
		ticks.Rest(l.rest())
		select {
		case <-crashed:
			l.inbox.close()
			l.drop()
			return nil
		case <-stopping:
			return l.finish()
		case <-ticks.Due():
			due = true
		case <-l.inbox.wake:
		}
		if err := l.turn(ticks.Passed(due), due); err != nil {
			l.giveUp()
			l.drop()
			return err
		}
	}
}

// drop lets go of the files as they are.
func (l *loop) drop() {
	l.wal.Abandon()
	_ = l.trace.Close()
}

// rest is how many ticks from now the first one is that the member has to be there
// for.
func (l *loop) rest() int {
	n := min(l.raft.Quiet(), maxRest)
	if len(l.held) > 0 {
		n = 1
	}
	if l.told != l.applied.Index {
		n = min(n, idleTicks-(l.ticks-l.toldAt))
	}
	return max(n, 1)
}

// turn takes in all there is and carries out what follows from it. Some ticks have
// passed at which there was nothing to do; and one more, if tick says so.
func (l *loop) turn(passed int, tick bool) error {
	for range passed {
		l.ticks++
		l.raft.Tick()
	}
	w := l.inbox.take(l.spare)
	for i := range w.messages {
		l.raft.Step(w.messages[i])
	}
	// What has come is heard before time is told to move on: a member that was
	// paused does not stand while its leader's word waits in the inbox.
	if tick {
		l.ticks++
		l.raft.Tick()
	}
	l.held = append(l.held, w.writes...)
	l.readIndex(w.reads)
	for {
		if tick || len(l.held) >= len(l.pending) {
			l.propose()
		}
		out, ok := l.raft.Output()
		if !ok {
			break
		}
		if err := l.carryOut(&out); err != nil {
			return err
		}
	}
	for _, reply := range w.asks {
		reply <- l.status()
	}
	l.spare = w.emptied()
	if tick {
		return l.tellIdle()
	}
	return nil
}

// carryOut does what out says, in the order of its fields.
func (l *loop) carryOut(out *raft.Output) error {
	if l.cfg.Bug == bug.VoteBeforeSync && answersVote(out.Messages) {
		l.sendAll(out.Messages)
		out.Messages, out.MustSync = nil, false
	}
	if err := l.persist(out); err != nil {
		return err
	}
	l.trace.Events(out.Events, l.sm.Digest())
	if err := l.trace.Flush(); err != nil {
		return err
	}
	l.announce(out.Events)
	l.sendAll(out.Messages)
	if l.cfg.Bug == bug.AckBeforeCommit {
		l.answerEarly()
	}
	if err := l.apply(out.Committed); err != nil {
		return err
	}
	l.serveReads(out.Reads)
	if out.Deposed {
		if l.cfg.Bug == bug.DeposedPanics {
			panic("deposed")
		}
		l.answerPending(ErrDeposed)
	}
	return l.compact()
}

// persist makes out durable.
func (l *loop) persist(out *raft.Output) error {
	if out.State != nil {
		l.term = out.State.Term
		if err := l.wal.SetState(*out.State); err != nil {
			return fmt.Errorf("write term and vote: %w", err)
		}
	}
	if out.Install != nil {
		if err := l.install(out.Install); err != nil {
			return err
		}
	}
	if out.Truncate != 0 {
		if err := l.wal.Truncate(out.Truncate); err != nil {
			return fmt.Errorf("truncate log: %w", err)
		}
	}
	if len(out.Entries) > 0 {
		if err := l.wal.Append(out.Entries); err != nil {
			return fmt.Errorf("append to log: %w", err)
		}
	}
	if n := len(out.Committed); n > 0 {
		if err := l.wal.SetCommit(out.Committed[n-1].Index); err != nil {
			return fmt.Errorf("write commit index: %w", err)
		}
	}
	if !out.MustSync {
		return nil
	}
	if l.cfg.Bug == bug.AckBeforeSync && out.State == nil && l.ticks-l.synced < lazyTicks {
		return nil
	}
	l.synced = l.ticks
	if err := l.wal.Sync(); err != nil {
		return fmt.Errorf("sync log: %w", err)
	}
	return nil
}

// install replaces the log and the state by a leader's snapshot.
func (l *loop) install(s *raft.Snapshot) error {
	if err := l.sm.Restore(s.Data); err != nil {
		return fmt.Errorf("install snapshot %d: %w", s.Pos.Index, err)
	}
	if err := l.wal.Install(*s); err != nil {
		return fmt.Errorf("install snapshot %d: %w", s.Pos.Index, err)
	}
	l.applied = raft.Entry{Term: s.Pos.Term, Index: s.Pos.Index, Hash: s.Hash}
	l.snap, l.told = s.Pos.Index, s.Pos.Index
	return nil
}

// apply applies committed entries and answers the writes that wait for them.
func (l *loop) apply(entries []raft.Entry) error {
	for i := range entries {
		e := &entries[i]
		result := l.sm.Apply(e.Index, e.Data)
		l.applied = raft.Entry{Term: e.Term, Index: e.Index, Hash: e.Hash}
		if e.Index%trace.ApplyEvery == 0 {
			l.tellDigest()
		}
		p, waits := l.pending[e.Index]
		if !waits {
			continue
		}
		delete(l.pending, e.Index)
		a := resultAnswer(result)
		if p.term != e.Term {
			a = failure(ErrOverwritten, true)
		}
		l.replies = append(l.replies, reply{p.call, a})
	}
	// A digest is evidence for the answers that follow from the same state.
	if err := l.trace.Flush(); err != nil {
		return err
	}
	for i := range l.replies {
		l.answer(l.replies[i].call, l.replies[i].answer)
	}
	clear(l.replies)
	l.replies = l.replies[:0]
	return nil
}

// compact takes a snapshot when it is time.
func (l *loop) compact() error {
	if l.cfg.SnapshotEvery == 0 || l.applied.Index-l.snap < l.cfg.SnapshotEvery {
		return nil
	}
	snap := raft.Snapshot{
		Pos:    raft.Pos{Term: l.applied.Term, Index: l.applied.Index},
		Hash:   l.applied.Hash,
		Digest: l.sm.Digest(),
		Data:   l.sm.Snapshot(),
	}
	if err := l.wal.SaveSnapshot(snap); err != nil {
		return fmt.Errorf("save snapshot %d: %w", snap.Pos.Index, err)
	}
	l.snap = snap.Pos.Index
	l.trace.Snapshot(l.term, &snap)
	if err := l.trace.Flush(); err != nil {
		return err
	}
	if err := l.raft.Compact(snap); err != nil {
		return fmt.Errorf("compact log up to %d: %w", snap.Pos.Index, err)
	}
	return nil
}

// finish ends the process's work cleanly.
func (l *loop) finish() error {
	l.giveUp()
	if l.told != l.applied.Index {
		l.tellDigest()
	}
	if err := l.wal.Close(); err != nil {
		_ = l.trace.Close()
		return fmt.Errorf("close log: %w", err)
	}
	l.trace.End(l.term)
	if err := l.trace.Flush(); err != nil {
		return err
	}
	return l.trace.Close()
}

func (l *loop) status() Status {
	st := l.raft.Status()
	return Status{
		ID: l.cfg.ID, Role: st.Role.String(), Term: st.Term, Leader: nameOf(st.Leader),
		Commit: st.Commit, Applied: l.applied.Index, Last: statusPos(st.Last), Digest: l.sm.Digest(),
		Uptime: time.Since(l.started), Pid: os.Getpid(), Bug: string(l.cfg.Bug),
	}
}
