package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/capture"
	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/fabric/owner"
	"github.com/usurper/usurper/harness/fabric/subnet"
	"github.com/usurper/usurper/harness/guard"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/machine"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/system"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/nemesis"
)

// run is a run under way.
type run struct {
	cfg  Config
	plan nemesis.Plan
	dir  results.Dir
	rec  *history.Recorder
	work workload.Workload

	release func() // lets go of dir, which tells until then that the run is under way

	begin history.Event // the first of the history

	subnet   *subnet.Subnet
	protocol fabric.Protocol // nil when the traffic is not decoded
	fabric   *fabric.Fabric
	owners   *owner.Finder     // of dialling sockets; nil unless members have one address each
	diallers attributions      // what it could tell
	tap      target.Tap        // nil when the traffic is not decoded
	messages *history.Messages // of elections, nil likewise
	schedule *schedule         // nil when the frames have no names
	followed *Followed         // how far the run kept to its schedule; nil without one
	capture  *capture.Writer   // nil without one
	unfollow func()            // ends what tells it of events
	doors    map[string]string // where clients dial each member, if they are proxied
	host     cluster.Host
	cluster  *cluster.Cluster
	disks    *disk.Disks      // of the members; nil if their data lies on the machine's
	machine  *machine.Machine // nil unless the plan changes it for single members
	guard    *guard.Guard     // nil while there is nothing to undo but the end of processes
	view     *nemesis.View    // who leads, as of the events so far
	stalls   *stallWatch      // of the harness itself
	faults   time.Duration    // when the nemesis started

	lull      workload.Lull
	served    chan struct{} // closed when an operation has succeeded
	serving   sync.Once
	preparing atomic.Pointer[string] // what is done before clients come, as the target says it

	live    <-chan history.Event // the history as it grows, if the run is to fail fast
	unwatch func()

	cancel      context.CancelCauseFunc // ends the run
	stopping    sync.Once
	left        []string    // processes that it leaves behind
	interrupted error       // why ctx ended before the plan did
	violated    bool        // a rule was broken, and the run is to fail fast
	spoilt      atomic.Bool // nothing follows any more from what the system does
	settled     bool        // it has come to its regular end
	leaderless  bool        // nobody led when the run last waited for a leader
	broken      string      // what ended the attack, of a run that is to be held
}

// prepare is step 1: it makes the run directory and writes down everything that
// is known before the run.
func prepare(cfg Config) (*run, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := &run{cfg: cfg, served: make(chan struct{})}
	r.cfg.TargetName = cfg.Target.Name()
	var err error
	if r.work, err = cfg.work(); err != nil {
		return nil, err
	}
	r.cfg.Workload = r.work.Name()
	r.plan = cfg.Drawn()
	if r.dir, err = results.Create(cfg.Results, fmt.Sprintf("seed%d", cfg.Seed), time.Now()); err != nil {
		return nil, err
	}
	r.release = r.dir.Hold()
	if err := r.writeDown(); err != nil {
		r.release()
		os.RemoveAll(r.dir.String()) // nothing has happened yet
		return nil, err
	}
	r.dir.MakeLatest()
	if cfg.FailFast || cfg.Until != (checker.Breach{}) {
		r.live, r.unwatch = r.rec.Watch(liveSize, func(*history.Event) bool { return true })
	}
	r.begin = history.Event{Run: &history.Run{
		What:      history.RunBegin,
		Format:    history.Format,
		Target:    r.cfg.TargetName,
		Workload:  r.cfg.Workload,
		Seed:      cfg.Seed,
		Nodes:     cfg.Names(),
		Election:  cfg.Election,
		Heartbeat: cfg.Heartbeat,
		Ready:     r.slow(),
		Disk:      r.cfg.ownDisk(),
		Traced:    cfg.Target.Traced(),
		Tapped:    cfg.tapped(),
		Rules:     cfg.rules(),
		Wire:      cfg.wire(),
		Steps:     len(r.plan.Steps),
		Themes:    r.plan.Themes,
		Authored:  !r.plan.Generated && len(r.plan.Steps) > 0,
		Checkers:  names(judges(cfg.Models, checker.Options{})),
	}}
	r.rec.Record(r.begin)
	for _, n := range cfg.Names() {
		if text := target.Variation(cfg.Target, n); text != "" {
			r.note(n, text)
		}
	}
	return r, nil
}

// writeDown writes what was set and what is planned, and opens the history.
func (r *run) writeDown() error {
	if err := r.dir.WriteJSON(results.ConfigFile, r.manifest()); err != nil {
		return err
	}
	if err := r.dir.WriteText(results.PlanFile, r.plan.String()); err != nil {
		return err
	}
	var err error
	r.rec, err = history.Create(r.dir.Path(results.HistoryFile))
	return err
}

// background starts what runs beside all steps and returns what ends it. A
// history that can no longer be written ends the run.
func (r *run) background(cancel context.CancelCauseFunc) func() {
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	r.stalls = newStallWatch(r.cfg.Election, r.rec.Record)
	wg.Go(func() { r.stalls.watch(ctx) })
	wg.Go(func() {
		select {
		case <-r.rec.Failed():
			cancel(r.rec.Err())
		case <-ctx.Done():
		}
	})
	r.view = nemesis.NewView()
	wg.Go(func() { r.observe(ctx) })
	if r.cfg.Progress != nil {
		wg.Go(func() { follow(ctx, r.rec, r.begin, r.tell) })
	}
	return func() { stop(); wg.Wait() }
}

// observeSize bounds how far observe may lag behind before it misses events.
const observeSize = 4096

// observe shows the nemesis who leads while it has not started; from then on it
// looks for itself.
func (r *run) observe(ctx context.Context) {
	events, cancel := r.rec.Watch(observeSize, func(e *history.Event) bool {
		return e.Raft != nil || e.Run != nil && e.Run.Phase == history.PhaseFaults
	})
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			if e.Raft == nil {
				return
			}
			r.view.Observe(*e.Raft)
		}
	}
}

// start is step 2.
func (r *run) start(ctx context.Context) error {
	if err := r.layOut(ctx); err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, r.cfg.Nodes)
	for i, name := range r.cluster.Names() {
		wg.Go(func() { errs[i] = r.cluster.Start(ctx, name) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	limit := r.readyTimeout()
	wait, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not ready within %s (--settle, or ready: {within: …} in the system's file, gives it longer; in Go Config.Settle)", limit))
	defer cancel()
	err := r.cluster.AwaitReady(wait)
	if vain := r.cluster.Vain(); vain != nil {
		return vain
	}
	if err == nil {
		err = r.settleDisks()
	}
	if err == nil {
		err = r.setUp(ctx)
	}
	if err == nil {
		r.phase(history.PhaseReady)
	}
	return err
}

// attack is step 3. It ends early when whole does, and without an error when the
// run is to fail fast and did. The clients outlast the nemesis: operations are on their way
// before the first fault and after the last one is healed.
func (r *run) attack(whole context.Context) error {
	ctx, stop := context.WithCancelCause(whole)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop(nil)
	var judge liveJudge
	if r.live != nil {
		defer r.unwatch()
		judge = newLiveJudge(r.cfg.Until, r.readUp, r.cfg.Models...)
		wg.Go(func() { failFast(ctx, r.live, judge, stop) })
	}
	sys, err := r.system()
	if err != nil {
		return err
	}
	defer sys.Close()
	clients, stopClients := context.WithCancel(ctx)
	defer stopClients()
	wg.Go(func() { r.watchMembers(clients) })
	worked, over := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(over)
		o, unwatch := r.workload(), func() {}
		if r.cfg.Own == nil { // which may count on so many clients as were asked for
			o.Leaders, unwatch = r.leaders()
		}
		defer unwatch()
		stats, err := workload.Run(clients, o, r.work)
		r.untried(stats)
		worked <- err
	}()
	r.atWork(ctx, over)
	r.phase(history.PhaseFaults)
	r.faults = r.rec.Now()
	ended := overdue(r.cfg.For+stuckAfter, r.stuck)
	report, err := nemesis.Execute(ctx, r.nemesis(sys), r.plan)
	ended()
	if err == nil {
		sleep(ctx, r.cfg.For-(r.rec.Now()-r.faults)) // a plan may end early, or have no step at all
	}
	if errors.Is(context.Cause(ctx), errViolated) {
		r.violated = true
		r.note("", errViolated.Error())
		if r.cfg.Hold > 0 {
			r.broken = judge.why() // failFast is done with it
		}
	}
	r.fabric.Heal()
	for _, left := range report.Unhealed {
		r.note("", "not healed: "+left)
	}
	r.phase(history.PhaseHealed)
	if err == nil {
		r.awaitLeader(ctx)
		sleep(ctx, r.calm())
	}
	stopClients()
	if werr := <-worked; werr != nil {
		return fmt.Errorf("clients: %w", werr)
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("nemesis: %w", err)
	}
	return nil
}

// stop is the first half of step 5, and what undoes step 2.
func (r *run) stop() {
	r.stopping.Do(func() {
		r.stalls.now()
		r.phase(history.PhaseStop)
		if r.cluster != nil {
			r.left = r.cluster.Stop()
		}
		if r.settled {
			r.examine()
		}
		if r.host != nil {
			r.host.Close()
		}
		if r.machine != nil {
			if err := r.machine.Close(); err != nil {
				r.left = append(r.left, strings.Split(err.Error(), "\n")...)
			}
		}
		if r.fabric != nil {
			r.fabric.Close()
		}
		r.closeCapture()
		r.closeSchedule()
		if r.owners != nil {
			r.owners.Close()
		}
		r.flush()
		if r.subnet != nil {
			r.subnet.Close()
		}
	})
}

// system is the run as the nemesis sees it.
func (r *run) system() (system.System, error) {
	return system.New(system.Options{
		Cluster:  r.cluster,
		Fabric:   r.fabric,
		Target:   r.cfg.Target,
		Disks:    r.volumes(),
		Machine:  r.machine,
		Lull:     r.lull.Hold,
		Spoilt:   r.spoil,
		Recorder: r.rec,
		Poll:     r.poll(),
		Attend:   slices.ContainsFunc(r.plan.Steps, func(s nemesis.Step) bool { return nemesis.Operates(s.Fault) }),
	})
}

func (r *run) nemesis(sys nemesis.System) nemesis.Options {
	return nemesis.Options{
		System: sys,
		Record: r.rec.Record,
		Now:    func() time.Duration { return r.rec.Now() - r.faults },
		Until:  r.cfg.For,
		Seed:   r.cfg.Seed,
		View:   r.view,
		Keeps:  r.cfg.keeps(),
	}
}

// poll returns how often members are asked who leads: never, if traces or taps
// tell.
func (r *run) poll() time.Duration {
	if !r.cfg.asked() {
		return 0
	}
	return max(r.cfg.Election/4, 10*time.Millisecond)
}

func (r *run) phase(name string) {
	r.rec.Record(history.Event{Run: &history.Run{What: history.RunPhase, Phase: name}})
}

func (r *run) note(node, text string) {
	r.rec.Record(history.Event{Run: &history.Run{What: history.RunNote, Node: node, Text: text}})
}

// sleep waits for d or until ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
