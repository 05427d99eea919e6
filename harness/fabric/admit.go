package fabric

import (
	"slices"
	"time"
)

const (
	// maxOvertakers is how many frames at most go ahead of a reordered one.
	maxOvertakers = 3
	// defaultPatience is how long a reordered frame waits for others to overtake
	// it, unless its rule says so in Delay.
	defaultPatience = 50 * time.Millisecond
	// mergeRoom is the least memory taken for a chunk that the next bytes may join.
	mergeRoom = 4 << 10
)

// patience is how long the effect sets a frame aside at most.
func (e *effect) patience() time.Duration {
	if e.rule.Delay > 0 {
		return e.rule.Delay
	}
	return defaultPatience
}

// admit takes an item that arrives through the rules, in order, and into the
// queue. Frames that a rule drops end up in q.dropped.
func (q *queue) admit(it *item, rs *ruleSet) { q.admitFrom(it, rs, 0) }

func (q *queue) admitFrom(it *item, rs *ruleSet, from int) {
	type twin struct {
		item *item
		from int // the rule to go on from
	}
	var twins []twin
	dropped := false
rules:
	for i := from; i < len(rs.effects); i++ {
		e := rs.effects[i]
		if e.action == Cut || e.limits() || !e.covers(it) {
			continue // these act on what leaves
		}
		switch e.action {
		case Delay:
			if e.touches() {
				it.delay(e, e.draw())
			}
		case Throttle:
			if wait := e.reserve(len(it.bytes), it.arrived); wait > 0 {
				it.delay(e, wait)
			}
		case Drop:
			if e.touches() {
				e.of.tally.add(FramesDropped, 1)
				dropped = true
				break rules
			}
		case Duplicate:
			if e.touches() {
				e.of.tally.add(FramesDuplicated, 1)
				twins = append(twins, twin{it.clone(), i + 1})
			}
		case Reorder:
			if it.reorder == nil && e.touches() {
				e.of.tally.add(FramesReordered, 1)
				it.reorder, it.after, it.loose = e, e.overtakers(), true
			}
		case Hold:
			if e.touches() {
				e.of.tally.add(FramesHeld, 1)
				it.holds = append(it.holds, e)
				q.keep(it)
			}
		}
	}
	if dropped {
		q.dropped = append(q.dropped, it)
	} else {
		q.append(it)
		q.blocked(it, rs)
		if it.frame {
			q.overtaken(it)
		}
	}
	for _, t := range twins {
		q.admitFrom(t.item, rs, t.from)
	}
}

// clone copies an item that is not in the queue yet; the bytes are shared. That it is
// held is told of its original.
func (it *item) clone() *item {
	c := *it
	c.kept = true
	c.delays = slices.Clone(it.delays)
	c.holds = slices.Clone(it.holds)
	return &c
}

// delay makes the item wait; frames that tolerate it let others pass when the
// rule is about their class alone.
func (it *item) delay(e *effect, wait time.Duration) {
	it.delays = append(it.delays, delayed{e, wait})
	if e.rule.Class != "" && it.lossy {
		it.loose = true
	}
	switch {
	case e.action == Throttle:
		e.of.tally.add(BytesThrottled, int64(len(it.bytes)))
	case it.kind == dial:
		e.of.tally.add(DialsDelayed, 1)
	default:
		e.of.tally.add(ChunksDelayed, 1)
	}
}

// blocked counts an item for every cut in force.
func (q *queue) blocked(it *item, rs *ruleSet) {
	if !rs.cut {
		return
	}
	for _, e := range rs.effects {
		if e.action == Cut {
			q.heldBy(it, e)
		}
	}
}

// keep notes a frame of which the Observer is to be told that it is held.
func (q *queue) keep(it *item) {
	if it.frame && !it.kept {
		it.kept = true
		q.kept = append(q.kept, Frame{ID: it.id, Class: it.class, Meaning: it.means})
	}
}

// takeHeld returns what became held since it was called last.
func (q *queue) takeHeld() []Frame {
	held := q.kept
	q.kept = nil
	return held
}

// heldBy counts an item that a cut keeps.
func (q *queue) heldBy(it *item, e *effect) {
	q.keep(it)
	switch it.kind {
	case data:
		e.of.tally.add(BytesHeld, int64(len(it.bytes)-it.sent))
	case dial:
		e.of.tally.add(DialsHeld, 1)
	default:
		e.of.tally.add(ClosesHeld, 1)
	}
}

// merge adds plain bytes to the last chunk in line if the rules would treat the
// two alike, so that a peer that sends bytes one by one cannot fill memory with
// bookkeeping.
func (q *queue) merge(b []byte, rs *ruleSet) bool {
	if q.head == len(q.line) {
		return false
	}
	last := q.line[len(q.line)-1]
	if last.kind != data || last.frame || cap(last.bytes)-len(last.bytes) < len(b) || len(last.delays) > 0 {
		return false
	}
	for _, e := range rs.effects {
		if e.action == Delay {
			return false
		}
	}
	last.bytes = append(last.bytes, b...)
	if rs.cut {
		q.blocked(&item{bytes: b}, rs)
	}
	return true
}

// replace puts new rules in force instead of old ones. What is picked is not
// counted as held: it may be leaving this moment (see stranded).
func (q *queue) replace(old, rs *ruleSet) {
	for _, e := range old.effects {
		if !rs.has(e) {
			q.release(rs)
			break
		}
	}
	for _, e := range rs.newCuts(old) {
		q.waiting(func(it *item) { q.heldBy(it, e) })
	}
}

// stranded counts what is picked and did not leave: rules have changed from old
// to rs during the write.
func (q *queue) stranded(old, rs *ruleSet) {
	for _, e := range rs.newCuts(old) {
		for _, it := range q.picked {
			q.heldBy(it, e)
		}
	}
}

func (rs *ruleSet) newCuts(old *ruleSet) []*effect {
	if !rs.cut || rs == old {
		return nil
	}
	var cuts []*effect
	for _, e := range rs.effects {
		if e.action == Cut && !old.has(e) {
			cuts = append(cuts, e)
		}
	}
	return cuts
}

// allowance is how many of want bytes the throttles in force let go now, or
// else when to ask again.
func (rs *ruleSet) allowance(want int, now time.Duration) (n int, at time.Duration) {
	n = want
	for _, e := range rs.effects {
		if !e.limits() {
			continue
		}
		m, wait := e.peek(want, now)
		n, at = min(n, m), max(at, wait)
	}
	if at > 0 {
		return 0, at
	}
	for _, e := range rs.effects {
		if e.limits() {
			e.spend(n)
		}
	}
	return n, 0
}
