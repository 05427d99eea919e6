package register

import (
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// proof returns the operations of a part of a passage of these items that has no order,
// and those without which it might have one: witnesses, and whoever else may have
// written what nobody in the part did. A cas without an answer is left out if nobody
// can have written what it expects.
func (r *register) proof(items []item, bad passage) []int32 {
	writers := r.writers(bad.from)
	var ops []int32
	lacks, has := make(map[uint32]bool), make(map[uint32]bool)
	for i := range bad.items {
		it := &bad.items[i]
		known := it.want == 0 || it.want == bad.from
		if it.conditional && !known && len(writers[it.want]) == 0 {
			continue
		}
		ops = append(ops, it.op)
		for at := r.witness(items, it); at >= 0; at = r.witness(items, &items[at]) {
			ops = append(ops, items[at].op)
		}
		lacks[it.want] = lacks[it.want] || !known && (it.reads || it.conditional)
		has[it.arg] = has[it.arg] || it.writes
	}
	for v, lacks := range lacks {
		if lacks && !has[v] {
			ops = append(append(ops, writers[v]...), r.firstSeen(v)...)
		}
	}
	slices.Sort(ops)
	return slices.Compact(ops)
}

// writers returns of each value the operations that may have written it, if the key
// held nothing at first, and may have held another value. A cas without an answer is
// none if nobody can have written what it expects.
func (r *register) writers(other uint32) map[uint32][]int32 {
	all := make(map[uint32][]int32)
	var open []int32
	add := func(i int32) {
		of := r.of(r.ops.At(int(i)))
		all[of.arg] = append(all[of.arg], i)
	}
	for i := range int32(r.ops.Len()) {
		op := r.ops.At(int(i))
		switch of := r.of(op); {
		case op.f == kindGet, op.outcome == verdict.Failed, of.old == of.arg && op.f == kindCas:
		case op.f == kindCas && op.outcome == verdict.Open:
			open = append(open, i)
		default:
			add(i)
		}
	}
	for found := true; found; {
		found = false
		open = slices.DeleteFunc(open, func(i int32) bool {
			old := r.of(r.ops.At(int(i))).old
			if old != 0 && old != other && len(all[old]) == 0 {
				return false
			}
			add(i)
			found = true
			return true
		})
	}
	return all
}

// firstSeen returns the operation that observed a value and was answered first, if any
// did: what wrote the value without an answer had done so by then.
func (r *register) firstSeen(v uint32) []int32 {
	first := int32(-1)
	for i := range int32(r.ops.Len()) {
		op := r.ops.At(int(i))
		it, ok := r.item(op)
		if ok && it.reads && it.want == v && (first < 0 || op.done < r.ops.At(int(first)).done) {
			first = i
		}
	}
	if first < 0 {
		return nil
	}
	return []int32{first}
}

// showsWriters tells whether all who may have written a value that one of the operations
// observed are among these.
func (r *register) showsWriters(ops []verdict.Shown) bool {
	shown, observed := make(map[uint64]bool), make(map[string]bool)
	for _, s := range ops {
		shown[s.Call.Seq] = true
		if s.Call.Op.F == history.FCas {
			observed[s.Call.Op.Old] = true
		}
		if s.Answered() {
			observed[s.Done.Op.Got] = true
		}
	}
	for i := range r.ops.Len() {
		op := r.ops.At(i)
		of := r.of(op)
		if op.f == kindGet || op.outcome == verdict.Failed || op.f == kindCas && of.old == of.arg {
			continue
		}
		if observed[r.values.Get(of.arg)] && !shown[uint64(op.call-1)] {
			return false
		}
	}
	return true
}
