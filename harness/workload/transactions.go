package workload

import (
	"math/rand/v2"
	"strconv"
	"sync"

	"github.com/usurper/usurper/harness/history"
)

const (
	// txnLists is how many lists transactions work on at a time, listAppends how
	// many appends each of them is asked for before another takes its place.
	txnLists    = 10
	listAppends = 100
	// listBack is how many lists, the newest, are read now and then after that, and
	// listsFinal how many of them in the end, finalReads in a transaction.
	listBack   = 50
	listsFinal = 2000
	finalReads = 10
)

// Transactions appends values, each once, to lists, and reads whole lists, of
// which each transaction does one to four at one instant. What a read shows
// orders the transactions that it comes after, so that a system which lets them
// run into each other shows itself. Every third client only reads.
type Transactions struct {
	mu     sync.Mutex
	lists  [txnLists]growing
	used   []string       // the names of the newest lists, oldest first
	values map[int]uint64 // how many values each client has drawn
}

// growing is a list that is being appended to.
type growing struct {
	name    string
	number  int
	appends int // drawn
}

// NewTransactions returns the transactions workload.
func NewTransactions() *Transactions {
	t := &Transactions{values: make(map[int]uint64)}
	for slot := range t.lists {
		t.replaceLocked(slot, 0)
	}
	return t
}

// Name returns "transactions".
func (*Transactions) Name() string { return "transactions" }

// Next draws one to four deeds. Of those of a client that writes, half are
// appends.
func (t *Transactions) Next(client int, r *rand.Rand) history.Op {
	onlyReads := client%3 == 2
	count := 1 + r.IntN(4)
	t.mu.Lock()
	defer t.mu.Unlock()
	op := history.Op{F: history.FTxn}
	for range count {
		slot, roll := r.IntN(txnLists), r.IntN(8)
		m := history.Micro{F: history.FRead, Key: t.lists[slot].name}
		switch {
		case !onlyReads && roll < 4:
			m.F, m.Arg = history.FAppend, t.valueLocked(client)
			t.appendedLocked(slot)
		case roll == 4:
			m.Key = t.used[max(0, len(t.used)-1-r.IntN(listBack))]
		}
		op.Txn = append(op.Txn, m)
	}
	return op
}

// Done has nothing to learn: any number of transactions may be without an answer.
func (*Transactions) Done(int, history.Op) {}

// Final reads every recent list, ten in a transaction.
func (t *Transactions) Final() []history.Op {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ops []history.Op
	for i, name := range t.used[max(0, len(t.used)-listsFinal):] {
		if i%finalReads == 0 {
			ops = append(ops, history.Op{F: history.FTxn})
		}
		op := &ops[len(ops)-1]
		op.Txn = append(op.Txn, history.Micro{F: history.FRead, Key: name})
	}
	return ops
}

// appendedLocked counts an append to the list of a slot.
func (t *Transactions) appendedLocked(slot int) {
	if l := &t.lists[slot]; l.appends+1 < listAppends {
		l.appends++
		return
	}
	t.replaceLocked(slot, t.lists[slot].number+1)
}

// replaceLocked begins another list.
func (t *Transactions) replaceLocked(slot, number int) {
	name := "t" + strconv.Itoa(slot) + "-" + strconv.Itoa(number)
	t.lists[slot] = growing{name: name, number: number}
	if len(t.used) >= 2*listsFinal {
		t.used = append(t.used[:0], t.used[len(t.used)-listsFinal:]...)
	}
	t.used = append(t.used, name)
}

// valueLocked returns a value that no other call returns.
func (t *Transactions) valueLocked(client int) string {
	t.values[client]++
	return "c" + strconv.Itoa(client) + "-" + strconv.FormatUint(t.values[client], 10)
}
