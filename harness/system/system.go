// Package system lets a nemesis at a run: its processes, its links, and what its
// administrators do.
//
// system.go is the cluster and the fabric; power.go what power failures do to disks,
// machine.go what the machine is to single members, storage.go files that fail;
// operator.go the membership and other operations, which the system under test may refuse.
package system

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/machine"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/nemesis"
)

// Options is what a run consists of.
type Options struct {
	Cluster  *cluster.Cluster
	Fabric   *fabric.Fabric
	Target   target.Target
	Recorder *history.Recorder
	// Disks are the members' own, by member; none, if their data lies on the machine's.
	Disks map[string]disk.Volume
	// Machine is what can be done to single members; nil if the plan has nothing of the kind.
	Machine *machine.Machine
	// Lull, if not nil, has clients ask nothing new, and waits until all that is under way has
	// its answer, or for limit. It returns how many operations have none, and what lets clients go on.
	Lull func(limit time.Duration) (left int, resume func())
	// Spoilt, if not nil, is called with why nothing follows any more from what the system
	// does, once the history says so.
	Spoilt func(error)
	// Poll is how often members are asked who leads, because neither traces nor
	// taps tell; 0 for never.
	Poll time.Duration
	// Attend has administrators connected to all members from the start, since the
	// plan has something for them to do.
	Attend bool
}

// System is what a nemesis sees of a run, until it is closed.
type System interface {
	nemesis.System
	// Close ends what stands between the nemesis and the members, such as the
	// connections of administrators.
	Close() error
}

// New returns what a nemesis sees of a run. Its methods may be called
// concurrently.
func New(o Options) (System, error) {
	s := &system{
		cluster: o.Cluster, fabric: o.Fabric, target: o.Target, rec: o.Recorder, poll: o.Poll, disks: o.Disks, machine: o.Machine, lull: o.Lull, spoilt: o.Spoilt,
		operator: newOperator(o.Cluster, o.Target, o.Recorder.Record),
	}
	if o.Attend {
		if err := s.attend(); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

var _ nemesis.Witness = (*system)(nil)

type system struct {
	cluster *cluster.Cluster
	fabric  *fabric.Fabric
	target  target.Target
	rec     *history.Recorder
	poll    time.Duration
	disks   map[string]disk.Volume
	machine *machine.Machine
	lull    func(limit time.Duration) (left int, resume func())
	spoilt  func(error)

	*operator
}

func (s *system) Nodes() []string { return s.cluster.Names() }

// Kill ends a member, which waits for no slow disk meanwhile.
func (s *system) Kill(ctx context.Context, node string) (int, error) {
	if d, ok := s.disks[node].(disk.Faulty); ok {
		defer d.Calm()()
	}
	pid, err := s.cluster.Kill(ctx, node)
	if errors.Is(err, cluster.ErrDown) {
		err = means(err, nemesis.ErrGone)
	}
	return pid, err
}

func (s *system) Start(ctx context.Context, node string) error  { return s.cluster.Start(ctx, node) }
func (s *system) Pause(ctx context.Context, node string) error  { return s.cluster.Pause(ctx, node) }
func (s *system) Resume(ctx context.Context, node string) error { return s.cluster.Resume(ctx, node) }
func (s *system) Serves(ctx context.Context, node string) string {
	return s.cluster.Serves(ctx, node)
}

// Runs implements nemesis.Witness.
func (s *system) Runs(node string) bool { return s.runs(node) }

// Ended implements nemesis.Witness.
func (s *system) Ended(node string) string {
	how, ago, ok := s.cluster.EndedAlone(node)
	if !ok {
		return ""
	}
	return fmt.Sprintf("it ended by itself (%s), %.3fs into the run", how, (s.rec.Now() - ago).Seconds())
}

// Apply installs a rule in the fabric.
func (s *system) Apply(ctx context.Context, r nemesis.Rule) (nemesis.Applied, error) {
	links := make([]fabric.Link, len(r.Links))
	for i, l := range r.Links {
		links[i] = fabric.Link{From: l[0], To: l[1]}
	}
	a, err := s.fabric.Apply(fabric.Rule{
		Action: fabric.Action(r.Action),
		Links:  links,
		Class:  r.Class,
		Delay:  r.Delay, Jitter: r.Jitter,
		Rate: r.Rate, Chance: r.Chance, Count: r.Count,
	})
	if err != nil {
		return nil, err
	}
	return applied{a}, nil
}

// watchSize bounds how far the nemesis may lag behind before it misses events.
const watchSize = 4096

// Watch hands on raft events as they are recorded, or else who leads by the
// members' own account.
func (s *system) Watch() (<-chan history.Raft, func()) {
	out := make(chan history.Raft)
	ctx, stop := context.WithCancel(context.Background())
	emit := func(r history.Raft) {
		select {
		case out <- r:
		case <-ctx.Done():
		}
	}
	var done sync.WaitGroup
	if s.poll > 0 {
		done.Go(func() {
			defer close(out)
			s.ask(ctx, emit)
		})
		return out, func() { stop(); done.Wait() }
	}
	events, cancel := s.rec.Watch(watchSize, func(e *history.Event) bool { return e.Raft != nil })
	done.Go(func() {
		defer close(out)
		for e := range events {
			emit(*e.Raft)
		}
	})
	return out, func() { cancel(); stop(); done.Wait() }
}

// ask tells of every new leader, under a term that rises each time, whatever the
// members call it. It serves to aim faults and is no evidence: it is not
// recorded.
func (s *system) ask(ctx context.Context, emit func(history.Raft)) {
	tick := time.NewTicker(s.poll)
	defer tick.Stop()
	last := reign{alone: len(s.cluster.Names()) == 1}
	var count uint64
	for ctx.Err() == nil {
		inc := s.process(last.leader)
		leader, term, err := s.cluster.Leader(ctx)
		if err != nil {
			leader = "" // it may have been killed, and come back
		}
		if last.ends(leader, term, inc) {
			last.leader, last.term, last.inc = leader, term, s.process(leader)
			if leader != "" {
				count = max(count+1, term)
				emit(history.Raft{What: history.RaftLeader, Node: leader, Term: count})
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// process returns which process of the member there is, 0 for none.
func (s *system) process(name string) uint64 {
	m, err := s.cluster.Member(name)
	if err != nil {
		return 0
	}
	return m.Inc
}

// reign is who led when somebody last asked.
type reign struct {
	alone     bool // there is one member
	leader    string
	term, inc uint64 // what the leader called it, and which process of it that was
}

// ends tells whether it is over when leader leads by an answer of term, asked when inc
// was, at least, the process of whom it had been. A process that was killed and came
// back between two questions reigns anew; but others may name it before it does, so a
// term must say so, unless there are no others.
func (r *reign) ends(leader string, term, inc uint64) bool {
	if leader != r.leader || leader == "" {
		return leader != r.leader
	}
	return inc > r.inc && (term > r.term || r.alone)
}

type applied struct{ a *fabric.Applied }

func (a applied) Remove(context.Context) (map[string]int64, error) { return a.a.Remove(), nil }
