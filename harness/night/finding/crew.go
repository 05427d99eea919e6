package finding

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Clusters are shared among tasks: a repetition is over once it has failed thrice, and a
// search gains little from trying many plans at once.
const (
	fewHands  = enoughAgain
	manyHands = 8
)

// Work repeats and shrinks findings, in the order of [Report.Next], several at a time
// where Parallel allows, until there is nothing to do or the budget is used up. What it
// finds out is in the store at once; an attempt that is cut short is made again by the
// next call. What does not fail again is noted too.
func (s *Store) Work(ctx context.Context, o WorkOptions) (Done, error) {
	o.defaults()
	s.clear(time.Now())
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &crew{store: s, o: o, free: o.Parallel, until: time.Now().Add(o.Budget), ended: make(chan outcome)}
	budget := time.AfterFunc(o.Budget, func() { cancel(errBudget) })
	defer budget.Stop()
	var told sync.Mutex
	c.o.Progress = func(line string) {
		told.Lock()
		defer told.Unlock()
		o.Progress(line)
	}
	var failed error
	fail := func(err error) {
		if err != nil && failed == nil && !errors.Is(err, errBudget) {
			failed = err
			cancel(err)
		}
	}
	for {
		tasks, night, err := c.tasks()
		fail(err)
		if ctx.Err() == nil {
			c.assign(ctx, tasks, night)
		}
		if c.atWork == 0 {
			fail(context.Cause(ctx))
			return c.done, failed
		}
		fail(c.await())
	}
}

// crew is who works on findings: so many clusters, some of them at work. One goroutine
// assigns tasks.
type crew struct {
	store  *Store
	o      WorkOptions
	until  time.Time
	free   int // clusters
	atWork int // tasks
	ended  chan outcome
	done   Done
}

// outcome is how a task ended.
type outcome struct {
	task    Task
	hands   int
	release func()
	err     error
}

// tasks lists what is to be done, and for which night.
func (c *crew) tasks() ([]Task, string, error) {
	report, err := c.store.Read(c.o.Night, time.Now())
	if err != nil {
		return nil, "", err
	}
	tasks := report.Next()
	if len(c.o.Only) > 0 {
		tasks = slices.DeleteFunc(tasks, func(t Task) bool {
			return !slices.Contains(c.o.Only, t.ID) && !slices.Contains(c.o.Only, t.finding.folder)
		})
	}
	c.done.Left = len(tasks)
	return tasks, report.Night, nil
}

// assign begins as many of the tasks as there are clusters and time for.
func (c *crew) assign(ctx context.Context, tasks []Task, night string) {
	left := time.Until(c.until)
	if left < min(leastTime, c.o.Budget/2) {
		return
	}
	waiting := len(tasks) - c.atWork // those at work are on the list until they are done
	least := min(fewHands, c.o.Parallel)
	for _, task := range tasks {
		if c.free < least {
			return
		}
		release := c.store.claim(task)
		if release == nil {
			continue // it is at work, here or in another process
		}
		hands := min(max(least, c.free/max(1, waiting)), max(least, manyHands))
		share := min(left, most, max(fewest, left*time.Duration(c.o.Parallel/hands)/time.Duration(len(tasks))))
		waiting--
		c.free -= hands
		c.atWork++
		go func() {
			o := c.o
			o.Parallel = hands
			c.ended <- outcome{task, hands, release, c.store.carryOut(ctx, task, night, share, o)}
		}()
	}
}

// await waits for a task to end, and returns why it could not be done.
func (c *crew) await() error {
	end := <-c.ended
	end.release()
	c.atWork--
	c.free += end.hands
	switch {
	case end.err != nil:
		return end.err
	case end.task.What == Repeat:
		c.done.Repeated++
	default:
		c.done.Shrunk++
	}
	return nil
}
