package checker

import (
	"cmp"
	"fmt"
	"slices"
)

// proof looks for a short proof that a register's history is not linearizable.
//
// All rests on values that one operation only can have written. Such a value is
// in force once, without interruption: from its write to the next one. Take all
// operations that wrote or observed it; let f be the first return among them and
// s the last call.
//
//   - If f < s, the value was certainly in force all the time from f to s: it was
//     written by f, and after s it was still observed. Two values cannot be in
//     force at once.
//   - If not, all these operations overlap in s..f, and the value was in force at
//     some time there: if that lies within a time in which another value was
//     certainly in force, it was so neither before nor after nor during.
//
// For histories of unique writes and reads alone the converse holds as well:
// without such a conflict they are linearizable (Gibbons and Korach, Testing
// shared memories, 1997), so a search that gives up changes nothing.
//
// Stale reads and reads that go back in time are special cases. And since the
// value is in force once, one cas at most can have replaced it. Each proof takes at
// most four operations.
type proof struct {
	r     *register
	items []item

	rule, text string
	ops        []int
	// complete says that not finding a proof is one of linearizability.
	complete bool
}

// zone is the times at which a value was observed or written.
type zone struct {
	value       uint32
	first, last int64 // f and s
	firstOp     int   // the operations that return at f and are called at s
	lastOp      int
	write       int64 // the call of its write; -1 for the initial value
	known       bool  // the write is known and unique
}

func newProof(r *register, items []item) *proof {
	return &proof{r: r, items: items, complete: true}
}

// find reports whether there is a proof.
func (p *proof) find() bool {
	zones := p.zones()
	if p.impossible(zones) || p.replacedTwice(zones) {
		return true
	}
	var forward, backward []zone
	for _, z := range zones {
		switch {
		case !z.known:
		case z.first < z.last:
			forward = append(forward, z)
		default:
			backward = append(backward, z)
		}
	}
	for i := range p.items { // each delete is a moment at which the key held nothing
		it := &p.items[i]
		if it.writes && it.arg == 0 && it.ret != forever && !it.conditional {
			backward = append(backward, zone{first: it.ret, last: it.call, firstOp: it.op, lastOp: it.op})
		}
	}
	slices.SortFunc(forward, func(a, b zone) int { return cmp.Compare(a.first, b.first) })
	for i := 1; i < len(forward); i++ {
		if a, b := forward[i-1], forward[i]; b.first < a.last {
			p.conflict(a, b)
			return true
		}
	}
	for _, b := range backward {
		i, _ := slices.BinarySearchFunc(forward, b.last, func(z zone, t int64) int { return cmp.Compare(z.first, t) })
		if i > 0 && b.first < forward[i-1].last {
			p.conflict(forward[i-1], b)
			return true
		}
	}
	return false
}

// zones returns the zone of every value, by id.
func (p *proof) zones() []zone {
	zones := make([]zone, len(p.r.values))
	writers := make([]int, len(zones))
	for i := range zones {
		zones[i] = zone{value: uint32(i), first: forever, last: -1, firstOp: -1, lastOp: -1}
	}
	initial := &zones[0]
	initial.first, initial.write = -1, -1
	writers[0] = 1
	for i := range p.items {
		it := &p.items[i]
		if it.reads {
			zones[it.want].add(it)
		}
		if it.writes {
			zones[it.arg].add(it)
			zones[it.arg].write = it.call
			writers[it.arg]++
		}
		if it.conditional || it.reads == it.writes || it.writes && it.arg == 0 {
			p.complete = false
		}
	}
	for i := range zones {
		zones[i].known = writers[i] == 1 && zones[i].last >= 0
		p.complete = p.complete && writers[i] <= 1
	}
	return zones
}

func (z *zone) add(it *item) {
	if it.ret < z.first {
		z.first, z.firstOp = it.ret, it.op
	}
	if it.call > z.last {
		z.last, z.lastOp = it.call, it.op
	}
}

// impossible finds a value that was observed though nothing can have written it
// by then.
func (p *proof) impossible(zones []zone) bool {
	writer := make([]int, len(zones)) // the op that wrote or tried to write it, plus 1
	for i := range p.r.ops {
		if op := &p.r.ops[i]; op.f == kindPut || op.f == kindCas {
			if w := &writer[op.arg]; *w == 0 || p.r.ops[*w-1].outcome == outcomeFail {
				*w = i + 1
			}
		}
	}
	for i := range p.items {
		it := &p.items[i]
		if !it.reads || it.want == 0 {
			continue
		}
		v, at := value(p.r.values[it.want]), p.r.ops[it.op].doneAt
		w := writer[it.want] - 1
		switch {
		case w < 0:
			p.found("a value that nobody wrote",
				fmt.Sprintf("key %s: %s was read by %s, but no client ever wrote it", p.r.key, v, seconds(at)), it.op)
		case p.r.ops[w].outcome == outcomeFail:
			p.found("a value whose write failed",
				fmt.Sprintf("key %s: %s was read by %s, but its write certainly failed", p.r.key, v, seconds(at)), w, it.op)
		case zones[it.want].known && it.ret < zones[it.want].write:
			p.found("a value from the future",
				fmt.Sprintf("key %s: %s was read by %s, before anybody asked to write it", p.r.key, v, seconds(at)), it.op, w)
		default:
			continue
		}
		return true
	}
	return false
}

// replacedTwice finds a value that two cas claim to have replaced by another.
func (p *proof) replacedTwice(zones []zone) bool {
	by := make(map[uint32]int)
	for i := range p.items {
		it := &p.items[i]
		if !it.reads || !it.writes || it.arg == it.want || !zones[it.want].known {
			continue
		}
		if first, ok := by[it.want]; ok {
			p.found("a value replaced twice",
				fmt.Sprintf("key %s: two cas replaced %s, which was there only once", p.r.key, value(p.r.values[it.want])), first, it.op)
			return true
		}
		by[it.want] = it.op
	}
	return false
}

func (p *proof) found(rule, text string, ops ...int) {
	p.rule, p.text, p.ops = rule, text, ops
}

// conflict makes the proof from a value in force from a.first to a.last, and
// another that has no other time to have been in force.
func (p *proof) conflict(a, b zone) {
	ops := make([]int, 0, 4)
	for _, op := range []int{a.firstOp, a.lastOp, b.firstOp, b.lastOp} {
		if op >= 0 {
			ops = append(ops, op)
		}
	}
	from := "the start"
	if a.firstOp >= 0 {
		from = seconds(p.r.ops[a.firstOp].doneAt)
	}
	what := "was in force in between"
	if p.r.ops[b.firstOp].f == kindDelete {
		what = "was what a delete left in between"
	}
	p.found("a value at two times", fmt.Sprintf("key %s certainly held %s from %s to %s, yet %s %s",
		p.r.key, value(p.r.values[a.value]), from, seconds(p.r.ops[a.lastOp].callAt), value(p.r.values[b.value]), what), ops...)
}
