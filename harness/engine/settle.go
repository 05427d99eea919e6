package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/audit"
	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
)

// settle is step 4. The final reads are made also when the run was interrupted,
// since they make the verdict on it much stronger; a system that broke a rule may
// never answer them, and is not waited for as long.
func (r *run) settle(ctx context.Context) error {
	if err := r.rec.Err(); err != nil {
		return err
	}
	limit := r.recoveryTimeout()
	if r.violated {
		limit /= 5
	}
	ctx, cancel := r.patient(context.WithoutCancel(ctx), limit)
	defer cancel()
	if r.leaderless { // it has had all the time that stalls cost it
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	r.awaitLeader(ctx)
	r.phase(history.PhaseFinal)
	if err := workload.Final(ctx, r.workload(), r.work); err != nil {
		r.note("", "final reads: "+err.Error())
		r.askOnceMore(ctx)
	}
	r.awaitCaughtUp(ctx)
	r.auditMembers(ctx)
	return nil
}

// askOnceMore asks every member for its status, also when ctx has ended, so that
// the history tells whether those that have not served say that they are ready.
func (r *run) askOnceMore(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	r.cluster.Statuses(ctx)
}

// recoveryTimeout bounds how long a healed cluster is waited for: long enough for the
// checker "availability" to judge one that was slow to be ready at the start.
func (r *run) recoveryTimeout() time.Duration {
	if slow := r.slow(); slow > 0 {
		return slow + max(10*time.Second, 20*r.cfg.Election)
	}
	return r.settleTimeout()
}

// patient bounds how long the system may take for something. What a stall of the
// harness has cost it is given back, so that it can be judged by the operations that
// have ended by then.
func (r *run) patient(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return r.stalls.patient(ctx, limit, 4*r.cfg.Election+r.cfg.Timeout)
}

func (r *run) awaitLeader(ctx context.Context) {
	ctx, cancel := r.patient(ctx, r.recoveryTimeout())
	defer cancel()
	_, _, err := r.cluster.AwaitLeader(ctx)
	if r.leaderless = err != nil; r.leaderless {
		r.note("", err.Error())
	}
}

// awaitCaughtUp waits until every member has applied what any of them knew
// committed when first asked, or ctx ends. Members that do not say what they have
// applied are not waited for. It judges nothing: it gives a member that lags the
// time after which the checker "availability" takes it for stuck.
func (r *run) awaitCaughtUp(ctx context.Context) {
	var goal uint64
	for first := true; ; first = false {
		statuses := r.cluster.Statuses(ctx)
		if first {
			for _, s := range statuses {
				goal = max(goal, s.Commit)
			}
		}
		behind := false
		for _, s := range statuses {
			behind = behind || s.Applied > 0 && s.Applied < goal
		}
		if !behind || ctx.Err() != nil {
			return
		}
		sleep(ctx, max(r.cfg.Election/4, 10*time.Millisecond))
	}
}

// auditMembers compares what the members hold that run, if the target can tell. It ends
// when ctx does, with what there is.
func (r *run) auditMembers(ctx context.Context) {
	if o, ok := r.audit(max(r.cfg.Election/2, 100*time.Millisecond)); ok {
		pids := r.cluster.Pids()
		o.Members = slices.DeleteFunc(o.Members, func(m target.Member) bool { return len(pids[m.Name]) == 0 })
		audit.Run(ctx, o)
	}
}

// watchMembers compares them while they are attacked, until ctx ends. Rarely, for
// it takes some of their time.
func (r *run) watchMembers(ctx context.Context) {
	if o, ok := r.audit(max(10*r.cfg.Election, 2*time.Second)); ok {
		audit.Watch(ctx, o)
	}
}

// audit says how members are asked what they hold; it reports false for a target
// that cannot tell.
func (r *run) audit(pause time.Duration) (audit.Options, bool) {
	t, ok := r.cfg.Target.(target.Auditable)
	if !ok {
		return audit.Options{}, false
	}
	o := audit.Options{Target: t, Record: r.rec.Record, Pause: pause}
	for _, name := range r.cluster.Names() {
		m, err := r.cluster.Member(name)
		if err != nil {
			r.note(name, "it is not compared with the others: "+err.Error())
			continue
		}
		o.Members = append(o.Members, m)
	}
	return o, true
}

// autopsyLimit bounds how long files may be examined.
const autopsyLimit = time.Minute

// examine lets the target look at what the members, which have all ended, left on disk.
func (r *run) examine() {
	t, ok := r.cfg.Target.(target.Autopsied)
	if !ok {
		return
	}
	tell := func(e history.Run) { r.rec.Record(history.Event{Run: &e}) }
	if len(r.left) > 0 {
		tell(history.Run{What: history.RunUnexamined, Text: "not all of their processes have ended"})
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), autopsyLimit)
	defer cancel()
	setup := target.Setup{Run: func(ctx context.Context, c target.Command) error { return cluster.Errand(ctx, r.host, c) }}
	for _, name := range r.cluster.Names() {
		m, err := r.cluster.Member(name)
		if err != nil {
			tell(history.Run{What: history.RunUnexamined, Text: err.Error()})
			return
		}
		setup.Members = append(setup.Members, m)
	}
	found, err := t.Autopsy(ctx, setup)
	if err != nil {
		tell(history.Run{What: history.RunUnexamined, Text: err.Error()})
	}
	for _, f := range found {
		text := strings.TrimSpace(f.Text)
		if text == "" {
			text = "something, of which nothing more is said"
		}
		tell(history.Run{What: history.RunAutopsy, Node: f.Node, Text: text})
	}
	if err == nil && len(found) == 0 {
		tell(history.Run{What: history.RunAutopsy})
	}
}
