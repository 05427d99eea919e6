// Package night makes many runs, and goes on with them whatever happens: a run that
// breaks, a machine that stalls, an interrupt, a kill of the night itself.
//
// Read request.go (what a night is asked for) and plan.go (which run is which) first;
// then night.go, the schedule, and process.go, one run. dir.go begins a night and finds
// one again; told.go is what a run tells of itself. Whatever is told of a night is told of
// its entries and facts, package entry.
package night

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/usurper/usurper/harness/night/entry"
)

// Options are what a night is carried out with.
type Options struct {
	// Run makes one run in an empty folder, as [Process.Run] does.
	Run func(ctx context.Context, j Job, work string) (entry.Entry, bool)
	// Began, if not nil, is told of each run before it is made, from the same goroutine.
	Began func(j Job, work string)
	// Ended, if not nil, is told of each run, once it is written down. Report is called
	// after that, and once more at the end, to bring up to date what is told of the night.
	// Both are called from one goroutine.
	Ended  func(entry.Entry)
	Report func(entry.Facts, []entry.Entry) error
	// Keep is of how many runs of a kind, which were not valid for one reason, the night
	// keeps the directories; 0 for all.
	Keep int
	// Apart is how long after a run the next one begins at the earliest: clusters that all
	// start at once starve each other, and go on to end and start together.
	Apart time.Duration
	// Pending, if not nil, tells whether there is something to find out about what the
	// night found, by Work, which has [WorkShare] of the night's time for it, at its end.
	Pending func() bool
	Work    func(ctx context.Context, budget time.Duration) error
}

// WorkShare is the part of a night in which it repeats and shrinks what it found.
const WorkShare = 0.2

// Run makes all runs that the plan still asks for. Once ctx ends, no more begin, and those
// under way are interrupted, not counted, and made when the night goes on. An error is
// about the night's own files: what it cannot write down it does not go on with.
func (n *Night) Run(ctx context.Context, o Options) error {
	whole := ctx
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	type outcome struct {
		job   Job
		entry entry.Entry
		whole bool
	}
	ended := make(chan outcome)
	var last time.Time // when the latest one began
	var failed error
	if failed = n.tell(o); failed != nil {
		return failed
	}
	under := make(map[string]bool)
	for {
		var due <-chan time.Time // of the next one
		for failed == nil && ctx.Err() == nil && len(under) < n.Width() {
			if wait := time.Until(last.Add(o.Apart)); wait > 0 {
				due = time.After(wait)
				break
			}
			j, ok := n.next(under, time.Now(), o)
			if !ok {
				break
			}
			work, err := n.Scratch(j.id())
			if err != nil {
				failed = err
				stop()
				break
			}
			under[j.id()] = true
			if o.Began != nil {
				o.Began(j, work)
			}
			last = time.Now()
			go func() {
				e, whole := o.Run(ctx, j, work)
				ended <- outcome{j, e, whole}
			}()
		}
		if len(under) == 0 && due == nil {
			break
		}
		select {
		case <-due:
		case out := <-ended:
			delete(under, out.job.id())
			if err := n.take(out.job, out.entry, out.whole, o); err != nil && failed == nil {
				failed = err
				stop()
			}
		}
	}
	if failed == nil {
		failed = n.workUp(whole, o)
	}
	if failed != nil {
		return failed
	}
	if n.close(whole); !n.facts.Ended.IsZero() {
		if err := n.cover(); err != nil {
			return err
		}
	}
	return n.tell(o)
}

// workTime is how long the night may work on what it found.
func (n *Night) workTime() time.Duration {
	if p := &n.Plan; !p.Limit.IsZero() {
		return time.Duration(WorkShare * float64(p.Limit.Sub(p.Begun)))
	}
	var sum time.Duration
	for i := range n.entries {
		sum += n.entries[i].Elapsed
	}
	return time.Duration(WorkShare / (1 - WorkShare) * float64(sum) / float64(n.Width()))
}

// leastWork is what is left of a night when no work is begun any more.
const leastWork = 20 * time.Second

// workUp finds out more about what the night found, once its runs are made.
func (n *Night) workUp(ctx context.Context, o Options) error {
	budget := n.workTime()
	if limit := n.Plan.Limit; !limit.IsZero() {
		budget = min(budget, time.Until(limit))
	}
	if o.Pending == nil || ctx.Err() != nil || budget < leastWork || !o.Pending() {
		return nil
	}
	return o.Work(ctx, budget)
}

// close puts the end of the night into its facts. One that was interrupted has not ended.
func (n *Night) close(ctx context.Context) {
	n.clear() // what cannot be removed is removed when a night goes on here
	if ctx.Err() != nil {
		n.facts.Stopped = "interrupted: " + context.Cause(ctx).Error()
		return
	}
	if n.facts.Stopped = n.vain(); n.facts.Stopped == "" {
		n.facts.Ended = time.Now()
	}
}

// tooMany is after how many runs in a row that broke alike a night makes no more,
// tooManyInAll after how many that broke for whatever reasons.
const tooMany, tooManyInAll = 10, 30

// vain says why there is no use in going on: whatever breaks all runs, a disk that is full
// or a system that does not start, would break a thousand more. Empty if there is; those
// of before the night was called again do not count.
func (n *Night) vain() string {
	alike, broke := true, 0
	for i := len(n.entries) - 1; i >= n.known && n.entries[i].Class == entry.Broken; i-- {
		last := &n.entries[len(n.entries)-1]
		alike = alike && kind(&n.entries[i]) == kind(last)
		switch broke++; {
		case alike && broke == tooMany:
			return fmt.Sprintf("the last %d runs broke alike: %s", broke, last.Why)
		case broke == tooManyInAll:
			return fmt.Sprintf("the last %d runs broke, this one last: %s", broke, last.Why)
		}
	}
	return ""
}

// Width is how many runs may go on side by side.
func (n *Night) Width() int {
	if n.Plan.Parallel > 0 {
		return n.Plan.Parallel
	}
	return n.gauge.width
}

// next is the run to begin now, if there is one.
func (n *Night) next(under map[string]bool, now time.Time, o Options) (Job, bool) {
	if n.Plan.Failures > 0 && n.failures() >= n.Plan.Failures || n.vain() != "" {
		return Job{}, false
	}
	if j, ok := n.control(under); ok {
		return j, n.inTime(&j, now, o)
	}
	for number := n.Plan.Shard.whole().I; n.Plan.Runs == 0 || number <= n.Plan.Runs; number += n.Plan.Shard.whole().N {
		if n.done[number] || under[strconv.Itoa(number)] {
			continue
		}
		j := n.Plan.Job(number)
		return j, n.inTime(&j, now, o)
	}
	return Job{}, false
}

// inTime tells whether a run that begins now ends within the night, and before the time
// for work if there is some to do.
func (n *Night) inTime(j *Job, now time.Time, o Options) bool {
	if n.Plan.Limit.IsZero() {
		return true
	}
	left := n.Plan.Limit.Sub(now) - n.takes(j.Cell)
	if work := n.workTime(); left >= 0 && left < work && work >= leastWork && o.Pending != nil && o.Pending() {
		return false
	}
	return left >= 0
}

// takes is how long a run of a cell takes: as long as those before it on average, once
// there are some, since systems differ in how soon they are ready.
func (n *Night) takes(c *Cell) time.Duration {
	var sum, count time.Duration
	for i := range n.entries {
		if e := &n.entries[i]; e.Cell == c.Name && e.Class != entry.Broken {
			sum, count = sum+e.Elapsed, count+1
		}
	}
	return max(c.For+slack, sum/max(1, count))
}

// failures counts the runs that were invalid.
func (n *Night) failures() (count int) {
	for i := range n.entries {
		if n.entries[i].Class == entry.Invalid && n.entries[i].Control == "" {
			count++
		}
	}
	return count
}

// Scratch makes a folder that is gone when the night has ended or goes on.
func (n *Night) Scratch(name string) (string, error) {
	dir, err := filepath.Abs(filepath.Join(n.Dir, workDir, name))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return "", fmt.Errorf("make a folder for what goes on: %w", err)
	}
	return dir, nil
}

// take writes down what became of a run, once it is sure. whole is false of one that was
// interrupted, of which nothing is known.
func (n *Night) take(j Job, e entry.Entry, whole bool, o Options) error {
	work := filepath.Join(n.Dir, workDir, j.id())
	defer os.RemoveAll(work) // a member that is just being killed may hinder it; load does it again
	if !whole {
		return nil
	}
	e.Number, e.Night, e.Seed, e.Args, e.Control = j.Number, n.Plan.Night, j.Seed, j.Args, j.Control
	e.Cell, e.Axes = j.Cell.Name, j.axes()
	kept, err := n.keep(j, &e, work, o.Keep)
	if err != nil {
		return err
	}
	e.Dir = kept
	if err := n.log.Add(e); err != nil {
		return err
	}
	n.entries = append(n.entries, e)
	n.gauge.take(&e, scarce())
	if e.Control == "" {
		n.done[e.Number] = true
	} else if err := n.mark(&e); err != nil {
		return err
	}
	if o.Ended != nil {
		o.Ended(e)
	}
	return n.tell(o)
}

// mark notes a control that is red, for the nights to come.
func (n *Night) mark(e *entry.Entry) error {
	for i := range n.Plan.Controls {
		if c := &n.Plan.Controls[i]; c.Name == e.Control && c.red(e) {
			return record(filepath.Dir(n.Dir), c.key(n.Plan.Build), e.Started)
		}
	}
	return nil
}

// axes are the values by which the run differs from others, with what the seed drew.
func (j *Job) axes() map[string]string {
	axes := make(map[string]string)
	for name, value := range j.Cell.Axes {
		axes[name] = value
	}
	if j.Nodes > 0 {
		axes["nodes"] = strconv.Itoa(j.Nodes)
	}
	return axes
}

// tell brings up to date what is told of the night.
func (n *Night) tell(o Options) error {
	if err := n.stand(time.Now()); err != nil {
		return err
	}
	if err := entry.WriteFacts(n.Dir, n.facts); err != nil {
		return err
	}
	if o.Report == nil {
		return nil
	}
	return o.Report(n.facts, n.entries)
}
