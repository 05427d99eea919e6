package machine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/machine/cgroup"
	"github.com/usurper/usurper/harness/machine/vdso"
)

// Constrained is a constraint in force at a member.
type Constrained struct {
	b      *member
	c      Constraint
	start  time.Time
	before cgroup.Counts
	clocks *clocks // of a clock
	memory int64   // bytes, of what starves

	stop    context.CancelFunc // ends the watching
	watched sync.WaitGroup

	mu     sync.Mutex
	since  time.Time     // of a freeze: since when it stands still, zero while it does not
	frozen time.Duration // and how long it did before
}

const (
	// enters bounds how often one looks for processes that were started meanwhile.
	enters = 5
	// looks is how often one looks for processes that came without a word, as a member's
	// children do that execute another program.
	looks = 200 * time.Millisecond
	// dooms is how often one looks whether something frozen was killed.
	dooms = 20 * time.Millisecond
	// freezes bounds how long a member may take to stand still.
	freezes = 5 * time.Second
)

// begin puts it in force. The member's lock is held.
func (h *Constrained) begin(ctx context.Context) error {
	kind := h.c.kind()
	if kind == "" {
		return errors.New("there is nothing to do")
	}
	b := h.b
	pids := b.m.o.Processes(b.name)
	if kind != FaultClock {
		if err := b.enterLocked(pids...); err != nil {
			return err
		}
		for range enters {
			all := b.m.o.Processes(b.name)
			if fresh := slices.DeleteFunc(all, func(pid int) bool { return slices.Contains(pids, pid) }); len(fresh) > 0 {
				if err := b.enterLocked(fresh...); err != nil {
					return err
				}
				pids = append(pids, fresh...)
				continue
			}
			break
		}
	}
	h.before = b.countsLocked()
	b.force = append(b.force, h)
	if err := h.apply(ctx, pids); err != nil {
		b.force = b.force[:len(b.force)-1]
		return errors.Join(err, h.settle(context.WithoutCancel(ctx)))
	}
	h.watch()
	return nil
}

// apply does what it is for.
func (h *Constrained) apply(ctx context.Context, pids []int) error {
	switch g := h.b.group; h.c.kind() {
	case FaultClock:
		if h.clocks == nil {
			c := vdso.Clock{Start: h.start, Offset: h.c.Clock.Offset, Drift: h.c.Clock.Drift, Every: h.c.Clock.Every}
			h.clocks = newClocks(c, func(why error) { h.b.m.spoil(h.b.name, why) })
		}
		return h.clocks.set(pids)
	case FaultSlow:
		return g.LimitCPU(h.c.CPU)
	case FaultStarve:
		return h.starve(g)
	default:
		return h.freeze(ctx)
	}
}

// starve limits the member's memory. What is in use grows while one looks, and caches are not
// freed before they are written: a share may be more, by as little as is accepted.
func (h *Constrained) starve(g *cgroup.Group) (err error) {
	const slack, tries = 256 << 10, 8 // up to 16 MiB
	if h.memory = max(h.memory, h.c.Memory); h.memory > 0 {
		return g.LimitMemory(h.memory)
	}
	more := int64(0)
	for range tries {
		firm := g.Firm()
		if firm == 0 {
			return errors.New("it has no memory in use of which a share could be left")
		}
		limit := int64(h.c.Share/100*float64(firm)) + more
		if err = g.LimitMemory(limit); err == nil {
			h.memory = limit
			return nil
		}
		more = max(slack, 2*more)
	}
	return err
}

// again does so to a process that has just been started. What limits groups does already.
func (h *Constrained) again(pid int) error {
	if h != h.b.lastLocked(h.c.kind()) {
		return nil
	}
	switch h.c.kind() {
	case FaultClock:
		return h.clocks.set([]int{pid})
	case FaultFreeze:
		return h.freeze(context.Background())
	}
	return nil
}

// watch looks after it while it is in force.
func (h *Constrained) watch() {
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	look, every := func() {}, looks
	switch h.c.kind() {
	case FaultClock:
		look = func() {
			if h.b.isLast(h) {
				h.clocks.look(h.b.m.o.Processes(h.b.name))
			}
		}
	case FaultFreeze:
		look, every = h.letDie, dooms
	default:
		return
	}
	h.watched.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				look()
			}
		}
	})
}

func (b *member) isLast(h *Constrained) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lastLocked(h.c.kind()) == h
}

// Remove takes it out of force and tells what it did: counts that are all zero if it
// never bit. That the member is down is no failure. A second call does nothing.
func (h *Constrained) Remove(ctx context.Context) (map[string]int64, error) {
	h.stop()
	h.watched.Wait()
	b := h.b
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.force, h)
	if i < 0 {
		return nil, nil
	}
	if h.c.kind() == FaultClock {
		h.clocks.look(b.m.o.Processes(b.name))
	}
	b.force = slices.Delete(b.force, i, i+1)
	err := h.settle(ctx)
	return h.evidence(), err
}

// settle has the member be as it is without this: as an earlier one of the kind has it, or
// unconstrained.
func (h *Constrained) settle(ctx context.Context) error {
	b := h.b
	if last := b.lastLocked(h.c.kind()); last != nil && last.c.kind() != FaultFreeze {
		return last.apply(ctx, b.m.o.Processes(b.name))
	} else if last != nil {
		h.melt() // the other one goes on to hold it
		return nil
	}
	switch h.c.kind() {
	case FaultClock:
		return h.clocks.restore(func() []int { return b.m.o.Processes(b.name) })
	case FaultSlow:
		return b.group.LimitCPU(0)
	case FaultStarve:
		return b.group.LimitMemory(0)
	}
	h.melt()
	return b.group.Thaw()
}

// evidence is what it did.
func (h *Constrained) evidence() map[string]int64 {
	passed := h.b.countsLocked().Minus(h.before)
	switch h.c.kind() {
	case FaultClock:
		return h.clocks.evidence()
	case FaultSlow:
		return map[string]int64{"throttled-periods": passed.Throttled}
	case FaultStarve:
		return map[string]int64{"memory-limit-hits": passed.MemoryHits, "oom-kills": passed.OOMKills}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return map[string]int64{"frozen-ms": h.frozen.Milliseconds()}
}

// freeze has the member stand still.
func (h *Constrained) freeze(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, freezes)
	defer cancel()
	if err := h.b.group.Freeze(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.since.IsZero() {
		h.since = time.Now()
	}
	return nil
}

// melt notes that the member goes on.
func (h *Constrained) melt() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.since.IsZero() {
		h.frozen += time.Since(h.since)
		h.since = time.Time{}
	}
}

// letDie lets the member go on if it was killed, which only then ends.
func (h *Constrained) letDie() {
	h.b.mu.Lock()
	defer h.b.mu.Unlock()
	if h.b.group.Doomed() {
		h.melt()
		h.b.group.Thaw()
	}
}
