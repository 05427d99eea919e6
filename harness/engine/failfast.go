package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// errViolated ends the attack of a run that was told to fail fast.
var errViolated = errors.New("a rule is broken: no need to go on")

// liveSize bounds how far failFast may lag behind the history.
const liveSize = 1 << 16

// liveJudge tells whether what it was told to wait for has been proved.
type liveJudge interface {
	take(history.Event)
	proved() bool
	// why tells what was proved, and is called once, after that.
	why() string
	// end ends what goes on beside; nothing but why is called after that.
	end()
}

// failFast judges the history as it grows and calls stop once judge has seen
// enough. It returns then, or when ctx is done. The verdict is not its own: that
// comes from the whole history, at the end.
func failFast(ctx context.Context, events <-chan history.Event, judge liveJudge, stop context.CancelCauseFunc) {
	defer judge.end()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			judge.take(e)
			if judge.proved() {
				stop(errViolated)
				return
			}
		}
	}
}

// newLiveJudge waits for a breach, or for any rule to be broken if that is the
// zero Breach. readUp, if it is not nil, is as in foresight.
func newLiveJudge(until checker.Breach, readUp func(context.Context) (uint64, error), models ...checker.Spec) liveJudge {
	again := &rejudge{until: until, models: models}
	for i, c := range again.checkers() {
		if until == (checker.Breach{}) || c.Name() == until.Checker {
			again.kinds = append(again.kinds, i)
		}
	}
	asEventsCome := &online{until: until, judge: checker.NewRunner(checker.Online())}
	if readUp != nil {
		asEventsCome.foresight = newForesight(readUp)
	}
	switch {
	case len(again.kinds) == 0:
		return asEventsCome
	case until == (checker.Breach{}):
		return &either{judges: []liveJudge{asEventsCome, again}}
	}
	return again
}

// either is several judges, of which one is enough.
type either struct {
	judges []liveJudge
	first  liveJudge // that had proof
}

func (e *either) take(event history.Event) {
	for _, j := range e.judges {
		j.take(event)
	}
}

func (e *either) proved() bool {
	for _, j := range e.judges {
		if j.proved() {
			e.first = j
			return true
		}
	}
	return false
}

func (e *either) why() string { return e.first.why() }

func (e *either) end() {
	for _, j := range e.judges {
		j.end()
	}
}

// online asks checkers that can tell as events come.
type online struct {
	until     checker.Breach
	judge     *checker.Runner
	foresight *foresight // nil: rules that wait for the end do not end the attack
	foreseen  checker.Breach
}

func (o *online) take(e history.Event) {
	o.judge.Event(&e)
	if o.foresight != nil {
		o.foresight.take(&e)
	}
}

func (o *online) proved() bool {
	switch {
	case o.until == (checker.Breach{}) && o.judge.Violated():
		return true
	case o.until != (checker.Breach{}) && o.judge.Breached(o.until):
		return true
	case o.foresight == nil:
		return false
	}
	upTo, ok := o.foresight.due()
	if !ok {
		return false
	}
	o.foreseen, ok = o.judge.Foresees(o.until, upTo)
	return ok
}

func (o *online) end() {
	if o.foresight != nil {
		o.foresight.end()
	}
}

func (o *online) why() string {
	if o.foreseen != (checker.Breach{}) {
		return o.foreseen.Checker + ": " + o.foreseen.Rule + ", as far as is known by now"
	}
	report := o.judge.Finish()
	until := o.until
	if broken := report.Breaches(); until == (checker.Breach{}) && len(broken) > 0 {
		until = broken[0]
	}
	v, _ := report.Violation(until)
	return until.Checker + ": " + v.Text
}

// rejudge asks checkers that need a whole history, again and again with all of it
// so far. It leaves pauses that keep what this costs to a fraction of the
// processor, and gives up on a history that has become too long to keep.
type rejudge struct {
	until  checker.Breach
	models []checker.Spec
	kinds  []int // indexes in checkers
	events []history.Event
	fresh  bool
	next   time.Time
	text   string // what was found broken last
}

const (
	rejudgeEvery = 250 * time.Millisecond
	rejudgeShare = 10 // pauses last so many times as long as the judging
	rejudgeWall  = time.Second
	// rejudgeMost is how many events are kept, which is some 100 MB.
	rejudgeMost = 300_000
)

// checkers returns new ones of all that may be asked again and again.
func (r *rejudge) checkers() []checker.Checker {
	o := checker.Options{Wall: rejudgeWall}
	return append(checker.Prefix(o), judges(r.models, o)...)
}

func (r *rejudge) take(e history.Event) {
	if (e.Op != nil || e.Run != nil) && len(r.events) < rejudgeMost {
		r.events = append(r.events, e)
		r.fresh = r.fresh || e.Op != nil && e.Op.Type != history.Invoke
	}
}

func (r *rejudge) proved() bool {
	begun := time.Now()
	if !r.fresh || begun.Before(r.next) {
		return false
	}
	r.fresh = false
	defer func() { r.next = time.Now().Add(max(rejudgeEvery, rejudgeShare*time.Since(begun))) }()
	checkers := r.checkers()
	for _, kind := range r.kinds {
		c := checkers[kind]
		for i := range r.events {
			e := r.events[i]
			c.Event(&e)
		}
		result := c.Finish()
		r.text = c.Name() + ": " + result.Summary
		if result.Breaks(r.until) || r.until == (checker.Breach{}) && result.Verdict == checker.Invalid {
			return true
		}
	}
	return false
}

func (r *rejudge) why() string { return r.text }

func (*rejudge) end() {}

// foresight tells when nothing that belongs to a leadership can still be on its way:
// once all traces have been read as far as they were written when it was told of, for
// what helped to make a leader was written before (persist, trace, send), and what
// passed on the wire is told of as it passes.
type foresight struct {
	// readUp reads the traces up to where they are now and returns how many events the
	// history has then.
	readUp func(ctx context.Context) (events uint64, err error)
	known  chan known
	ctx    context.Context
	cancel context.CancelFunc
	busy   sync.WaitGroup

	reading bool
	last    uint64 // the last leadership that was told of
	asked   uint64 // … when the reading began
	next    *known // what is known once the events have been taken
	taken   uint64 // the last event
}

// known says that with so many events everything is known up to the leadership.
type known struct{ leadership, events uint64 }

func newForesight(readUp func(context.Context) (uint64, error)) *foresight {
	f := &foresight{readUp: readUp, known: make(chan known, 1)}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// end gives up reading.
func (f *foresight) end() {
	f.cancel()
	f.busy.Wait()
}

// take takes the next event.
func (f *foresight) take(e *history.Event) {
	f.taken = e.Seq
	if e.Raft != nil && e.Raft.What == history.RaftLeader {
		f.last = e.Seq
	}
	select {
	case k := <-f.known:
		f.reading = false
		if k.leadership > 0 {
			f.next = &k
		}
	default:
	}
	if !f.reading && f.next == nil && f.last > f.asked {
		f.reading, f.asked = true, f.last
		asked := f.asked
		f.busy.Go(func() {
			events, err := f.readUp(f.ctx)
			if err != nil {
				asked = 0
			}
			f.known <- known{asked, events}
		})
	}
}

// due returns, once, up to which leadership everything is known by now.
func (f *foresight) due() (upTo uint64, ok bool) {
	if f.next == nil || f.taken+1 < f.next.events {
		return 0, false
	}
	upTo, f.next = f.next.leadership, nil
	return upTo, true
}

// readUpWait bounds how long traces may take to be read as far as they are.
const readUpWait = 2 * time.Second

// wireWait is how long a tap may keep back what it has seen.
const wireWait = 100 * time.Millisecond

// readUp is what a foresight asks of a run.
func (r *run) readUp(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, readUpWait)
	defer cancel()
	sleep(ctx, wireWait)
	if err := r.cluster.ReadTraces(ctx); err != nil {
		return 0, err
	}
	return r.rec.Len(), nil
}
