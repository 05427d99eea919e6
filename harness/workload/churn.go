package workload

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"

	"github.com/usurper/usurper/harness/history"
)

const (
	// bulkKeys is how many keys the churn workload writes before all else, bulkTxn
	// of them in one transaction. Every key is a part of the condition of most of
	// its later transactions, which take milliseconds to carry out thereby: time
	// for a kill to come in the middle.
	bulkKeys = 2000
	bulkTxn  = 100
	bulkName = "bulk-"
	// bulkFinal is every how many bulk keys one is read in the end.
	bulkFinal = 20
	// lanes is how many keys a client's group uses at a time.
	lanes = 4
	// keptRevisions is how much of the past a compaction leaves. It is more than a
	// member is ever behind, so that all can be compared at one revision.
	keptRevisions = 1000
)

// Churn moves a store's revisions in every way: transactions of several keys,
// most of them on a condition that looks at thousands of keys, deletes, leases
// that are attached to keys and end by themselves or early, compactions; and
// between them the operations of Register on the same keys. Every third client
// only reads.
type Churn struct {
	lanes [lanes]*Register

	mu     sync.Mutex
	bulk   []int          // bulk transactions that are to be sent
	leases map[int]*lease // by client
}

// lease is the one that a client uses at present.
type lease struct {
	number int
	keys   int // attached; below 0: it is to be granted first
}

// NewChurn returns the churn workload.
func NewChurn() *Churn {
	c := &Churn{leases: make(map[int]*lease)}
	for i := range c.lanes {
		prefix := string(rune('a' + i))
		c.lanes[i] = &Register{newRotation(prefix, bounds{operations: 100, unanswered: 8, final: 500})}
	}
	for n := bulkKeys/bulkTxn - 1; n >= 0; n-- {
		c.bulk = append(c.bulk, n)
	}
	return c
}

// Name returns "churn".
func (*Churn) Name() string { return "churn" }

// reads tells whether the client only reads, once the bulk is written.
func (c *Churn) reads(client int) bool { return c.lanes[0].reads(client) }

// Next draws, once the bulk is written, 12 transactions to 5 single operations, 2
// of leases and, now and then, a compaction.
func (c *Churn) Next(client int, r *rand.Rand) history.Op {
	lane, roll := r.IntN(lanes), r.IntN(200)
	switch n, ok := c.takeBulk(); {
	case ok:
		return c.bulkTxn(n)
	case c.reads(client), roll < 50:
		return c.lanes[lane].Next(client, r)
	case roll < 52:
		return history.Op{F: history.FCompact, Arg: strconv.Itoa(keptRevisions)}
	case roll < 72:
		return c.lease(client, r)
	}
	return c.txn(client, lane, r)
}

// Done passes what happened to each key on to its lane. A bulk transaction that
// certainly did not happen is to be sent again.
func (c *Churn) Done(client int, op history.Op) {
	switch op.F {
	case history.FTxn:
		if n, ok := bulkNumber(&op); ok {
			c.bulkDone(n, op.Type)
			return
		}
		for i := range op.Txn {
			m := &op.Txn[i]
			c.laneOf(m.Key).Done(client, history.Op{Type: op.Type, F: m.F, Key: m.Key, Arg: m.Arg, Got: m.Got, Saw: m.Saw})
		}
	case history.FGrant, history.FAttach, history.FRevoke, history.FCompact:
	default:
		c.laneOf(op.Key).Done(client, op)
	}
}

// Final gets every recent key, and some of the bulk.
func (c *Churn) Final() []history.Op {
	var ops []history.Op
	for _, g := range c.lanes {
		ops = append(ops, g.Final()...)
	}
	for i := 0; i < bulkKeys; i += bulkFinal {
		ops = append(ops, history.Op{F: history.FGet, Key: bulkKey(i)})
	}
	return ops
}

func (c *Churn) laneOf(key string) *Register { return c.lanes[key[0]-'a'] }

// txn draws 2 to 4 puts, deletes and gets of keys of different lanes.
func (c *Churn) txn(client, lane int, r *rand.Rand) history.Op {
	op := history.Op{F: history.FTxn}
	if r.IntN(8) > 0 {
		op.Key = bulkName
	}
	for i := range 2 + r.IntN(lanes-1) {
		keys := c.lanes[(lane+i)%lanes].keys
		roll := r.IntN(10)
		keys.mu.Lock()
		m := history.Micro{F: history.FPut, Key: keys.takeLocked(client).name}
		switch {
		case roll == 0:
			m.F = history.FDelete
		case roll <= 2 && i > 0:
			m.F = history.FGet
		default:
			m.Arg = keys.valueLocked(client)
		}
		keys.mu.Unlock()
		op.Txn = append(op.Txn, m)
	}
	return op
}

// lease draws the next thing to do with the client's lease: to grant one, attach
// a few keys, and revoke it or leave it to end by itself.
func (c *Churn) lease(client int, r *rand.Rand) history.Op {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.leases[client]
	if l == nil {
		l = &lease{keys: -1}
		c.leases[client] = l
	}
	name := fmt.Sprintf("lease%d-%d", client, l.number)
	roll := r.IntN(4)
	switch {
	case l.keys < 0:
		l.keys = 0
		ttl := [...]string{"2s", "1h"}[roll/2]
		return history.Op{F: history.FGrant, Key: name, Arg: ttl}
	case l.keys < 2 || roll > 1:
		l.keys++
		key := fmt.Sprintf("of-%s-%d", name, l.keys)
		return history.Op{F: history.FAttach, Key: key, Arg: "v" + strconv.Itoa(l.keys), Old: name}
	}
	l.number, l.keys = l.number+1, -1
	return history.Op{F: history.FRevoke, Key: name}
}

func bulkKey(i int) string { return fmt.Sprintf("%s%05d", bulkName, i) }

// takeBulk returns a bulk transaction that is to be sent, if there is one.
func (c *Churn) takeBulk() (n int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.bulk) == 0 {
		return 0, false
	}
	n = c.bulk[len(c.bulk)-1]
	c.bulk = c.bulk[:len(c.bulk)-1]
	return n, true
}

func (*Churn) bulkTxn(n int) history.Op {
	op := history.Op{F: history.FTxn}
	for i := n * bulkTxn; i < (n+1)*bulkTxn; i++ {
		op.Txn = append(op.Txn, history.Micro{F: history.FPut, Key: bulkKey(i), Arg: "b" + strconv.Itoa(i)})
	}
	return op
}

// bulkNumber returns which bulk transaction op is, if it is one.
func bulkNumber(op *history.Op) (n int, ok bool) {
	var first int
	if _, err := fmt.Sscanf(op.Txn[0].Key, bulkName+"%d", &first); err != nil {
		return 0, false
	}
	return first / bulkTxn, true
}

func (c *Churn) bulkDone(n int, outcome history.OpType) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if outcome == history.Fail && !slices.Contains(c.bulk, n) {
		c.bulk = append(c.bulk, n)
	}
}
