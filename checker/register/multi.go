package register

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Multi checks transactions that read and write several registers: that
// each took effect at one instant between its call and its answer (strict
// serializability). Registers that some transaction ties together, directly or
// through others, make a group, and each group is judged by itself: porcupine
// searches for an order of its operations over the map of all its registers,
// within the budgets of [Options]. Groups in which no transaction does more than
// one thing are left to the checker "linearizable". A group of which a register is
// also used outside of such transactions cannot be judged.
//
// The search is exponential in how many operations are open at a time. A
// transaction without an answer is open from its call on; but if nobody read a
// value that it writes it is left out, for wherever it took effect nobody noticed,
// and if somebody read one that only it writes, it had happened by then.
type Multi struct {
	verdict.Findings
	options verdict.Options
	ids     map[string]int32
	keys    []string
	group   []int32 // of keys: a union-find forest
	ops     []groupOp
	open    map[int]int32
	values  map[string]uint32
	foreign map[string]bool // keys to which something else is done
}

// groupOp is one transaction.
type groupOp struct {
	invoke, done history.Event // kept for evidence; done without Op while open
	deeds        []groupDeed
	ret          int64
	unanswered   bool
}

// groupDeed reads or writes a register.
type groupDeed struct {
	key    int32
	value  uint32
	writes bool
}

// NewMultiRegister returns the checker "registers".
func NewMulti(o verdict.Options) *Multi {
	return &Multi{
		options: o.WithDefaults(), ids: make(map[string]int32), open: make(map[int]int32),
		values: map[string]uint32{"": 0}, foreign: make(map[string]bool),
	}
}

// Name returns "registers".
func (*Multi) Name() string { return "registers" }

// Kinds returns Ops.
func (*Multi) Kinds() verdict.Kinds { return verdict.Ops }

// Event takes the next event.
func (m *Multi) Event(e *history.Event) {
	op := e.Op
	if op == nil {
		return
	}
	if op.Type != history.Invoke {
		if n, ok := m.open[op.Process]; ok {
			delete(m.open, op.Process)
			m.ops[n].done = verdict.Keep(e)
		}
		return
	}
	if !ofRegisters(op) {
		m.other(op)
		return
	}
	if len(op.Txn) == 0 {
		return
	}
	m.open[op.Process] = int32(len(m.ops))
	m.ops = append(m.ops, groupOp{invoke: verdict.Keep(e)})
	first := m.key(op.Txn[0].Key)
	for i := range op.Txn[1:] {
		m.group[m.root(m.key(op.Txn[i+1].Key))] = m.root(first)
	}
}

// ofRegisters tells whether an operation is a transaction that does nothing but
// read and write registers.
func ofRegisters(op *history.Op) bool {
	return op.F == history.FTxn && !slices.ContainsFunc(op.Txn, func(m history.Micro) bool {
		return m.F != history.FGet && m.F != history.FPut && m.F != history.FDelete
	})
}

// other notes the keys of any other operation.
func (m *Multi) other(op *history.Op) {
	if op.F != history.FTxn {
		if !m.foreign[op.Key] {
			m.foreign[strings.Clone(op.Key)] = true
		}
		return
	}
	for i := range op.Txn {
		m.foreign[strings.Clone(op.Txn[i].Key)] = true
	}
}

func (m *Multi) key(name string) int32 {
	id, ok := m.ids[name]
	if !ok {
		id = int32(len(m.keys))
		name = strings.Clone(name)
		m.ids[name], m.keys, m.group = id, append(m.keys, name), append(m.group, id)
	}
	return id
}

// root finds the key that stands for a key's group.
func (m *Multi) root(key int32) int32 {
	for m.group[key] != key {
		m.group[key] = m.group[m.group[key]]
		key = m.group[key]
	}
	return key
}

func (m *Multi) value(v string) uint32 {
	id, ok := m.values[v]
	if !ok {
		id = uint32(len(m.values))
		m.values[strings.Clone(v)] = id
	}
	return id
}

// Finish gives the verdict.
func (m *Multi) Finish() verdict.Result {
	groups := make(map[int32][]int32)
	tied := make(map[int32]bool)
	var order []int32
	for i := range m.ops {
		micros := m.ops[i].invoke.Op.Txn
		g := m.root(m.ids[micros[0].Key])
		if groups[g] == nil {
			order = append(order, g)
		}
		groups[g] = append(groups[g], int32(i))
		tied[g] = tied[g] || len(micros) > 1
	}
	searches := verdict.NewBudget(m.options)
	var judged, ops int64
	for _, g := range order {
		if !tied[g] {
			continue
		}
		judged++
		ops += int64(len(groups[g]))
		m.judge(groups[g], searches)
	}
	m.Count("groups", judged)
	m.Count("ops", ops)
	if judged == 0 {
		return m.Unchecked(m.Name(), "no transaction does more than one thing to registers")
	}
	m.Prove(verdict.Prover{Fresh: func() verdict.Checker {
		o := m.options
		o.Steps /= 16
		trial := NewMulti(o)
		trial.Trial()
		return trial
	}})
	return m.Result(m.Name(), fmt.Sprintf("%s on %s of registers", count.Many(ops, "operation"), count.Many(judged, "group")))
}

// judge decides one group.
func (m *Multi) judge(group []int32, searches *verdict.Budget) {
	s := &groupSearch{Budget: searches}
	places := make(map[int32]int32) // of keys, in a state
	for _, i := range group {
		op := &m.ops[i]
		m.settle(op, places)
		if op.deeds != nil {
			s.ops = append(s.ops, op)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(places)) {
		if m.foreign[m.keys[key]] {
			m.Unknown("key %s is also used outside of transactions on registers: its group cannot be judged", m.keys[key])
			return
		}
	}
	s.keys = len(places)
	s.prune()
	switch v, why := s.check(s.ops); v {
	case verdict.Unknown:
		m.Unknown("the group of %s: of %s none decided: %s", m.names(places), count.Many(len(s.ops), "operation"), why)
	case verdict.Invalid:
		bad := m.withWriters(group, s.shrink())
		text := verdict.NoOrder(len(bad))
		bad, note := verdict.Showable(bad)
		var evidence []history.Event
		for _, op := range bad {
			evidence = verdict.Both(evidence, op.invoke, op.done)
		}
		m.Violate("not strictly serializable", text+note, evidence...)
	}
}

// names lists a few of a group's registers.
func (m *Multi) names(places map[int32]int32) string {
	var names []string
	for key := range places {
		names = append(names, m.keys[key])
	}
	slices.Sort(names)
	if len(names) > 4 {
		return fmt.Sprintf("%s and %s", strings.Join(names[:4], ", "), count.Many(len(names)-4, "more register"))
	}
	return strings.Join(names, ", ")
}

// settle finds out what an operation did, and when it had. It leaves nothing of
// one that failed, or that only read and has no answer.
func (m *Multi) settle(op *groupOp, places map[int32]int32) {
	micros := op.invoke.Op.Txn
	for i := range micros {
		if _, ok := places[m.ids[micros[i].Key]]; !ok {
			places[m.ids[micros[i].Key]] = int32(len(places))
		}
	}
	op.ret = verdict.Forever
	op.unanswered = op.done.Op == nil || op.done.Op.Type == history.Info
	if !op.unanswered {
		if op.done.Op.Type == history.Fail {
			return
		}
		op.ret = int64(op.done.Seq)
		if done := op.done.Op.Txn; len(done) == len(micros) {
			micros = done
		}
	}
	for i := range micros {
		d := groupDeed{key: places[m.ids[micros[i].Key]], value: m.value(micros[i].Arg), writes: micros[i].F != history.FGet}
		if !d.writes {
			if op.unanswered || !micros[i].Saw {
				continue
			}
			d.value = m.value(micros[i].Got)
		} else if micros[i].F == history.FDelete {
			d.value = 0
		}
		op.deeds = append(op.deeds, d)
	}
}

// withWriters adds to operations who else in the group wrote what they read and none of
// them wrote: too late, or else it would be among them. It adds too who saw what one of
// them wrote without an answer.
func (m *Multi) withWriters(group []int32, bad groupOps) groupOps {
	all := slices.Clone(bad)
	for _, op := range bad {
		for _, i := range group {
			if by := &m.ops[i]; op.unanswered && op.ret != verdict.Forever && by.ret == op.ret && !by.unanswered && !slices.Contains(all, by) {
				all = append(all, by)
			}
		}
		for _, d := range op.deeds {
			writes := func(by *groupOp) bool {
				return slices.ContainsFunc(by.deeds, func(o groupDeed) bool { return o.writes && o.key == d.key && o.value == d.value })
			}
			if d.writes || d.value == 0 || slices.ContainsFunc(all, writes) {
				continue
			}
			for _, i := range group {
				if by := &m.ops[i]; writes(by) {
					all = append(all, by)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b *groupOp) int { return cmp.Compare(a.invoke.Seq, b.invoke.Seq) })
	return all
}
