package system

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
)

// restoreLimit bounds how long a disk may take to come back, on however busy a machine.
const restoreLimit = time.Minute

var _ nemesis.Powered = (*system)(nil)

// CutPower implements nemesis.Powered.
func (s *system) CutPower(ctx context.Context, nodes []string, keep nemesis.Keep, quiet bool) (nemesis.Outage, error) {
	for _, n := range nodes {
		if s.disks[n] == nil {
			return nemesis.Outage{}, fmt.Errorf("%s has no disk of its own: %w", n, nemesis.ErrUnsupported)
		}
	}
	back := restored{of: make(map[string]disk.Restored)}
	uses := make(map[string]use)
	left, resume := 0, func() {}
	defer func() { resume() }()
	pids, err := s.cluster.PowerOff(ctx, nodes, cluster.Failure{
		Hold: func() func() {
			for _, name := range nodes { // a directory may have to be read, which waits where flushes do
				uses[name] = s.used(name)
			}
			if quiet && s.lull != nil {
				left, resume = s.lull(longestLull)
			}
			return s.hold(nodes, keep)
		},
		Cut: func() error {
			defer resume()
			return s.cut(nodes, keep)
		},
		Restore: func(name string) error { return s.restore(ctx, name, &back) },
	})
	if pids == nil { // nothing was done
		return nemesis.Outage{}, err
	}
	out := s.outage(pids, back.of, uses)
	if left > 0 {
		out.Note = strings.TrimPrefix(fmt.Sprintf("%s; operations under way that had no answer: %d", out.Note, left), "; ")
	}
	return out, err
}

// longestLull is how long a power failure waits until clients have their answers. Those who
// ask a member that is cut off get none.
const longestLull = 100 * time.Millisecond

// apart is within what time the disks of members that lose power together come to finish no
// flush any more.
const apart = 20 * time.Millisecond

// strained is how long a flush takes just before the power goes, where some of what was under
// way is kept, and strain how long that lasts: members have written more by then than a
// single entry, which lies within a sector as a rule and cannot be torn.
const (
	strained = 20 * time.Millisecond
	strain   = 2 * strained
)

// hold has the disks that can finish no flush any more, one after the other, in an order
// that is drawn, and returns what lets them; nil if none can. Who leads sends only what its own disk has
// finished: if that was the first to be held, nobody else would have anything to flush.
func (s *system) hold(nodes []string, keep nemesis.Keep) (release func()) {
	var held []disk.Holder
	for _, name := range nodes {
		if h, ok := s.disks[name].(disk.Holder); ok && h.Holds() {
			held = append(held, h)
		}
	}
	rand.New(rand.NewPCG(keep.Seed, 0x686f6c64)).Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
	if keep.What == nemesis.KeepSome {
		for _, h := range held {
			h.Strain(strained)
		}
		time.Sleep(strain)
	}
	if len(held) == 0 {
		return nil
	}
	for i, h := range held {
		if i > 0 {
			time.Sleep(apart / time.Duration(len(held)-1))
		}
		h.Hold()
	}
	return func() {
		for _, h := range held {
			h.Release()
		}
	}
}

// cut takes the power from all disks at once.
func (s *system) cut(nodes []string, keep nemesis.Keep) error {
	errs := make([]error, len(nodes))
	var wg sync.WaitGroup
	for i, name := range nodes {
		wg.Go(func() {
			if err := s.disks[name].Cut(disk.Keep{What: keep.What, Seed: keep.Seed ^ own(name)}); err != nil {
				errs[i] = fmt.Errorf("cut the power of %s: %w", name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// own has disks that lose power together differ in what they keep.
func own(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// restored is what became of the disks.
type restored struct {
	mu sync.Mutex
	of map[string]disk.Restored
}

// restore brings a disk back. If that fails, or the disk has lost what it must keep, nothing
// that the system does from then on proves anything: the run is spoilt, and the member
// stays down.
func (s *system) restore(ctx context.Context, name string, back *restored) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreLimit)
	defer cancel()
	r, err := s.disks[name].Restore(ctx)
	switch {
	case err != nil:
		err = fmt.Errorf("the disk of %s did not come back after the power failure, which is no fault of the system: %w", name, err)
	case r.Lied:
		err = fmt.Errorf("the disk of %s lost what was synced before the power failure, which no power failure does: the engine lied", name)
	default:
		back.mu.Lock()
		defer back.mu.Unlock()
		back.of[name] = r
		return nil
	}
	return s.spoil(name, err)
}

// spoil ends the run for what a disk did. It returns why.
func (s *system) spoil(name string, why error) error {
	s.rec.Record(history.Event{Run: &history.Run{What: history.RunSpoilt, Node: name, Text: why.Error()}})
	if s.spoilt != nil {
		s.spoilt(why)
	}
	return why
}

// outage says what a power failure did: to whom it was done, whose disks lost what was not
// synced, and who kept nothing on his disk, so that there was nothing to lose.
func (s *system) outage(pids map[string]int, back map[string]disk.Restored, uses map[string]use) nemesis.Outage {
	out := nemesis.Outage{Evidence: map[string]int64{"pids-gone": int64(len(pids))}}
	asked := make(map[string][]string) // who, by what is said of their disks
	var bare, notes []string
	for _, name := range s.cluster.Names() {
		if pids[name] != 0 {
			out.Down = append(out.Down, name)
		}
		r, ok := back[name]
		if !ok {
			continue
		}
		out.Evidence[canaries(r.Bit)]++
		if said := askedFor(r); said != "" {
			asked[said] = append(asked[said], name)
		}
		u := uses[name]
		if u.elsewhere != "" {
			notes = append(notes, name+" "+u.elsewhere)
		}
		switch {
		case u.empty:
			out.Evidence[nemesis.DisksEmpty]++
			bare = append(bare, name)
		case u.unused:
			out.Evidence[nemesis.DisksUnused]++
			bare = append(bare, name)
		}
	}
	for said, names := range asked {
		notes = append(notes, strings.Join(names, " ")+": "+said)
	}
	slices.Sort(notes)
	if len(bare) > 0 {
		notes = append(notes, strings.Join(bare, " ")+": nothing was written to the disk, so there was nothing to lose; does the system keep its data in the directory that it is given?")
	}
	out.Note = strings.Join(notes, "; ")
	return out
}

func canaries(lost bool) string {
	if lost {
		return "canaries-lost"
	}
	return nemesis.CanariesSurvived
}

// askedFor tells what a disk was asked for before its power went, if somebody counted.
func askedFor(r disk.Restored) string {
	if r.Flushes < 0 {
		return ""
	}
	said := fmt.Sprintf("flushed %s since it was mounted", count.Times(r.Flushes))
	if r.Unflushed > 0 {
		said += fmt.Sprintf(", %s not flushed", count.Many(r.Unflushed, "byte"))
	}
	return said
}
